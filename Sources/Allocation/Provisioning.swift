import Workloads

/// Decides which instances to rent and which to give back.
public protocol Provisioning: Sendable {
    /// Instances to ask for or to give back now; asked again until the answer is empty.
    mutating func changes(_ state: RunState) -> [Action]
    /// When to ask again although nothing happens before; infinite if there is no such time.
    func wakeSeconds(_ state: RunState) -> Double
    /// Whether it is to be asked whenever a task waits for room or an instance has other room than before.
    var followsDemand: Bool { get }
}

extension Provisioning {
    /// Never.
    public func wakeSeconds(_ state: RunState) -> Double { .infinity }
    /// No: only when what is rented changed, or a job began or ended.
    public var followsDemand: Bool { false }
}

extension RunState {
    /// Whether some job goes on.
    public var isGoingOn: Bool { jobs.contains { $0.isAdmitted && $0.ending == nil } }

    /// Gives all instances back that run nothing, or are only on their way.
    func closing(_ instances: some Sequence<Int>) -> [Action] {
        // What will be taken back anyway is not waited for.
        func mayClose(_ instance: Int) -> Bool {
            let phase = self.instances.phase[instance]
            let isNoticed = phase == .closing && self.instances.reclaimSeconds[instance].isFinite
            return (phase == .opening || phase == .open || isNoticed) && self.instances.running[instance].isEmpty
        }
        return instances.filter(mayClose)
            .map { .close(InstanceIndex($0)) }
    }
}

/// All that there is, from the first job to the end of the last. What is taken away is asked for again, later and later.
public struct FixedPool: Provisioning {
    /// Makes a provisioning.
    public init() {}

    public mutating func changes(_ state: RunState) -> [Action] {
        guard state.isGoingOn else { return state.closing(0..<state.instances.count) }
        var actions: [Action] = []
        for (offer, room) in state.offers.enumerated() where state.retrySeconds(offer) <= state.seconds {
            for _ in Int(state.openCounts[offer])..<max(Int(state.openCounts[offer]), room.maximumCount) {
                actions.append(
                    .open(InstanceIndex(state.instances.count + actions.count), OfferIndex(offer), job: -1, slot: -1))
            }
        }
        return actions
    }

    public func wakeSeconds(_ state: RunState) -> Double {
        var earliest = Double.infinity
        for offer in state.refusals.indices
        where state.refusals[offer].count > 0 && Int(state.openCounts[offer]) < state.offers[offer].maximumCount {
            let seconds = state.retrySeconds(offer)
            if seconds > state.seconds { earliest = min(earliest, seconds) }
        }
        return earliest.isFinite && state.isGoingOn ? earliest : .infinity
    }
}

extension RunState {
    /// When an offer that refused is asked again: after ten seconds, then twice as long each time, at most ten minutes.
    func retrySeconds(_ offer: Int) -> Double {
        let (count, seconds) = refusals[offer]
        guard count > 0 else { return -.infinity }
        return seconds + min(600, 10 * Double(sign: .plus, exponent: min(Int(count) - 1, 6), significand: 1))
    }

    /// When an instance of a job's plan should be asked for: so that it comes in time, or at once if the plan was made later.
    func askSeconds(for wanted: Assignments.Slot, of job: JobState) -> Double {
        max(wanted.startSeconds - offers[Int(wanted.offer)].openSeconds, job.replanSeconds)
    }

    /// Whether a ready task has no place in a plan to wait for.
    fileprivate func wantsRoom(_ task: TaskIndex) -> Bool {
        let job = jobs[Int(tasks.job[Int(task)])]
        guard let plan = job.plan, case let slot = Int(plan.slotOfTask[Int(task - job.first)]), slot >= 0 else {
            return true
        }
        let instance = job.instanceOfSlot[slot]
        // It is not there yet; when it is late, the task goes elsewhere.
        guard instance >= 0 else {
            let wanted = plan.slots[slot]
            return seconds >= askSeconds(for: wanted, of: job) + Rescheduling.patienceSeconds
        }
        switch instances.phase[Int(instance)] {
        case .opening: return false
        case .open: return tasks.avoided[Int(task)] == instance || !couldHold(task, instance)
        case .closing, .closed: return true
        }
    }
}

/// What the plans of the jobs rent, when they want it; where a plan has no instance left, the cheapest that is needed.
public struct AsRented: Provisioning {
    /// Makes a provisioning.
    public init() {}

