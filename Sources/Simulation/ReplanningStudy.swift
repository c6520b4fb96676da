public import Allocation
internal import Glibc
internal import LinearAlgebra
internal import Scheduling
public import Workloads

/// How much of what a fixed plan loses to chance different ways of deciding win back.
///
/// A job is planned by HEFT from what is believed, on machines that are all there from the beginning, and run in a world
/// where times differ and machines are taken back, each replaced by one of its kind. The plan carried out to the letter and the
/// plan of one who knows all times beforehand and loses no machine are the two ends of the scale.
public struct ReplanningStudy: Sendable {
    /// What one way of deciding came to, in all runs, in seconds.
    public struct Course: Sendable {
        /// Its name.
        public var name: String
        /// The makespan of each run.
        public var makespans: [Double]
        /// Attempts that were started, per run.
        public var attempts: Double
    }

    /// HEFT's plan with the times that were believed.
    public let plannedSeconds: Double
    /// The plan to the letter.
    public let fixed: [Double]
    /// HEFT with the true times, and no machine lost.
    public let clairvoyant: [Double]
    /// What happened in each run, for those who run the job by other means: the seconds on speed 1 of every task, first with all
    /// attempts that were lost, then of its first attempt.
    public let luck: [[Double]]
    /// The ways of deciding that were asked for.
    public let courses: [Course]

    /// Runs a job many times.
    ///
    /// - Parameters:
    ///   - pool: Its entries are machines that run one task at a time.
    ///   - noise: The standard deviation of the logarithm of run times.
    ///   - reclaims: The probability that an attempt loses its machine.
    ///   - policies: What to compare.
    public init(
        _ graph: TaskGraph, on pool: ResourcePool, network: Network, noise: Double, reclaims: Double, runs: Int,
        seed: UInt64, threads: Int = 1, policies: [(name: String, policies: Policies)]
    ) {
        let estimates = Estimates(claimedBy: graph)
        let flow = DataFlow(graph, over: network)
        let speeds = pool.entries.map(\.type.speed)
        var world = World(estimates, noise: noise, warningSeconds: 0)
        world.flow = flow
        world.reclaimsPerAttempt = reclaims
        let plan = Self.heft(graph, estimates.expectedSeconds, speeds, flow)
        plannedSeconds = plan.endSeconds
        func simulate(_ policies: Policies, _ plan: Assignments?) -> [SimulatedRun] {
            var simulator = Simulator(
                Job(graph), estimates: estimates, allocator: Allocator(offers: pool.entries, policies: policies),
                world: world, plan: plan)
            simulator.flow = flow
            simulator.ranks = plan.map { plan in plan.order.map { -Double($0) } }
            return simulator.runs(runs, seed: seed, threads: threads)
        }
        fixed = simulate(Policies(placement: ToTheLetter()), plan).map(\.makespanSeconds)
        let known = world
        clairvoyant = Parallel.map(count: runs, threads: threads) { run in
            let times = (0..<graph.count).map { known.seconds($0, 1, seed: seed &+ UInt64(run)) }
            return Self.heft(graph, times, speeds, flow).endSeconds
        }
        luck = (0..<runs).map { run in
            let seed = seed &+ UInt64(run)
            return (0..<graph.count).map { known.totalSeconds($0, seed: seed) }
                + (0..<graph.count).map { known.seconds($0, 1, seed: seed) }
        }
        courses = policies.map { name, policies in
            let found = simulate(policies, nil)
            return Course(
                name: name, makespans: found.map(\.makespanSeconds),
                attempts: Double(found.reduce(0) { $0 + $1.attempts }) / Double(max(1, runs)))
        }
    }

    /// The part of the loss of the fixed plan that a way of deciding wins back: of the sums over all runs.
    public func recovered(_ makespans: [Double]) -> Double {
        let loss = fixed.reduce(0, +) - clairvoyant.reduce(0, +)
        return (fixed.reduce(0, +) - makespans.reduce(0, +)) / loss
    }
}

