import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Insertion into gaps") struct InsertionTests {
    @Test("each task of a random order starts at the earliest moment that brute force finds", arguments: UInt64(0)..<40)
    func earliest(seed: UInt64) throws {
        // Independent tasks, one instance: list scheduling places them one by one in the order of their rank.
        var generator = TestGenerator(seed: seed)
        let tasks = (0..<25).map { index in
            TaskSpec(
                id: TaskID("t\(index)"),
                request: .init(
                    cpus: Double(Int.random(in: 1...3, using: &generator)),
                    memoryBytes: Double(Int.random(in: 1...5, using: &generator))),
                claimedSeconds: Double(Int.random(in: 1...9, using: &generator)))
        }
        let type = InstanceType(name: "a", cpus: 4, memoryBytes: 10)
        let graph = try TaskGraph(tasks)
        let plan = try Planner(graph, on: .init(entries: [.init(type: type)]), costs: .claimed(by: graph)).heft()
        let byRank = tasks.enumerated().sorted { a, b in
            let (first, second) = (a.element.claimedSeconds ?? 0, b.element.claimedSeconds ?? 0)
            return first != second ? first > second : a.offset < b.offset
        }
        var (cpus, memory) = ([Int](repeating: 0, count: 400), [Int](repeating: 0, count: 400))
        var starts: [TaskID: Int] = [:]
        for (_, task) in byRank {
            let (need, bytes) = (Int(task.request.cpus), Int(task.request.memoryBytes))
            let length = Int(task.claimedSeconds ?? 0)
            let start = (0..<300).first { start in
                (start..<start + length).allSatisfy { cpus[$0] + need <= 4 && memory[$0] + bytes <= 10 }
            }
            let found = try #require(start)
            for second in found..<found + length {
                cpus[second] += need
                memory[second] += bytes
            }
            starts[task.id] = found
        }
        for assignment in plan.assignments {
            #expect(starts[assignment.task].map(Double.init) == assignment.startSeconds)
        }
    }

    @Test("on several instances no plan is slower than list scheduling by brute force", arguments: UInt64(0)..<40)
    func several(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let tasks = (0..<60).map { index in
            TaskSpec(
                id: TaskID("t\(index)"),
                request: .init(
                    cpus: Double(Int.random(in: 1...4, using: &generator)),
                    memoryBytes: Double(Int.random(in: 1...8, using: &generator))),
                claimedSeconds: Double(Int.random(in: 1...9, using: &generator)))
        }
        let type = InstanceType(name: "a", cpus: 4, memoryBytes: 10)
        let graph = try TaskGraph(tasks)
        let count = 1 + Int(seed % 20)
        let plan = try Planner(
            graph, on: .init(entries: [.init(type: type, maximumCount: count)]), costs: .claimed(by: graph)
        ).plan(Goal(.time))
        let seconds = tasks.map { Int($0.claimedSeconds ?? 0) }
        var free = [[(cpus: Int, memory: Int)]](
            repeating: [(cpus: Int, memory: Int)](repeating: (4, 10), count: 600), count: count)
        var makespan = 0
        for task in tasks.indices.sorted(by: { (-seconds[$0], $0) < (-seconds[$1], $1) }) {
            let (cpus, memory) = (Int(tasks[task].request.cpus), Int(tasks[task].request.memoryBytes))
            let starts = free.map { steps in
                (0..<590).first { start in
                    (start..<start + seconds[task]).allSatisfy { steps[$0].cpus >= cpus && steps[$0].memory >= memory }
                } ?? .max
            }
            let start = try #require(starts.min())
            let instance = try #require(starts.firstIndex(of: start))
            for second in start..<start + seconds[task] {
                free[instance][second].cpus -= cpus
                free[instance][second].memory -= memory
            }
            makespan = max(makespan, start + seconds[task])
        }
        #expect(plan.makespanSeconds <= Double(makespan))
        try plan.validate(graph, on: .init(entries: [.init(type: type, maximumCount: count)]))
    }
}
