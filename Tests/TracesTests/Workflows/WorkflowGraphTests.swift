import Foundation
import LinearAlgebra
import Reading
import TestSupport
import Testing
import Traces
import Workloads

@Suite("Workflow graphs of other tools") struct WorkflowGraphTests {
    private func edges(_ graph: TaskGraph) -> Set<String> {
        Set(graph.tasks.flatMap { task in task.predecessors.map { "\($0) \(task.id)" } })
    }

    private func read(_ text: String, as format: WorkflowGraph.Format? = nil) throws -> WorkflowGraph {
        let bytes = Array(text.utf8)
        return try WorkflowGraph.read(
            ByteSource(bytes: bytes, name: "x"), as: format ?? #require(WorkflowGraph.recognise(bytes)))
    }

    @Test("Nextflow's channels and operators are no tasks", arguments: ["nextflow.dot", "nextflow.mmd"])
    func nextflow(file: String) throws {
        let workflow = try WorkflowGraph.read(Fixtures.path("graphs/" + file))
        let names = workflow.graph.tasks.map { $0.id.rawValue.replacing("RNASEQ:", with: "") }
        #expect(Set(names) == ["INDEX", "FASTQC", "QUANT", "MULTIQC"])
        let found = edges(workflow.graph).map { $0.replacing("RNASEQ:", with: "") }
        #expect(Set(found) == ["INDEX QUANT", "QUANT MULTIQC", "FASTQC MULTIQC"])
    }

    @Test(
        "Snakemake's rules, in each of its formats",
        arguments: ["snakemake-rulegraph.dot", "snakemake-filegraph.dot"])
    func rules(file: String) throws {
        let workflow = try WorkflowGraph.read(Fixtures.path("graphs/" + file))
        #expect(
            edges(workflow.graph)
                == ["trim align", "align call", "call plot", "call report", "plot report", "report all"])
    }

    @Test("Snakemake's jobs: wildcards are parameters, both formats say the same")
    func jobs() throws {
        let dot = try WorkflowGraph.read(Fixtures.path("graphs/snakemake-dag.dot"))
        let d3 = try WorkflowGraph.read(Fixtures.path("graphs/snakemake-d3dag.json"))
        #expect(dot.format == .dot && d3.format == .d3dag)
        #expect(dot.graph["trim-A"]?.parameters == ["sample": "A"] && dot.graph["trim-A"]?.type == "trim")
        #expect(dot.graph.tasks.map(\.type) == d3.graph.tasks.map(\.type))
        #expect(dot.graph.edgeCount == 8 && d3.graph.edgeCount == 8 && dot.graph.levels == d3.graph.levels)
    }

    @Test("Galaxy: tools by their short names, data inputs left out")
    func galaxy() throws {
        let workflow = try WorkflowGraph.read(Fixtures.path("graphs/galaxy.ga"))
        #expect(workflow.name == "Small variant calling")
        #expect(edges(workflow.graph) == ["fastp Map", "Map Call", "fastp multiqc", "Call multiqc"])
        #expect(workflow.graph["Map"]?.type == "bwa_mem")
    }

    @Test("packed CWL: the main workflow, edges by the outputs of steps")
    func cwl() throws {
        let workflow = try WorkflowGraph.read(Fixtures.path("graphs/packed.cwl.json"))
        #expect(workflow.format == .cwl)
        #expect(edges(workflow.graph) == ["trim align", "align call"])
        #expect(workflow.graph["align"]?.type == "align.cwl" && workflow.graph.count == 4)
    }

