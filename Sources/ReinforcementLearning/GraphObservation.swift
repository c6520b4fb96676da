/// The state before one decision, as a graph: nodes (stages) in groups (jobs), edges from parents to children, and the
/// nodes that may be chosen.
///
/// Features are what ``PolicyShape`` names, in its order, row after row. They should be free of the size of the problem:
/// logarithms and ratios of order one.
///
///     observation.groupFeatures += [0.3, 1]
///     observation.nodeFeatures += [0.7, 0.1, 2.4]
///     observation.groupOfNode.append(0)
///     observation.addCandidate(0, score: 1.5)
///     observation.idleScore = 0
public struct GraphObservation: Sendable, Hashable {
    /// *nodes* × *node features*.
    public var nodeFeatures: [Float] = []
    /// The group of each node, below the number of groups.
    public var groupOfNode: [Int32] = []
    /// The node that each edge leaves.
    public var parents: [Int32] = []
    /// The node that each edge enters.
    public var children: [Int32] = []
    /// *groups* × *group features*; at least one feature.
    public var groupFeatures: [Float] = []
    /// One value a global feature.
    public var globalFeatures: [Float] = []
    /// The nodes that may be chosen. One node may stand here twice, for two ways to choose it.
    public var candidates: [Int32] = []
    /// What a rule thinks of each candidate, as a logit. The network adds to it, so that an untrained policy is the
    /// rule. All 0 without a rule.
    public var candidateScores: [Float] = []
    /// The same for choosing none; `nil` if that is not legal.
    public var idleScore: Float?
    /// *candidates* × *levels*, logits of the rule again; −∞ forbids a level. At least one of each candidate is finite.
    public var levelScores: [Float] = []

    public init() {}

    /// Adds an edge between two nodes.
    @inlinable public mutating func addEdge(from parent: Int, to child: Int) {
        parents.append(Int32(truncatingIfNeeded: parent))
        children.append(Int32(truncatingIfNeeded: child))
    }

    /// Allows a node to be chosen. ``levelScores`` are added apart, where the policy has levels.
    @inlinable public mutating func addCandidate(_ node: Int, score: Float = 0) {
        candidates.append(Int32(truncatingIfNeeded: node))
        candidateScores.append(score)
    }

    /// Empties it and keeps its memory.
    public mutating func removeAll() {
        nodeFeatures.removeAll(keepingCapacity: true)
        groupOfNode.removeAll(keepingCapacity: true)
        parents.removeAll(keepingCapacity: true)
        children.removeAll(keepingCapacity: true)
        groupFeatures.removeAll(keepingCapacity: true)
        globalFeatures.removeAll(keepingCapacity: true)
        candidates.removeAll(keepingCapacity: true)
        candidateScores.removeAll(keepingCapacity: true)
        levelScores.removeAll(keepingCapacity: true)
        idleScore = nil
    }

    /// Checks that the observation is one of `shape`: sizes agree, indices exist, numbers are finite, something is legal.
    /// O(size), a few microseconds for hundreds of nodes.
    public func validate(for shape: PolicyShape) throws(ReinforcementLearningError) {
        let (nodes, groups) = (groupOfNode.count, groupFeatures.count / shape.groupFeatures.count)
        func expect(_ what: String, _ found: Int, _ expected: Int) throws(ReinforcementLearningError) {
            guard found == expected else {
                throw .observationSize(what: what, found: found, expected: expected)
            }
        }
        try expect("node features", nodeFeatures.count, nodes * shape.nodeFeatures.count)
        try expect("group features", groupFeatures.count, groups * shape.groupFeatures.count)
        try expect("global features", globalFeatures.count, shape.globalFeatures.count)
        try expect("children of edges", children.count, parents.count)
        try expect("scores of candidates", candidateScores.count, candidates.count)
        try expect("scores of levels", levelScores.count, candidates.count * shape.levels)
        func expect(_ what: String, _ indices: [Int32], below bound: Int) throws(ReinforcementLearningError) {
            guard indices.allSatisfy({ $0 >= 0 && $0 < bound }) else {
                let found = indices.first { $0 < 0 || $0 >= bound } ?? 0
                throw .observationIndex(what: what, found: Int(found), count: bound)
            }
        }
        try expect("the group of a node", groupOfNode, below: groups)
        try expect("the parent of an edge", parents, below: nodes)
        try expect("the child of an edge", children, below: nodes)
        try expect("a candidate", candidates, below: nodes)
        func expectFinite(_ values: [Float], _ names: [String]) throws(ReinforcementLearningError) {
            guard !values.isFinite else { return }
            let index = values.firstIndex { !$0.isFinite } ?? 0
            throw .notFinite(feature: names[index % names.count], row: index / names.count, found: values[index])
        }
        try expectFinite(nodeFeatures, shape.nodeFeatures)
        try expectFinite(groupFeatures, shape.groupFeatures)
        try expectFinite(globalFeatures, shape.globalFeatures)
        try expectFinite(candidateScores, ["score of a candidate"])
        if let idleScore { try expectFinite([idleScore], ["score of leaving it idle"]) }
        for candidate in candidates.indices where shape.levels > 0 {
            let levels = levelScores[(candidate * shape.levels)..<((candidate + 1) * shape.levels)]
            guard levels.allSatisfy({ $0 < .infinity }), levels.contains(where: { $0 > -.infinity }) else {
                throw .notFinite(feature: "score of a level", row: candidate, found: levels.max() ?? .nan)
            }
        }
        guard !candidates.isEmpty || idleScore != nil else { throw .nothingLegal }
    }
}

extension [Float] {
    /// Whether no element is infinite or NaN: those, and only those, times 0 are not 0.
    var isFinite: Bool {
        var sums = SIMD8<Float>()
        var rest: Float = 0
        withUnsafeBufferPointer { values in
            var index = 0
            while index + 8 <= values.count {
                var next = SIMD8<Float>()
                for lane in 0..<8 { next[lane] = values[index + lane] }
                sums += next * 0
                index += 8
            }
            while index < values.count {
                rest += values[index] * 0
                index += 1
            }
        }
        return sums.sum() + rest == 0
    }
}
