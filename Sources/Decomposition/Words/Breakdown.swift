/// A piece of work that someone described in words and broken down into steps.
///
/// - Invariant: edges name steps that exist, from the earlier to the later one, and close no cycle.
public struct Breakdown: Sendable, Hashable {
    /// One step.
    public struct Step: Sendable, Hashable, Codable {
        /// What it does, in words.
        public var text: String
        /// The program, service or process that does it: what steps of different breakdowns have in common.
        public var tool: String
        /// The types of what it reads and writes, for instance `fastq`; empty if not known.
        public var inputs: [String]
        public var outputs: [String]
        /// What `/bin/sh -c` runs, if known.
        public var command: String?

        /// Makes a step; without a tool its text names it.
        public init(
            text: String, tool: String? = nil, inputs: [String] = [], outputs: [String] = [], command: String? = nil
        ) {
            (self.text, self.tool, self.inputs, self.outputs) = (text, tool ?? text, inputs, outputs)
            self.command = command
        }
    }

    /// That one step waits for another, as positions.
    public struct Edge: Sendable, Hashable {
        public var from: Int
        public var to: Int

        /// Makes an edge.
        public init(_ from: Int, _ to: Int) { (self.from, self.to) = (from, to) }
    }

    public var id: String
    /// Breakdowns of one group are near-copies of one another; an evaluation never trains on one to test another.
    public var group: String
    public var description: String
    /// In the order in which somebody listed them.
    public var steps: [Step]
    public var edges: [Edge]

    /// Makes a breakdown.
    /// - Throws: ``DecompositionError`` if an edge names no step or the edges close a cycle.
    public init(
        id: String, group: String? = nil, description: String, steps: [Step], edges: [Edge]
    ) throws(DecompositionError) {
        for edge in edges where !(steps.indices.contains(edge.from) && steps.indices.contains(edge.to)) {
            throw .edgeOutside(breakdown: id, edge: edge, steps: steps.count)
        }
        guard let order = Ordering(count: steps.count, edges: edges) else { throw .cycle(breakdown: id) }
        (self.id, self.group, self.description) = (id, group ?? id, description)
        (self.steps, self.edges) = (steps, order.reduced(edges))
    }

    /// Whether every step waits for the one before it and for nothing else.
    var isChain: Bool {
        edges.count == max(0, steps.count - 1) && edges.allSatisfy { $0.to == $0.from + 1 }
    }
}

/// What reaches what in a small graph.
struct Ordering {
    private let count: Int
    private let words: Int
    /// A row of bits for each step: what waits for it, directly or not.
    private var reached: [UInt64]

    /// `nil` if the edges close a cycle. O(*V* · *E* / 64).
    init?(count: Int, edges: [Breakdown.Edge]) {
        (self.count, words) = (count, (count + 63) / 64)
        var open = [Int](repeating: 0, count: count)
        var successors = [[Int]](repeating: [], count: count)
        for edge in edges {
            open[edge.to] += 1
            successors[edge.from].append(edge.to)
        }
        var order = (0..<count).filter { open[$0] == 0 }
        var next = 0
        while next < order.count {
            for successor in successors[order[next]] {
                open[successor] -= 1
                if open[successor] == 0 { order.append(successor) }
            }
            next += 1
        }
        guard order.count == count else { return nil }
        reached = [UInt64](repeating: 0, count: count * words)
        for step in order.reversed() {
            for successor in successors[step] { mark(step, successor) }
        }
    }

    /// Whether `later` waits for `earlier`, directly or not.
    func reaches(_ earlier: Int, _ later: Int) -> Bool {
        reached[earlier * words + later / 64] >> UInt64(later % 64) & 1 == 1
    }

    /// The edges without those that follow from others, each once, by the step that waits.
    func reduced(_ edges: [Breakdown.Edge]) -> [Breakdown.Edge] {
        var successors = [[Int]](repeating: [], count: count)
        for edge in Set(edges) { successors[edge.from].append(edge.to) }
        return successors.indices.flatMap { from in
            successors[from].filter { to in !successors[from].contains { reaches($0, to) } }
                .map { Breakdown.Edge(from, $0) }
        }.sorted { ($0.to, $0.from) < ($1.to, $1.from) }
    }

    private mutating func mark(_ from: Int, _ to: Int) {
        for word in 0..<words { reached[from * words + word] |= reached[to * words + word] }
        reached[from * words + to / 64] |= 1 << UInt64(to % 64)
    }
}
