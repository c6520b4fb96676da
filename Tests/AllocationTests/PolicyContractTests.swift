import Allocation
import Scheduling
import TestSupport
import Testing
import Workloads

/// What every placement promises, checked at every call.
private struct CheckedPlacement: Placement {
    var placement: any Placement
    /// Ready tasks that it was told of and has not named.
    private var told: Set<TaskIndex> = []

    init(_ placement: any Placement) { self.placement = placement }

    mutating func becameReady(_ task: TaskIndex, _ state: RunState) {
        told.insert(task)
        placement.becameReady(task, state)
    }

    mutating func changed(_ instance: InstanceIndex, _ state: RunState) { placement.changed(instance, state) }

    mutating func planned(_ job: JobIndex, _ state: RunState) { placement.planned(job, state) }

    mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        guard let pair = placement.next(state) else {
            expectNothingIsForgotten(state)
            return nil
        }
        let (task, instance) = (Int(pair.task), Int(pair.instance))
        #expect(told.remove(pair.task) != nil, "\(task) was not told of, or is named twice")
        #expect(state.tasks.phase[task] == .ready && state.mayStart(state.tasks.job[task]))
        #expect(state.instances.phase[instance] == .open)
        #expect(state.tasks.request[task].fits(in: state.instances.free[instance]), "\(task) has no room")
        #expect(state.allows(pair.task, state.instances.offer[instance]), "\(task) may not run there")
        return pair
    }

    /// While nothing runs, whatever fits somewhere starts: no reservation and no plan lets all wait for ever.
    private func expectNothingIsForgotten(_ state: RunState) {
        let open = (0..<state.instances.count).filter { state.instances.phase[$0] == .open }
        guard open.allSatisfy({ state.instances.running[$0].isEmpty }) else { return }
        // A plan may wait for an instance that is on its way or to be asked for, and a schedule for one on its way.
        guard !state.instances.phase.contains(.opening) else { return }
        guard !state.jobs.contains(where: { $0.plan != nil && $0.ending == nil && $0.ready > 0 }) else { return }
        for task in 0..<state.tasks.count where state.tasks.phase[task] == .ready {
            guard state.mayStart(state.tasks.job[task]) else { continue }
            #expect(
                !open.contains {
                    state.tasks.request[task].fits(in: state.instances.capacity[$0])
                        && state.allows(TaskIndex(task), state.instances.offer[$0])
                },
                "\(task) waits although nothing runs and there is room")
        }
    }

    func wakeSeconds(_ state: RunState) -> Double {
        let seconds = placement.wakeSeconds(state)
        #expect(seconds > state.seconds)
        return seconds
    }
}

/// What every provisioning promises, checked at every call.
private struct CheckedProvisioning: Provisioning {
    var provisioning: any Provisioning
    /// Whether it may rent while no job goes on.
    private let isKept: Bool
    private var asked = (seconds: -1.0, changes: 0)

    init(_ provisioning: any Provisioning) {
        (self.provisioning, isKept) = (provisioning, provisioning is ReservedPool)
    }

    var followsDemand: Bool { provisioning.followsDemand }

    mutating func changes(_ state: RunState) -> [Action] {
        let actions = provisioning.changes(state)
        var counts = state.openCounts
        var next = InstanceIndex(state.instances.count)
        for action in actions {
            switch action {
            case .open(let instance, let offer, _, _):
                #expect(instance == next, "instances are numbered in their order")
                next += 1
                counts[Int(offer)] += 1
                #expect(Int(counts[Int(offer)]) <= state.offers[Int(offer)].maximumCount, "more than are offered")
                #expect(isKept || state.isGoingOn, "nothing is rented for nobody")
            case .close(let instance):
                // What will be taken back may be given back before.
                let isNoticed =
                    state.instances.phase[Int(instance)] == .closing
                    && state.instances.reclaimSeconds[Int(instance)].isFinite
                #expect(
                    isNoticed || [.opening, .open].contains(state.instances.phase[Int(instance)]), "it is gone already")
                #expect(state.instances.running[Int(instance)].isEmpty, "something runs on what is given back")
            default: Issue.record("\(action) is no change of what is rented")
            }
        }
        // It is asked until it has no answer: it must come to an end.
        asked = asked.seconds == state.seconds ? (state.seconds, asked.changes + actions.count) : (state.seconds, 0)
        #expect(asked.changes < 1000, "it never stops")
        if actions.isEmpty, !isKept, !state.isGoingOn {
            #expect(!state.instances.phase.contains { $0 == .opening || $0 == .open }, "something is left rented")
        }
        return actions
    }

    func wakeSeconds(_ state: RunState) -> Double {
        let seconds = provisioning.wakeSeconds(state)
        #expect(seconds > state.seconds)
        return seconds
    }
}

@Suite("What every policy promises") struct PolicyContractTests {
    enum Place: CaseIterable {
        case bestFit, backfilling, rescheduling