    @Test("dot as people write it")
    func dot() throws {
        let graph = try WorkflowGraph.read(Fixtures.path("graphs/plain.dot")).graph
        #expect(
            edges(graph)
                == ["get data sort", "get data count", "sort put together", "count put together", "sort Mail it"])
    }

    @Test("Mermaid as people write it")
    func mermaid() throws {
        let graph = try read(
            """
            ---
            title: a chart
            ---
            %% a remark
            flowchart LR
              a[Get data] --> b(Sort) & c{{Count}} ; b -->|sorted| d
              c -- counted --> d["Put: together"]:::big
              subgraph later [Later on]
                d -.-> e
              end
              classDef big fill:#f9f
            """
        ).graph
        #expect(
            edges(graph)
                == ["Get data Sort", "Get data Count", "Sort Put: together", "Count Put: together", "Put: together e"])
    }

    @Test("CWL that is not packed, with maps in the place of lists")
    func mapped() throws {
        let graph = try read(
            """
            {"cwlVersion": "v1.2", "class": "Workflow", "inputs": {"x": "File"}, "outputs": {},
             "steps": {"one": {"run": "one.cwl", "in": {"a": "x"}, "out": ["b"]},
                       "two": {"run": "two.cwl", "in": {"a": {"source": ["one/b", "x"]}}, "out": []}}}
            """
        ).graph
        #expect(edges(graph) == ["one two"])
    }

    @Test("two tasks with one name are told apart")
    func names() throws {
        let graph = try read("digraph { 1 [label=a]; 2 [label=a]; 3 [label=\"a-1\"]; 1 -> 2 -> 3 }").graph
        #expect(Set(graph.tasks.map(\.id)).count == 3 && graph.edgeCount == 2)
    }

    @Test(
        "says where and what is wrong",
        arguments: [
            ("digraph { a -> b\n b -> a }", "x:2:4", "wait for one another"),
            ("digraph { a -> a }", "x:1:13", "waits for itself"),
            ("digraph { a -> b", "x:1:17", "end of the file"),
            ("digraph {\n a -- b }", "x:2:4", "'--"),
            ("graph { a -- b }", "x:1:1", "expected 'digraph'"),
            ("digraph { a [label=\"x }", "x:1:20", "ends in '\"'"),
            ("digraph { a [label=] }", "x:1:20", "a value of 'label'"),
            ("digraph { }", "x:", "no task"),
            ("digraph { a } b", "x:1:15", "after the graph"),
            ("digraph { a -> }", "x:1:16", "a node"),
            ("digraph { /* a }", "x:1:11", "ends in '*/'"),
            ("flowchart TB\n a --> b\n b --> a", "x:3:4", "wait for one another"),
            ("flowchart TB\n a --- b", "x:2:4", "an arrow with a head"),
            ("flowchart TB\n a[x --> b", "x:2:4", "closed as it was opened"),
            ("flowchart TB\n subgraph s\n a --> b", "x:3", "'end' of the subgraph 's'"),
            ("flowchart TB\n end", "x:2:2", "no subgraph is open"),
            ("flowchart TB\n a -->", "x:2:7", "the name of a node"),
            ("{\"nodes\": [{\"id\": 1}],\n \"edges\": [{\"u\": 1, \"v\": 2}]}", "x:2", "an edge to '2'"),
            ("{\"nodes\": [{\"id\": 1}, {\"id\": 1}], \"edges\": []}", "x:1", "a second node '1'"),
            ("{\"nodes\": [{\"id\": 1}], \"edges\": [{\"u\": 1}]}", "x:1", "without two ends"),
            (
                "{\"a_galaxy_workflow\": \"true\", \"steps\": {\n\"0\": {\"id\": 0, \"input_connections\": {\"i\": {\"id\": 7}}}}}",
                "x:2", "a connection from step '7'"
            ),
            ("{\"cwlVersion\": \"v1.2\", \"class\": \"CommandLineTool\"}", "x:1", "expected a 'Workflow'"),
            (
                "{\"cwlVersion\": \"v1.2\", \"class\": \"Workflow\", \"inputs\": [],\n"
                    + "\"steps\": [{\"id\": \"a\", \"in\": [{\"id\": \"i\", \"source\": \"nowhere\"}], \"out\": []}]}",
                "x:2", "the source 'nowhere'"
            ),
            (
                "{\"$graph\": [{\"class\": \"Workflow\", \"id\": \"#a\"}, {\"class\": \"Workflow\", \"id\": \"#b\"}]}",
                "x:1", "2 workflows"
            ),
            ("{\"nodes\": [", "x:1", "end"),
        ])
    func refuses(text: String, place: String, what: String) throws {
        let error = #expect(throws: TraceError.self) { try read(text) }
        let message = "\(try #require(error))"
        #expect(message.hasPrefix(place) && message.contains(what), "\(message)")
    }

    @Test(
        "what is no graph is not taken for one",
        arguments: ["id,start\n1,2\n", "name: job\n", "{\"a\": 1}", "", "sequenceDiagram"])
    func unknown(text: String) { #expect(WorkflowGraph.recognise(Array(text.utf8)) == nil) }

    @Test(
        "damage is an error or a graph, never a crash",
        arguments: [
            "nextflow.dot", "nextflow.mmd", "snakemake-dag.dot", "snakemake-filegraph.dot", "snakemake-d3dag.json",
            "galaxy.ga", "packed.cwl.json", "plain.dot",
        ])
    func fuzz(file: String) throws {
        let bytes = Array(try Data(contentsOf: URL(filePath: Fixtures.path("graphs/" + file))))
        let format = try #require(WorkflowGraph.recognise(bytes))
        for seed in UInt64(0)..<1500 {
            var generator = SeededGenerator(seed: seed)
            let damaged = ByteMutations.apply(&generator, to: bytes)
            do {
                let graph = try WorkflowGraph.read(ByteSource(bytes: damaged, name: "x"), as: format).graph
                #expect(graph.topologicalOrder.count == graph.count)
            } catch { #expect(!"\(error)".isEmpty) }
        }
    }

    @Test("a hundred thousand nodes, and blocks as deep as they may be", .timeLimit(.minutes(1)))
    func large() throws {
        let lines = (1..<100_000).map { "n\($0 - 1) -> n\($0);" }.joined(separator: "\n")
        #expect(try read("digraph {\n\(lines)\n}").graph.edgeCount == 99_999)
        let deep = String(repeating: "{", count: 5000)
        #expect(throws: TraceError.self) { try read("digraph { a -> \(deep)") }
    }
}
