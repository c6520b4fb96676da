import Reading
import Workloads

extension WorkflowDocument {
    /// The tasks as a graph. Every edge counts once, whether it stands in `parents`, in `children` or in both.
    func graph() throws(TraceError) -> TaskGraph {
        let names = uniqueNames()
        var parents: [[TaskID]] = tasks.map { _ in [] }
        for (index, task) in tasks.enumerated() {
            for parent in task.parents {
                // One that is nowhere goes into the graph as it is, which finds the nearest name.
                parents[index].append(TaskID(self.index(of: parent, names).map { tasks[$0].id } ?? parent))
            }
        }
        for task in tasks {
            for child in task.children {
                guard let index = index(of: child, names) else {
                    throw malformed(
                        0, found: "the child \(TraceError.quote(child.utf8)) of \(TraceError.quote(task.id.utf8))",
                        expected: "the id of a task")
                }
                parents[index].append(TaskID(task.id))
            }
        }
        let specs = tasks.indices.map { spec(tasks[$0], parents: parents[$0]) }
        do {
            return try TaskGraph(specs)
        } catch {
            throw .malformed(
                at: TextPosition(file: file), found: "tasks that are no graph (\(error))",
                expected: "unique ids, parents that exist and no cycle", remedy: "Correct the file, or export it again."
            )
        }
    }

    private func spec(_ task: WorkflowTask, parents: [TaskID]) -> TaskSpec {
        let measures = measures[task.id]
        var seen: Set<TaskID> = []
        return TaskSpec(
            id: TaskID(task.id), type: task.category ?? WorkflowInstance.taskType(ofName: task.name),
            predecessors: parents.filter { seen.insert($0).inserted },
            request: ResourceRequest(cpus: measures?.cores ?? 1), inputs: files(task.inputs),
            outputs: files(task.outputs), priority: measures?.priority.flatMap { Int(exactly: $0) } ?? 0)
    }

    /// What was measured of the tasks of the graph.
    func recorded(_ graph: TaskGraph) -> Recorded {
        Recorded(
            seconds: graph.tasks.map { measures[$0.id.rawValue]?.validRuntime },
            peakMemoryBytes: graph.tasks.map { measures[$0.id.rawValue]?.validMemory })
    }

    private func files(_ ids: [String]) -> [FileSpec] {
        ids.map { FileSpec(path: $0, sizeBytes: fileSizes[$0].flatMap { $0 >= 0 ? $0 : nil }) }
    }

    /// Older schemas name parents by name. A name that several tasks have refers to none.
    private func uniqueNames() -> [String: Int] {
        var names: [String: Int] = [:]
        var ambiguous: Set<String> = []
        for (index, task) in tasks.enumerated() where names.updateValue(index, forKey: task.name) != nil {
            ambiguous.insert(task.name)
        }
        return names.filter { !ambiguous.contains($0.key) }
    }

    private func index(of reference: String, _ names: [String: Int]) -> Int? {
        taskIndexes[reference] ?? names[reference]
    }

    /// The measures as rows, and what is odd about them.
    func executions(_ graph: TaskGraph) -> (table: ExecutionTable, report: ImportReport) {
        var report = ImportReport(file: file, format: "wfformat")
        var table = ExecutionTable()
        let job = fileStem(file)
        for task in graph.tasks {
            report.rowsRead += 1
            guard let measures = measures[task.id.rawValue] else {
                report.skip("never executed", line: 0, example: task.id.rawValue)
                continue
            }
            guard let runtime = measures.validRuntime else {
                report.skip(
                    measures.runtime == nil ? "no run time" : "negative run time", line: measures.line,
                    example: task.id.rawValue)
                continue
            }
            var record = AttemptRecord()
            record.workflow = name
            record.job = job
            record.task = task.id.rawValue
            record.taskType = task.type
            record.attempt = 1
            record.machine = measures.machine ?? (machines.count == 1 ? machines[0].name : nil)
            record.runtimeSeconds = runtime
            record.cpus = measures.cores
            record.cpuSeconds = measures.cpuPercent.map { $0 / 100 * runtime }
            record.peakMemoryBytes = measures.validMemory
            record.inputBytes = task.inputBytes
            record.outputBytes = task.outputBytes
            record.readBytes = measures.read
            record.writtenBytes = measures.written
            record.status = .completed
            table.append(record)
            report.rowsStored += 1
        }
        report.warnings = warnings(graph)
        return (table, report)
    }

    private func warnings(_ graph: TaskGraph) -> [String] {
        var warnings: [String] = []
        let unknown = measures.keys.filter { taskIndexes[$0] == nil }
        if let first = unknown.min() {
            warnings.append(
                "\(unknown.count) executions belong to no task, for instance \(TraceError.quote(first.utf8)).")
        }
        if hasUnitlessSizes {
            warnings.append(
                "Schema \(schemaVersion): 'size', 'memory', 'bytesRead' or 'bytesWritten' state no unit and are taken as "
                    + "bytes; files of schemas before 1.4 often mean kB.")
        }
        let memory = measures.values.compactMap(\.validMemory).filter { $0 > 0 }.sorted()
        if let most = memory.last, memory.count >= 3, memory[memory.count / 2] < 1e6 {
            warnings.append(
                "The median peak memory is \(Int(memory[memory.count / 2])) bytes, the largest \(Int(min(most, 1e15))): "
                    + "these look like kB. They are kept as they are.")
        }
        let ratios = graph.tasks.compactMap { task -> Double? in
            guard let read = measures[task.id.rawValue]?.read, let input = task.inputBytes, input > 0, read > 0 else {
                return nil
            }
            return read / input
        }.sorted()
        if ratios.count >= 3, ratios[ratios.count / 2] > 300 {
            warnings.append(
                "Tasks read \(Int(min(ratios[ratios.count / 2], 1e15))) times the size of their input files (median): "
                    + "the sizes look like kB. They are kept as they are.")
        }
        let short = measures.values.count { $0.runtime == 0 }
        if short > 0 { warnings.append("\(short) tasks have a run time of 0: too short to be measured.") }
        return warnings
    }
}

extension WorkflowMeasures {
    /// Seconds, at least 0.
    var validRuntime: Double? { runtime.flatMap { $0 >= 0 ? $0 : nil } }
    /// Bytes, at least 0.
    var validMemory: Double? { memory.flatMap { $0 >= 0 ? $0 : nil } }
}
