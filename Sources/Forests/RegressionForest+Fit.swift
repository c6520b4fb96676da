internal import Basics
internal import LinearAlgebra

extension RegressionForest {
    /// Grows a forest.
    ///
    /// - Parameters:
    ///   - data: *n* rows of features.
    ///   - target: *n* finite values up to 1e36, for instance run times in seconds.
    ///   - weights: *n* positive weights; `nil` for equal ones. A weight of 2 is the same as having the row twice.
    ///   - seed: The only source of randomness. Equal inputs give equal forests on any thread count.
    ///   - progress: Called with the share of the trees that are grown, from any thread.
    /// - Throws: ``ForestError`` if the shapes disagree, a value is not finite or an option is out of range.
    /// - Complexity: O(*trees* · *features* · *n* log *n*) time.
    ///   Source: Breiman, *Random Forests* (2001), on binned features.
    public static func fit(
        _ data: ForestData, target: [Double], weights: [Double]? = nil, options: ForestOptions = .init(),
        seed: UInt64, threads: Int = defaultThreads, progress: (@Sendable (Double) -> Void)? = nil
    ) throws(ForestError) -> RegressionForest {
        try options.validated(featureCount: data.columns.count)
        try checkMonotone(options.monotone, data)
        try checkTraining(data, target, weights)
        let bins = featureBins(data, target, limit: options.binLimit(rows: data.rowCount), threads: threads)
        return grow(bins, data, target, weights, options, seed, threads, progress, extending: nil)
    }

    static func grow(
        _ bins: [FeatureBins], _ data: ForestData, _ target: [Double], _ weights: [Double]?, _ options: ForestOptions,
        _ seed: UInt64, _ threads: Int, _ progress: (@Sendable (Double) -> Void)?, extending old: RegressionForest?
    ) -> RegressionForest {
        if bins.allSatisfy({ $0.count <= FeatureBins.largest }) {
            return grow(UInt8.self, bins, data, target, weights, options, seed, threads, progress, old)
        }
        return grow(UInt16.self, bins, data, target, weights, options, seed, threads, progress, old)
    }

    private static func grow<Code: FixedWidthInteger & UnsignedInteger & Sendable>(
        _ code: Code.Type, _ bins: [FeatureBins], _ data: ForestData, _ target: [Double], _ weights: [Double]?,
        _ options: ForestOptions, _ seed: UInt64, _ threads: Int, _ progress: (@Sendable (Double) -> Void)?,
        _ old: RegressionForest?
    ) -> RegressionForest {
        let columns: [[Code]] = Parallel.map(count: bins.count, threads: threads) {
            bins[$0].codes(data.columns[$0].values)
        }
        var trees = old?.trees ?? TreeNodes(featureCount: bins.count)
        let order = options.keepsLeafRows ? target.indices.sorted { (target[$0], $0) < (target[$1], $1) } : []
        var ranks = [UInt32](repeating: 0, count: order.count)
        for (rank, row) in order.enumerated() { ranks[row] = UInt32(rank) }
        let table = GrowthTable(
            bins: bins, columns: columns, target: target, weights: weights, ranks: ranks,
            offset: old?.targetOffset ?? ForestFeature.offset(of: target), trees)
        let growth = TreeGrowth(
            candidateFeatures: options.candidateFeatures ?? max(1, (2 * bins.count + 1) / 3),
            minimumLeafRows: options.minimumLeafRows, maximumDepth: options.maximumDepth,
            randomCuts: options.randomCuts, categorySmoothing: options.categorySmoothing,
            bootstrap: options.bootstrap, keepsLeafRows: options.keepsLeafRows,
            outOfBag: options.outOfBag && options.bootstrap,
            monotone: bins.map { options.monotone[$0.feature.name] ?? 0 })
        var seeds = SeededGenerator(seed: seed, stream: 0)
        let treeSeeds = (0..<options.treeCount).map { _ in seeds.next() }
        var leaves =
            old?.leaves
            ?? LeafRows(
                targets: StoredArray(order.map { target[$0] }), rowOfRank: StoredArray(order.map { UInt32($0) }),
                starts: StoredArray([]), rows: StoredArray([]))
        var outOfBag = OutOfBag(rowCount: growth.outOfBag ? target.count : 0)
        if growth.outOfBag, let old {
            outOfBag.add(
                old.outOfBagPredictions.map { $0 - table.offset },
                drawn: treeSeeds.prefix(old.treeCount).map { drawnRows(count: target.count, seed: $0) })
        }
        // A few trees at a time, so that what only their out-of-bag rows need does not pile up.
        let wave = 32
        for first in stride(from: old?.treeCount ?? 0, to: options.treeCount, by: wave) {
            let count = min(wave, options.treeCount - first)
            let grown = Parallel.map(count: count, threads: threads) { table.grow(growth, seed: treeSeeds[first + $0]) }
            for (index, tree) in grown.enumerated() {
                trees.append(tree)
                leaves.append(tree)
                if growth.outOfBag {
                    outOfBag.add(tree.outOfBag, drawn: drawnRows(count: target.count, seed: treeSeeds[first + index]))
                }
            }
            progress?(Double(first + count) / Double(options.treeCount))
        }
        let predictions = outOfBag.predictions.map { $0 + table.offset }
        return RegressionForest(
            features: bins.map(\.feature), options: options, seed: seed, trainingRowCount: target.count,
            trainingChecksum: checksum(data, target), outOfBagError: OutOfBag.error(predictions, target),
            outOfBagPredictions: predictions, targetOffset: table.offset, trees: trees, encoder: RowEncoder(bins, data),
            leaves: options.keepsLeafRows ? leaves : nil)
    }
}

