public import LinearAlgebra

/// Any quantile of the target from one boosted model, without crossing.
///
///     let model = try BoostedQuantiles.fit(data, target: seconds, seed: 1)
///     try model.predictQuantiles(newData, [0.1, 0.5, 0.9])
///
/// A model of the middle, a model of the spread around it, and the distribution of errors in units of that spread. The
/// last two are fitted to errors on rows that the models had not seen, so the quantiles are calibrated. Right where
/// errors differ in size but not much in shape from row to row; else use ``RegressionForest``.
public struct BoostedQuantiles: Sendable {
    /// The model of the middle.
    public let center: BoostedForest
    /// The model of the logarithm of the absolute error.
    public let spread: BoostedForest
    /// Quantiles of error over spread at equally spaced probabilities from 0 to 1.
    let errors: [Double]

    static let errorSteps = 1000
    static let folds = 3

    /// - Parameters: As for ``BoostedForest/fit(_:target:weights:options:seed:threads:progress:)``. The spread is fitted
    ///   in a third of the rounds.
    /// - Throws: ``ForestError``; also if there are fewer than ten rows.
    /// - Complexity: About four fits of a boosted forest.
    public static func fit(
        _ data: ForestData, target: [Double], options: BoostingOptions = .init(), seed: UInt64,
        threads: Int = defaultThreads
    ) throws(ForestError) -> BoostedQuantiles {
        guard data.rowCount >= 10 else {
            throw .option("rows", found: "\(data.rowCount)", allowed: "10 or more for quantiles")
        }
        guard options.loss == .squared else {
            throw .option("loss", found: "\(options.loss)", allowed: "squared; the quantiles come from its errors")
        }
        var spreadOptions = options
        (spreadOptions.rounds, spreadOptions.monotone) = (max(1, options.rounds / 3), [:])
        spreadOptions.minimumLeafRows = max(20, options.minimumLeafRows)
        var random = SeededGenerator(seed: seed, stream: 2)
        let fold = target.map { _ in random.nextInt(below: folds) }
        let center = try BoostedForest.fit(data, target: target, options: options, seed: seed, threads: threads)
        var unseen = target
        for part in 0..<folds {
            let rows = split(fold, part)
            guard !rows.inside.isEmpty, !rows.outside.isEmpty else { continue }
            let model = try BoostedForest.fit(
                data.rows(rows.outside), target: rows.outside.map { target[$0] }, options: options, seed: seed,
                threads: threads)
            let predicted = try model.predict(data.rows(rows.inside), threads: threads)
            for (row, value) in zip(rows.inside, predicted) { unseen[row] = target[row] - value }
        }
        // Errors of nearly nothing would pull the mean logarithm without end.
        let least = max(quantile(unseen.map(abs), 0.5) * 0.01, 1e-290)
        let logarithms = unseen.map { logarithm(max(abs($0), least)) }
        let spread = try BoostedForest.fit(
            data, target: logarithms, options: spreadOptions, seed: seed, threads: threads)
        var ratios: [Double] = []
        for part in 0..<folds {
            let rows = split(fold, part)
            guard !rows.inside.isEmpty, !rows.outside.isEmpty else { continue }
            let model = try BoostedForest.fit(
                data.rows(rows.outside), target: rows.outside.map { logarithms[$0] }, options: spreadOptions,
                seed: seed,
                threads: threads)
            let predicted = try model.predict(data.rows(rows.inside), threads: threads)
            for (row, value) in zip(rows.inside, predicted) { ratios.append(unseen[row] / exponential(value)) }
        }
        ratios.sort()
        return BoostedQuantiles(
            center: center, spread: spread,
            errors: (0...errorSteps).map { quantile(sorted: ratios, Double($0) / Double(errorSteps)) })
    }

    /// The middle for every row of `data`: the prediction of ``center``.
    public func predict(_ data: ForestData, threads: Int = defaultThreads) throws(ForestError) -> [Double] {
        try center.predict(data, threads: threads)
    }

    /// Quantiles of the target: a matrix with a row per row of `data` and a column per probability.
    /// - Throws: ``ForestError`` if a column is missing or a probability is not between 0 and 1.
    public func predictQuantiles(
        _ data: ForestData, _ probabilities: [Double], threads: Int = defaultThreads
    ) throws(ForestError) -> Matrix {
        for p in probabilities where !(p >= 0 && p <= 1) {
            throw .option("probabilities", found: "\(p)", allowed: "0 to 1")
        }
        let middles = try center.predict(data, threads: threads)
        let spreads = try spread.predict(data, threads: threads).map(exponential)
        var result = Matrix(rows: middles.count, columns: probabilities.count)
        for (column, p) in probabilities.enumerated() {
            let error = quantile(sorted: errors, p)
            for row in middles.indices {
                result.values[row + column * middles.count] = middles[row] + spreads[row] * error
            }
        }
        return result
    }

    private static func split(_ fold: [Int], _ part: Int) -> (inside: [Int], outside: [Int]) {
        (fold.indices.filter { fold[$0] == part }, fold.indices.filter { fold[$0] != part })
    }
}
