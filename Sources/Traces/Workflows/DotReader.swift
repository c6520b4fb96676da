import Reading

/// Reads graphs in the language of Graphviz, as Nextflow (`-with-dag x.dot`) and Snakemake (`--dag`, `--rulegraph`) write them.
///
/// A point, and a circle without a label, is no task: Nextflow draws channels and operators so. The first line of a label is
/// the type of a task; further lines `name: value`, as Snakemake writes wildcards, are its parameters.
/// Source: Graphviz, *DOT Language*.
struct DotReader {
    private var cursor: TextCursor
    private var graph: DrawnGraph
    private var name = ""
    private static let deepest = 100

    /// The graph, and its name in the file.
    static func read(_ source: ByteSource) throws(TraceError) -> (graph: DrawnGraph, name: String) {
        var reader = DotReader(cursor: try TextCursor(source), graph: DrawnGraph(file: source.name))
        try reader.readGraph()
        return (reader.graph, reader.name)
    }

    private mutating func readGraph() throws(TraceError) {
        try skipSpace()
        let start = cursor
        var word = try readID() ?? ""
        if word.lowercased() == "strict" {
            try skipSpace()
            word = try readID() ?? ""
        }
        guard word.lowercased() == "digraph" else {
            throw start.unexpected("'digraph', a graph with arrows", remedy: "Export it as a directed graph.")
        }
        try skipSpace()
        if cursor.next != UInt8(ascii: "{") {
            guard let id = try readID() else { throw cursor.unexpected("a name or '{'") }
            name = id
            try skipSpace()
        }
        _ = try readBlock(depth: 0)
        try skipSpace()
        guard cursor.isAtEnd else { throw cursor.unexpected("the end of the file after the graph") }
    }

    /// The statements between braces; gives the nodes that they name.
    private mutating func readBlock(depth: Int) throws(TraceError) -> [Int] {
        guard depth < Self.deepest else { throw cursor.unexpected("at most \(Self.deepest) blocks within one another") }
        guard cursor.take("{") else { throw cursor.unexpected("'{'") }
        var (all, seen): ([Int], Set<Int>) = ([], [])
        while true {
            try skipSpace()
            if cursor.take("}") { return all }
            if cursor.take(";") || cursor.take(",") { continue }
            guard !cursor.isAtEnd else {
                throw cursor.unexpected("'}'", remedy: "The file was cut off: export it again.")
            }
            for node in try readStatement(depth: depth) where seen.insert(node).inserted { all.append(node) }
        }
    }

    private mutating func readStatement(depth: Int) throws(TraceError) -> [Int] {
        var (ends, isNew) = (try readOperand(depth: depth), true)
        guard var left = ends else { return [] }
        while true {
            try skipSpace()
            let here = cursor
            if cursor.take("--") {
                throw here.unexpected(
                    "'->'", remedy: "An edge without a direction orders nothing: export a directed graph.")
            }
            guard cursor.take("->") else { break }
            isNew = false
            try skipSpace()
            guard let right = try readOperand(depth: depth) else { throw cursor.unexpected("a node") }
            for from in left { for to in right { graph.addEdge(from, to, line: here.line, column: here.column) } }
            ends = (ends ?? []) + right
            left = right
        }
        let attributes = try readAttributes()
        if isNew, left.count == 1 { apply(attributes, to: left[0]) }
        return ends ?? []
    }

    /// A node, a block, or `nil` for a statement that names none.
    private mutating func readOperand(depth: Int) throws(TraceError) -> [Int]? {
        if cursor.next == UInt8(ascii: "{") { return try readBlock(depth: depth + 1) }
        let isQuoted = cursor.next == UInt8(ascii: "\"")
        guard let id = try readID() else { throw cursor.unexpected("a node, an edge or '}'") }
        if !isQuoted {
            switch id.lowercased() {
            case "subgraph":
                try skipSpace()
                if cursor.next != UInt8(ascii: "{") { _ = try readID() }
                try skipSpace()
                return try readBlock(depth: depth + 1)
            case "node", "edge", "graph":
                try skipSpace()
                guard cursor.next == UInt8(ascii: "[") else { throw cursor.unexpected("'['") }
                _ = try readAttributes()
                return nil
            default: break
            }
        }
        try skipSpace()
        if cursor.take("=") {
            try skipSpace()
            guard try readID() != nil else { throw cursor.unexpected("a value") }
            return nil
        }
        while cursor.take(":") {
            try skipSpace()
            guard try readID() != nil else { throw cursor.unexpected("a port") }
            try skipSpace()
        }
        return [graph.node(id)]
    }

