public import Reading
public import Workloads

/// The graph of a workflow as another tool writes it down: what there is to do and what waits for what, nothing measured.
///
///     let workflow = try WorkflowGraph.read("dag.dot")     // snakemake --dag > dag.dot
///     TransitiveReduction(workflow.graph).redundant
///
/// What a format knows besides tasks (channels, operators, data inputs) is left out, and what it joins stays joined.
public struct WorkflowGraph: Sendable {
    /// The formats that are read; recorded runs are ``WorkflowInstance``.
    public enum Format: String, Sendable, CaseIterable {
        /// Graphviz: Nextflow `-with-dag x.dot`, Snakemake `--dag`, `--rulegraph` and `--filegraph`, and others.
        case dot
        /// Mermaid flow charts: Nextflow `-with-dag x.mmd`, and others.
        case mermaid
        /// Snakemake `--d3dag`.
        case d3dag
        /// Galaxy's `.ga`.
        case galaxy
        /// Common Workflow Language in JSON, packed (`cwltool --pack`) or a workflow alone.
        case cwl
    }

    /// The name in the file, or that of the file.
    public let name: String
    public let format: Format
    /// Types are processes, rules or tools.
    public let graph: TaskGraph

    /// Reads a file, `.gz` among it; the format follows from its content.
    ///
    /// - Throws: ``TraceError`` with line and column where there are any: for a format that is none of these, a damaged file,
    ///   an edge to what does not exist, a cycle.
    public static func read(_ path: String) throws(TraceError) -> WorkflowGraph {
        let source = try ByteSource(path)
        let head = try source.peek(4096)
        guard let format = recognise(head) else {
            throw .unknownFormat(
                path: path, found: TraceError.quote(head.prefix(60)), nearest: "the graph of a workflow",
                remedy: "Known are graphs in dot and Mermaid, Snakemake's d3dag, Galaxy's .ga and CWL in JSON.")
        }
        return try read(source, as: format)
    }

    /// Reads a source of a known format.
    public static func read(_ source: ByteSource, as format: Format) throws(TraceError) -> WorkflowGraph {
        switch format {
        case .dot:
            let (drawn, name) = try DotReader.read(source)
            return try WorkflowGraph(drawn, name, format)
        case .mermaid: return try WorkflowGraph(try MermaidReader.read(source), "", format)
        case .d3dag, .galaxy, .cwl:
            let (drawn, name, found) = try WorkflowJSON.read(source)
            return try WorkflowGraph(drawn, name, found)
        }
    }

    private init(_ drawn: DrawnGraph, _ name: String, _ format: Format) throws(TraceError) {
        graph = try drawn.graph()
        let ofTool = ["", "dag", "snakemake_dag"].contains(name)
        (self.name, self.format) = (ofTool ? Self.stem(drawn.file) : name, format)
    }

    /// A file's name without folder and extension.
    private static func stem(_ file: String) -> String {
        let stem = fileStem(file)
        guard let dot = stem.lastIndex(of: "."), dot != stem.startIndex else { return stem }
        return String(stem[..<dot])
    }

    /// The format of a file that begins with these bytes.
    public static func recognise(_ head: some Collection<UInt8>) -> Format? {
        let text = String(decoding: head, as: UTF8.self)
        var lines = text.split(whereSeparator: \.isNewline).map { String($0).trimmed }
        // A heading of Mermaid.
        if lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") { lines.removeSubrange(...end) }
        guard
            let first = lines.first(where: { line in !["//", "#", "%%", "/*"].contains { line.hasPrefix($0) } })
        else { return nil }
        if first.hasPrefix("{") {
            if text.contains("\"a_galaxy_workflow\"") { return .galaxy }
            if text.contains("\"cwlVersion\"") || text.contains("\"$graph\"") || text.contains("\"class\"") {
                return .cwl
            }
            if text.contains("\"nodes\"") { return .d3dag }
            return text.contains("\"steps\"") ? .galaxy : nil
        }
        let words = first.split { !$0.isLetter }.map { $0.lowercased() }
        if words.first == "digraph" || (words.first == "strict" && words.count > 1) { return .dot }
        if first.hasPrefix("flowchart") { return .mermaid }
        // `graph TB` is Mermaid; `graph {` is Graphviz without directions, which the reader of dot refuses.
        guard words.first == "graph" else { return nil }
        return ["tb", "td", "lr", "rl", "bt"].contains(words.dropFirst().first ?? "") && !first.contains("{")
            ? .mermaid : .dot
    }
}
