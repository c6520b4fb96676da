/// Turns rows of a table into the keys that trees compare.
struct RowEncoder: Sendable {
    let features: [ForestFeature]
    /// The bin of every level, per feature; empty for numeric ones.
    let levelBins: [[UInt32]]
    let binCounts: [UInt32]
    let similar: SimilarLevels
    /// Where batches of rows have the keys.
    let layout: TileLayout
    /// What is subtracted from a number of each feature.
    private let offsets: [Double]
    /// For a model in a mapped file that may be damaged: no table is encoded for it.
    var check: FileCheck?

    init(features: [ForestFeature], levelBins: [[UInt32]], similar: SimilarLevels) {
        (self.features, self.levelBins, self.similar) = (features, levelBins, similar)
        (layout, offsets) = (TileLayout(features), features.map(\.offset))
        binCounts = levelBins.map { ($0.max() ?? 0) + ($0.isEmpty ? 0 : 1) }
    }

    init(_ bins: [FeatureBins], _ data: ForestData) {
        self.init(
            features: bins.map(\.feature), levelBins: bins.map(\.levelBins), similar: SimilarLevels(data, bins))
    }

    var slotCount: Int { 1 + 2 * features.count }

    /// The columns that the model needs, found by name.
    func table(_ data: ForestData) throws(ForestError) -> EncodedTable {
        try check?.verify()
        var byName: [String: Int] = [:]
        for (index, column) in data.columns.enumerated() { byName[column.name] = index }
        var found: [ForestData.Column] = []
        for feature in features {
            guard let index = byName[feature.name] else {
                throw .missingColumn(feature.name, available: data.columns.map(\.name))
            }
            let column = data.columns[index]
            switch (column.values, feature.levels) {
            case (.numeric(let values), nil) where feature.offset != 0:
                found.append(.numeric(column.name, values.map { $0 - feature.offset }))
            case (.numeric, nil), (.categorical, .some): found.append(column)
            case (let values, _):
                throw .wrongKind(
                    column: feature.name, expected: feature.levels == nil ? "numeric" : "categorical",
                    found: values.kind)
            }
        }
        let mixtures = mixtures(found, data.rowCount)
        let columns = found.enumerated().map { index, column in
            switch column.values {
            case .numeric(let values):
                EncodedColumn.numeric(mixtures.map { mixtures in mixtures.rows.map { values[$0] } } ?? values)
            case .categorical(let codes, let levels):
                EncodedColumn.levels(
                    mixtures.map { mixtures in
                        let keys = keys(codes, levels, index)
                        return mixtures.rows.indices.map {
                            mixtures.keys[$0][index] ?? keys[mixtures.rows[$0]]
                        }
                    } ?? keys(codes, levels, index))
            }
        }
        return EncodedTable(
            columns: columns, rowCount: mixtures?.rows.count ?? data.rowCount, slotCount: slotCount, layout: layout,
            mixtures: mixtures)
    }

    /// The key of every row of a column of levels; an unseen level has that of a missing one.
    private func keys(_ codes: [Int32], _ levels: [String], _ feature: Int) -> [UInt32] {
        let unknown = binCounts[feature]
        let known = bins(levels, feature)
        return codes.map { $0 < 0 ? unknown : known[Int($0)] ?? unknown }
    }

    /// The bin of each of `levels`; `nil` for one that is not known.
    private func bins(_ levels: [String], _ feature: Int) -> [UInt32?] {
        if levels == features[feature].levels { return levelBins[feature] }
        var bins: [String: UInt32] = [:]
        for (code, level) in (features[feature].levels ?? []).enumerated() { bins[level] = levelBins[feature][code] }
        return levels.map { bins[$0] }
    }

    /// The known levels that stand for unseen ones; `nil` if all levels are known.
    private func mixtures(_ columns: [ForestData.Column], _ rowCount: Int) -> Mixtures? {
        var unseen: [(feature: Int, codes: [Int32], levels: [String], known: [Bool])] = []
        for (feature, column) in columns.enumerated() {
            guard case .categorical(let codes, let levels) = column.values else { continue }
            let known = bins(levels, feature).map { $0 != nil }
            if known.contains(false) { unseen.append((feature, codes, levels, known)) }
        }
        guard !unseen.isEmpty else { return nil }
        let names = unseen.map { LevelNames(features[$0.feature].levels ?? []) }
        var similarities = unseen.map { _ in [Int32: [Double]]() }
        var mixtures = Mixtures()
        for row in 0..<rowCount {
            // Each encoded row stands for a choice of levels: products of mixtures, but only the best of later ones.
            var parts: [(keys: [Int: UInt32], weight: Double)] = [([:], 1)]
            for (index, column) in unseen.enumerated() {
                let code = column.codes[row]
                guard code >= 0, !column.known[Int(code)] else { continue }
                let alike = similarities[index][code] ?? names[index].similarities(to: column.levels[Int(code)])
                similarities[index][code] = alike
                let numbers = columns.map { column in
                    if case .numeric(let values) = column.values { return ValueKey.of(values[row]) }
                    return ValueKey.missingRight
                }
                var levels = similar.mixture(feature: column.feature, alike, numbers)
                if parts.count > 1, let best = levels.first { levels = [(best.level, 1)] }
                guard !levels.isEmpty else { continue }
                parts = parts.flatMap { part in
                    levels.map { level in
                        var keys = part.keys
                        keys[column.feature] = levelBins[column.feature][level.level]
                        return (keys, part.weight * level.weight)
                    }
                }
            }
            mixtures.append(row, parts)
        }
        return mixtures
    }

