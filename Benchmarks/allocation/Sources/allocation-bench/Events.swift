import Allocation
import Foundation
import Workloads

/// Seconds for each event of a whole run of 100,000 tasks on 1,000 instances, and bytes a task that the state holds.
func eventRows() throws -> [String: Double] {
    let count = 100_000
    func tasks(_ spec: (Int) -> TaskSpec) -> [TaskSpec] { (0..<count).map(spec) }
    var rows: [String: Double] = [:]
    rows["event_easy"] = try run(tasks { TaskSpec(id: TaskID("t\($0)")) }, cpus: 4)
    rows["event_memory"] = try run(
        tasks { TaskSpec(id: TaskID("t\($0)"), request: .init(memoryBytes: 12e9)) }, cpus: 64)
    rows["event_fan"] = try run(
        tasks { TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : ["t0"]) }, cpus: 4)

    let graph = try TaskGraph(
        tasks { TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : [TaskID("t\($0 - 1)")]) })
    let before = residentBytes()
    var state = RunState(offers: [])
    state.add(Job(graph))
    rows["state_bytes"] = (residentBytes() - before) / Double(count)
    precondition(state.tasks.count == count)
    return rows
}

private func run(_ tasks: [TaskSpec], cpus: Double) throws -> Double {
    let offer = Offer(type: InstanceType(name: "m", cpus: cpus, memoryBytes: 16e9), maximumCount: 1000)
    var allocator = Allocation.Allocator(offers: [offer], policies: Policies(placement: Backfilling()))
    allocator.add(Job(try TaskGraph(tasks)))
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
