import Testing
import Workloads

@Suite("Difference of graphs") struct GraphDifferenceTests {
    private func graph(_ tasks: (TaskID, [TaskID])...) throws -> TaskGraph {
        try TaskGraph(tasks.map { TaskSpec(id: $0.0, predecessors: $0.1) })
    }

    @Test("tasks and edges of one only")
    func sides() throws {
        let difference = try GraphDifference(
            graph(("a", []), ("b", ["a"]), ("c", ["b"])), graph(("a", []), ("c", ["a"]), ("d", ["c"])))
        #expect(difference.onlyInFirst.tasks == ["b"] && difference.onlyInSecond.tasks == ["d"])
        #expect(difference.onlyInFirst.edges.map(\.to) == ["b", "c"])
        #expect(difference.onlyInSecond.edges.map(\.isImplied) == [true, false])
        #expect(difference.commonTasks == 2 && difference.commonEdges == 0 && !difference.hasSameOrder)
    }

    @Test("what a reduction leaves out is implied: the order is the same")
    func reduction() throws {
        let full = try graph(("a", []), ("b", ["a"]), ("c", ["a", "b"]), ("d", ["a", "c"]))
        let difference = GraphDifference(full, TransitiveReduction(full).graph)
        #expect(difference.onlyInFirst.edges.count == 2 && difference.onlyInSecond.edges.isEmpty)
        #expect(difference.hasSameOrder && !difference.isEmpty)
        #expect(GraphDifference(full, full).isEmpty)
    }
}
