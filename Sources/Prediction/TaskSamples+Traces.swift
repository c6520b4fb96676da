public import Traces
public import Workloads

extension TaskSamples {
    /// The successful runs of a trace that recorded the target, oldest first.
    ///
    /// Features are what is known before a task starts: `size_bytes` (the size of its inputs; where that was not
    /// recorded, the bytes that it read), `cpus`, `requested_memory_bytes`, and every numeric `param.` column.
    ///
    /// - Throws: ``PredictionError/noRows(_:)`` if there is no such run.
    public init(_ table: ExecutionTable, target: TaskTarget) throws(PredictionError) {
        let status = table.texts(.status)
        let types = table.texts(.taskType)
        let observed = table.numbers(target.column)
        let times = TaskSamples.times(table)
        let machines = table.texts(.machine)
        var rows = (0..<table.rowCount).filter { row in
            let word = status.codes[row] < 0 ? nil : status[row]
            let succeeded = word == nil || word == "completed" || word == "cached"
            return succeeded && types.codes[row] >= 0 && observed[row] > 0 && observed[row].isFinite
        }
        // Rows without a time keep their place in the file, after those with one.
        rows.sort { (times[$0].isNaN ? .infinity : times[$0], $0) < (times[$1].isNaN ? .infinity : times[$1], $1) }

        var names: [Int32: Int] = [:]
        var typeNames: [String] = []
        let codes = rows.map { row -> Int in
            if let code = names[types.codes[row]] { return code }
            names[types.codes[row]] = typeNames.count
            typeNames.append(types[row] ?? "")
            return typeNames.count - 1
        }
        let seconds = table.numbers(.runtime)
        let (inputs, reads) = (table.numbers(.inputBytes), table.numbers(.readBytes))
        var columns: [(name: String, values: [Double])] = [
            (TaskFeatures.size, rows.map { inputs[$0].isNaN ? reads[$0] : inputs[$0] })
        ]
        for (name, column) in [(TaskFeatures.cpus, ExecutionColumn.cpus), (TaskFeatures.memory, .requestedMemory)]
        where table.has(column) {
            let values = table.numbers(column)
            columns.append((name, rows.map { values[$0] }))
        }
        for parameter in table.parameters.sorted(by: { $0.name < $1.name })
        where !TaskFeatures.measured.contains(parameter.name) && !TaskFeatures.owners.contains(parameter.name) {
            guard case .numbers(let values) = parameter.values else { continue }
            columns.append((TaskFeatures.parameterPrefix + parameter.name, rows.map { values[$0] }))
        }
        try self.init(
            target: target, typeNames: typeNames, featureNames: columns.map(\.name), types: codes,
            features: columns.map(\.values), values: rows.map { observed[$0] }, times: rows.map { times[$0] },
            machines: rows.map { machines[$0] }, seconds: rows.map { seconds[$0] })
    }

    /// When each row was submitted; where that is not known, when it started or ended.
    private static func times(_ table: ExecutionTable) -> [Double] {
        let columns = [table.numbers(.submitTime), table.numbers(.startTime), table.numbers(.endTime)]
        return (0..<table.rowCount).map { row in columns.first { !$0[row].isNaN }?[row] ?? .nan }
    }
}

/// The features that a task model knows by name.
public enum TaskFeatures {
    static let size = "size_bytes"
    static let cpus = "cpus"
    static let memory = "requested_memory_bytes"
    static let parameterPrefix = "param."
    /// Parameters of imported traces that are results of the run: a model must not see them.
    static let measured: Set<String> = ["rss_bytes"]
    /// Parameters of imported traces that say who ran a task and where: their numbers are names.
    static let owners: Set<String> = ["user", "account", "partition", "array"]

    /// The features of a planned task, in the order of `names`; NaN where the task does not say.
    public static func values(of task: TaskSpec, names: [String]) -> [Double] {
        names.map { name in
            switch name {
            case size: return task.inputBytes ?? .nan
            case cpus: return task.request.cpus
            case memory: return task.request.memoryBytes > 0 ? task.request.memoryBytes : .nan
            default:
                guard name.hasPrefix(parameterPrefix) else { return .nan }
                return task.parameters[String(name.dropFirst(parameterPrefix.count))].flatMap(Double.init) ?? .nan
            }
        }
    }
}
