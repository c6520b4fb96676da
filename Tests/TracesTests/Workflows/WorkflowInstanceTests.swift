import Foundation
import LinearAlgebra
import Reading
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Workflow instances") struct WorkflowInstanceTests {
    static let current = """
        {"name": "demo", "schemaVersion": "1.5", "runtimeSystem": {"name": "Pegasus", "version": "5.0"},
         "author": {"name": "x"},
         "workflow": {
          "specification": {
           "tasks": [
            {"name": "split_ID0000001", "id": "split_ID0000001", "parents": [], "children": ["sort_ID0000002"],
             "inputFiles": ["in.txt"], "outputFiles": ["a", "b"]},
            {"name": "sort_ID0000002", "id": "sort_ID0000002", "parents": ["split_ID0000001"],
             "children": ["join_ID0000004"], "inputFiles": ["a"], "outputFiles": ["c"]},
            {"name": "sort_ID0000003", "id": "sort_ID0000003", "parents": ["split_ID0000001"], "children": [],
             "inputFiles": ["b", "unknown"], "outputFiles": []},
            {"name": "join_ID0000004", "id": "join_ID0000004",
             "parents": ["sort_ID0000002", "sort_ID0000003"], "children": []}
           ],
           "files": [{"id": "in.txt", "sizeInBytes": 3000000}, {"id": "a", "sizeInBytes": 1000000},
                     {"id": "b", "sizeInBytes": 2.0e6}, {"id": "c", "sizeInBytes": 1000000}]},
          "execution": {
           "makespanInSeconds": 12.5, "executedAt": "20200401T035043+0000",
           "tasks": [
            {"id": "split_ID0000001", "runtimeInSeconds": 2.5, "command": {"program": "split", "arguments": ["-x"]},
             "avgCPU": 150.0, "memoryInBytes": 9000000, "readBytes": 3000000, "writtenBytes": 3000000, "coreCount": 2,
             "priority": 10, "machines": ["node1"]},
            {"id": "sort_ID0000002", "runtimeInSeconds": 4},
            {"id": "sort_ID0000003", "runtimeInSeconds": 0},
            {"id": "join_ID0000004", "runtimeInSeconds": 1e0, "memoryInBytes": null}
           ],
           "machines": [{"nodeName": "node1", "memoryInBytes": 1e9, "cpu": {"coreCount": 48, "speedInMHz": 1200}}]}}}
        """

    /// The same in the manner of schema 1.2: jobs, parents by name, linked files, fields without units.
    static let old = """
        {"name": "demo", "schemaVersion": "1.2", "wms": {"name": "Pegasus"},
         "workflow": {"makespan": 12.5, "executedAt": "2020-04-01T03:50:43+00:00",
          "machines": [{"nodeName": "node1", "memory": 1000000, "cpu": {"count": 48, "speed": 1200}}],
          "jobs": [
            {"name": "split_ID0000001", "type": "compute", "runtime": 2.5, "avgCPU": 150.0, "memory": 9000000,
             "bytesRead": 3000000, "bytesWritten": 3000000, "cores": 2, "machine": "node1", "priority": 10,
             "parents": [], "files": [{"link": "input", "name": "in.txt", "size": 3000000},
              {"link": "output", "name": "a", "size": 1000000}, {"link": "output", "name": "b", "size": 2000000}]},
            {"name": "sort_ID0000002", "runtime": 4, "parents": ["split_ID0000001"],
             "files": [{"link": "input", "name": "a", "size": 1000000}, {"link": "output", "name": "c", "size": 1000000}]},
            {"name": "sort_ID0000003", "runtime": 0, "parents": ["split_ID0000001"],
             "files": [{"link": "input", "name": "b", "size": 2000000}, {"link": "input", "name": "unknown"}]},
            {"name": "join_ID0000004", "runtime": 1, "parents": ["sort_ID0000002", "sort_ID0000003"], "files": []}]}}
        """

    func read(_ text: String) throws -> WorkflowInstance {
        try WorkflowInstance.read(try ByteSource(bytes: Array(text.utf8), name: "runs/demo-001.json"))
    }

    @Test("tasks, order, files, machines and measures of schema 1.5")
    func currentSchema() throws {
        let instance = try read(Self.current)
        #expect(instance.name == "demo" && instance.runtimeSystem == "Pegasus" && instance.schemaVersion == "1.5")
        #expect(instance.makespanSeconds == 12.5 && instance.executedAt == 1_585_713_043)
        #expect(instance.machines.map(\.cpus) == [48] && instance.machines[0].clockMegahertz == 1200)
        let graph = instance.graph
        #expect(graph.count == 4 && graph.edgeCount == 4 && graph.roots == [0] && graph.leaves == [3])
        #expect(graph.tasks.map(\.type) == ["split", "sort", "sort", "join"])
        #expect(graph.tasks.map(\.inputBytes) == [3e6, 1e6, nil, nil])
        #expect(graph.tasks[0].request.cpus == 2 && graph.tasks[0].priority == 10)
        #expect(instance.recorded.seconds == [2.5, 4, 0, 1] && instance.recorded.peakMemoryBytes[0] == 9e6)
        #expect(graph.tasks.allSatisfy { $0.claimedSeconds == nil && $0.claimedPeakMemoryBytes == nil })
        #expect(instance.recorded.claimed(by: graph).tasks.map(\.claimedSeconds) == [2.5, 4, 0, 1])
        let row = instance.executions[0]
        #expect(row.workflow == "demo" && row.job == "demo-001" && row.task == "split_ID0000001")
        #expect(row.taskType == "split" && row.machine == "node1" && row.status == .completed)
        #expect(row.runtimeSeconds == 2.5 && row.cpuSeconds == 3.75 && row.peakMemoryBytes == 9e6 && row.cpus == 2)
        #expect(row.inputBytes == 3e6 && row.outputBytes == 3e6 && row.readBytes == 3e6 && row.writtenBytes == 3e6)
        #expect(instance.executions[3].peakMemoryBytes == nil && instance.executions[3].cpuSeconds == nil)
        #expect(instance.report.rowsRead == 4 && instance.report.rowsStored == 4)
        #expect(instance.report.warnings == ["1 tasks have a run time of 0: too short to be measured."])
    }

    @Test("an old schema gives the same graph and rows, and a warning about its units")
    func oldSchema() throws {
        let (old, current) = (try read(Self.old), try read(Self.current))
        #expect(old.graph == current.graph)
        #expect(old.executions == current.executions)
        #expect(old.machines.map(\.cpus) == current.machines.map(\.cpus) && old.executedAt == current.executedAt)
        #expect(old.report.warnings.contains { $0.contains("state no unit") })
    }

    @Test(
        "the spellings of times that occur",
        arguments: [
            ("2020-12-20T07:34:37+00:00", 1_608_449_677), ("20201220T073437+0000", 1_608_449_677),
            ("12-20-20T07:34:37Z", 1_608_449_677), ("2020-12-20T07:34:37-10:00", 1_608_485_677), ("soon", nil),
            ("", nil),
        ] as [(String, Double?)])
    func times(text: String, seconds: Double?) throws {
        #expect(try read("{\"workflow\": {\"executedAt\": \"\(text)\", \"tasks\": []}}").executedAt == seconds)
    }

    @Test("parents by name, where ids are others")
    func parentsByName() throws {
        let instance = try read(
            """
            {"schemaVersion": "1.3", "workflow": {"tasks": [
             {"name": "a_1", "id": "ID1", "runtime": 1, "children": ["b_1"]},
             {"name": "b_1", "id": "ID2", "runtime": 1, "parents": ["a_1"]}]}}
            """)
        #expect(instance.graph.tasks.map(\.id) == ["ID1", "ID2"] && instance.graph.edgeCount == 1)
        #expect(instance.name == "demo-001")
    }

    @Test(
        "what is no graph is refused with the reason",
        arguments: [
            (["\"parents\": []": "\"parents\": [\"join_ID0000004\"]"], "wait for one another"),
            (
                ["\"id\": \"sort_ID0000003\", \"parents\"": "\"id\": \"sort_ID0000002\", \"parents\""],
                ":9: found a second task"
            ),
            (
                ["\"parents\": [\"split_ID0000001\"]": "\"parents\": [\"splat_ID0000001\"]"],
                "Did you mean 'split_ID0000001'?"
            ),
            (["\"children\": [\"sort_ID0000002\"]": "\"children\": [\"gone\"]"], "the child 'gone'"),
            (
                ["{\"id\": \"sort_ID0000003\", \"run": "{\"id\": \"sort_ID0000002\", \"run"],
                ":23: found a second execution"
            ),
            (["\"workflow\"": "\"werkflow\""], "without \"workflow\""),
            (["\"runtimeInSeconds\": 4": "\"runtimeInSeconds\": \"4\""], ":23:50: found"),
            (["\"id\": \"in.txt\",": "\"id\": \"in.txt\", \"id\": \"in.txt\","], "twice"),
        ])
    func refused(change: [String: String], part: String) throws {
        var text = Self.current
        for (old, new) in change {
            let range = try #require(text.range(of: old))
            text.replaceSubrange(range, with: new)
        }
        let error = #expect(throws: TraceError.self) { try read(text) }
        #expect(error.map { "\($0)".contains(part) } == true, "\(String(describing: error))")
    }

    @Test("tasks without or with a negative run time are counted, not invented")
    func skippedRows() throws {
        let instance = try read(
            """
            {"workflow": {"specification": {"tasks": [{"name": "a", "id": "a"}, {"name": "b", "id": "b"},
             {"name": "c", "id": "c"}]}, "execution": {"tasks": [{"id": "b", "runtimeInSeconds": -1}, {"id": "c"},
             {"id": "z", "runtimeInSeconds": 1}]}}}
            """)
        #expect(instance.graph.count == 3 && instance.executions.rowCount == 0)
        #expect(instance.report.reasons.map(\.reason) == ["never executed", "negative run time", "no run time"])
        #expect(instance.report.warnings == ["1 executions belong to no task, for instance 'z'."])
    }

    @Test(
        "a type is a name without its serial",
        arguments: [
            ("individuals_ID0000004", "individuals"), ("bwa_4", "bwa"), ("cpuhog_chain_00000001", "cpuhog_chain"),
            ("FASTP", "FASTP"), ("chr21_ID12", "chr21"), ("step2", "step2"), ("_7", "_7"), ("ID7", "ID7"), ("7", "7"),
            ("", ""),
        ])
    func types(name: String, type: String) {
        #expect(WorkflowInstance.taskType(ofName: name) == type)
    }

    @Test("damaged files give a graph or an error", arguments: UInt64(0)..<4)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 20)
        for round in 0..<750 {
            let text = round % 2 == 0 ? Self.current : Self.old
            let bytes = ByteMutations.apply(&generator, to: Array(text.utf8))
            guard let instance = try? WorkflowInstance.read(try ByteSource(bytes: bytes, name: "test")) else {
                continue
            }
            #expect(instance.report.rowsRead == instance.graph.count)
            #expect(instance.report.rowsStored == instance.executions.rowCount)
            #expect(instance.report.rowsSkipped == instance.report.reasons.reduce(0) { $0 + $1.rows })
        }
    }
}

