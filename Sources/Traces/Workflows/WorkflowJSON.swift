import Reading
import Workloads

/// Reads the graphs of workflows that are written in JSON: Snakemake's d3dag, Galaxy's `.ga` and the Common Workflow Language.
///
/// Sources: Snakemake, `--d3dag`; Galaxy, *Workflow format 1* (`.ga`); *Common Workflow Language v1.2*, Workflow.
struct WorkflowJSON {
    private struct Step {
        var key = ""
        var line = 0
        var type: String?
        var tool: String?
        var label: String?
        var name: String?
        /// Where its inputs come from: ids of steps (Galaxy), or of their outputs (CWL).
        var sources: [String] = []
        var outputs: [String] = []
    }

    private struct Workflow {
        var id = ""
        var line = 0
        var kind: String?
        var label: String?
        var steps: [Step]?
        var inputs: Set<String> = []
    }

    private let file: String
    private var root = Workflow()
    private var packed: [Workflow] = []
    private var isPacked = false
    private var isGalaxy = false
    private var isCWL = false
    private var nodes: [Step]?
    private var edges: [(from: String, to: String, line: Int)] = []

    static func read(
        _ source: ByteSource
    ) throws(TraceError) -> (graph: DrawnGraph, name: String, format: WorkflowGraph.Format) {
        var document = WorkflowJSON(file: source.name)
        var reader = try JSONReader(source)
        try reader.readObject { (reader, key) throws(TraceError) in try document.readRoot(&reader, key) }
        try reader.finish()
        if document.isGalaxy { return (try document.galaxy(), document.root.label ?? "", .galaxy) }
        if document.isCWL || document.isPacked { return (try document.cwl(), "", .cwl) }
        if document.nodes != nil { return (try document.d3(), "", .d3dag) }
        throw document.malformed(
            1, found: "an object without 'nodes', 'a_galaxy_workflow' or 'cwlVersion'",
            expected: "a graph of Snakemake, Galaxy or CWL")
    }

    private init(file: String) { self.file = file }

    private mutating func readRoot(_ reader: inout JSONReader, _ key: String) throws(TraceError) {
        switch key {
        case "a_galaxy_workflow": isGalaxy = true
        case "cwlVersion": isCWL = true
        case "$graph":
            isPacked = true
            try reader.readArray { (reader) throws(TraceError) in
                var workflow = Workflow()
                workflow.line = reader.nextLine()
                try reader.readObject { (reader, key) throws(TraceError) in
                    try Self.readWorkflow(&reader, key, &workflow)
                }
                packed.append(workflow)
            }
        case "nodes":
            var found: [Step] = []
            try reader.readArray { (reader) throws(TraceError) in
                var step = Step()
                step.line = reader.nextLine()
                try reader.readObject { (reader, key) throws(TraceError) in
                    switch key {
                    case "id": step.key = try reader.readWord() ?? ""
                    case "label", "rule": step.tool = try reader.readWord() ?? step.tool
                    case "value":
                        guard try reader.peek() == .object else { return }
                        try reader.readObject { (reader, key) throws(TraceError) in
                            if key == "rule" || (key == "label" && step.tool == nil) {
                                step.tool = try reader.readWord()
                            }
                        }
                    default: return
                    }
                }
                found.append(step)
            }
            nodes = found
        case "edges", "links":
            try reader.readArray { (reader) throws(TraceError) in
                let line = reader.nextLine()
                var (from, to): (String?, String?) = (nil, nil)
                try reader.readObject { (reader, key) throws(TraceError) in
                    switch key {
                    case "u", "source", "from": from = try reader.readWord()
                    case "v", "target", "to": to = try reader.readWord()
                    default: return
                    }
                }
                guard let from, let to else {
                    throw malformed(
                        line, found: "an edge without two ends", expected: "'u' and 'v', or 'source' and 'target'")
                }
                edges.append((from, to, line))
            }
        case "name": root.label = try reader.readWord()
        default: try Self.readWorkflow(&reader, key, &root)
        }
    }

