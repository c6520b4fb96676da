public import Traces
public import Workloads

extension TaskSamples {
    /// What the runs of a trace say of the target (``ObservedNeeds``), oldest first.
    ///
    /// Features are what is known before a task starts: `input_bytes`, `cpus`, `requested_memory_bytes`, and every numeric
    /// `param.` column.
    ///
    /// - Parameter hindsight: Let `read_bytes` go before them, which is measured during the run: for comparison with what
    ///   others publish, no plan can know it.
    /// - Throws: ``PredictionError/noRows(_:)`` if there is no such run.
    public init(_ table: ExecutionTable, target: TaskTarget, hindsight: Bool = false) throws(PredictionError) {
        try self.init(table, target: target, needs: ObservedNeeds(table, target: target), hindsight: hindsight)
    }

    package init(
        _ table: ExecutionTable, target: TaskTarget, needs: ObservedNeeds, hindsight: Bool = false
    ) throws(PredictionError) {
        let types = table.texts(.taskType)
        let (machines, instanceTypes) = (table.texts(.machine), table.texts(.instanceType))
        let rows = needs.rows

        var names: [Int32: Int] = [:]
        var typeNames: [String] = []
        let codes = rows.map { row -> Int in
            if let code = names[types.codes[row]] { return code }
            names[types.codes[row]] = typeNames.count
            typeNames.append(types[row] ?? "")
            return typeNames.count - 1
        }
        let seconds = table.numbers(.runtime)
        let times = [table.numbers(.submitTime), table.numbers(.startTime), table.numbers(.endTime)]
        var columns: [(name: String, values: [Double])] = []
        let features: [(name: String, column: AttemptColumn)] =
            (hindsight ? [(TaskFeatures.read, .readBytes)] : []) + [
                (TaskFeatures.size, .inputBytes), (TaskFeatures.cpus, .cpus), (TaskFeatures.memory, .requestedMemory),
            ]
        for (name, column) in features where (column == .inputBytes && !hindsight) || table.has(column) {
            let values = column == .requestedMemory ? Self.firstRequests(table) : table.numbers(column)
            columns.append((name, rows.map { values[$0] }))
        }
        for parameter in table.parameters.sorted(by: { $0.name < $1.name })
        where !TaskFeatures.measured.contains(parameter.name) && !TaskFeatures.owners.contains(parameter.name) {
            guard case .numbers(let values) = parameter.values else { continue }
            columns.append((TaskFeatures.parameterPrefix + parameter.name, rows.map { values[$0] }))
        }
        try self.init(
            target: target, typeNames: typeNames, featureNames: columns.map(\.name), types: codes,
            features: columns.map(\.values), values: needs.values, isBound: needs.isBound,
            times: rows.map { row in times.first { !$0[row].isNaN }?[row] ?? .nan },
            machines: rows.map { machines[$0] },
            instanceTypes: rows.map { instanceTypes[$0] == InstanceType.localName ? nil : instanceTypes[$0] },
            seconds: rows.map { seconds[$0] })
    }
}

extension TaskSamples {
    /// What the first attempt at the task of each row had requested: later ones had more because the first was killed, so that
    /// their requests tell of the need, which nobody knows before.
    private static func firstRequests(_ table: ExecutionTable) -> [Double] {
        let (requests, attempts) = (table.numbers(.requestedMemory), table.numbers(.attempt))
        guard attempts.contains(where: { $0 > 1 }) else { return requests }
        let (workflows, jobs, tasks) = (
            table.texts(.workflow).codes, table.texts(.job).codes, table.texts(.task).codes
        )
        func key(_ row: Int) -> SIMD3<Int32> { SIMD3(workflows[row], jobs[row], tasks[row]) }
        var first: [SIMD3<Int32>: Int] = [:]
        for row in attempts.indices where tasks[row] >= 0 && !attempts[row].isNaN {
            let key = key(row)
            if let known = first[key], attempts[known] <= attempts[row] { continue }
            first[key] = row
        }
        return requests.indices.map { row in attempts[row] > 1 ? requests[first[key(row)] ?? row] : requests[row] }
    }
}

/// The features that a task model knows by name.
public enum TaskFeatures {
    /// The size of the inputs, declared or found before the task starts.
    package static let size = "input_bytes"
    /// What files of a release before call it, where it could also be what the task read.
    static let oldSize = "size_bytes"
    /// What the task read: measured during the run.
    package static let read = "read_bytes"
    static let cpus = "cpus"
    static let memory = "requested_memory_bytes"
    static let parameterPrefix = "param."
    /// Parameters of imported traces that are results of the run: a model must not see them.
    static let measured: Set<String> = ["rss_bytes", AttemptRecord.nextflowHash]
    /// Parameters of imported traces that say who ran a task and where: their numbers are names.
    static let owners: Set<String> = ["user", "account", "partition", "array"]

    /// The features of a planned task, in the order of `names`; NaN where the task does not say.
    public static func values(of task: TaskSpec, names: [String]) -> [Double] {
        names.map { column($0, of: [task])[0] }
    }

    /// One feature of many planned tasks; NaN where a task does not say.
    static func column(_ name: String, of tasks: [TaskSpec]) -> [Double] {
        switch name {
        // The files alone, because a task is large to copy.
        case size: return tasks.indices.map { tasks[$0].inputs.totalBytes ?? .nan }
        case cpus: return tasks.indices.map { tasks[$0].request.cpus }
        case memory:
            return tasks.indices.map { tasks[$0].request.memoryBytes > 0 ? tasks[$0].request.memoryBytes : .nan }
        default:
            guard name.hasPrefix(parameterPrefix) else { return tasks.indices.map { _ in .nan } }
            let key = String(name.dropFirst(parameterPrefix.count))
            return tasks.indices.map { tasks[$0].parameters[key].flatMap(Double.init) ?? .nan }
        }
    }
}
