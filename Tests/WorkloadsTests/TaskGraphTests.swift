import TestSupport
import Testing
import Workloads

@Suite("Task graph") struct TaskGraphTests {
    static func random(_ count: Int, edgesPerTask: Int, seed: UInt64) -> [TaskSpec] {
        var generator = TestGenerator(seed: seed)
        var tasks = (0..<count).map { index in
            TaskSpec(
                id: TaskID("t\(index)"),
                predecessors: index == 0
                    ? []
                    : (0..<Int.random(in: 0...edgesPerTask, using: &generator)).map { _ in
                        TaskID("t\(Int.random(in: 0..<index, using: &generator))")
                    })
        }
        tasks.shuffle(using: &generator)
        return tasks
    }

    @Test("edges, order and levels agree with their definitions", arguments: UInt64(0)..<40)
    func definitions(seed: UInt64) throws {
        let graph = try TaskGraph(Self.random(60, edgesPerTask: 3, seed: seed))
        var position = [Int](repeating: -1, count: graph.count)
        for (place, task) in graph.topologicalOrder.enumerated() { position[task] = place }
        #expect(Set(position).count == graph.count)
        for task in 0..<graph.count {
            let named = Set(graph.tasks[task].predecessors.compactMap(graph.index))
            #expect(Set(graph.predecessors(of: task)) == named)
            #expect(graph.predecessors(of: task).count == named.count)
            for predecessor in named {
                #expect(position[predecessor] < position[task])
                #expect(graph.successors(of: predecessor).contains(task))
            }
            #expect(graph.levels[task] == (named.map { graph.levels[$0] + 1 }.max() ?? 0))
        }
        #expect(graph.edgeCount == (0..<graph.count).reduce(0) { $0 + graph.successors(of: $1).count })
        #expect(graph.roots.allSatisfy { graph.levels[$0] == 0 })
        #expect(graph.leaves.allSatisfy { graph.successors(of: $0).isEmpty })
    }

    @Test("an empty graph is a graph")
    func empty() throws {
        let graph = try TaskGraph([])
        #expect(graph.count == 0 && graph.roots.isEmpty)
    }

    @Test("mistakes are named")
    func mistakes() {
        #expect(throws: TaskGraphError.duplicateID("a")) { try TaskGraph([.init(id: "a"), .init(id: "a")]) }
        #expect(throws: TaskGraphError.missingDependency(task: "b", dependency: "sotr", nearest: "sort")) {
            try TaskGraph([.init(id: "sort"), .init(id: "b", predecessors: ["sotr"])])
        }
        #expect(throws: TaskGraphError.missingDependency(task: "b", dependency: "zzz", nearest: nil)) {
            try TaskGraph([.init(id: "sort"), .init(id: "b", predecessors: ["zzz"])])
        }
        #expect(throws: TaskGraphError.cycle(["a", "a"])) { try TaskGraph([.init(id: "a", predecessors: ["a"])]) }
    }

    @Test("the cycle found is one, whatever hangs on it", arguments: UInt64(0)..<60)
    func cycles(seed: UInt64) {
        var tasks = Self.random(30, edgesPerTask: 2, seed: seed)
        tasks.append(.init(id: "x", predecessors: ["y", "t3"]))
        tasks.append(.init(id: "y", predecessors: ["z"]))
        tasks.append(.init(id: "z", predecessors: ["t1", "x"]))
        tasks.append(.init(id: "after", predecessors: ["z"]))
        #expect {
            try TaskGraph(tasks)
        } throws: { error in
            guard case .cycle(let path) = error as? TaskGraphError else { return false }
            return path.count == 4 && path.first == path.last && Set(path) == ["x", "y", "z"]
                && zip(path, path.dropFirst()).allSatisfy { a, b in
                    tasks.contains { $0.id == b && $0.predecessors.contains(a) }
                }
        }
    }

    @Test("a hundred thousand tasks are indexed", .timeLimit(.minutes(5)))
    func large() throws {
        let tasks = Self.random(100_000, edgesPerTask: 4, seed: 7)
        #expect(try TaskGraph(tasks).topologicalOrder.count == 100_000)
    }

    @Test("a deep chain does not exhaust the stack")
    func deep() throws {
        let chain = (0..<100_000).map {
            TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : [TaskID("t\($0 - 1)")])
        }
        #expect(try TaskGraph(chain).levels.max() == 99_999)
        var closed = chain
        closed[0].predecessors = ["t99999"]
        #expect(throws: TaskGraphError.self) { try TaskGraph(closed) }
    }

    @Test("the nearest name is found, a far one is not")
    func nearest() {
        #expect(nearestName(to: "meomry", among: ["cpus", "memory", "time_limit"]) == "memory")
        #expect(nearestName(to: "CPUS", among: ["cpus", "memory"]) == "cpus")
        #expect(nearestName(to: "xyzzy", among: ["cpus", "memory"]) == nil)
    }
}