    private static func readWorkflow(
        _ reader: inout JSONReader, _ key: String, _ workflow: inout Workflow
    ) throws(TraceError) {
        switch key {
        case "id": workflow.id = try reader.readWord() ?? ""
        case "class": workflow.kind = try reader.readWord()
        case "inputs":
            try reader.readItems { (reader, key) throws(TraceError) in
                var id = key
                if try reader.peek() == .object {
                    try reader.readObject { (reader, key) throws(TraceError) in
                        if key == "id" { id = try reader.readWord() }
                    }
                } else if key == nil, try reader.peek() == .string {
                    id = try reader.readString()
                }
                if let id { workflow.inputs.insert(id) }
            }
        case "steps":
            var steps: [Step] = []
            try reader.readItems { (reader, key) throws(TraceError) in
                var step = Step()
                step.line = reader.nextLine()
                step.key = key ?? ""
                try reader.readObject { (reader, key) throws(TraceError) in try readStep(&reader, key, &step) }
                guard !step.key.isEmpty else { throw reader.invalid(found: "a step without id", expected: "an 'id'") }
                steps.append(step)
            }
            workflow.steps = steps
        default: return
        }
    }

    private static func readStep(_ reader: inout JSONReader, _ key: String, _ step: inout Step) throws(TraceError) {
        switch key {
        case "id": step.key = try reader.readWord() ?? step.key
        case "type": step.type = try reader.readWord()
        case "tool_id": step.tool = try reader.readWord()
        case "label": step.label = try reader.readWord()
        case "name": step.name = try reader.readWord()
        case "input_connections":
            try reader.readItems { (reader, _) throws(TraceError) in
                func readConnection(_ reader: inout JSONReader) throws(TraceError) {
                    try reader.readObject { (reader, key) throws(TraceError) in
                        if key == "id", let id = try reader.readWord() { step.sources.append(id) }
                    }
                }
                if try reader.peek() == .array {
                    try reader.readArray { (reader) throws(TraceError) in try readConnection(&reader) }
                } else if try reader.peek() == .object {
                    try readConnection(&reader)
                }
            }
        case "run":
            if try reader.peek() == .string {
                step.tool = try reader.readString()
            } else if try reader.peek() == .object {
                try reader.readObject { (reader, key) throws(TraceError) in
                    if key == "id" { step.tool = try reader.readWord() }
                }
            }
        case "in":
            try reader.readItems { (reader, _) throws(TraceError) in
                guard try reader.peek() == .object else {
                    step.sources += try reader.readWords()
                    return
                }
                try reader.readObject { (reader, key) throws(TraceError) in
                    if key == "source" { step.sources += try reader.readWords() }
                }
            }
        case "out":
            try reader.readItems { (reader, _) throws(TraceError) in
                guard try reader.peek() == .object else {
                    step.outputs += try reader.readWords()
                    return
                }
                try reader.readObject { (reader, key) throws(TraceError) in
                    if key == "id" { step.outputs += try reader.readWords() }
                }
            }
        default: return
        }
    }

    private func d3() throws(TraceError) -> DrawnGraph {
        var graph = DrawnGraph(file: file)
        for node in nodes ?? [] {
            guard !node.key.isEmpty else { throw malformed(node.line, found: "a node without id", expected: "an 'id'") }
            guard graph.index(of: node.key) == nil else {
                throw malformed(
                    node.line, found: "a second node \(TraceError.quote(node.key.utf8))", expected: "unique ids")
            }
            _ = graph.node(node.key, title: node.tool)
        }
        for edge in edges {
            guard let from = graph.index(of: edge.from), let to = graph.index(of: edge.to) else {
                let unknown = graph.index(of: edge.from) == nil ? edge.from : edge.to
                throw malformed(
                    edge.line, found: "an edge to \(TraceError.quote(unknown.utf8))", expected: "the id of a node")
            }
            graph.addEdge(from, to, line: edge.line)
        }
        return graph
    }

    private func galaxy() throws(TraceError) -> DrawnGraph {
        var graph = try draw(root.steps ?? [])
        for step in root.steps ?? [] {
            guard let to = graph.index(of: step.key) else { continue }
            graph.nodes[to].title = Self.shortTool(step.tool) ?? step.name ?? step.key
            graph.nodes[to].name = step.label
            graph.nodes[to].isHidden = step.type.map { $0.hasSuffix("_input") } ?? false
            for source in step.sources {
                guard let from = graph.index(of: source) else {
                    throw malformed(
                        step.line, found: "a connection from step \(TraceError.quote(source.utf8))",
                        expected: "the id of a step")
                }
                graph.addEdge(from, to, line: step.line)
            }
        }
        return graph
    }