    /// The key of one plain number: a value, or the code of a level.
    @inline(__always)
    func key(_ value: Double, _ feature: Int) -> UInt32 {
        guard features[feature].levels != nil else { return ValueKey.of(value - offsets[feature]) }
        let known = value >= 0 && value < Double(levelBins[feature].count)
        return known ? levelBins[feature][Int(value)] : binCounts[feature]
    }

    /// Fills the slots of one row of plain numbers: values, or level codes (NaN or out of range where unknown).
    @inline(__always)
    func fill(_ slots: UnsafeMutablePointer<UInt32>, _ row: UnsafeBufferPointer<Double>) {
        slots[0] = 0
        for feature in 0..<features.count {
            let value = row[feature]
            let key = key(value, feature)
            slots[1 + 2 * feature] = key
            slots[2 + 2 * feature] =
                key == ValueKey.missingRight && features[feature].levels == nil ? ValueKey.missingLeft : key
        }
    }
}

enum EncodedColumn: Sendable {
    case numeric([Double])
    /// The key of every row.
    case levels([UInt32])
}

/// The columns of a table in the order of the model's features.
struct EncodedTable: Sendable {
    let columns: [EncodedColumn]
    /// Rows as the trees see them: more than the table has where rows with unseen levels are mixtures.
    let rowCount: Int
    let slotCount: Int
    let layout: TileLayout
    let mixtures: Mixtures?

    /// The number of rows of the table.
    var resultCount: Int { mixtures.map { $0.starts.count - 1 } ?? rowCount }

    /// The encoded rows that stand for one row of the table.
    func encodedRows(_ row: Int) -> Range<Int> {
        mixtures.map { $0.starts[row]..<$0.starts[row + 1] } ?? row..<row + 1
    }

    /// How much an encoded row counts in the row that it stands for.
    func weight(_ encodedRow: Int) -> Double { mixtures?.weights[encodedRow] ?? 1 }

    /// The encoded rows that stand for one row of the table, with their weights.
    func parts(_ row: Int) -> (rows: Range<Int>, weights: [Double]) {
        let rows = encodedRows(row)
        return (rows, rows.map(weight))
    }

    /// From a value for each encoded row to one for each row of the table.
    func combined(_ values: [Double]) -> [Double] {
        guard let mixtures else { return values }
        return (0..<resultCount).map { row in
            let range = mixtures.starts[row]..<mixtures.starts[row + 1]
            return range.count == 1
                ? values[range.lowerBound] : range.reduce(0) { $0 + mixtures.weights[$1] * values[$1] }
        }
    }

    /// Fills the slots of `rows`, row after row.
    func fill(_ slots: UnsafeMutablePointer<UInt32>, _ rows: Range<Int>) {
        let width = slotCount
        for i in 0..<rows.count { slots[i * width] = 0 }
        for (feature, column) in columns.enumerated() {
            let slots = slots + 1 + 2 * feature
            column.forEachKey(rows.count, { rows.lowerBound + $0 }) { i, right, left in
                (slots[i * width], slots[i * width + 1]) = (right, left)
            }
        }
    }

    /// Calls `body` with the keys of `rows`. The last tile is filled up with copies of the last row.
    func withTiles(_ rows: ArraySlice<UInt32>, _ body: (RowTiles) -> Void) {
        let (width, count) = (8 * layout.width, (rows.count + 7) & ~7)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: layout.width * count) { tiles in
            rows.withUnsafeBufferPointer { rows in
                guard let first = tiles.baseAddress, !rows.isEmpty else { return }
                let base = first + 8 * layout.before
                for i in 0..<count { base[(i >> 3) &* width &+ (i & 7)] = 0 }
                for (column, slots) in zip(columns, layout.slots) {
                    let (right, left) = (base + 8 * slots.right, base + 8 * slots.left)
                    column.forEachKey(count, { Int(rows[min($0, rows.count - 1)]) }) { i, rightKey, leftKey in
                        let at = (i >> 3) &* width &+ (i & 7)
                        (right[at], left[at]) = (rightKey, leftKey)
                    }
                }
                body(RowTiles(base: base, width: layout.width, rowCount: rows.count))
            }
        }
    }
}

extension EncodedColumn {
    /// The keys of some rows: where a missing number goes right, and where it goes left.
    @inline(__always)
    fileprivate func forEachKey(
        _ count: Int, _ row: (Int) -> Int, _ visit: (_ i: Int, _ right: UInt32, _ left: UInt32) -> Void
    ) {
        switch self {
        case .numeric(let values):
            values.withUnsafeBufferPointer { values in
                for i in 0..<count {
                    let key = ValueKey.of(values[row(i)])
                    visit(i, key, key == ValueKey.missingRight ? ValueKey.missingLeft : key)
                }
            }
        case .levels(let keys):
            keys.withUnsafeBufferPointer { keys in
                for i in 0..<count { visit(i, keys[row(i)], keys[row(i)]) }
            }
        }
    }
}

/// Rows with unseen levels as weighted rows with known ones.
struct Mixtures: Sendable {
    /// Where the encoded rows of each row of the table begin, and the end.
    private(set) var starts = [0]
    /// Of each encoded row: the row of the table, its weight, and the keys that differ, by feature.
    private(set) var rows: [Int] = []
    private(set) var weights: [Double] = []
    private(set) var keys: [[Int: UInt32]] = []

    mutating func append(_ row: Int, _ parts: [(keys: [Int: UInt32], weight: Double)]) {
        for part in parts {
            rows.append(row)
            weights.append(part.weight)
            keys.append(part.keys)
        }
        starts.append(rows.count)
    }
}
