/// One hash per row of a table over all that the row says, and over how many equal rows came before it.
///
/// Equal rows of one file are different runs and both count; the same row of the same file read again is not.
struct RowHashes {
    private(set) var values: [UInt64]

    init(_ table: ExecutionTable) {
        var hashes = [UInt64](repeating: 0x9E37_79B9_7F4A_7C15, count: table.rowCount)
        for column in ExecutionColumn.allCases where table.has(column) {
            let salt = Self.hash(column.name.utf8)
            if column.isText {
                Self.mix(table.texts(column), salt, into: &hashes)
            } else {
                Self.mix(table.numbers(column), salt, into: &hashes)
            }
        }
        for parameter in table.parameters {
            let salt = Self.hash("param.\(parameter.name)".utf8)
            switch parameter.values {
            case .numbers(let numbers): Self.mix(numbers, salt, into: &hashes)
            case .texts(let texts): Self.mix(texts, salt, into: &hashes)
            }
        }
        // Few rows occur twice, so only those are counted.
        var seen = HashSet(capacity: hashes.count)
        var copies: [UInt64: UInt64] = [:]
        for row in hashes.indices where !seen.insert(hashes[row]) {
            let before = copies[hashes[row], default: 0] + 1
            copies[hashes[row]] = before
            hashes[row] = Self.finish(hashes[row] ^ (before &* 0xD6E8_FEB8_6659_FD93))
        }
        values = hashes
    }

    // A missing value leaves the hash alone, and every term is added, so that neither the order of columns nor one
    // that a later version adds changes it.
    private static func mix(_ numbers: [Double], _ salt: UInt64, into hashes: inout [UInt64]) {
        for row in numbers.indices where !numbers[row].isNaN {
            // −0 is 0.
            hashes[row] &+= finish(salt ^ (numbers[row] == 0 ? 0 : numbers[row].bitPattern))
        }
    }

    private static func mix(_ texts: TextColumn, _ salt: UInt64, into hashes: inout [UInt64]) {
        let levels = (0..<Int32(truncatingIfNeeded: texts.levels.count)).map {
            finish(salt ^ hash(texts.levels.bytes($0)))
        }
        for row in texts.codes.indices where texts.codes[row] >= 0 { hashes[row] &+= levels[Int(texts.codes[row])] }
    }

    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return finish(hash)
    }

    /// The finaliser of SplitMix64.
    private static func finish(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A set of values that are random already: open addressing without another hash.
struct HashSet {
    private var slots: [UInt64]
    private var hasZero = false

    /// - Parameter capacity: How many values may be inserted.
    init(capacity: Int) {
        slots = [UInt64](repeating: 0, count: max(16, (capacity * 3 / 2).roundedUpToPowerOfTwo))
    }

    init(_ values: [UInt64]) {
        self.init(capacity: values.count)
        for value in values { insert(value) }
    }

    /// False if the value was there before.
    @discardableResult
    mutating func insert(_ value: UInt64) -> Bool {
        if value == 0 {
            defer { hasZero = true }
            return !hasZero
        }
        let slot = find(value)
        if slots[slot] == value { return false }
        slots[slot] = value
        return true
    }

    func contains(_ value: UInt64) -> Bool { value == 0 ? hasZero : slots[find(value)] == value }

    /// The slot of the value, or the free one where it belongs.
    private func find(_ value: UInt64) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: value) & mask
        while slots[slot] != 0, slots[slot] != value { slot = (slot + 1) & mask }
        return slot
    }
}

extension Int {
    fileprivate var roundedUpToPowerOfTwo: Int {
        self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
    }
}
