import Allocation
import Foundation
import Workloads

private let count = 100_000

/// Seconds for each event of a whole run of 100,000 tasks on 1,000 instances.
func eventRows() throws -> [String: Double] {
    [
        "event_easy": try run(cpus: 4) { TaskSpec(id: TaskID("t\($0)")) },
        "event_memory": try run(cpus: 64) { TaskSpec(id: TaskID("t\($0)"), request: .init(memoryBytes: 12e9)) },
        "event_fan": try run(cpus: 4) { TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : ["t0"]) },
    ]
}

/// Bytes a task that a state of 100,000 tasks in a chain holds.
func stateRow() throws -> Double {
    let graph = try TaskGraph(
        (0..<count).map { TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : [TaskID("t\($0 - 1)")]) })
    // What was free before is taken by the first of them.
    var states: [RunState] = []
    var bytes: [Double] = []
    for _ in 0..<2 {
        for _ in 0..<20 {
            states.append(RunState(offers: []))
            states[states.count - 1].add(Job(graph), ranks: Array(repeating: 1, count: count))
        }
        bytes.append(residentBytes())
    }
    precondition(states[39].tasks.count == count)
    return (bytes[1] - bytes[0]) / 20 / Double(count)
}

private func run(cpus: Double, _ task: (Int) -> TaskSpec) throws -> Double {
    let graph = try TaskGraph((0..<count).map(task))
    var least = Double.infinity
    for _ in 0..<5 { least = min(least, try run(graph, cpus: cpus)) }
    return least
}

private func run(_ graph: TaskGraph, cpus: Double) throws -> Double {
    let offer = Offer(type: InstanceType(name: "m", cpus: cpus, memoryBytes: 16e9), maximumCount: 1000)
    var allocator = Allocation.Allocator(offers: [offer], policies: Policies(placement: Backfilling()))
    allocator.add(Job(graph))
    _ = allocator.handle([.admitted(0)], at: 0)
    let start = processorSeconds()
    var actions = allocator.handle((0..<1000).map { .opened($0, offer.capacity) }, at: 0)
    var (next, events, clock) = (0, 1000, 0.0)
    while next < actions.count {
        if case .start(let attempt, _, _, _) = actions[next] {
            (events, clock) = (events + 1, clock + 0.001)
            actions += allocator.handle([.finished(attempt)], at: clock)
        }
        next += 1
    }
    precondition(allocator.state.jobs[0].ending == .succeeded)
    return (processorSeconds() - start) / Double(events)
}

/// What this process has in memory.
private func residentBytes() -> Double {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0)
        * Double(sysconf(Int32(_SC_PAGESIZE)))
}
