/// How often tools occur in breakdowns, together, and one after the other.
struct ToolStatistics: Sendable {
    struct Pair: Sendable {
        var together = 0.0
        var linked = 0.0
        var before = 0.0
    }

    private(set) var counts: [Double]
    private(set) var pairs: [Int: Pair] = [:]

    init(_ known: [KnownBreakdown], tools: Int) {
        counts = Array(repeating: 0, count: tools)
        for breakdown in known { add(breakdown, 1) }
    }

    mutating func add(_ breakdown: KnownBreakdown, _ sign: Double) {
        let tools = breakdown.tools
        for tool in tools { counts[tool] += sign }
        for (place, first) in tools.enumerated() {
            for second in tools[(place + 1)...] {
                pairs[key(first, second), default: Pair()].together += sign
                pairs[key(second, first), default: Pair()].together += sign
                pairs[key(first, second), default: Pair()].before += sign
            }
        }
        for link in breakdown.links { pairs[key(link.from, link.to), default: Pair()].linked += sign }
    }

    subscript(first: Int, second: Int) -> Pair { pairs[key(first, second)] ?? Pair() }

    private func key(_ first: Int, _ second: Int) -> Int { first * counts.count + second }
}

/// A breakdown with its tools as numbers, each once, in the order in which they are listed.
struct KnownBreakdown: Sendable {
    let tools: [Int]
    /// Edges between different tools.
    let links: Set<Breakdown.Edge>
    let stepCount: Int

    init(_ breakdown: Breakdown, _ indexes: [String: Int]) {
        let all = breakdown.steps.map { indexes[$0.tool] }
        var seen: Set<Int> = []
        tools = all.compactMap { $0 }.filter { seen.insert($0).inserted }
        links = Set(
            breakdown.edges.compactMap { edge in
                guard let from = all[edge.from], let to = all[edge.to], from != to else { return nil }
                return Breakdown.Edge(from, to)
            })
        stepCount = breakdown.steps.count
    }
}
