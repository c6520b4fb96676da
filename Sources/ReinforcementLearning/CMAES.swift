internal import Foundation
public import LinearAlgebra

/// Minimises a function of some ten to a hundred numbers by evolution: the covariance matrix adaptation strategy.
///
///     var search = try CMAES(start: [0, 0, 0], scales: [1, 1, 1], population: 12, seed: 1)
///     while search.step > 1e-8 {
///         try search.update(values: search.candidates.map(objective))
///     }
///     search.mean
///
/// Each generation draws candidates from a normal distribution, and moves it towards the better half of them. Only the order of
/// the values counts, so the function may be noisy, as long as the candidates of a generation meet the same luck.
///
/// A search is a value: encode it to stop, decode it to go on, with the same result as without a stop. Candidates depend on the
/// seed and the number of their generation alone.
/// Source: Hansen, *The CMA Evolution Strategy: A Tutorial* (2016), with negative weights for the worse half.
public struct CMAES: Sendable, Hashable, Codable {
    /// The centre of the distribution: the answer so far.
    public private(set) var mean: [Double]
    /// The overall step size, in units of the scales.
    public private(set) var step: Double
    /// The number of generations that ``update(values:)`` was told of.
    public private(set) var generation = 0
    /// What is to be evaluated next.
    public private(set) var candidates: [[Double]] = []

    private let scales: [Double]
    private let population: Int
    private let seed: UInt64
    /// The covariance in units of step and scales, column by column; its eigenvectors, and the square roots of its eigenvalues.
    private var covariance: [Double]
    private var axes: [Double]
    private var lengths: [Double]
    private var stepPath: [Double]
    private var covariancePath: [Double]

    /// - Parameters:
    ///   - start: Where to begin.
    ///   - scales: For each number, by how much it must change to matter.
    ///   - step: The standard deviation of the first candidates, in units of the scales.
    ///   - population: Candidates a generation, at least four; 4 + 3 ln *n* is usual, more for noisy functions.
    /// - Throws: ``LinearAlgebraError`` if numbers are not finite or their counts differ.
    public init(
        start: [Double], scales: [Double], step: Double = 0.3, population: Int, seed: UInt64
    ) throws(LinearAlgebraError) {
        precondition(population >= 4 && !start.isEmpty, "a search has four candidates and one number at least")
        guard start.count == scales.count else { throw .elementCount(expected: start.count, found: scales.count) }
        guard start.allSatisfy(\.isFinite), step > 0, step.isFinite, scales.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw .notFinite(operation: "cmaes")
        }
        (mean, self.step, self.scales, self.population, self.seed) = (start, step, scales, population, seed)
        covariance = Matrix.identity(start.count).values
        axes = covariance
        lengths = Array(repeating: 1, count: start.count)
        (stepPath, covariancePath) = (Array(repeating: 0, count: start.count), Array(repeating: 0, count: start.count))
        candidates = drawn()
    }

    /// - Throws: `DecodingError` if the numbers do not belong together.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        mean = try values.decode([Double].self, forKey: .mean)
        step = try values.decode(Double.self, forKey: .step)
        generation = try values.decode(Int.self, forKey: .generation)
        candidates = try values.decode([[Double]].self, forKey: .candidates)
        scales = try values.decode([Double].self, forKey: .scales)
        population = try values.decode(Int.self, forKey: .population)
        seed = try values.decode(UInt64.self, forKey: .seed)
        covariance = try values.decode([Double].self, forKey: .covariance)
        axes = try values.decode([Double].self, forKey: .axes)
        lengths = try values.decode([Double].self, forKey: .lengths)
        stepPath = try values.decode([Double].self, forKey: .stepPath)
        covariancePath = try values.decode([Double].self, forKey: .covariancePath)
        let n = mean.count
        guard n > 0, population >= 4, candidates.count == population, 0..<(1 << 40) ~= generation, step > 0,
            [scales, lengths, stepPath, covariancePath].allSatisfy({ $0.count == n }),
            [covariance, axes].allSatisfy({ $0.count == n * n }), candidates.allSatisfy({ $0.count == n }),
            (scales + lengths).allSatisfy({ $0 > 0 })
        else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath, debugDescription: "the numbers of a search do not belong together"))
        }
    }

    /// Tells the values of the candidates, in their order, and draws the next ones. NaN is worse than everything.
    ///
    /// - Throws: ``LinearAlgebraError`` if there are not as many values, or the covariance has no eigenvalues any more.
    /// - Complexity: O(population · *n*² + *n*³).
    public mutating func update(values: [Double]) throws(LinearAlgebraError) {
        guard values.count == population else { throw .elementCount(expected: population, found: values.count) }
        let n = mean.count
        let weights = Weights(population: population, dimension: n)
        func rank(_ value: Double) -> Double { value.isNaN ? .infinity : value }
        // `sorted` keeps the order of equal elements.
        let order = values.indices.sorted { rank(values[$0]) < rank(values[$1]) }
        // Steps in units of step and scales, best first.
        let steps = order.map { index in (0..<n).map { (candidates[index][$0] - mean[$0]) / (step * scales[$0]) } }
        var move = Array(repeating: 0.0, count: n)
        for (weight, taken) in zip(weights.values, steps) where weight > 0 {
            for i in 0..<n { move[i] += weight * taken[i] }
        }
        for i in 0..<n { mean[i] += step * scales[i] * move[i] }

        let white = whitened(move)
        let momentum = (weights.stepRate * (2 - weights.stepRate) * weights.effective).squareRoot()
        for i in 0..<n { stepPath[i] = (1 - weights.stepRate) * stepPath[i] + momentum * white[i] }
        let length = norm(stepPath)
        let age = (1 - pow(1 - weights.stepRate, 2 * Double(generation + 1))).squareRoot()
        let isSlow = length / age < (1.4 + 2 / Double(n + 1)) * weights.expectedNorm
        let pull = isSlow ? (weights.pathRate * (2 - weights.pathRate) * weights.effective).squareRoot() : 0
        for i in 0..<n { covariancePath[i] = (1 - weights.pathRate) * covariancePath[i] + pull * move[i] }

        let forgotten = isSlow ? 0 : weights.rankOne * weights.pathRate * (2 - weights.pathRate)
        let kept = 1 + forgotten - weights.rankOne - weights.rankMany * weights.values.reduce(0, +)
        for i in covariance.indices { covariance[i] *= kept }
        addOuter(covariancePath, weights.rankOne)
        for (weight, taken) in zip(weights.values, steps) {
            // A worse step counts as if it had the usual length, so that the covariance stays positive.
            let scale = weight >= 0 ? 1 : Double(n) / max(1e-12, whitened(taken).reduce(0) { $0 + $1 * $1 })
            addOuter(taken, weights.rankMany * weight * scale)
        }
        step *= exp(min(1, weights.stepRate / weights.damping * (length / weights.expectedNorm - 1)))

        let eigen = try SymmetricEigen(try Matrix(rows: n, columns: n, values: covariance))
        axes = eigen.vectors.values
        lengths = eigen.values.map { max($0, 1e-20).squareRoot() }
        generation += 1
        candidates = drawn()
    }
}