/// The bins of all columns.
func featureBins(_ data: ForestData, _ target: [Double], limit: Int, threads: Int) -> [FeatureBins] {
    Parallel.map(count: data.columns.count, threads: threads) { index in
        let column = data.columns[index]
        switch column.values {
        case .numeric(let values):
            return FeatureBins(numeric: column.name, values, limit: limit)
        case .categorical(let codes, let levels):
            return FeatureBins(categorical: column.name, codes: codes, levels: levels, target: target)
        }
    }
}

/// Refuses training data that no learner here can use.
func checkTraining(_ data: ForestData, _ target: [Double], _ weights: [Double]?) throws(ForestError) {
    guard data.rowCount > 0 else { throw .empty(what: "training table") }
    guard data.rowCount < 1 << 26 else {
        throw .tooLarge(what: "Training rows", found: data.rowCount, allowed: 1 << 26, remedy: "Train on a sample.")
    }
    guard target.count == data.rowCount else {
        throw .lengthsDiffer(what: "Target", expected: data.rowCount, found: target.count)
    }
    for (row, value) in target.enumerated() where !(abs(value) <= 1e36) {
        throw .invalidValue(what: "Target", row: row, found: value, expected: "a finite number up to 1e36")
    }
    guard let weights else { return }
    guard weights.count == data.rowCount else {
        throw .lengthsDiffer(what: "Weights", expected: data.rowCount, found: weights.count)
    }
    for (row, value) in weights.enumerated() where !(value >= 1e-6 && value <= 1e6) {
        throw .invalidValue(what: "Weights", row: row, found: value, expected: "a number from 1e-6 to 1e6")
    }
}

/// Refuses monotone constraints on columns that are not there or not numeric.
func checkMonotone(_ monotone: [String: Int], _ data: ForestData) throws(ForestError) {
    for (name, direction) in monotone {
        guard let column = data.columns.first(where: { $0.name == name }) else {
            throw .missingColumn(name, available: data.columns.map(\.name))
        }
        guard case .numeric = column.values else {
            throw .wrongKind(column: name, expected: "numeric", found: "categorical")
        }
        guard abs(direction) <= 1 else {
            throw .option("monotone.\(name)", found: "\(direction)", allowed: "-1, 0 or 1")
        }
    }
}

extension GrowthTable {
    init(
        bins: [FeatureBins], columns: [[Code]], target: [Double], weights: [Double]?, ranks: [UInt32],
        offset: Double, _ trees: TreeNodes
    ) {
        (self.bins, self.columns, self.ranks, self.offset) = (bins, columns, ranks, offset)
        (treeCapacity, childBits) = (trees.treeCapacity, trees.childBits)
        center = target.reduce(0) { $0 + $1 / Double(target.count) }
        var (largest, heaviest) = (0.0, 1.0)
        for value in target { largest = max(largest, abs(value - center)) }
        for weight in weights ?? [] { heaviest = max(heaviest, weight) }
        let rows = Double(target.count) * heaviest
        // Powers of two, so that equal targets and weights stay equal; no sum over all rows can overflow.
        let weightScale = weights == nil ? 1 : powerOfTwo(below: 0x1p34 / rows)
        let (valueScale, center) = (powerOfTwo(below: 0x1p60 / max(rows * largest, .leastNormalMagnitude)), center)
        cells = target.indices.map { row in
            let weight = weights?[row] ?? 1
            return SIMD2(
                Int64((weight * (target[row] - center) * valueScale).rounded()),
                max(1, Int64((weight * weightScale).rounded())))
        }
        (self.weightScale, self.valueScale) = (weightScale, valueScale)
    }
}

/// The largest power of two that is not above a positive number.
func powerOfTwo(below value: Double) -> Double {
    value.isFinite ? Double(sign: .plus, exponent: min(value.exponent, 1000), significand: 1) : 0x1p1000
}

/// Sums of the out-of-bag values, in the order of the trees.
struct OutOfBag {
    private var sums: [Double]
    private var counts: [Int32]

    init(rowCount: Int) {
        (sums, counts) = (Array(repeating: 0, count: rowCount), Array(repeating: 0, count: rowCount))
    }

    mutating func add(_ values: [Float], drawn: [Bool]) {
        var next = 0
        for row in drawn.indices where !drawn[row] {
            sums[row] += Double(values[next])
            counts[row] += 1
            next += 1
        }
    }

    /// Adds the means over several trees.
    mutating func add(_ means: [Double], drawn: [[Bool]]) {
        for row in means.indices where !means[row].isNaN {
            counts[row] = Int32(drawn.count { !$0[row] })
            sums[row] = means[row] * Double(counts[row])
        }
    }

    var predictions: [Double] { sums.indices.map { counts[$0] > 0 ? sums[$0] / Double(counts[$0]) : .nan } }

    static func error(_ predictions: [Double], _ target: [Double]) -> Double {
        var (sum, count) = (0.0, 0)
        for row in predictions.indices where !predictions[row].isNaN {
            sum += (predictions[row] - target[row]) * (predictions[row] - target[row])
            count += 1
        }
        return (sum / Double(count)).squareRoot()
    }
}

/// FNV-1a over the bits of all columns and the target.
func checksum(_ data: ForestData, _ target: [Double]) -> UInt64 {
    var hash = FNV1a()
    for column in data.columns {
        for byte in column.name.utf8 { hash.add(UInt64(byte)) }
        switch column.values {
        case .numeric(let values):
            for value in values { hash.add(value.bitPattern) }
        case .categorical(let codes, let levels):
            for level in levels { for byte in level.utf8 { hash.add(UInt64(byte)) } }
            for code in codes { hash.add(UInt64(bitPattern: Int64(code))) }
        }
    }
    for value in target { hash.add(value.bitPattern) }
    return hash.value
}
