internal import Prediction
internal import Traces

/// The successful attempts of a trace that recorded a target and their run time, oldest first, and the same rows as a
/// model learns from them.
struct RunHistory: Sendable {
    let records: [ExecutionRecord]
    let samples: TaskSamples

    /// - Throws: ``PredictionError/noRows(_:)`` if there is none.
    init(_ table: ExecutionTable, target: TaskTarget) throws(PredictionError) {
        try self.init(
            (0..<table.rowCount).lazy.map { table[$0] }.filter { record in
                let succeeded = record.status == nil || record.status == .completed || record.status == .cached
                let value = record[number: target.column] ?? 0
                let seconds = record.runtimeSeconds ?? 0
                return succeeded && record.taskType != nil && value > 0 && value.isFinite && seconds > 0
                    && seconds.isFinite
            }, target: target)
    }

    /// Rows that recorded all that is needed.
    init(_ records: some Sequence<ExecutionRecord>, target: TaskTarget) throws(PredictionError) {
        func time(_ record: ExecutionRecord) -> Double {
            record.submitTimeSeconds ?? record.startTimeSeconds ?? record.endTimeSeconds ?? .infinity
        }
        let sorted = records.enumerated().sorted { (time($0.element), $0.offset) < (time($1.element), $1.offset) }
        self.records = sorted.map(\.element)
        samples = try TaskSamples(ExecutionTable(self.records), target: target)
        precondition(samples.count == self.records.count, "the same rows in the same order")
    }

    /// The rows of each type, oldest first.
    var rowsByType: [(type: String, rows: [Int])] {
        var rows = [[Int]](repeating: [], count: samples.typeNames.count)
        for (row, type) in samples.types.enumerated() { rows[type].append(row) }
        return zip(samples.typeNames, rows).map { (type: $0, rows: $1) }
    }

    /// Splits every type in time: the first `share` of its rows, and the rest.
    func split(share: Double, minimumRows: Int) -> (training: [Int], test: [Int]) {
        var (training, test): ([Int], [Int]) = ([], [])
        for (_, rows) in rowsByType where rows.count >= minimumRows {
            let cut = Int(share * Double(rows.count))
            training += rows[..<cut]
            test += rows[cut...]
        }
        return (training.sorted(), test.sorted())
    }
}