        func placement(_ order: Order) -> any Placement {
            switch self {
            case .bestFit: BestFit(order)
            case .backfilling: Backfilling(order)
            case .rescheduling: Rescheduling(order)
            }
        }
    }

    enum Rent: CaseIterable {
        case fixedPool, asRented, reserved, onDemand

        /// Enough for some tasks, and then for none.
        static let forecast = DemandForecast(
            stepSeconds: 40, mean: [Resources(cpus: 5), Resources(cpus: 2)],
            deviation: [Resources(cpus: 3), Resources(cpus: 1)])

        var provisioning: any Provisioning {
            switch self {
            case .fixedPool: FixedPool()
            case .asRented: AsRented()
            case .reserved: ReservedPool(Self.forecast, level: 0.9)
            case .onDemand: ReservedPool(Self.forecast, level: 0)
            }
        }
    }

    @Test(
        "every placement with every provisioning, on jobs with and without a plan, in every order",
        arguments: Place.allCases, Rent.allCases)
    func contract(place: Place, rent: Rent) throws {
        for seed in UInt64(0)..<24 {
            var generator = TestGenerator(seed: seed)
            let order = [Order.rank, .deadline, .fairShare][Int(seed % 3)]
            // Some tasks are particular about how their instance is bought.
            let graphs = try (0..<2).map { number in
                try randomGraph(12, seed: seed &* 2 &+ UInt64(number)).mapTasks { index, task in
                    if seed % 4 > 1, index % 3 > 0 { task.request.purchase = index % 3 == 1 ? .spot : .onDemand }
                }
            }
            let offers = [
                offer("m", count: 2), offer("l", cpus: 8, memory: 20e9, count: 1, price: 2),
                offer("s", cpus: 4, memory: 9e9, count: 2, purchase: .spot, price: 0.1, openSeconds: 3),
            ]
            var empty = Allocator(
                offers: offers,
                policies: Policies(
                    placement: CheckedPlacement(place.placement(order)),
                    provisioning: CheckedProvisioning(rent.provisioning),
                    following: seed % 6 == 5
                        ? Following(
                            [CheckedPlacement(Rescheduling(order)), CheckedPlacement(BestFit(order))], playouts: 2,
                            leastGain: 0, noise: 0.5) : nil))
            for (index, graph) in graphs.enumerated() {
                empty.add(
                    Job(graph, tenant: "t\(index)", goal: Goal(.balanced, deadlineSeconds: index == 0 ? 90 : nil)),
                    estimates: Estimates(expectedSeconds: Array(repeating: 3, count: graph.count)))
            }
            var world = TestWorld(empty, graphs)
            if seed % 2 == 0 {
                let plan = StormTests.randomPlan(graphs[0], offers: offers.count, &generator, now: 0)
                try world.send([.planned(0, plan)])
            }
            try world.send([.admitted(0)])
            for step in 0..<4000 where world.endings.count < graphs.count {
                world.now += Double.random(in: 0...1, using: &generator)
                if step == 5 { try world.send([.admitted(1)]) }
                if world.now >= world.wakeSeconds {
                    world.wakeSeconds = .infinity
                    try world.send([.timer])
                }
                try world.obey()
                let instance = world.rooms.keys.sorted().randomElement(using: &generator)
                switch Int.random(in: 0..<20, using: &generator) {
                case 0..<8:
                    guard let next = world.opening.keys.min() else { continue }
                    if step < 500, Int.random(in: 0..<4, using: &generator) == 0 {
                        world.opening[next] = nil
                        try world.send([.refused(next)])
                    } else {
                        try world.open(next)
                    }
                case 8 where step < 500:
                    guard let instance else { continue }
                    world.noticed.insert(instance)
                    try world.send([.reclaimNotice(instance, at: world.now + 2)])
                case 9 where step < 500:
                    guard let instance else { continue }
                    try world.close(instance, .reclaimed)
                case 10: try world.crash(empty)
                default:
                    guard let task = world.running.keys.sorted().randomElement(using: &generator) else { continue }
                    try world.finish(task)
                }
            }
            #expect(world.endings == [0: .succeeded, 1: .succeeded], "seed \(seed)")
            try world.obey()
            // What will be taken back goes by itself, and a pool goes when nothing more is expected.
            for _ in 0..<8 where [.reserved, .onDemand].contains(rent) {
                (world.now, world.wakeSeconds) = (min(world.wakeSeconds, world.now + 1000), .infinity)
                try world.send([.timer])
                try world.openAll()
                try world.obey()
            }
            #expect(world.opening.isEmpty && world.noticed.isSuperset(of: world.rooms.keys), "seed \(seed)")
            var replay = empty
            #expect(world.handled.flatMap { replay.handle($0.events, at: $0.seconds) } == world.actions)
        }
    }
}