    /// `multiqc` of `toolshed.g2.bx.psu.edu/repos/iuc/multiqc/multiqc/1.27+galaxy3`.
    private static func shortTool(_ id: String?) -> String? {
        guard let id, !id.isEmpty else { return nil }
        let parts = id.split(separator: "/")
        return parts.count >= 6 && parts[1] == "repos" ? String(parts[4]) : id
    }

    private func cwl() throws(TraceError) -> DrawnGraph {
        var workflow = root
        if isPacked {
            let workflows = packed.filter { $0.kind == "Workflow" }
            let main = workflows.first { ["main", "#main"].contains($0.id) }
            guard let found = main ?? (workflows.count == 1 ? workflows[0] : nil) else {
                throw malformed(
                    packed.first?.line ?? 1, found: "\(workflows.count) workflows, none of them '#main'",
                    expected: "one, or one that is called so", remedy: "Pack it with 'cwltool --pack'.")
            }
            workflow = found
        } else if root.kind != "Workflow" {
            throw malformed(
                1, found: "the class \(TraceError.quote((root.kind ?? "").utf8))", expected: "a 'Workflow'",
                remedy: "A tool alone has no graph; name the workflow, packed into one file with 'cwltool --pack'.")
        }
        let steps = workflow.steps ?? []
        var graph = try draw(steps)
        func name(_ id: String) -> String { String(id.split { $0 == "#" || $0 == "/" }.last ?? "") }
        var stepOfOutput: [String: Int] = [:]
        for step in steps {
            guard let index = graph.index(of: step.key) else { continue }
            graph.nodes[index].name = name(step.key)
            graph.nodes[index].title = step.tool.map(name) ?? name(step.key)
            for output in step.outputs {
                stepOfOutput[output.contains("/") ? output : step.key + "/" + output] = index
            }
        }
        for step in steps {
            guard let to = graph.index(of: step.key) else { continue }
            for source in step.sources where !workflow.inputs.contains(source) {
                guard let from = stepOfOutput[source] else {
                    throw malformed(
                        step.line,
                        found: "the source \(TraceError.quote(source.utf8)) of step \(TraceError.quote(step.key.utf8))",
                        expected: "an input of the workflow or an output of a step")
                }
                graph.addEdge(from, to, line: step.line)
            }
        }
        return graph
    }

    private func draw(_ steps: [Step]) throws(TraceError) -> DrawnGraph {
        var graph = DrawnGraph(file: file)
        for step in steps {
            guard graph.index(of: step.key) == nil else {
                throw malformed(
                    step.line, found: "a second step \(TraceError.quote(step.key.utf8))", expected: "unique ids")
            }
            _ = graph.node(step.key)
        }
        return graph
    }

    private func malformed(
        _ line: Int, found: String, expected: String, remedy: String = "Correct the file, or export it again."
    ) -> TraceError {
        .malformed(at: TextPosition(file: file, line: line), found: found, expected: expected, remedy: remedy)
    }
}

extension JSONReader {
    /// A string, a whole number as its digits, or `nil` for anything else, which is skipped.
    fileprivate mutating func readWord() throws(TraceError) -> String? {
        switch try peek() {
        case .string: return try readString()
        case .number: return Units.shortest(try readDouble())
        default:
            try skipValue()
            return nil
        }
    }

    /// A word, or a list of them.
    fileprivate mutating func readWords() throws(TraceError) -> [String] {
        guard try peek() == .array else { return (try readWord()).map { [$0] } ?? [] }
        var words: [String] = []
        try readArray { (reader) throws(TraceError) in
            if let word = try reader.readWord() { words.append(word) }
        }
        return words
    }

    /// The items of a list, or the values of an object with their keys; anything else is skipped.
    fileprivate mutating func readItems(
        _ body: (inout JSONReader, String?) throws(TraceError) -> Void
    ) throws(TraceError) {
        switch try peek() {
        case .array: try readArray { (reader) throws(TraceError) in try body(&reader, nil) }
        case .object: try readObject { (reader, key) throws(TraceError) in try body(&reader, key) }
        default: try skipValue()
        }
    }
}