    private mutating func readAttributes() throws(TraceError) -> [String: String] {
        var attributes: [String: String] = [:]
        try skipSpace()
        while cursor.take("[") {
            while true {
                try skipSpace()
                if cursor.take("]") { break }
                if cursor.take(",") || cursor.take(";") { continue }
                guard let name = try readID() else { throw cursor.unexpected("a name or ']'") }
                try skipSpace()
                var value = "true"
                if cursor.take("=") {
                    try skipSpace()
                    guard let id = try readID() else {
                        throw cursor.unexpected("a value of \(TraceError.quote(name.utf8))")
                    }
                    value = id
                }
                attributes[name.lowercased()] = value
            }
            try skipSpace()
        }
        return attributes
    }

    private mutating func apply(_ attributes: [String: String], to node: Int) {
        let shape = attributes["shape"]?.lowercased()
        if let label = attributes["label"], !label.isEmpty, label != "\\N" {
            let broken = ["\\n", "\\l", "\\r"].reduce(label) { $0.replacing($1, with: "\n") }
            let lines = broken.split(separator: "\n").map { String($0).trimmed }.filter { !$0.isEmpty }
            graph.nodes[node].title = lines.first ?? label
            graph.nodes[node].details = lines.dropFirst().compactMap { line in
                let parts = line.split(separator: ":", maxSplits: 1).map { String($0).trimmed }
                return parts.count == 2 ? (parts[0], parts[1]) : nil
            }
        }
        let isBlank = attributes["label"]?.isEmpty ?? false
        if shape == "point" || (shape == "circle" && isBlank) { graph.nodes[node].isHidden = true }
    }

    /// A name, a number, a text in quotes or markup; `nil` if none stands here.
    private mutating func readID() throws(TraceError) -> String? {
        switch cursor.next {
        case UInt8(ascii: "\""):
            var text = try readQuoted()
            try skipSpace()
            while cursor.next == UInt8(ascii: "+") {
                cursor.advance()
                try skipSpace()
                guard cursor.next == UInt8(ascii: "\"") else { throw cursor.unexpected("a text in quotes after '+'") }
                text += try readQuoted()
                try skipSpace()
            }
            return text
        case UInt8(ascii: "<"): return try readMarkup()
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
            // `1->2` is an edge: a minus is part of a number at its start only.
            let sign =
                cursor.next == UInt8(ascii: "-") && cursor.peek(1) != UInt8(ascii: ">")
                && cursor.peek(1) != UInt8(ascii: "-")
            if sign { cursor.advance() }
            let digits = cursor.take {
                48...57 ~= $0 || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0.isLetter
            }
            return digits.isEmpty ? nil : (sign ? "-" : "") + digits
        default:
            let word = cursor.take { $0.isLetter || 48...57 ~= $0 || $0 == UInt8(ascii: "_") || $0 >= 128 }
            return word.isEmpty ? nil : word
        }
    }

    private mutating func readQuoted() throws(TraceError) -> String {
        let start = cursor
        cursor.advance()
        var text = ""
        while true {
            text += cursor.take { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if cursor.take("\"") { return text }
            guard !cursor.isAtEnd else {
                throw start.unexpected("a text that ends in '\"'", remedy: "Close the quotes.")
            }
            if cursor.take("\\\"") {
                text += "\""
            } else if cursor.take("\\\n") {
                continue
            } else {
                // Other escapes stay: they mean something in labels only.
                text += "\\"
                cursor.advance()
                if cursor.take("\\") { text += "\\" }
            }
        }
    }

    private mutating func readMarkup() throws(TraceError) -> String {
        let start = cursor
        var (depth, text) = (0, "")
        repeat {
            guard !cursor.isAtEnd else {
                throw start.unexpected("markup that ends in '>'", remedy: "Close the brackets.")
            }
            if cursor.next == UInt8(ascii: "<") { depth += 1 }
            if cursor.next == UInt8(ascii: ">") { depth -= 1 }
            let isTag = cursor.next == UInt8(ascii: "<") || cursor.next == UInt8(ascii: ">")
            if isTag {
                cursor.advance()
            } else if depth == 1 {
                text += cursor.take { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }
            } else {
                _ = cursor.take { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }
            }
        } while depth > 0
        return text.trimmed
    }

    private mutating func skipSpace() throws(TraceError) {
        while true {
            _ = cursor.take { $0 <= 32 }
            if cursor.starts(with: "//") || (cursor.next == UInt8(ascii: "#") && cursor.column == 1) {
                _ = cursor.take { $0 != 10 }
            } else if cursor.starts(with: "/*") {
                let start = cursor
                cursor.advance(2)
                while !cursor.isAtEnd, !cursor.starts(with: "*/") { cursor.advance() }
                guard cursor.take("*/") else {
                    throw start.unexpected("a comment that ends in '*/'", remedy: "Close it.")
                }
            } else {
                return
            }
        }
    }
}

extension UInt8 {
    var isLetter: Bool { 65...90 ~= self || 97...122 ~= self }
}

extension String {
    /// Without white space around it.
    var trimmed: String {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
