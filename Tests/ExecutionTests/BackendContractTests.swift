import Allocation
import Execution
import Foundation
import Glibc
import LocalExecution
import TestSupport
import Testing
import Workloads

/// What every backend promises, checked at every call and of every report.
private struct CheckedBackend<World: Backend>: Backend {
    var world: World
    private var last = -Double.infinity
    private var asked: Set<InstanceIndex> = []
    private var opened: Set<InstanceIndex> = []
    private var over: Set<InstanceIndex> = []
    private var ended: Set<AttemptID> = []
    private var starts: [AttemptID: InstanceIndex] = [:]
    private var names: [InstanceIndex: InstanceID] = [:]
    private var hasEnded = false

    init(_ world: World) { self.world = world }

    var now: Double { world.now }

    func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID { world.name(of: instance, state) }

    mutating func reconcile(_ state: RunState) throws -> [Report] {
        #expect(starts.isEmpty, "a backend is told of the past once, before all else")
        for instance in 0..<InstanceIndex(state.instances.count) {
            asked.insert(instance)
            if state.instances.phase[Int(instance)] != .opening { opened.insert(instance) }
            if state.instances.phase[Int(instance)] == .closed { over.insert(instance) }
        }
        for task in 0..<TaskIndex(state.tasks.count) where state.tasks.phase[Int(task)].isRunning {
            starts[state.attempt(at: task)] = state.tasks.instance[Int(task)]
        }
        return check(try world.reconcile(state))
    }

    mutating func perform(_ action: Action, _ state: RunState) throws {
        #expect(!hasEnded)
        switch action {
        case .open(let instance, _, _, _): #expect(asked.insert(instance).inserted)
        case .start(let attempt, let instance, _, _): starts[attempt] = instance
        default: break
        }
        try world.perform(action, state)
        for instance in 0..<InstanceIndex(state.instances.count) {
            let name = world.name(of: instance, state)
            #expect(names[instance] ?? name == name, "an instance has one name for ever")
            names[instance] = name
        }
        // Instances that are there at the same time must be told apart.
        let there = names.filter { opened.contains($0.key) && !over.contains($0.key) }.values
        #expect(Set(there).count == there.count)
    }

    mutating func wait(until seconds: Double) throws -> [Report] {
        let before = world.now
        let reports = check(try world.wait(until: seconds))
        #expect(world.now >= before, "the clock goes back")
        return reports
    }

    mutating func end() {
        hasEnded = true
        world.end()
    }

    private mutating func check(_ reports: [Report]) -> [Report] {
        for report in reports {
            switch report {
            case .ended(let attempt, _):
                #expect(ended.insert(attempt).inserted, "\(attempt) ends twice")
                let instance = starts[attempt]
                #expect(instance != nil, "\(attempt) ends and was not started")
                #expect(!over.contains(instance ?? -1), "\(attempt) ends after its instance")
            case .alert(let attempt, _): #expect(starts[attempt] != nil && !ended.contains(attempt))
            case .event(.opened(let instance, let room)):
                #expect(asked.contains(instance) && !over.contains(instance) && room.cpus > 0)
                #expect(opened.insert(instance).inserted, "instance \(instance) opens twice")
            case .event(.refused(let instance)):
                #expect(asked.contains(instance) && !opened.contains(instance), "it cannot be refused any more")
                over.insert(instance)
            case .event(.reclaimNotice(let instance, _)): #expect(asked.contains(instance) && !over.contains(instance))
            case .event(.closed(let instance, _)):
                #expect(asked.contains(instance) && over.insert(instance).inserted, "instance \(instance) closes twice")
            case .event(.started(let attempt)), .event(.checkpointed(let attempt, _)):
                #expect(starts[attempt] != nil && !ended.contains(attempt))
            case .event(.cancelled), .event(.priced), .remark: break
            case .event(let event): Issue.record("\(event) is not for a backend to say")
            }
        }
        return reports
    }
}

@Suite("What every backend promises") struct BackendContractTests {
    /// Runs a job to its end on a backend, and expects the promises to hold; the outcomes.
    private func outcomes<World: Backend>(
        on world: World, _ graph: TaskGraph, _ allocator: Allocator
    ) throws -> [AttemptRecord] {
        var outcomes: [AttemptRecord] = []
        var loop = RunLoop(
            [.init(Job(graph, name: "w"), run: "1")], allocator, on: CheckedBackend(world),
            log: SimulatedLog(SimulatedDisk(), Fuse()), report: { outcomes += $0 })
        let result = try loop.run()
        #expect(result.ending == .succeeded && result.finished == graph.count)
        #expect(Set(outcomes.map { "\($0.task ?? "") \($0.attempt ?? 0)" }).count == outcomes.count)
        #expect(outcomes.count { $0.status == .completed } == graph.count)
        return outcomes
    }

    @Test("the simulated backend", arguments: UInt64(0)..<40)
    func simulated(seed: UInt64) throws {
        let world = SimulatedWorld(seed: seed)
        let outcomes = try outcomes(
            on: SimulatedBackend(world, Fuse()), RunLoopTests.graph(seed), RunLoopTests.allocator(seed))
        #expect(outcomes.count >= world.begun.count)
    }

    @Test(
        "the processes of this machine, on the whole of it and on instances that are taken back",
        arguments: [false, true])
    func local(hasPool: Bool) throws {
        let shop = try Workshop()
        let graph = try TaskGraph(
            (0..<12).map { index in
                TaskSpec(
                    id: TaskID("t\(index)"), command: index < 4 ? "sleep 3" : "sleep 0.05",
                    predecessors: index < 4 ? [] : [TaskID("t\(index - 4)")])
            })
        var options = ExecutorOptions(
            runFolder: shop.folder + "/run", workingFolder: shop.folder, workflow: "w", job: "1",
            instance: InstanceType(name: "local", cpus: 4, memoryBytes: 8e9), graceSeconds: 0.3, handlesSignals: false)
        if hasPool {
            let type = InstanceType(name: "part", cpus: 2, memoryBytes: 4e9)
            options.pool = [Offer(type: type, maximumCount: 2, openSeconds: 0.05)]
            options.reclaims = [.init("part#0", noticeSeconds: 1.5, warningSeconds: 0.1)]
        }
        try FileManager.default.createDirectory(
            atPath: options.runFolder + "/attempts", withIntermediateDirectories: true)
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        defer { for end in ends { close(end) } }
        let backend = LocalBackend(
            graph, options: options, wakeUp: ends[0], epoch: Date().timeIntervalSince1970)
        let offers = hasPool ? options.pool : [Offer(type: options.instance)]
        let outcomes = try outcomes(on: backend, graph, Allocator(offers: offers))
        #expect(outcomes.contains { $0.cause == .reclaimed } == hasPool)
        #expect(shop.livingProcesses.isEmpty)
    }
}
