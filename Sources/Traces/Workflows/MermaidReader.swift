import Reading

/// Reads Mermaid flow charts, as Nextflow writes them (`-with-dag x.mmd`).
///
/// A blank circle is no task. In a chart of Nextflow, whose nodes are called `v0`, `v1`, …, processes are stadiums; what else
/// there is are channels and files.
/// Source: Mermaid, *Flowcharts - Basic Syntax*.
struct MermaidReader {
    private var cursor: TextCursor
    private var graph: DrawnGraph
    private var keys: [String] = []
    private var shapes: [Int: (open: String, text: String)] = [:]
    private var places: [String] = []

    static func read(_ source: ByteSource) throws(TraceError) -> DrawnGraph {
        var reader = MermaidReader(cursor: try TextCursor(source), graph: DrawnGraph(file: source.name))
        try reader.readChart()
        return reader.graph
    }

    private mutating func readChart() throws(TraceError) {
        skipBlank()
        if cursor.take("---") {
            let start = cursor
            repeat {
                _ = cursor.take { $0 != 10 }
                cursor.advance()
            } while !cursor.isAtEnd && !cursor.starts(with: "---")
            guard cursor.take("---") else { throw start.unexpected("a heading that ends in '---'") }
            skipBlank()
        }
        guard cursor.take("flowchart") || cursor.take("graph") else {
            throw cursor.unexpected("'flowchart' or 'graph'", remedy: "Other Mermaid diagrams order no tasks.")
        }
        _ = cursor.take { $0 != 10 && $0 != UInt8(ascii: ";") }
        while true {
            skipBlank()
            guard !cursor.isAtEnd else { break }
            try readStatement()
        }
        guard places.isEmpty else {
            throw cursor.unexpected("'end' of the subgraph \(TraceError.quote((places.last ?? "").utf8))")
        }
        settle()
    }

    private mutating func readStatement() throws(TraceError) {
        let start = cursor
        let word = cursor.take { $0.isLetter }
        let isWord = !Self.isPartOfKey(cursor.next)
        switch word {
        case "subgraph" where isWord:
            var title = cursor.take { $0 != 10 && $0 != UInt8(ascii: ";") }.trimmed
            if let open = title.firstIndex(of: "["), title.hasSuffix("]") {
                title = String(title[title.index(after: open)...].dropLast())
            }
            guard places.count < 100 else { throw start.unexpected("at most 100 subgraphs within one another") }
            places.append(title.filter { $0 != "\"" }.trimmed)
        case "end" where isWord:
            guard places.popLast() != nil else { throw start.unexpected("a statement: no subgraph is open") }
        case "direction" where isWord, "classDef" where isWord, "class" where isWord, "style" where isWord,
            "linkStyle" where isWord, "click" where isWord:
            _ = cursor.take { $0 != 10 && $0 != UInt8(ascii: ";") }
        default:
            cursor = start
            try readChain()
        }
    }

    private mutating func readChain() throws(TraceError) {
        var left = try readNodes()
        while true {
            skipSpace()
            guard !cursor.isAtEnd, cursor.next != 10, cursor.next != UInt8(ascii: ";"), !cursor.starts(with: "%%")
            else { return }
            let here = cursor
            try readLink()
            skipSpace()
            let right = try readNodes()
            for from in left { for to in right { graph.addEdge(from, to, line: here.line, column: here.column) } }
            left = right
        }
    }

    private mutating func readNodes() throws(TraceError) -> [Int] {
        var nodes = [try readNode()]
        skipSpace()
        while cursor.take("&") {
            skipSpace()
            nodes.append(try readNode())
            skipSpace()
        }
        return nodes
    }

    private static func isPartOfKey(_ byte: UInt8) -> Bool {
        byte.isLetter || 48...57 ~= byte || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte >= 128
    }