extension CMAES {
    /// Mean + step · scales · axes · lengths · normal numbers.
    private func drawn() -> [[Double]] {
        let n = mean.count
        return (0..<population).map { index in
            var generator = SeededGenerator(seed: seed, stream: UInt64(generation) << 16 | UInt64(index))
            var result = mean
            for axis in 0..<n {
                let along = lengths[axis] * generator.nextNormal()
                for i in 0..<n { result[i] += step * scales[i] * axes[axis * n + i] * along }
            }
            return result
        }
    }

    /// The inverse square root of the covariance times a vector.
    private func whitened(_ vector: [Double]) -> [Double] {
        let n = vector.count
        var result = Array(repeating: 0.0, count: n)
        for axis in 0..<n {
            var along = 0.0
            for i in 0..<n { along += axes[axis * n + i] * vector[i] }
            along /= lengths[axis]
            for i in 0..<n { result[i] += axes[axis * n + i] * along }
        }
        return result
    }

    private mutating func addOuter(_ vector: [Double], _ weight: Double) {
        let n = vector.count
        for j in 0..<n { for i in 0..<n { covariance[j * n + i] += weight * vector[i] * vector[j] } }
    }

    private func norm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// The constants of the tutorial, table 1.
    private struct Weights {
        /// By rank: the better half positive with sum 1, the others negative.
        var values: [Double]
        var effective: Double
        var stepRate: Double
        var damping: Double
        var pathRate: Double
        var rankOne: Double
        var rankMany: Double
        var expectedNorm: Double

        init(population: Int, dimension: Int) {
            let n = Double(dimension)
            let raw = (1...population).map { log(Double(population + 1) / 2) - log(Double($0)) }
            func effective(_ part: some Sequence<Double>) -> Double {
                let (sum, squares) = part.reduce((0, 0)) { ($0.0 + $1, $0.1 + $1 * $1) }
                return squares > 0 ? sum * sum / squares : 0
            }
            let (better, worse) = (raw.prefix(population / 2), raw.dropFirst(population / 2))
            self.effective = effective(better)
            let worseEffective = effective(worse)
            let m = self.effective
            stepRate = (m + 2) / (n + m + 5)
            damping = 1 + 2 * max(0, ((m - 1) / (n + 1)).squareRoot() - 1) + stepRate
            pathRate = (4 + m / n) / (n + 4 + 2 * m / n)
            rankOne = 2 / ((n + 1.3) * (n + 1.3) + m)
            rankMany = min(1 - rankOne, 2 * (0.25 + m + 1 / m - 2) / ((n + 2) * (n + 2) + m))
            expectedNorm = n.squareRoot() * (1 - 1 / (4 * n) + 1 / (21 * n * n))
            let limit = min(
                1 + rankOne / rankMany, 1 + 2 * worseEffective / (m + 2), (1 - rankOne - rankMany) / (n * rankMany))
            let (good, bad) = (better.reduce(0, +), -worse.reduce(0, +))
            values = raw.enumerated().map { $0 < population / 2 ? $1 / good : bad > 0 ? limit * $1 / bad : 0 }
        }
    }
}
