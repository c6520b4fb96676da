/// Many observations in a row: the graphs of one product of matrices, or the memory of an episode.
///
/// - Invariant: The observations were valid. Indices of nodes, groups and candidates count through the whole batch.
package struct GraphBatch {
    private(set) var nodeFeatures: [Float] = []
    private(set) var groupOfNode: [Int32] = []
    private(set) var parents: [Int32] = []
    private(set) var children: [Int32] = []
    private(set) var groupFeatures: [Float] = []
    private(set) var graphOfGroup: [Int32] = []
    private(set) var globalFeatures: [Float] = []
    private(set) var candidates: [Int32] = []
    private(set) var graphOfCandidate: [Int32] = []
    private(set) var candidateScores: [Float] = []
    private(set) var levelScores: [Float] = []
    /// −∞ where leaving it idle is not legal.
    private(set) var idleScores: [Float] = []
    /// Where each graph begins, and where the last one ends.
    private var starts = [Starts()]

    struct Starts { var nodes = 0, groups = 0, edges = 0, candidates = 0 }

    package init() {}

    var count: Int { starts.count - 1 }
    var nodes: Int { groupOfNode.count }
    var groups: Int { graphOfGroup.count }

    func nodes(of graph: Int) -> Range<Int> { starts[graph].nodes..<starts[graph + 1].nodes }
    func candidates(of graph: Int) -> Range<Int> { starts[graph].candidates..<starts[graph + 1].candidates }

    mutating func removeAll() {
        nodeFeatures.removeAll(keepingCapacity: true)
        groupOfNode.removeAll(keepingCapacity: true)
        parents.removeAll(keepingCapacity: true)
        children.removeAll(keepingCapacity: true)
        groupFeatures.removeAll(keepingCapacity: true)
        graphOfGroup.removeAll(keepingCapacity: true)
        globalFeatures.removeAll(keepingCapacity: true)
        candidates.removeAll(keepingCapacity: true)
        graphOfCandidate.removeAll(keepingCapacity: true)
        candidateScores.removeAll(keepingCapacity: true)
        levelScores.removeAll(keepingCapacity: true)
        idleScores.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        starts.append(Starts())
    }

    /// Adds an observation, which must be valid.
    package mutating func append(_ graph: borrowing GraphObservation, groups: Int) {
        let start = starts[count]
        let index = Int32(count)
        nodeFeatures += graph.nodeFeatures
        groupOfNode.append(graph.groupOfNode[...], shifted: start.groups)
        parents.append(graph.parents[...], shifted: start.nodes)
        children.append(graph.children[...], shifted: start.nodes)
        groupFeatures += graph.groupFeatures
        for _ in 0..<groups { graphOfGroup.append(index) }
        globalFeatures += graph.globalFeatures
        candidates.append(graph.candidates[...], shifted: start.nodes)
        for _ in graph.candidates { graphOfCandidate.append(index) }
        candidateScores += graph.candidateScores
        levelScores += graph.levelScores
        idleScores.append(graph.idleScore ?? -.infinity)
        close()
    }

    /// Adds one graph of another batch.
    mutating func append(_ other: borrowing GraphBatch, graph: Int, shape: borrowing NetworkLayout) {
        let (start, from, to) = (starts[count], other.starts[graph], other.starts[graph + 1])
        let index = Int32(count)
        nodeFeatures += other.nodeFeatures[(from.nodes * shape.nodeFeatures)..<(to.nodes * shape.nodeFeatures)]
        groupOfNode.append(other.groupOfNode[from.nodes..<to.nodes], shifted: start.groups - from.groups)
        parents.append(other.parents[from.edges..<to.edges], shifted: start.nodes - from.nodes)
        children.append(other.children[from.edges..<to.edges], shifted: start.nodes - from.nodes)
        groupFeatures += other.groupFeatures[(from.groups * shape.groupFeatures)..<(to.groups * shape.groupFeatures)]
        for _ in from.groups..<to.groups { graphOfGroup.append(index) }
        globalFeatures += other.globalFeatures[(graph * shape.globalFeatures)..<((graph + 1) * shape.globalFeatures)]
        candidates.append(other.candidates[from.candidates..<to.candidates], shifted: start.nodes - from.nodes)
        for _ in from.candidates..<to.candidates { graphOfCandidate.append(index) }
        candidateScores += other.candidateScores[from.candidates..<to.candidates]
        levelScores += other.levelScores[(from.candidates * shape.levels)..<(to.candidates * shape.levels)]
        idleScores.append(other.idleScores[graph])
        close()
    }

    private mutating func close() {
        starts.append(
            Starts(nodes: nodes, groups: groups, edges: parents.count, candidates: candidates.count))
    }
}

extension [Int32] {
    fileprivate mutating func append(_ indices: ArraySlice<Int32>, shifted shift: Int) {
        let shift = Int32(truncatingIfNeeded: shift)
        indices.withUnsafeBufferPointer { for index in $0 { append(index &+ shift) } }
    }
}
