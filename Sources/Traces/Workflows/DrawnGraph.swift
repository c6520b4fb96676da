import Reading
import Workloads

/// Nodes and edges as a foreign file draws them, on their way to tasks.
struct DrawnGraph {
    struct Node {
        /// The first line of what is written on it: what kind of task it is.
        var title: String
        /// What it is called, if that is not its kind.
        var name: String?
        /// What distinguishes it from others with the same title, for instance wildcards.
        var details: [(name: String, value: String)] = []
        /// Where it belongs, for instance a sub-workflow.
        var place = ""
        /// Whether it is no task, but a channel, an operator or a file: what leads to it leads on to what follows.
        var isHidden = false
        var inputs: [String] = []
        var outputs: [String] = []
    }

    private struct Edge {
        var from: Int
        var to: Int
        var line: Int
        var column: Int
    }

    let file: String
    var nodes: [Node] = []
    private var indexes: [String: Int] = [:]
    private var edges: [Edge] = []

    init(file: String) { self.file = file }

    /// The node of a key, made if it is new.
    mutating func node(_ key: String, title: String? = nil) -> Int {
        if let index = indexes[key] { return index }
        indexes[key] = nodes.count
        nodes.append(Node(title: title ?? key))
        return nodes.count - 1
    }

    func index(of key: String) -> Int? { indexes[key] }

    mutating func addEdge(_ from: Int, _ to: Int, line: Int, column: Int = 0) {
        edges.append(Edge(from: from, to: to, line: line, column: column))
    }

    /// The nodes that are tasks as a graph.
    ///
    /// - Throws: ``TraceError`` at an edge that closes a cycle, or for a file without tasks.
    func graph() throws(TraceError) -> TaskGraph {
        guard nodes.contains(where: { !$0.isHidden }) else {
            throw malformed(
                0, 0, found: "no task", expected: "at least one",
                remedy: "Check whether the program that wrote it finished.")
        }
        for edge in edges where edge.from == edge.to {
            throw malformed(
                edge.line, edge.column, found: "\(TraceError.quote(nodes[edge.from].title.utf8)) that waits for itself",
                expected: "an edge between two tasks", remedy: "Remove the edge.")
        }
        let ids = ids()
        let predecessors = visiblePredecessors()
        let visible = nodes.indices.filter { !nodes[$0].isHidden }
        let tasks = visible.map { index in
            let node = nodes[index]
            return TaskSpec(
                id: TaskID(ids[index]), type: node.title, predecessors: predecessors[index].map { TaskID(ids[$0]) },
                inputs: node.inputs.map { FileSpec(path: $0) }, outputs: node.outputs.map { FileSpec(path: $0) },
                parameters: Dictionary(node.details, uniquingKeysWith: { first, _ in first }))
        }
        do {
            return try TaskGraph(tasks)
        } catch .cycle(let names) {
            let inCycle = Set(names.map(\.rawValue))
            let edge = edges.last { inCycle.contains(ids[$0.from]) && inCycle.contains(ids[$0.to]) } ?? edges.last
            throw malformed(
                edge?.line ?? 0, edge?.column ?? 0,
                found: "tasks that wait for one another: " + names.prefix(6).map(\.rawValue).joined(separator: " → "),
                expected: "no cycle", remedy: "Remove one of these edges.")
        } catch {
            throw malformed(0, 0, found: "\(error)", expected: "a graph of tasks", remedy: "Correct the file.")
        }
    }

    /// A name for each node: its title; with its details, its place, then a number where that is not unique.
    private func ids() -> [String] {
        func plain(_ node: Node) -> String { node.name ?? node.title }
        func detailed(_ node: Node) -> String {
            node.details.isEmpty ? plain(node) : plain(node) + "-" + node.details.map(\.value).joined(separator: "-")
        }
        func placed(_ node: Node) -> String { node.place.isEmpty ? detailed(node) : node.place + ":" + detailed(node) }
        func counts(_ name: (Node) -> String) -> [String: Int] {
            Dictionary(nodes.filter { !$0.isHidden }.map { (name($0), 1) }, uniquingKeysWith: +)
        }
        let (titles, details, places) = (counts(plain), counts(detailed), counts(placed))
        var taken: [String: Int] = [:]
        var used: Set<String> = []
        return nodes.map { node in
            var name = plain(node)
            let isShared = titles[name] ?? 0 > 1
            if isShared { name = detailed(node) }
            if isShared, details[name] ?? 0 > 1 { name = placed(node) }
            if name.isEmpty { name = "task" }
            guard !node.isHidden else { return name }
            var id = name
            while (places[placed(node)] ?? 0 > 1 && id == name) || !used.insert(id).inserted {
                taken[name, default: 0] += 1
                id = "\(name)-\(taken[name] ?? 1)"
            }
            used.insert(id)
            return id
        }
    }