@Suite("Recorded workflows", SharedData.isNeeded)
struct RecordedWorkflowTests {
    @Test("every recorded workflow agrees with the manifest")
    func manifest() async throws {
        let lines = try String(contentsOfFile: SharedData.path("workflows/manifest.csv"), encoding: .utf8)
            .split(whereSeparator: \.isNewline).map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
        let column = Dictionary(uniqueKeysWithValues: lines[0].enumerated().map { ($1, $0) })
        #expect(lines.count == 76)
        await withTaskGroup { group in
            for fields in lines.dropFirst() { group.addTask { check(fields, column) } }
        }
    }

    private func check(_ fields: [String], _ column: [String: Int]) {
        func expected(_ name: String) -> Double { Double(fields[column[name] ?? 0]) ?? .nan }
        let file = fields[0]
        do {
            let instance = try WorkflowInstance.read(SharedData.path("workflows/\(file)"))
            let graph = instance.graph
            let runtimes = instance.recorded.seconds.map { $0 ?? .nan }
            #expect(Double(graph.count) == expected("tasks"), "\(file)")
            #expect(Double(graph.edgeCount) == expected("edges"), "\(file)")
            #expect(Double(graph.roots.count) == expected("roots"), "\(file)")
            #expect(Double((graph.levels.max() ?? -1) + 1) == expected("levels"), "\(file)")
            #expect(Double(Set(graph.tasks.map(\.type)).count) == expected("task_types"), "\(file)")
            #expect(abs(runtimes.reduce(0, +) - expected("sum_runtime_s")) <= 0.051, "\(file)")
            #expect(
                abs(CriticalPath(graph, durations: runtimes).seconds - expected("critical_path_s")) <= 0.051, "\(file)")
            #expect(Double(runtimes.count { $0 == 0 }) == expected("zero_runtime_tasks"), "\(file)")
            #expect(Double(instance.machines.count) == expected("machines"), "\(file)")
            #expect(abs((instance.makespanSeconds ?? .nan) - expected("makespan_s")) <= 0.051, "\(file)")
            for (name, values) in [
                ("n_memoryInBytes", instance.executions.numbers(.peakMemory)),
                ("n_readBytes", instance.executions.numbers(.readBytes)),
                ("n_writtenBytes", instance.executions.numbers(.writtenBytes)),
                ("n_avgCPU", instance.executions.numbers(.cpuSeconds)),
                ("n_coreCount", instance.executions.numbers(.cpus)),
            ] {
                #expect(Double(values.count { !$0.isNaN }) == expected(name), "\(file) \(name)")
            }
            #expect(instance.executions.rowCount == graph.count && instance.executedAt != nil)
            if file.contains("helloworld") {
                #expect(instance.report.warnings.contains { $0.contains("look like kB") })
            }
            if file.contains("bwa") { #expect(instance.report.warnings.contains { $0.contains("sizes look like kB") }) }
        } catch {
            Issue.record("\(error)")
        }
    }
}