    private mutating func readNode() throws(TraceError) -> Int {
        let key = cursor.take(while: Self.isPartOfKey)
        guard !key.isEmpty else { throw cursor.unexpected("the name of a node") }
        let isNew = graph.index(of: key) == nil
        let node = graph.node(key)
        if isNew {
            keys.append(key)
            graph.nodes[node].place = places.filter { !$0.isEmpty }.joined(separator: ":")
        }
        let open = cursor.take { "[({>".utf8.contains($0) || ($0 == UInt8(ascii: "/")) }
        if !open.isEmpty {
            let text = try readText(open)
            shapes[node] = (open, text)
            // A node may be named by an edge outside and drawn inside its subgraph.
            let place = places.filter { !$0.isEmpty }.joined(separator: ":")
            if !place.isEmpty { graph.nodes[node].place = place }
        }
        if cursor.take(":::") { _ = cursor.take(while: Self.isPartOfKey) }
        return node
    }

    private mutating func readText(_ open: String) throws(TraceError) -> String {
        let start = cursor
        var text: String
        if cursor.take("\"") {
            text = cursor.take { $0 != UInt8(ascii: "\"") }
            guard cursor.take("\"") else {
                throw start.unexpected("a text that ends in '\"'", remedy: "Close the quotes.")
            }
        } else {
            text = cursor.take { !"])}\n".utf8.contains($0) }
            if open.hasSuffix("/"), text.hasSuffix("/") { text.removeLast() }
        }
        let close = cursor.take { "])}/\\".utf8.contains($0) }
        let brackets = open.filter { $0 != "/" }.count
        guard close.filter({ $0 != "/" && $0 != "\\" }).count == brackets else {
            throw start.unexpected(
                "a text closed as it was opened, by \(brackets) brackets", remedy: "Close the brackets.")
        }
        return text.replacing("<br/>", with: " ").replacing("<br>", with: " ").trimmed
    }

    /// `-->`, `-- text -->`, `-->|text|`, `-.->`, `==>` and their longer forms.
    private mutating func readLink() throws(TraceError) {
        let start = cursor
        let stroke = cursor.take { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ".") }
        guard stroke.utf8.count >= 2, stroke.utf8.first != UInt8(ascii: ".") else {
            throw start.unexpected("an arrow such as '-->'")
        }
        if !cursor.take(">") {
            // A text within the arrow: `-- text -->`.
            guard stroke.utf8.count == 2, cursor.next == 32 else {
                throw start.unexpected("an arrow with a head", remedy: "A line without a head orders nothing.")
            }
            while !cursor.isAtEnd, cursor.next != 10 {
                if cursor.take("-->") || cursor.take(".->") || cursor.take("==>") { return }
                cursor.advance()
            }
            throw start.unexpected("an arrow with a head", remedy: "A line without a head orders nothing.")
        }
        skipSpace()
        if cursor.take("|") {
            _ = cursor.take { $0 != UInt8(ascii: "|") && $0 != 10 }
            guard cursor.take("|") else { throw start.unexpected("a text that ends in '|'") }
        }
    }

    /// Titles and what is hidden, once all nodes are known.
    private mutating func settle() {
        func isOfNextflow(_ key: String) -> Bool {
            guard let first = key.utf8.first, first == UInt8(ascii: "v") || first == UInt8(ascii: "p") else {
                return false
            }
            return key.utf8.count > 1 && key.utf8.dropFirst().allSatisfy { 48...57 ~= $0 }
        }
        let hasProcesses = shapes.values.contains { $0.open == "([" } && keys.allSatisfy(isOfNextflow)
        for node in graph.nodes.indices {
            let shape = shapes[node]
            if let text = shape?.text, !text.isEmpty { graph.nodes[node].title = text }
            let isBlank = shape.map { $0.text.isEmpty } ?? false
            graph.nodes[node].isHidden = (shape?.open == "((" && isBlank) || (hasProcesses && shape?.open != "([")
        }
    }

    private mutating func skipSpace() { _ = cursor.take { $0 == 32 || $0 == 9 || $0 == 13 } }

    private mutating func skipBlank() {
        while true {
            _ = cursor.take { $0 <= 32 || $0 == UInt8(ascii: ";") }
            guard cursor.starts(with: "%%") else { return }
            _ = cursor.take { $0 != 10 }
        }
    }
}