extension ReplanningStudy {
    /// HEFT with insertion on machines that run one task at a time. Source: Topcuoglu, Hariri and Wu, *HEFT and CPOP* (2002).
    static func heft(_ graph: TaskGraph, _ seconds: [Double], _ speeds: [Double], _ flow: DataFlow) -> Assignments {
        let slowness = speeds.reduce(0) { $0 + 1 / $1 } / Double(speeds.count)
        var ranks = seconds.map { $0 * slowness }
        var longest = [Double](repeating: 0, count: graph.count)
        for task in graph.topologicalOrder.reversed() {
            ranks[task] += longest[task]
            for edge in flow.edges(of: task) {
                let source = Int(flow.predecessors[edge])
                longest[source] = max(longest[source], flow.seconds(along: edge) + ranks[task])
            }
        }
        var place = [Int](repeating: 0, count: graph.count)
        for (position, task) in graph.topologicalOrder.enumerated() { place[task] = position }
        let order = (0..<graph.count).sorted { ranks[$0] != ranks[$1] ? ranks[$0] > ranks[$1] : place[$0] < place[$1] }
        var busy: [[(start: Double, end: Double)]] = speeds.map { _ in [] }
        var (starts, ends) = (ranks, ranks)
        var machine = [Int32](repeating: -1, count: graph.count)
        for task in order {
            var best = (machine: -1, start: 0.0, end: Double.infinity)
            for candidate in speeds.indices {
                var ready = 0.0
                for edge in flow.edges(of: task) {
                    let source = Int(flow.predecessors[edge])
                    let isHere = machine[source] == Int32(candidate)
                    ready = max(ready, ends[source] + (isHere ? 0 : flow.seconds(along: edge)))
                }
                let length = seconds[task] / speeds[candidate]
                var start = ready
                for interval in busy[candidate] where interval.end > start {
                    if interval.start >= start + length { break }
                    start = max(start, interval.end)
                }
                if start + length < best.end { best = (candidate, start, start + length) }
            }
            (machine[task], starts[task], ends[task]) = (Int32(best.machine), best.start, best.end)
            let position = busy[best.machine].firstIndex { $0.start >= best.end } ?? busy[best.machine].count
            busy[best.machine].insert((best.start, best.end), at: position)
        }
        var next: Int32 = 0
        var sequence = [Int32](repeating: 0, count: graph.count)
        for task in (0..<graph.count).sorted(by: { (starts[$0], place[$0]) < (starts[$1], place[$1]) }) {
            sequence[task] = next
            next += 1
        }
        return Assignments(
            slots: speeds.indices.map { .init(offer: OfferIndex($0), startSeconds: 0) }, slotOfTask: machine,
            order: sequence, endSeconds: ends.max() ?? 0, startSeconds: starts)
    }
}

/// A plan to the letter: every machine runs its tasks in the plan's order, whatever happens; a machine that replaces another
/// takes over its tasks.
package struct ToTheLetter: Placement {
    private var lines: [[TaskIndex]] = []
    private var heads: [Int] = []
    private var machine: [Int32] = []
    private var instance: [InstanceIndex] = []
    private var open: Set<Int> = []

    package init() {}

    package mutating func planned(_ job: JobIndex, _ state: RunState) {
        guard let plan = state.jobs[Int(job)].plan else { return }
        instance = plan.slots.map { _ in -1 }
        machine = plan.slotOfTask
        lines = plan.slots.map { _ in [] }
        for task in plan.order.indices.sorted(by: { plan.order[$0] < plan.order[$1] }) {
            lines[Int(plan.slotOfTask[task])].append(TaskIndex(task))
        }
        heads = lines.map { _ in 0 }
    }

    package mutating func becameReady(_ task: TaskIndex, _ state: RunState) {
        open.insert(Int(state.jobs[0].plan?.slotOfTask[Int(task)] ?? 0))
    }

    package mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        let offer = Int(state.instances.offer[Int(instance)])
        if state.instances.phase[Int(instance)] == .open, offer < self.instance.count {
            self.instance[offer] = instance
        }
        open.insert(offer)
    }

    package mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        while let place = open.min() {
            if place < lines.count, instance[place] >= 0, state.instances.phase[Int(instance[place])] == .open,
                state.instances.running[Int(instance[place])].isEmpty
            {
                while heads[place] < lines[place].count,
                    state.tasks.phase[Int(lines[place][heads[place]])].isOver
                {
                    heads[place] += 1
                }
                if heads[place] < lines[place].count {
                    let task = lines[place][heads[place]]
                    if state.tasks.phase[Int(task)] == .ready { return (task, instance[place]) }
                }
            }
            open.remove(place)
        }
        return nil
    }

    package func destination(of task: TaskIndex, _ state: RunState) -> InstanceIndex {
        instance[Int(machine[Int(task)])]
    }
}
