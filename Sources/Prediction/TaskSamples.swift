internal import Foundation

/// Recorded runs prepared for fitting: a row per task that succeeded or was killed, oldest first.
///
/// - Invariant: all columns have `count` elements, `values` are finite and positive, `types` index `typeNames`.
public struct TaskSamples: Sendable {
    public let target: TaskTarget
    /// The names of the task types.
    public let typeNames: [String]
    /// The names of the features; the first is the input size.
    public let featureNames: [String]
    /// The type of each row.
    public internal(set) var types: [Int]
    /// A column per feature; NaN where it was not recorded.
    public internal(set) var features: [[Double]]
    /// When each row was submitted, in Unix seconds; NaN where that was not recorded.
    public internal(set) var times: [Double]
    /// The machine that ran each row; `nil` where that was not recorded.
    public internal(set) var machines: [String?]
    /// The type of instance that each row ran on; `nil` where that was not recorded, or is somebody's own machine.
    public internal(set) var instanceTypes: [String?]
    /// How long each row ran, in seconds; NaN where that was not recorded.
    public internal(set) var seconds: [Double]
    /// The observed target in its unit (seconds or bytes).
    public internal(set) var values: [Double]
    /// Whether the run was killed before it had all it needed, so that the need is more than the value.
    public internal(set) var isBound: [Bool]

    public var count: Int { values.count }

    /// The features of one row.
    public func features(_ row: Int) -> [Double] { features.map { $0[row] } }

    /// - Throws: ``PredictionError/noRows(_:)`` for no rows, ``PredictionError/badValue(row:value:target:)`` for a value that is not
    ///   positive and finite.
    public init(
        target: TaskTarget, typeNames: [String], featureNames: [String], types: [Int], features: [[Double]],
        values: [Double], isBound: [Bool]? = nil, times: [Double]? = nil, machines: [String?]? = nil,
        instanceTypes: [String?]? = nil, seconds: [Double]? = nil
    ) throws(PredictionError) {
        precondition(types.count == values.count && features.count == featureNames.count, "columns must agree")
        precondition(features.allSatisfy { $0.count == values.count }, "columns must agree")
        self.isBound = isBound ?? [Bool](repeating: false, count: values.count)
        self.times = times ?? [Double](repeating: .nan, count: values.count)
        self.machines = machines ?? [String?](repeating: nil, count: values.count)
        self.instanceTypes = instanceTypes ?? [String?](repeating: nil, count: values.count)
        self.seconds = seconds ?? [Double](repeating: .nan, count: values.count)
        precondition(
            self.times.count == values.count && self.machines.count == values.count
                && self.instanceTypes.count == values.count && self.seconds.count == values.count
                && self.isBound.count == values.count, "columns must agree")
        precondition(types.allSatisfy(typeNames.indices.contains), "a type must have a name")
        guard !values.isEmpty else { throw .noRows(target) }
        for (row, value) in values.enumerated() where !(value > 0 && value.isFinite) {
            throw .badValue(row: row, value: value, target: target)
        }
        (self.target, self.typeNames, self.featureNames) = (target, typeNames, featureNames)
        (self.types, self.features, self.values) = (types, features, values)
    }

    /// A checksum of all rows: equal data give equal sums.
    public var checksum: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ value: UInt64) {
            hash = (hash ^ value) &* 0x0000_0100_0000_01B3
            hash ^= hash >> 29
        }
        for name in typeNames + featureNames { for byte in name.utf8 { add(UInt64(byte)) } }
        for row in values.indices {
            add(UInt64(types[row]))
            add(values[row].bitPattern)
            if isBound[row] { add(1) }
            for column in features { add(column[row].isNaN ? 0 : column[row].bitPattern) }
        }
        return hash
    }

    /// The rows in which each type occurs, oldest first.
    var rowsByType: [[Int]] {
        var rows = [[Int]](repeating: [], count: typeNames.count)
        for (row, type) in types.enumerated() { rows[type].append(row) }
        return rows
    }

    /// The given rows only, in the given order.
    public func selecting(_ rows: [Int]) -> TaskSamples {
        var result = self
        result.types = rows.map { types[$0] }
        result.values = rows.map { values[$0] }
        result.isBound = rows.map { isBound[$0] }
        result.times = rows.map { times[$0] }
        result.machines = rows.map { machines[$0] }
        result.instanceTypes = rows.map { instanceTypes[$0] }
        result.seconds = rows.map { seconds[$0] }
        result.features = features.map { column in rows.map { column[$0] } }
        return result
    }

    /// The rows of every type between two shares of its history, for instance from 0.3 to 0.4.
    ///
    /// Types with fewer than `minimumRows` rows are left out.
    public func inTime(from start: Double, to end: Double, minimumRows: Int = 1) -> TaskSamples {
        selecting(
            rowsByType.filter { $0.count >= max(1, minimumRows) }.flatMap { rows in
                rows[Int(start * Double(rows.count))..<Int(end * Double(rows.count))]
            }.sorted())
    }

    /// The samples with what is to be expected of killed runs in place of their bounds, by type and size.
    func completed() -> TaskSamples {
        guard isBound.contains(true) else { return self }
        var result = self
        for rows in rowsByType {
            let logarithms = Prediction.completed(
                rows.map { log(values[$0]) }, isBound: rows.map { isBound[$0] },
                sizes: rows.map { features.first?[$0] ?? .nan })
            for (row, logarithm) in zip(rows, logarithms) where isBound[row] { result.values[row] = exp(logarithm) }
        }
        return result
    }

    /// Splits every type in time: the first `share` of its rows to learn from, the rest to be judged by.
    ///
    /// Types with fewer than `minimumRows` rows are in neither part.
    public func splitInTime(share: Double, minimumRows: Int = 1) -> (training: TaskSamples, test: TaskSamples) {
        var (training, test): ([Int], [Int]) = ([], [])
        for rows in rowsByType where rows.count >= max(1, minimumRows) {
            let cut = Int(share * Double(rows.count))
            training += rows[..<cut]
            test += rows[cut...]
        }
        return (selecting(training.sorted()), selecting(test.sorted()))
    }
}
