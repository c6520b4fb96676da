/// The bins of one feature: neighbouring values, or levels, that the trees do not tell apart.
///
/// Numeric: bin *b* holds the training values whose keys lie in `lower[b]...upper[b]`. Categorical: a level has the
/// bin `levelBins[code]`. Missing values, and levels not seen in training, have the code `count`.
struct FeatureBins: Sendable {
    let feature: ForestFeature
    let lower: [UInt32]
    let upper: [UInt32]
    let levelBins: [UInt32]
    let count: Int

    /// The most bins that one-byte codes allow beside the missing one.
    static let largest = 255
    /// Frequent levels that get a bin of their own; the others share bins with levels of similar mean target.
    static let ownLevels = 240

    var isCategorical: Bool { feature.levels != nil }

    /// Bins of equal counts, but one per distinct value where there are no more than `limit` of them.
    init(numeric name: String, _ values: [Double], limit: Int) {
        let stride = max(1, values.count / 200_000)
        let offset = ForestFeature.offset(
            of: Swift.stride(from: 0, to: values.count, by: stride).lazy.map { values[$0] })
        var keys: [UInt32] = []
        keys.reserveCapacity(values.count / stride + 1)
        var row = 0
        while row < values.count {
            let key = ValueKey.of(values[row] - offset)
            if key != ValueKey.missingRight { keys.append(key) }
            row += stride
        }
        radixSort(&keys)
        var distinct: [(key: UInt32, count: Int)] = []
        for key in keys {
            if distinct.last?.key == key {
                distinct[distinct.count - 1].count += 1
            } else {
                distinct.append((key, 1))
            }
        }
        var (lower, upper): ([UInt32], [UInt32]) = ([], [])
        if distinct.count <= limit {
            (lower, upper) = (distinct.map(\.key), distinct.map(\.key))
        } else {
            var (left, room) = (keys.count, limit)
            var index = 0
            while index < distinct.count {
                // The bins that are left share what is left; a frequent value closes its bin at once.
                let share = max(1, left / max(1, room))
                let first = index
                var filled = distinct[index].count
                index += 1
                while index < distinct.count, room > 1 {
                    let next = distinct[index].count
                    if filled + next / 2 >= share || next >= share { break }
                    filled += next
                    index += 1
                }
                if room == 1 { index = distinct.count }
                (left, room) = (left - filled, room - 1)
                lower.append(distinct[first].key)
                upper.append(distinct[index - 1].key)
            }
        }
        // Values outside the sample belong to the bin above them: it begins right after the bin below.
        if stride > 1 { for bin in upper.indices.dropFirst() { lower[bin] = upper[bin - 1] + 1 } }
        feature = ForestFeature(name: name, levels: nil, offset: offset)
        (self.lower, self.upper, levelBins, count) = (lower, upper, [], lower.count)
    }

    /// One bin per level; where there are too many levels the rare ones share bins by their mean target.
    init(categorical name: String, codes: [Int32], levels: [String], target: [Double]) {
        feature = ForestFeature(name: name, levels: levels)
        (lower, upper) = ([], [])
        guard levels.count > FeatureBins.largest - 1 else {
            (levelBins, count) = (levels.indices.map { UInt32($0) }, levels.count)
            return
        }
        var (rows, sums) = ([Int](repeating: 0, count: levels.count), [Double](repeating: 0, count: levels.count))
        for (row, code) in codes.enumerated() where code >= 0 {
            rows[Int(code)] += 1
            sums[Int(code)] += target[row]
        }
        let mean = target.reduce(0, +) / Double(max(1, target.count))
        let byFrequency = levels.indices.sorted { (rows[$0], $1) > (rows[$1], $0) }
        var bins = [UInt32](repeating: 0, count: levels.count)
        for (bin, code) in byFrequency.prefix(FeatureBins.ownLevels).enumerated() { bins[code] = UInt32(bin) }
        let shrunk = { (code: Int) in (sums[code] + 5 * mean) / Double(rows[code] + 5) }
        let rare = byFrequency.dropFirst(FeatureBins.ownLevels).sorted { (shrunk($0), $0) < (shrunk($1), $1) }
        let shared = FeatureBins.largest - 1 - FeatureBins.ownLevels
        for (position, code) in rare.enumerated() {
            bins[code] = UInt32(FeatureBins.ownLevels + position * shared / rare.count)
        }
        (levelBins, count) = (bins, FeatureBins.largest - 1)
    }

    /// The code of every row: its bin, or `count` where it is missing.
    func codes<Code: FixedWidthInteger>(_ values: ForestData.Values, as type: Code.Type = Code.self) -> [Code] {
        let missing = Code(truncatingIfNeeded: count)
        switch values {
        case .numeric(let values):
            guard count > 0 else { return [Code](repeating: missing, count: values.count) }
            return [Code](unsafeUninitializedCapacity: values.count) { buffer, initialized in
                let offset = feature.offset
                upper.withUnsafeBufferPointer { upper in
                    for row in values.indices {
                        let key = ValueKey.of(values[row] - offset)
                        let bin = min(position(of: key, in: upper), count - 1)
                        buffer[row] = key == ValueKey.missingRight ? missing : Code(truncatingIfNeeded: bin)
                    }
                }
                initialized = values.count
            }
        case .categorical(let codes, _):
            return codes.map { $0 < 0 ? missing : Code(truncatingIfNeeded: levelBins[Int($0)]) }
        }
    }

    /// The key of the threshold that parts bin `left` from bin `right`.
    func threshold(_ left: Int, _ right: Int) -> UInt32 { ValueKey.between(upper[left], lower[right]) }
}

/// How many of the ascending `bounds` are less than `key`. Branch-free.
@inline(__always)
func position(of key: UInt32, in bounds: UnsafeBufferPointer<UInt32>) -> Int {
    guard var base = bounds.baseAddress else { return 0 }
    let start = base
    var length = bounds.count
    while length > 1 {
        let half = length >> 1
        base = base[half - 1] < key ? base + half : base
        length -= half
    }
    return (base - start) + (length == 1 && base[0] < key ? 1 : 0)
}
