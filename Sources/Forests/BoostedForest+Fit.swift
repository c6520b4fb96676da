internal import Foundation
internal import LinearAlgebra

extension BoostedForest {
    /// Fits a boosted forest.
    ///
    /// - Parameters:
    ///   - data: *n* rows of features.
    ///   - target: *n* finite values; positive ones for the gamma loss.
    ///   - weights: *n* positive weights; `nil` for equal ones.
    ///   - seed: The only source of randomness (row and feature sampling, the validation part). Equal inputs give
    ///     equal models on any thread count.
    ///   - progress: Called after each round with the share of the rounds that is done.
    /// - Throws: ``ForestError`` if the shapes disagree, a value is not finite or an option is out of range.
    /// - Complexity: O(*rounds* · *features* · (*n* log *leaves* + *leaves* · *bins*)) time.
    public static func fit(
        _ data: ForestData, target: [Double], weights: [Double]? = nil, options: BoostingOptions = .init(),
        seed: UInt64, threads: Int = defaultThreads, progress: (@Sendable (Double) -> Void)? = nil
    ) throws(ForestError) -> BoostedForest {
        guard options.loss != .softmax else {
            throw .option("loss", found: "softmax", allowed: "another loss; 'ForestClassifier' fits several classes")
        }
        let fit = try BoostingFit(data, target, weights, options, seed: seed, threads: threads)
        let rounds: BoostingRounds
        if options.loss.hasUnitHessian && weights == nil {
            var run = BoostingRun(
                BoostingTrainer<CountCell>(fit.table, options, threads: threads), fit.target, fit.weights, seed)
            rounds = run.run(fit.validation, progress)
        } else {
            var run = BoostingRun(
                BoostingTrainer<HessianCell>(fit.table, options, threads: threads), fit.target, fit.weights, seed)
            rounds = run.run(fit.validation, progress)
        }
        return try fit.forest(rounds, checksum: checksum(data, target))
    }
}

/// The rows of one fit: those that are learnt from, and those that decide when to stop.
struct BoostingFit {
    let table: BoostingTable
    let target: [Double]
    let weights: [Double]?
    let validation: BoostingValidation?
    private let data: ForestData
    private let options: BoostingOptions
    private let seed: UInt64
    private let rowCount: Int

    init(
        _ data: ForestData, _ target: [Double], _ weights: [Double]?, _ options: BoostingOptions, seed: UInt64,
        threads: Int
    ) throws(ForestError) {
        try checkTraining(data, target, weights)
        try options.validated(data, target)
        (self.options, self.seed, rowCount) = (options, seed, data.rowCount)
        var (training, held) = ([Int](), [Int]())
        if options.validationShare > 0 {
            var random = SeededGenerator(seed: seed, stream: 1)
            for row in 0..<data.rowCount {
                if random.nextUniform() < options.validationShare { held.append(row) } else { training.append(row) }
            }
            guard !training.isEmpty, !held.isEmpty else {
                throw .option(
                    "validationShare", found: "\(options.validationShare) of \(data.rowCount) rows",
                    allowed: "a share that leaves rows on both sides")
            }
        }
        let all = held.isEmpty
        let part = all ? data : data.rows(training)
        self.data = part
        self.target = all ? target : training.map { target[$0] }
        self.weights = all ? weights : weights.map { weights in training.map { weights[$0] } }
        let bins = featureBins(part, self.target, limit: options.binCount, threads: threads)
        table = BoostingTable(part, bins: bins, threads: threads)
        validation =
            all
            ? nil
            : BoostingValidation(
                table: BoostingTable(data.rows(held), bins: bins, threads: threads), target: held.map { target[$0] },
                weights: weights.map { weights in held.map { weights[$0] } })
    }

