import TestSupport
import Testing
import Workloads

@Suite("Critical path, parallelism and needless edges") struct GraphFiguresTests {
    /// A random graph with durations of whole seconds.
    static func sample(_ count: Int, edgesPerTask: Int, seed: UInt64) throws -> (TaskGraph, [Double]) {
        let graph = try TaskGraph(TaskGraphTests.random(count, edgesPerTask: edgesPerTask, seed: seed))
        var generator = TestGenerator(seed: seed)
        return (graph, (0..<count).map { _ in Double(Int.random(in: 0...9, using: &generator)) })
    }

    @Test("the critical path is the longest of all paths", arguments: UInt64(0)..<40)
    func criticalPath(seed: UInt64) throws {
        let (graph, durations) = try Self.sample(12, edgesPerTask: 2, seed: seed)
        func longest(to task: Int) -> Double {
            durations[task] + (graph.predecessors(of: task).map(longest).max() ?? 0)
        }
        let path = CriticalPath(graph, durations: durations)
        #expect(path.seconds == (0..<graph.count).map(longest).max())
        #expect(path.seconds == path.tasks.reduce(0) { $0 + durations[$1] })
        for (a, b) in zip(path.tasks, path.tasks.dropFirst()) { #expect(graph.successors(of: a).contains(b)) }
        #expect(path.tasks.allSatisfy { path.slacks[$0] == 0 })
    }

    @Test("a task that takes longer by its slack changes nothing, by a second more a second", arguments: UInt64(0)..<40)
    func slack(seed: UInt64) throws {
        let (graph, durations) = try Self.sample(15, edgesPerTask: 2, seed: seed)
        let path = CriticalPath(graph, durations: durations)
        for task in 0..<graph.count {
            var longer = durations
            longer[task] += path.slacks[task]
            #expect(CriticalPath(graph, durations: longer).seconds == path.seconds)
            longer[task] += 1
            #expect(CriticalPath(graph, durations: longer).seconds == path.seconds + 1)
        }
    }

    @Test("an empty graph takes no time and has no profile")
    func empty() throws {
        let graph = try TaskGraph([])
        let path = CriticalPath(graph, durations: [])
        #expect(path.tasks.isEmpty && path.seconds == 0)
        let profile = ParallelismProfile(starts: [], durations: [])
        #expect(profile.times.isEmpty && profile.maximum == 0 && profile.mean == 0)
        #expect(profile.means(over: 3) == [0, 0, 0])
        #expect(TransitiveReduction(graph).redundant.isEmpty)
    }

    @Test("the profile counts what runs at every moment", arguments: UInt64(0)..<40)
    func profile(seed: UInt64) throws {
        let (graph, durations) = try Self.sample(40, edgesPerTask: 3, seed: seed)
        let starts = CriticalPath(graph, durations: durations).starts
        let profile = ParallelismProfile(starts: starts, durations: durations)
        func running(_ time: Double) -> Int {
            starts.indices.count { starts[$0] <= time && time < starts[$0] + durations[$0] }
        }
        for second in 0..<Int(profile.times.last ?? 0) {
            let step = profile.times.lastIndex { $0 <= Double(second) + 0.5 }
            #expect(step.map { profile.counts[$0] } ?? 0 == running(Double(second) + 0.5))
        }
        #expect(profile.maximum == profile.times.map(running).max() ?? 0)
        #expect(profile.counts.last ?? 0 == 0)
        let work = durations.reduce(0, +)
        #expect(abs(profile.mean * (profile.times.last ?? 0) - work) < 1e-9)
        let means = profile.means(over: 7)
        #expect(abs(means.reduce(0, +) * (profile.times.last ?? 0) / 7 - work) < 1e-9)
    }

    @Test("an edge is needless if and only if there is another way", arguments: UInt64(0)..<60)
    func reduction(seed: UInt64) throws {
        // Enough tasks for several words of bits, and dense enough that much follows from other edges.
        let count = seed < 40 ? 12 : 150
        let graph = try TaskGraph(TaskGraphTests.random(count, edgesPerTask: 4, seed: seed))
        let reduction = TransitiveReduction(graph)
        var expected: Set<TransitiveReduction.Edge> = []
        for from in 0..<count {
            for to in graph.successors(of: from)
            where graph.successors(of: from).contains(where: {
                $0 != to && Self.reached(from: $0, graph).contains(to)
            }) {
                expected.insert(.init(from: from, to: to))
            }
        }
        #expect(Set(reduction.redundant) == expected)
        #expect(reduction.redundant.count == expected.count)
        #expect(reduction.graph.edgeCount == graph.edgeCount - expected.count)
        for task in 0..<count {
            #expect(Self.reached(from: task, graph) == Self.reached(from: task, reduction.graph))
        }
        #expect(TransitiveReduction(reduction.graph).redundant.isEmpty)
    }

    @Test("targets are looked at in blocks: an edge across the first of them is found, too")
    func blocks() throws {
        let count = 4200
        var tasks = (0..<count).map { index in
            TaskSpec(id: TaskID("t\(index)"), predecessors: index > 0 ? [TaskID("t\(index - 1)")] : [])
        }
        tasks[4199].predecessors.append("t7")
        tasks[4095].predecessors.append("t0")
        let found = TransitiveReduction(try TaskGraph(tasks)).redundant
        #expect(found == [.init(from: 0, to: 4095), .init(from: 7, to: 4199)])
    }

    private static func reached(from task: Int, _ graph: TaskGraph) -> Set<Int> {
        var (found, open): (Set<Int>, [Int]) = ([], [task])
        while let next = open.popLast() {
            for successor in graph.successors(of: next) where found.insert(successor).inserted {
                open.append(successor)
            }
        }
        return found
    }
}