    public mutating func changes(_ state: RunState) -> [Action] {
        var actions: [Action] = []
        var counts = state.openCounts
        for (index, job) in state.jobs.enumerated() where job.isAdmitted && job.ending == nil {
            guard let plan = job.plan else { continue }
            for (slot, wanted) in plan.slots.enumerated() where job.instanceOfSlot[slot] < 0 && job.openOfSlot[slot] > 0
            {
                let offer = Int(wanted.offer)
                guard wanted.startSeconds - state.offers[offer].openSeconds <= state.seconds,
                    Int(counts[offer]) < state.offers[offer].maximumCount
                else { continue }
                counts[offer] += 1
                actions.append(
                    .open(
                        InstanceIndex(state.instances.count + actions.count), wanted.offer, job: JobIndex(index),
                        slot: Int32(slot)))
            }
        }
        if actions.isEmpty { actions = substitute(state) }
        return actions.isEmpty ? state.closing(idle(state)) : actions
    }

    public func wakeSeconds(_ state: RunState) -> Double {
        var earliest = Double.infinity
        for job in state.jobs where job.isAdmitted && job.ending == nil {
            for (slot, wanted) in (job.plan?.slots ?? []).enumerated()
            where job.instanceOfSlot[slot] < 0 && job.openOfSlot[slot] > 0 {
                let seconds = state.askSeconds(for: wanted, of: job)
                // Then the tasks of a slot that nobody could ask for want room elsewhere.
                let late = seconds + Rescheduling.patienceSeconds
                if late > state.seconds { earliest = min(earliest, seconds > state.seconds ? seconds : late) }
            }
        }
        for (offer, refusal) in state.refusals.enumerated() where refusal.count > 0 {
            let seconds = refusal.seconds + Self.patienceSeconds
            if seconds > state.seconds, Int(state.openCounts[offer]) < state.offers[offer].maximumCount {
                earliest = min(earliest, seconds)
            }
        }
        return earliest
    }

    /// An offer that refused is not asked again for so long.
    private static let patienceSeconds = 60.0

    /// Tasks wait and nothing is there or on its way that could hold one of them: rents the cheapest that can.
    private func substitute(_ state: RunState) -> [Action] {
        guard state.jobs.contains(where: { $0.ready > 0 && $0.ending == nil && !$0.isCancelled && $0.running == 0 }),
            !(0..<state.instances.count).contains(where: {
                state.instances.phase[$0] == .opening
                    || state.instances.phase[$0] == .open && !state.instances.running[$0].isEmpty
            })
        else { return [] }
        for task in 0..<state.tasks.count where state.tasks.phase[task] == .ready {
            guard state.mayStart(state.tasks.job[task]), state.wantsRoom(TaskIndex(task)) else { continue }
            let request = state.tasks.request[task]
            let isThere = (0..<state.instances.count).contains {
                state.instances.phase[$0] == .open && request.fits(in: state.instances.free[$0])
                    && state.allows(TaskIndex(task), state.instances.offer[$0])
                    && state.mayRisk(TaskIndex(task), on: state.instances.offer[$0])
            }
            if isThere { return [] }
            let usable = state.offers.indices.filter {
                request.fits(in: state.offers[$0].capacity) && state.allows(TaskIndex(task), OfferIndex($0))
                    && state.isWithinQuota(TaskIndex(task), on: OfferIndex($0))
                    && state.mayRisk(TaskIndex(task), on: OfferIndex($0))
                    && Int(state.openCounts[$0]) < state.offers[$0].maximumCount
                    && state.refusals[$0].seconds + Self.patienceSeconds <= state.seconds
            }
            if let cheapest = usable.min(by: { state.offers[$0].price < state.offers[$1].price }) {
                return [.open(InstanceIndex(state.instances.count), OfferIndex(cheapest), job: -1, slot: -1)]
            }
        }
        return []
    }

    /// Instances that no plan needs any more: all tasks of their slot are over, and nothing else waits for room.
    private func idle(_ state: RunState) -> [Int] {
        var isNeeded = [Bool](repeating: false, count: state.instances.count)
        for job in state.jobs where job.isAdmitted && job.ending == nil {
            // Without a place of its own, a task may still want what is open.
            if job.plan == nil
                || job.ready > 0
                    && job.range.contains(where: {
                        state.tasks.phase[$0] == .ready && state.wantsRoom(TaskIndex($0))
                    })
            {
                return []
            }
            for (slot, instance) in job.instanceOfSlot.enumerated() where instance >= 0 && job.openOfSlot[slot] > 0 {
                isNeeded[Int(instance)] = true
            }
        }
        return isNeeded.indices.filter { !isNeeded[$0] }
    }
}
