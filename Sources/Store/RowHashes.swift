import Basics
import Traces
import Workloads

/// One hash per row of a table over all that the row says, and over how many equal rows came before it.
///
/// Equal rows of one file are different runs and both count; the same row of the same file read again is not. A task of
/// Nextflow says itself which execution it is: by its hash, name and times, also where a resumed run repeats it as cached.
struct RowHashes {
    /// What a row is known by.
    private(set) var values: [UInt64]
    /// What the releases knew it by that did not keep the hash of Nextflow.
    private(set) var earlier: [UInt64]

    private static let execution: Set<AttemptColumn> = [.task, .submitTime, .startTime, .runtime]

    init(_ table: ExecutionTable) {
        var hashes = [UInt64](repeating: 0x9E37_79B9_7F4A_7C15, count: table.rowCount)
        // Of the rows of Nextflow: what they repeat.
        var executions = hashes
        for column in AttemptColumn.allCases where table.has(column) {
            let salt = Self.hash(Self.name(column).utf8)
            if column.isText {
                Self.mix(table.texts(column), salt, into: &hashes)
                if Self.execution.contains(column) { Self.mix(table.texts(column), salt, into: &executions) }
            } else {
                Self.mix(table.numbers(column), salt, into: &hashes)
                if Self.execution.contains(column) { Self.mix(table.numbers(column), salt, into: &executions) }
            }
        }
        var key: ExecutionTable.Parameter?
        for parameter in table.parameters {
            let salt = Self.hash("param.\(parameter.name)".utf8)
            if parameter.name == AttemptRecord.nextflowHash {
                key = parameter
                Self.mix(parameter.values, salt, into: &executions)
            } else {
                Self.mix(parameter.values, salt, into: &hashes)
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
        (values, earlier) = (hashes, hashes)
        guard let key else { return }
        let status = table.texts(.status)
        for row in values.indices where key[row] != nil {
            let failed = status[row] == "failed" || status[row] == "aborted"
            values[row] = failed ? Self.finish(executions[row]) : executions[row]
        }
    }

    /// What a column was called when rows of it were stored first.
    private static func name(_ column: AttemptColumn) -> String {
        switch column {
        case .instance: "param.instance"
        case .failureMessage: "param.failure"
        case .alert: "param.alert"
        default: column.name
        }
    }

    private static func mix(_ values: ExecutionTable.Parameter.Values, _ salt: UInt64, into hashes: inout [UInt64]) {
        switch values {
        case .numbers(let numbers): mix(numbers, salt, into: &hashes)
        case .texts(let texts): mix(texts, salt, into: &hashes)
        }
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
        var hash = FNV1a()
        for byte in bytes { hash.add(UInt64(byte)) }
        return finish(hash.value)
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

    /// - Parameter spare: How many values may be inserted beside these.
    init(_ values: [UInt64], spare: Int = 0) {
        self.init(capacity: values.count + spare)
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