    /// The forest of the trees that were grown.
    func forest(_ rounds: BoostingRounds, checksum: UInt64) throws(ForestError) -> BoostedForest {
        let bins = table.bins
        var trees = TreeNodes(featureCount: bins.count)
        for tree in rounds.trees {
            guard tree.nodes.count < trees.treeCapacity else {
                throw .tooLarge(
                    what: "Nodes of a tree", found: tree.nodes.count, allowed: trees.treeCapacity,
                    remedy: "Lower 'maximumLeaves' or use fewer features.")
            }
            trees.append(tree.flat(bins, childBits: trees.childBits))
        }
        let encoder = RowEncoder(bins, data)
        return BoostedForest(
            features: bins.map(\.feature), options: options, seed: seed, trainingRowCount: rowCount,
            trainingChecksum: checksum, validationLosses: rounds.losses, baseValue: rounds.base, trees: trees,
            encoder: encoder, table: LeafTable(trees, encoder))
    }
}

/// Rows that decide when to stop.
struct BoostingValidation {
    let table: BoostingTable
    let target: [Double]
    let weights: [Double]?
}

struct BoostingRounds {
    var base: Double
    var trees: [BoostedTree] = []
    var losses: [Double] = []
}

/// The rounds of one fit: scores, gradients, and one tree after the other.
private struct BoostingRun<Cell: HistogramCell> {
    let trainer: BoostingTrainer<Cell>
    let options: BoostingOptions
    let target: [Double]
    let weights: [Double]?
    var scores: [Double]
    let base: Double
    var random: QuickRandom
    /// The largest derivatives of the last round.
    var largest = (gradient: 0.0, hessian: 1.0)

    init(_ trainer: BoostingTrainer<Cell>, _ target: [Double], _ weights: [Double]?, _ seed: UInt64) {
        (self.trainer, self.target, self.weights) = (trainer, target, weights)
        options = trainer.options
        base = options.loss.base(target, weights)
        scores = [Double](repeating: base, count: target.count)
        var seeds = SeededGenerator(seed: seed, stream: 0)
        random = QuickRandom(seeds.next())
    }

    mutating func run(_ validation: BoostingValidation?, _ progress: (@Sendable (Double) -> Void)?) -> BoostingRounds {
        var rounds = BoostingRounds(base: base)
        var held = [Double](repeating: base, count: validation?.target.count ?? 0)
        var best = (loss: Double.infinity, count: 0)
        measureDerivatives()
        setGrid()
        writeGradients()
        for round in 0..<options.rounds {
            let sample = random.rows(of: target.count, options)
            if let features = random.features(of: trainer.table.featureCount, options) {
                trainer.activeFeatures = features
            }
            var tree = trainer.grow(sample: sample)
            setValues(&tree)
            rounds.trees.append(tree)
            progress?(Double(round + 1) / Double(options.rounds))
            if let validation {
                let loss = advance(&held, tree, validation)
                rounds.losses.append(loss)
                if loss < best.loss { best = (loss, rounds.trees.count) }
                if rounds.trees.count - best.count >= options.patience { break }
            }
            if round + 1 < options.rounds { update(tree, sampled: sample != nil) }
        }
        if validation != nil { rounds.trees.removeLast(rounds.trees.count - max(1, best.count)) }
        return rounds
    }

    /// Adds the tree to the held-out scores and returns their mean loss.
    private func advance(_ scores: inout [Double], _ tree: BoostedTree, _ validation: BoostingValidation) -> Double {
        var (loss, total) = (0.0, 0.0)
        for row in scores.indices {
            scores[row] += tree.nodes[tree.leaf(ofRow: row, validation.table)].value
            let weight = validation.weights?[row] ?? 1
            loss += weight * options.loss.value(scores[row], validation.target[row])
            total += weight
        }
        return loss / total
    }

    // MARK: Gradients

    /// The derivatives of one row, weighted.
    @inline(__always)
    private func derivatives(_ row: Int, _ score: Double) -> (Double, Double) {
        let (gradient, hessian) = options.loss.derivatives(score, target[row])
        guard let weights else { return (gradient, hessian) }
        return (gradient * weights[row], hessian * weights[row])
    }