    /// For each task those that it waits for, through whatever is hidden between them. O(*V* · *E*) at worst, and only for
    /// graphs that are mostly hidden.
    private func visiblePredecessors() -> [[Int]] {
        var direct = [[Int]](repeating: [], count: nodes.count)
        for edge in edges { direct[edge.to].append(edge.from) }
        return nodes.indices.map { index in
            guard !nodes[index].isHidden else { return [] }
            var (found, seen, open): ([Int], Set<Int>, [Int]) = ([], [index], direct[index].reversed())
            while let next = open.popLast() {
                guard seen.insert(next).inserted else { continue }
                if nodes[next].isHidden { open += direct[next].reversed() } else { found.append(next) }
            }
            return found
        }
    }

    func malformed(_ line: Int, _ column: Int, found: String, expected: String, remedy: String) -> TraceError {
        .malformed(
            at: TextPosition(file: file, line: line, column: column), found: found, expected: expected, remedy: remedy)
    }
}

/// A place in a text that is parsed by hand.
struct TextCursor {
    let file: String
    private let bytes: [UInt8]
    private(set) var position = 0
    private(set) var line = 1
    private var lineStart = 0

    /// Reads the whole source, up to 256 MiB.
    init(_ source: ByteSource) throws(TraceError) {
        file = source.name
        var (all, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 16))
        while case let count = try source.read(into: &buffer), count > 0 {
            all += buffer[..<count]
            guard all.count <= 1 << 28 else {
                throw .tooLong(at: TextPosition(file: source.name), what: "graph", limitBytes: 1 << 28)
            }
        }
        if let zero = all.firstIndex(of: 0) { throw .binary(path: source.name, atByte: zero) }
        if all.starts(with: [0xEF, 0xBB, 0xBF]) { all.removeFirst(3) }
        guard all.contains(where: { $0 > 32 }) else { throw .empty(path: source.name) }
        bytes = all
    }

    /// The column of the next byte, in bytes from 1.
    var column: Int { position - lineStart + 1 }
    var isAtEnd: Bool { position >= bytes.count }

    /// The next byte, or 0 at the end.
    var next: UInt8 { peek(0) }

    func peek(_ offset: Int) -> UInt8 { position + offset < bytes.count ? bytes[position + offset] : 0 }

    func starts(with text: StaticString) -> Bool {
        guard position + text.utf8CodeUnitCount <= bytes.count else { return false }
        return text.withUTF8Buffer { text in
            for (index, byte) in text.enumerated() where bytes[position + index] != byte { return false }
            return true
        }
    }

    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == 10 { (line, lineStart) = (line + 1, position + 1) }
            position += 1
        }
    }

    mutating func take(_ text: StaticString) -> Bool {
        guard starts(with: text) else { return false }
        advance(text.utf8CodeUnitCount)
        return true
    }

    /// The bytes up to where `isPart` ends.
    mutating func take(while isPart: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, isPart(bytes[position]) { advance() }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    func text(from start: Int, to end: Int) -> String { String(decoding: bytes[start..<end], as: UTF8.self) }

    /// What stands here, short enough for a message.
    var found: String {
        guard !isAtEnd else { return "the end of the file" }
        var end = position
        while end < bytes.count, end < position + 40, bytes[end] != 10 { end += 1 }
        return end == position ? "the end of the line" : TraceError.quote(bytes[position..<end])
    }

    func unexpected(_ expected: String, remedy: String = "Correct the file, or export it again.") -> TraceError {
        .malformed(
            at: TextPosition(file: file, line: line, column: column), found: found, expected: expected, remedy: remedy)
    }
}
