public import Allocation
package import Foundation
public import Scheduling
public import Workloads

/// What the decisions of a run follow from besides its events. It is kept beside the log, so that a run can be replayed.
public struct RunSetup: Sendable, Codable, Hashable {
    /// On whose account it runs; `nil` in the setups of earlier releases.
    public var account: Account?
    /// The tasks, without what only their processes need.
    public var tasks: [TaskSpec]
    /// The urgency of every task.
    public var ranks: [Double]?
    /// What is believed of the tasks.
    public var estimates: Estimates?
    /// What can be opened.
    public var offers: [Offer]
    /// What follows failures and alerts.
    public var policy: RetryPolicy
    /// Whether independent tasks go on after one has failed for good.
    public var keepsGoing: Bool
    /// Where and in which order a plan starts the tasks; without one they start by rank wherever there is room.
    public var plan: Assignments?
    /// Which tasks that run too long get a second attempt; those that ask for it if it is not said.
    public var speculation: Speculation.Scope?
    /// A learnt rule that decides in the place of a plan.
    public var rule: PairRule?
    /// The placement is followed that wins in simulation, where run times without quantiles have this standard deviation of
    /// their logarithm; `nil` keeps to one.
    public var follows: Double?
    /// By when the job should end, in seconds of the run's clock.
    public var deadlineSeconds: Double?
    /// What it may cost, in US dollars.
    public var budget: Double?

    /// Makes the setup of a job's run.
    ///
    /// - Parameters:
    ///   - account: Whose it is.
    ///   - goal: Its deadline counts from the beginning of the run, however often it is resumed.
    ///   - startSeconds: When the plan begins, in seconds of the run's clock: its first instances are asked for then, and its
    ///     tasks start when they have come.
    package init(
        _ graph: TaskGraph, offers: [Offer], policy: RetryPolicy, keepsGoing: Bool, goal: Goal, ranks: [Double]?,
        estimates: Estimates?, plan: Plan?, startSeconds: Double, account: Account = Account()
    ) {
        self.account = account
        tasks = graph.tasks.indices.map { index in
            let task = graph.tasks[index]
            return TaskSpec(
                id: task.id, predecessors: graph.predecessors(of: index).map { graph.tasks[$0].id },
                request: task.request, priority: task.priority, notBeforeSeconds: task.notBeforeSeconds,
                deadlineSeconds: task.deadlineSeconds, retries: task.retries, speculate: task.speculate)
        }
        (self.offers, self.policy, self.keepsGoing) = (offers, policy, keepsGoing)
        (deadlineSeconds, budget) = (goal.deadlineSeconds, goal.budget)
        (self.ranks, self.estimates) = (ranks, estimates)
        self.plan = plan.map { plan in
            // A plan that knows nothing of the time until instances come is later by that.
            let late = plan.instances.map { instance in
                (offers.first { $0.isSame(as: instance.entry) }?.openSeconds ?? 0) - instance.startSeconds
            }
            return Assignments(plan, graph, offers: offers, startSeconds: startSeconds + max(0, late.max() ?? 0))
        }
    }

    /// What the newest process decided by that worked on the run in a folder; `nil` if none wrote it down.
    ///
    /// - Throws: ``ExecutionError`` if the journal cannot be read, or the setup that it names is gone.
    public static func latest(inRunFolder folder: String) throws(ExecutionError) -> RunSetup? {
        let path = RunJournal.path(in: folder)
        guard exists(path), let name = try RunJournal(reading: path).lives.last?.setup else { return nil }
        guard !name.contains("/"), let found = RunSetup(file: "\(folder)/\(name)") else {
            throw .noSetup(folder: folder)
        }
        return found
    }

    /// Reads one that was kept; `nil` unless it is whole and has something to open.
    package init?(file: String) {
        guard let text = contents(ofFile: file),
            let found = try? Self.coders.1.decode(RunSetup.self, from: Data(text.utf8)), !found.offers.isEmpty
        else { return nil }
        self = found
    }

    /// An allocator without jobs that decides by this.
    package var allocator: Allocator {
        var policies = Policies(recovery: Recovery(policy, largest: offers.largestCapacity))
        if plan != nil {
            (policies.placement, policies.provisioning) = (Rescheduling(), AsRented())
            policies.replanning = .whenInDanger(patienceSeconds: 60)
        }
        policies.speculation.scope = speculation ?? .asked
        if let rule { policies.placement = LearnedPlacement(rule) }
        if let follows {
            policies.following = Following(Following.besides(policies.placement), noise: follows)
        }
        return Allocator(offers: offers, policies: policies, keepsGoing: keepsGoing)
    }

    /// The job as the allocator sees it.
    package func job(_ graph: TaskGraph, name: String) -> Job {
        let account = account ?? Account()
        return Job(
            graph, name: name, tenant: account.tenant, weight: account.weight, quota: account.quota,
            goal: Goal(.balanced, deadlineSeconds: deadlineSeconds, budget: budget))
    }

    package static let coders: (JSONEncoder, JSONDecoder) = {
        let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
        encoder.outputFormatting = [.sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return (encoder, decoder)
    }()
}

extension Assignments {
    /// A plan as the allocator carries it out: its instances are slots, its start times the order.
    package init(_ plan: Plan, _ graph: TaskGraph, offers: [Offer], startSeconds: Double) {
        var places: [InstanceID: Int32] = [:]
        var slots: [Slot] = []
        for instance in plan.instances {
            // What is not offered leaves its tasks to the allocator.
            let same = offers.firstIndex { $0.isSame(as: instance.entry) }
            guard let offer = same ?? offers.firstIndex(where: { $0.matches(instance.entry) }) else { continue }
            places[instance.id] = Int32(slots.count)
            slots.append(Slot(offer: OfferIndex(offer), startSeconds: startSeconds + instance.startSeconds))
        }
        var slotOfTask = [Int32](repeating: -1, count: graph.count)
        var order = [Int32](repeating: .max, count: graph.count)
        var starts = [Double](repeating: startSeconds, count: graph.count)
        for (place, assignment) in plan.assignments.enumerated() {
            guard let task = graph.index(of: assignment.task) else { continue }
            slotOfTask[task] = places[assignment.instance] ?? -1
            order[task] = Int32(place)
            starts[task] = startSeconds + assignment.startSeconds
        }
        self.init(
            slots: slots, slotOfTask: slotOfTask, order: order, endSeconds: startSeconds + plan.makespanSeconds,
            startSeconds: starts, isRecoverable: plan.isRecoverable ?? false)
    }
}

extension Assignments {
    /// The same, on instances that are open already as far as there are some that no slot has.
    package func taking(_ state: RunState) -> Assignments {
        var plan = self
        let taken = Set(slots.map(\.instance))
        var free = (0..<InstanceIndex(state.instances.count)).filter {
            [.opening, .open].contains(state.instances.phase[Int($0)]) && !taken.contains($0)
        }
        for slot in plan.slots.indices where plan.slots[slot].instance < 0 {
            guard let place = free.firstIndex(where: { state.instances.offer[Int($0)] == plan.slots[slot].offer })
            else { continue }
            plan.slots[slot].instance = free.remove(at: place)
        }
        return plan
    }
}

extension Offer {
    /// Whether this is what a plan calls so.
    fileprivate func matches(_ entry: Offer) -> Bool {
        type.name == entry.type.name && purchase == entry.purchase && zone == entry.zone
    }
}