    private mutating func measureDerivatives() {
        largest = (0, 0)
        for row in target.indices {
            let (gradient, hessian) = derivatives(row, scores[row])
            largest.gradient = max(largest.gradient, abs(gradient))
            largest.hessian = max(largest.hessian, hessian)
        }
    }

    /// Fits the grid to the largest derivatives, with some room for those of the next round.
    private func setGrid() {
        let countBits = trainer.grid.countBits
        let unit = Cell.self == CountCell.self
        trainer.grid.gradientScale = trainer.grid.scale(
            largest: 1.25 * largest.gradient, bits: unit ? 62 - countBits : 61)
        trainer.grid.hessianScale = unit ? 1 : trainer.grid.scale(largest: 1.25 * largest.hessian, bits: 61 - countBits)
    }

    private func writeGradients() {
        for row in target.indices {
            let (gradient, hessian) = derivatives(row, scores[row])
            trainer.cells[row] = Cell(gradient: gradient, hessian: hessian, trainer.grid)
        }
    }

    /// Adds the tree's values to the scores of its rows and writes the gradients of the next round.
    private mutating func update(_ tree: BoostedTree, sampled: Bool) {
        if sampled {
            for row in scores.indices { scores[row] += tree.nodes[tree.leaf(ofRow: row, trainer.table)].value }
            measureDerivatives()
            setGrid()
            writeGradients()
            return
        }
        let limits = (gradient: 1.25 * largest.gradient, hessian: 1.25 * largest.hessian)
        setGrid()
        let leaves = tree.nodes.filter { $0.feature < 0 }
        let parts = target.count >= 20_000 ? trainer.threads : 1
        let found = scores.withUnsafeMutableBufferPointer { scores in
            nonisolated(unsafe) let scores = scores
            let run = UpdateRun(
                trainer: trainer, loss: options.loss, target: target, weights: weights, limits: limits,
                values: leaves.map(\.value))
            let rowCount = scores.count
            // Each part has about as many rows, first in the order of the leaves, then in their own.
            let ranges = (0..<parts).map { rowCount * $0 / parts..<rowCount * ($0 + 1) / parts }
            _ = Parallel.map(count: parts, threads: parts) { run.trainer.noteLeaves(leaves, places: ranges[$0]) }
            return Parallel.map(count: parts, threads: parts) { run.update(rows: ranges[$0], scores) }
        }
        largest = found.reduce((0, 0)) { (max($0.0, $1.0), max($0.1, $1.1)) }
        if largest.gradient > limits.gradient || largest.hessian > limits.hessian {
            setGrid()
            writeGradients()
        }
    }

    // MARK: Leaf values

    /// Scales the leaf values by the learning rate, and rounds them to what the model stores.
    private func setValues(_ tree: inout BoostedTree) {
        for index in tree.nodes.indices {
            var value = tree.nodes[index].value
            if let p = options.loss.leafQuantile, tree.nodes[index].feature < 0 {
                let rows = trainer.rows(tree.nodes[index])
                let residuals = rows.map { target[Int($0)] - scores[Int($0)] }
                value = weightedQuantile(
                    residuals, weights: rows.map { weights?[Int($0)] ?? 1 }, p)
            }
            tree.nodes[index].value = Double(Float(value * options.learningRate))
        }
    }
}

extension QuickRandom {
    /// The rows that the next tree sees; `nil` for all.
    mutating func rows(of count: Int, _ options: BoostingOptions) -> [UInt32]? {
        guard options.rowShare < 1 else { return nil }
        var rows: [UInt32] = []
        for row in 0..<count where uniform() < options.rowShare { rows.append(UInt32(row)) }
        if rows.isEmpty { rows.append(UInt32(below(count))) }
        return rows
    }

