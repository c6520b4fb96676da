/// Turns rows of a table into the keys that trees compare.
struct RowEncoder: Sendable {
    let features: [ForestFeature]
    /// The bin of every level, per feature; empty for numeric ones.
    let levelBins: [[UInt32]]
    let binCounts: [UInt32]

    init(features: [ForestFeature], levelBins: [[UInt32]]) {
        (self.features, self.levelBins) = (features, levelBins)
        binCounts = levelBins.map { ($0.max() ?? 0) + ($0.isEmpty ? 0 : 1) }
    }

    init(_ bins: [FeatureBins]) {
        (features, levelBins) = (bins.map(\.feature), bins.map(\.levelBins))
        binCounts = bins.map { $0.isCategorical ? UInt32($0.count) : 0 }
    }

    var slotCount: Int { 1 + 2 * features.count }

    /// The columns that the model needs, found by name.
    func table(_ data: ForestData) throws(ForestError) -> EncodedTable {
        var byName: [String: Int] = [:]
        for (index, column) in data.columns.enumerated() { byName[column.name] = index }
        var columns: [EncodedColumn] = []
        for (index, feature) in features.enumerated() {
            guard let found = byName[feature.name] else {
                throw .missingColumn(feature.name, available: data.columns.map(\.name))
            }
            switch (data.columns[found].values, feature.levels) {
            case (.numeric(let values), nil):
                columns.append(.numeric(values))
            case (.categorical(let codes, let levels), let known?):
                columns.append(.levels(codes, keys: keys(of: levels, known, feature: index)))
            case (let values, _):
                throw .wrongKind(
                    column: feature.name, expected: feature.levels == nil ? "numeric" : "categorical",
                    found: values.kind)
            }
        }
        return EncodedTable(columns: columns, rowCount: data.rowCount, slotCount: slotCount)
    }

    /// The key of each of `levels`, and last that of a missing one. An unseen level has the key of the known level
    /// whose name is most like its own, or else that of a missing one.
    private func keys(of levels: [String], _ known: [String], feature: Int) -> [UInt32] {
        let unknown = binCounts[feature]
        if levels == known { return levelBins[feature] + [unknown] }
        var bins: [String: UInt32] = [:]
        for (code, level) in known.enumerated() { bins[level] = levelBins[feature][code] }
        var names: LevelNames?
        return levels.map { level in
            if let bin = bins[level] { return bin }
            if names == nil { names = LevelNames(known) }
            return names?.nearest(to: level).map { levelBins[feature][$0] } ?? unknown
        } + [unknown]
    }

    /// Fills the slots of one row of plain numbers: values, or level codes (NaN or out of range where unknown).
    @inline(__always)
    func fill(_ slots: UnsafeMutablePointer<UInt32>, _ row: UnsafeBufferPointer<Double>) {
        slots[0] = 0
        for feature in 0..<features.count {
            let value = row[feature]
            if levelBins[feature].isEmpty && features[feature].levels == nil {
                let key = ValueKey.of(value)
                slots[1 + 2 * feature] = key
                slots[2 + 2 * feature] = key == ValueKey.missingRight ? ValueKey.missingLeft : key
            } else {
                let known = value >= 0 && value < Double(levelBins[feature].count)
                let key = known ? levelBins[feature][Int(value)] : binCounts[feature]
                slots[1 + 2 * feature] = key
                slots[2 + 2 * feature] = key
            }
        }
    }
}

enum EncodedColumn: Sendable {
    case numeric([Double])
    case levels([Int32], keys: [UInt32])
}

/// The columns of a table in the order of the model's features.
struct EncodedTable: Sendable {
    let columns: [EncodedColumn]
    let rowCount: Int
    let slotCount: Int

    /// Fills the slots of `rows`, row after row.
    func fill(_ slots: UnsafeMutablePointer<UInt32>, _ rows: Range<Int>) {
        let width = slotCount
        for i in 0..<rows.count { slots[i * width] = 0 }
        for (feature, column) in columns.enumerated() {
            var slot = slots + 1 + 2 * feature
            switch column {
            case .numeric(let values):
                values.withUnsafeBufferPointer { values in
                    for row in rows {
                        let key = ValueKey.of(values[row])
                        slot[0] = key
                        slot[1] = key == ValueKey.missingRight ? ValueKey.missingLeft : key
                        slot += width
                    }
                }
            case .levels(let codes, let keys):
                let unknown = keys.count - 1
                for row in rows {
                    let key = keys[codes[row] < 0 ? unknown : Int(codes[row])]
                    slot[0] = key
                    slot[1] = key
                    slot += width
                }
            }
        }
    }
}
