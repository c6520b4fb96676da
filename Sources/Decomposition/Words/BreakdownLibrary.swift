public import Reading
internal import Glibc

/// Breakdowns to learn from, and what words mean at this site.
///
/// A file holds one JSON object a line: `{"id", "description", "steps": [{"id", "text", "tool"}], "edges": [[from, to]]}`, where
/// edges name ids of steps; a step may have `inputs`, `outputs` (types, lists of texts) and a `command`. An object with `tool`
/// and `synonyms` but no `steps` is an entry of the glossary.
public struct BreakdownLibrary: Sendable, Hashable, Codable {
    public var breakdowns: [Breakdown]
    public var glossary: [GlossaryEntry]

    /// Makes a library.
    public init(breakdowns: [Breakdown] = [], glossary: [GlossaryEntry] = []) {
        (self.breakdowns, self.glossary) = (breakdowns, glossary)
    }

    /// Reads a file, or every `.jsonl` file of a folder by name; `.gz` among it.
    ///
    /// - Throws: `TraceError` that names file, line and column, ``DecompositionError`` if there is nothing in it.
    public static func read(_ path: String) throws -> BreakdownLibrary {
        var library = BreakdownLibrary()
        for file in try files(path) { try library.add(try ByteSource(file)) }
        guard !library.breakdowns.isEmpty || !library.glossary.isEmpty else {
            throw DecompositionError.noBreakdowns(path: path)
        }
        return library
    }

    /// Reads one file and adds what is in it.
    public mutating func add(_ source: ByteSource) throws(TraceError) {
        var reader = try JSONReader(source)
        repeat {
            try readItem(&reader)
        } while try reader.hasAnotherDocument()
    }

    private static func files(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { return [path] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".jsonl") || name.hasSuffix(".jsonl.gz") { names.append(path + "/" + name) }
        }
        guard !names.isEmpty else { throw DecompositionError.noBreakdowns(path: path) }
        return names.sorted()
    }
}

/// What a word or phrase means: the tool that is called by it, and what that reads and writes.
public struct GlossaryEntry: Sendable, Hashable, Codable {
    public var tool: String
    public var synonyms: [String]
    public var inputs: [String]
    public var outputs: [String]
    public var command: String?

    /// Makes an entry.
    public init(
        tool: String, synonyms: [String], inputs: [String] = [], outputs: [String] = [], command: String? = nil
    ) {
        (self.tool, self.synonyms) = (tool, synonyms)
        (self.inputs, self.outputs, self.command) = (inputs, outputs, command)
    }
}

extension BreakdownLibrary {
    private struct Item {
        var id: String?
        var group: String?
        var description: String?
        var tool: String?
        var synonyms: [String] = []
        var inputs: [String] = []
        var outputs: [String] = []
        var command: String?
        var steps: [Breakdown.Step]?
        var stepIDs: [String: Int] = [:]
        var edges: [(String, String)] = []
    }

    private mutating func readItem(_ reader: inout JSONReader) throws(TraceError) {
        let line = reader.nextLine()
        var item = Item()
        try reader.readObject { (reader, key) throws(TraceError) in
            switch key {
            case "id": item.id = try reader.readName()
            case "group": item.group = try reader.readName()
            case "description": item.description = try reader.readString()
            case "tool": item.tool = try reader.readString()
            case "synonyms": item.synonyms = try reader.readNames()
            case "inputs": item.inputs = try reader.readNames()
            case "outputs": item.outputs = try reader.readNames()
            case "command": item.command = try reader.readString()
            case "steps": try Self.readSteps(&reader, &item)
            case "edges":
                try reader.readArray { (reader) throws(TraceError) in
                    let ends = try reader.readNames()
                    guard ends.count == 2 else {
                        throw reader.invalid(found: "an edge of \(ends.count) ends", expected: "[from, to]")
                    }
                    item.edges.append((ends[0], ends[1]))
                }
            default: return
            }
        }
        if item.steps == nil, let tool = item.tool {
            glossary.append(
                GlossaryEntry(
                    tool: tool, synonyms: item.synonyms, inputs: item.inputs, outputs: item.outputs,
                    command: item.command))
            return
        }
        guard let steps = item.steps, !steps.isEmpty else {
            throw reader.invalid(found: "an object without steps", expected: "'steps', or 'tool' with 'synonyms'")
        }
        guard let description = item.description, description.contains(where: { $0.isLetter }) else {
            throw reader.invalid(found: "a breakdown without words", expected: "a 'description' of the work")
        }
        var edges: [Breakdown.Edge] = []
        for (from, to) in item.edges {
            guard let first = item.stepIDs[from], let second = item.stepIDs[to] else {
                let unknown = item.stepIDs[from] == nil ? from : to
                throw reader.invalid(
                    found: "an edge to \(TraceError.quote(unknown.utf8))", expected: "the id of a step")
            }
            if first != second { edges.append(.init(first, second)) }
        }
        do {
            breakdowns.append(
                try Breakdown(
                    id: item.id ?? "line \(line)", group: item.group, description: description, steps: steps,
                    edges: edges))
        } catch {
            throw reader.invalid(
                found: "steps that wait for one another in a circle", expected: "an order",
                remedy: "Remove one of the edges of the circle.")
        }
    }

    private static func readSteps(_ reader: inout JSONReader, _ item: inout Item) throws(TraceError) {
        var steps: [Breakdown.Step] = []
        try reader.readArray { (reader) throws(TraceError) in
            var (id, text, tool): (String?, String?, String?) = (nil, nil, nil)
            var step = Breakdown.Step(text: "")
            try reader.readObject { (reader, key) throws(TraceError) in
                switch key {
                case "id": id = try reader.readName()
                case "text", "description": text = try reader.readName()
                case "tool": tool = try reader.readName()
                case "inputs": step.inputs = try reader.readNames()
                case "outputs": step.outputs = try reader.readNames()
                case "command": step.command = try reader.readName()
                default: return
                }
            }
            guard let name = tool ?? text, !name.isEmpty else {
                throw reader.invalid(found: "a step without words", expected: "'tool' or 'text'")
            }
            (step.tool, step.text) = (name, text ?? name)
            guard item.stepIDs.updateValue(steps.count, forKey: id ?? "\(steps.count)") == nil else {
                throw reader.invalid(
                    found: "a second step \(TraceError.quote((id ?? "").utf8))", expected: "different ids")
            }
            steps.append(step)
        }
        item.steps = steps
    }
}

extension JSONReader {
    /// A string; a number as its digits; `nil` for `null`.
    fileprivate mutating func readName() throws(TraceError) -> String? {
        switch try peek() {
        case .null:
            try skipValue()
            return nil
        case .number: return String(try readInteger())
        default: return try readString()
        }
    }

    fileprivate mutating func readNames() throws(TraceError) -> [String] {
        var names: [String] = []
        try readArray { (reader) throws(TraceError) in
            if let name = try reader.readName() { names.append(name) }
        }
        return names
    }
}