    /// The features that the next tree may use; `nil` for all.
    mutating func features(of count: Int, _ options: BoostingOptions) -> [Int]? {
        guard options.featureShare < 1 else { return nil }
        var features = Array(0..<count)
        let drawn = min(count, max(2, Int((Double(count) * options.featureShare).rounded())))
        for i in 0..<drawn { features.swapAt(i, i + below(count - i)) }
        return features.prefix(drawn).sorted()
    }
}

/// What the parts of one update share.
///
/// The rows of a leaf lie far apart. So each row's leaf is noted first, in a small array; scores, targets and gradients
/// are then gone through from the first row to the last.
private struct UpdateRun<Cell: HistogramCell>: @unchecked Sendable {
    let trainer: BoostingTrainer<Cell>
    let loss: BoostingLoss
    let target: [Double]
    let weights: [Double]?
    let limits: (gradient: Double, hessian: Double)
    /// Of the leaves.
    let values: [Double]

    /// Updates some rows, whose leaves have been noted; returns the largest derivatives.
    func update(rows: Range<Int>, _ scores: UnsafeMutableBufferPointer<Double>) -> (Double, Double) {
        var (gradients, hessians) = (0.0, 0.0)
        let (grid, noted, cells) = (trainer.grid, trainer.leafOfRow, trainer.cells)
        target.withUnsafeBufferPointer { target in
            values.withUnsafeBufferPointer { values in
                if case .squared = loss, weights == nil {
                    for row in rows {
                        let score = scores[row] + values[Int(noted[row])]
                        scores[row] = score
                        let gradient = score - target[row]
                        gradients = max(gradients, abs(gradient))
                        let limited = min(max(gradient, -limits.gradient), limits.gradient)
                        cells[row] = Cell(gradient: limited, hessian: 1, grid)
                    }
                    hessians = 1
                    return
                }
                for row in rows {
                    let score = scores[row] + values[Int(noted[row])]
                    scores[row] = score
                    var (gradient, hessian) = loss.derivatives(score, target[row])
                    if let weights {
                        gradient *= weights[row]
                        hessian *= weights[row]
                    }
                    gradients = max(gradients, abs(gradient))
                    hessians = max(hessians, hessian)
                    let limited = min(max(gradient, -limits.gradient), limits.gradient)
                    cells[row] = Cell(gradient: limited, hessian: min(hessian, limits.hessian), grid)
                }
            }
        }
        return (gradients, hessians)
    }
}

extension BoostedTree {
    /// The tree as prediction reads it.
    func flat(_ bins: [FeatureBins], childBits: UInt32) -> GrownTree {
        var tree = GrownTree()
        tree.nodes = [UInt64](repeating: 0, count: nodes.count)
        tree.covers = [UInt32](repeating: 0, count: nodes.count)
        var (next, open) = (1, [(from: 0, to: 0)])
        while let (from, to) = open.popLast() {
            let node = nodes[from]
            tree.covers[to] = UInt32(clamping: node.count)
            guard node.feature >= 0 else {
                tree.nodes[to] = TreeNode.leaf(Float(node.value), at: to)
                continue
            }
            let (child, feature) = (next, bins[node.feature])
            next += 2
            let slot = 1 + 2 * node.feature
            if let levels = node.levels {
                let first = UInt32(tree.sets.count)
                for word in 0..<(feature.count / 32 + 1) {
                    tree.sets.append(UInt32(truncatingIfNeeded: levels.words[word / 2] >> UInt64(32 * (word % 2))))
                }
                tree.nodes[to] = TreeNode.split(
                    slot: slot, payload: first, child: child, testsLevels: true, childBits: childBits)
            } else {
                let threshold =
                    node.bin + 1 < feature.count
                    ? feature.threshold(node.bin, node.bin + 1) : ValueKey.of(.infinity)
                tree.nodes[to] = TreeNode.split(
                    slot: node.missingLeft ? slot + 1 : slot, payload: threshold, child: child, testsLevels: false,
                    childBits: childBits)
            }
            open.append((node.right, child + 1))
            open.append((node.left, child))
        }
        return tree
    }
}
