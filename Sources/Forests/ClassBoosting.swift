internal import Foundation
internal import LinearAlgebra

/// The rounds of a fit that tells several classes apart: a tree for each class in every round, softmax over their sums.
///
/// Source: Friedman, *Greedy Function Approximation* (2001), section 4.6, with second derivatives.
struct ClassBoosting {
    /// The trees of one class are grown by one thread where there are enough classes for all threads.
    private let trainers: [BoostingTrainer<HessianCell>]
    private let options: BoostingOptions
    private let labels: [Int]
    private let weights: [Double]?
    private let threads: Int
    private let bases: [Double]
    /// Those of a row together.
    private var scores: [Double]
    private var random: QuickRandom

    private var classCount: Int { trainers.count }

    /// - Parameter labels: The number of every row's class, of the rows that `fit` learns from.
    init(_ fit: BoostingFit, _ options: BoostingOptions, classes: Int, seed: UInt64, threads: Int) {
        (self.options, self.threads) = (options, threads)
        labels = fit.target.map { Int($0) }
        weights = fit.weights
        let own = max(1, threads / classes)
        trainers = (0..<classes).map { _ in BoostingTrainer(fit.table, options, threads: own) }
        // As if each class had been seen in half a row more.
        var counts = [Double](repeating: 0.5, count: classes)
        for (row, label) in labels.enumerated() { counts[label] += fit.weights?[row] ?? 1 }
        let total = counts.reduce(0, +)
        bases = counts.map { log($0 / total) }
        scores = (0..<classes * fit.target.count).map { [bases] in bases[$0 % classes] }
        var seeds = SeededGenerator(seed: seed, stream: 0)
        random = QuickRandom(seeds.next())
    }

    /// The trees of every class.
    mutating func run(_ validation: BoostingValidation?, _ progress: (@Sendable (Double) -> Void)?) -> [BoostingRounds]
    {
        var rounds = bases.map { BoostingRounds(base: $0) }
        var held = bases.map { [Double](repeating: $0, count: validation?.target.count ?? 0) }
        var best = (loss: Double.infinity, count: 0)
        let scale = Double(classCount) / Double(classCount - 1)
        let largest = weights?.max() ?? 1
        for trainer in trainers {
            // Derivatives are at most as large as this, so the grid holds for all rounds.
            trainer.grid.gradientScale = trainer.grid.scale(largest: largest, bits: 61)
            trainer.grid.hessianScale = trainer.grid.scale(
                largest: largest * scale / 4, bits: 61 - trainer.grid.countBits)
        }
        write(adding: nil)
        for round in 0..<options.rounds {
            let sample = random.rows(of: labels.count, options)
            for trainer in trainers {
                if let features = random.features(of: trainer.table.featureCount, options) {
                    trainer.activeFeatures = features
                }
            }
            let (trainers, rate) = (trainers, options.learningRate)
            let trees = Parallel.map(count: classCount, threads: threads) { place in
                var tree = trainers[place].grow(sample: sample)
                for node in tree.nodes.indices { tree.nodes[node].value = Double(Float(tree.nodes[node].value * rate)) }
                return tree
            }
            for place in trees.indices { rounds[place].trees.append(trees[place]) }
            progress?(Double(round + 1) / Double(options.rounds))
            if let validation {
                let loss = Self.advance(&held, trees, validation)
                for place in trees.indices { rounds[place].losses.append(loss) }
                if loss < best.loss { best = (loss, round + 1) }
                if round + 1 - best.count >= options.patience { break }
            }
            if round + 1 < options.rounds {
                if sample == nil { write(adding: trees) } else { add(trees) }
            }
        }
        if validation != nil {
            for place in rounds.indices {
                rounds[place].trees.removeLast(rounds[place].trees.count - max(1, best.count))
            }
        }
        return rounds
    }

    /// Adds the trees to the held-out scores and returns their mean loss.
    private static func advance(
        _ scores: inout [[Double]], _ trees: [BoostedTree], _ validation: BoostingValidation
    ) -> Double {
        var (loss, total) = (0.0, 0.0)
        for row in validation.target.indices {
            for place in trees.indices {
                scores[place][row] += trees[place].nodes[trees[place].leaf(ofRow: row, validation.table)].value
            }
            let weight = validation.weights?[row] ?? 1
            loss -=
                weight
                * log(
                    max(PortableTrees.Link.probabilities(scores.map { $0[row] })[Int(validation.target[row])], 1e-300))
            total += weight
        }
        return loss / total
    }

    /// Adds trees that saw some of the rows only.
    private mutating func add(_ trees: [BoostedTree]) {
        for (place, tree) in trees.enumerated() {
            let table = trainers[place].table
            for row in labels.indices {
                scores[row * classCount + place] += tree.nodes[tree.leaf(ofRow: row, table)].value
            }
        }
        write(adding: nil)
    }

    /// Adds the values of trees whose leaves hold all rows, and writes the derivatives of the next round.
    private mutating func write(adding trees: [BoostedTree]?) {
        let parts = labels.count >= 20_000 ? threads : 1
        let (trainers, labels, weights, count) = (trainers, labels, weights, classCount)
        let leaves = trees?.map { tree in tree.nodes.filter { $0.feature < 0 } }
        if let leaves {
            _ = Parallel.map(count: count, threads: threads) { trainers[$0].noteLeaves(leaves[$0]) }
        }
        let values = leaves?.map { $0.map(\.value) }
        let scale = Double(count) / Double(count - 1)
        scores.withUnsafeMutableBufferPointer { scores in
            nonisolated(unsafe) let scores = scores
            _ = Parallel.map(count: parts, threads: parts) { part in
                withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { exponentials in
                    for row in labels.count * part / parts..<labels.count * (part + 1) / parts {
                        let own = UnsafeMutableBufferPointer(rebasing: scores[row * count..<(row + 1) * count])
                        var highest = -Double.infinity
                        for place in 0..<count {
                            if let values { own[place] += values[place][Int(trainers[place].leafOfRow[row])] }
                            highest = max(highest, own[place])
                        }
                        var sum = 0.0
                        for place in 0..<count {
                            exponentials[place] = exp(own[place] - highest)
                            sum += exponentials[place]
                        }
                        let weight = weights?[row] ?? 1
                        for place in 0..<count {
                            let probability = exponentials[place] / sum
                            let gradient = probability - (labels[row] == place ? 1 : 0)
                            trainers[place].cells[row] = HessianCell(
                                gradient: weight * gradient, hessian: weight * scale * probability * (1 - probability),
                                trainers[place].grid)
                        }
                    }
                }
            }
        }
    }
}
