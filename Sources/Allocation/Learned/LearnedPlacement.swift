internal import Basics
internal import Scheduling
public import Workloads

/// Starts what a learnt rule scores highest of all pairs of a ready task and an instance with room for it; what the rule scores
/// below zero waits, as long as something else goes on.
///
/// Of each job the most urgent tasks of every size are looked at, of many jobs those of which least is left. A task that has found
/// no room for long gets the first instance that can hold it alone. A rule whose scores are not numbers, or that meets what
/// lies far from all that it was trained on, is not asked again: ``Backfilling`` decides from then on, and ``failure`` says so.
/// - Complexity: O(*classes* · *offers* · features) a task that starts, for at most ``mostClasses`` classes of ready tasks that
///   are equally large and of one job.
public struct LearnedPlacement: Placement {
    /// So many classes of ready tasks are looked at for each decision.
    public static let mostClasses = 64

    /// The rule that decides.
    public let rule: PairRule
    /// Why the rule does not decide any more; `nil` while it does.
    public private(set) var failure: String?

    private let reclaimsPerHour: [Double]
    private var queue = ReadyQueue()
    private var rooms = Rooms()
    private var fallback: Backfilling?
    /// What re-planning would do, where the rule asks for it.
    private var advisor: Rescheduling?
    /// Nothing is worth starting before something changes.
    private var isWaiting = false
    /// The class of which a task waited too long, and the instance that is kept for it.
    private var reserved: (place: Int, instance: InstanceIndex)?
    private var view = PairView()
    private var scores: [Float] = []
    private var oddities = 0
    /// Chooses in the place of the rule, by its features and scores: the row of a pair, or `nil` to wait, where that is allowed.
    /// Learners try what the rule would not do.
    package typealias Student =
        @Sendable (
            _ features: [Float], _ scores: [Float], _ mayWait: Bool, _ state: RunState
        ) -> Int?
    package var student: Student?

    /// Makes a placement for an empty run.
    ///
    /// - Parameter reclaimsPerHour: The probability that an instance of each offer is taken back within an hour.
    public init(_ rule: PairRule, reclaimsPerHour: [Double] = []) {
        (self.rule, self.reclaimsPerHour) = (rule, reclaimsPerHour)
        if rule.takesAdvice { advisor = Rescheduling(workPerEvent: 5000) }
        if !rule.isFinite { failure = "it holds what is no number" }
    }

    public mutating func becameReady(_ task: TaskIndex, _ state: RunState) {
        isWaiting = false
        guard failure == nil else { return handOver(state) { $0.becameReady(task, state) } }
        advisor?.becameReady(task, state)
        insert(task, state)
    }

    public mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        isWaiting = false
        rooms.changed(instance, state)
        guard failure == nil else { return handOver(state) { $0.changed(instance, state) } }
        advisor?.changed(instance, state)
        if state.instances.phase[Int(instance)] == .open {
            queue.unblock(instance, state)
        } else {
            if reserved?.instance == instance { dropReservation() }
            for task in queue.takeAvoiding() where state.tasks.phase[Int(task)] == .ready { insert(task, state) }
        }
    }

    public mutating func next(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        if failure != nil {
            handOver(state) { _ in }
            return fallback?.next(state)
        }
        guard !isWaiting else { return nil }
        gather(state)
        guard !view.pairs.isEmpty else {
            isWaiting = true
            return nil
        }
        rule.score(view.features, rows: view.pairs.count, into: &scores)
        guard scores.allSatisfy(\.isFinite) else { return fail("its scores are no numbers", state) }
        if rule.isFarOff(view.features, rows: view.pairs.count) {
            oddities += 1
        } else {
            oddities = max(0, oddities - 1)
        }
        if oddities > 50 { return fail("what it meets lies far from all that it was trained on", state) }
        guard let choice = choose(state) else {
            isWaiting = true
            return nil
        }
        let pair = view.pairs[choice]
        queue.removeFirst(of: pair.place)
        if reserved?.place == pair.place { dropReservation() }
        return (pair.task, pair.instance)
    }

    public func wakeSeconds(_ state: RunState) -> Double { fallback?.wakeSeconds(state) ?? .infinity }
}

extension LearnedPlacement {
    private mutating func insert(_ task: TaskIndex, _ state: RunState) {
        let index = Int(task)
        let avoided = state.tasks.avoided[index]
        let need = ReadyQueue.Need(
            resources: state.tasks.request[index], restriction: state.tasks.restriction[index],
            avoided: avoided >= 0 && state.isElsewhere(task, avoided) ? avoided : -1, group: state.tasks.job[index])
        queue.insert(need, Order.rank.urgency(of: task, state))
    }

    private func choose(_ state: RunState) -> Int? {
        if let student { return student(view.features, scores, state.isBusy, state) }
        // Whether it may wait takes a look at all instances, which is mostly not wanted.
        return PairRule.choice(scores, mayWait: true) ?? (state.isBusy ? nil : PairRule.choice(scores, mayWait: false))
    }

    private mutating func fail(_ reason: String, _ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        failure = reason
        handOver(state) { _ in }
        return fallback?.next(state)
    }

    /// Tells the rule that decides instead, which is told all that there is when it is asked first.
    private mutating func handOver(_ state: RunState, _ tell: (inout Backfilling) -> Void) {
        if var known = fallback {
            fallback = nil
            tell(&known)
            fallback = known
            return
        }
        fallback = Backfilling(knowing: state)
        (queue, view) = (ReadyQueue(), PairView())
    }

    /// Finds the pairs that there are, and what is to be seen of them.
    private mutating func gather(_ state: RunState) {
        view.begin(state, reclaimsPerHour: reclaimsPerHour, skew: rule.skew, skewByLoad: rule.skewByLoad)
        let advice = advisor?.advice(state) ?? []
        dropOver(state)
        reserve(state)
        var places = queue.open
        if places.count > Self.mostClasses {
            // Those of which least is left, and of one job the most urgent.
            let left = places.map { state.jobs[Int(queue.classes[$0].need.group)].workLeft }
            let order = places.indices.sorted { a, b in
                let (first, second) = (queue.classes[places[a]].heap[0], queue.classes[places[b]].heap[0])
                if first.priority != second.priority { return first.priority > second.priority }
                return left[a] != left[b] ? left[a] < left[b] : first.precedes(second)
            }
            places = order.prefix(Self.mostClasses).map { places[$0] }
        }
        for place in places {
            let (need, task) = (queue.classes[place].need, queue.classes[place].heap[0].task)
            let advised = advice.first { Self.isAlike($0.task, task, state) }?.instance ?? -1
            if let reserved, reserved.place == place {
                if need.resources.fits(in: state.instances.free[Int(reserved.instance)]) {
                    view.add(place, task, reserved.instance, isPlanned: true, state)
                    continue
                }
            }
            var found = false
            let near = view.nearest(task, state)
            // What is not urgent goes where it costs least, even if that takes longer.
            let cheapest = state.tasks.priority[Int(task)] < 0 ? cheapestOffer(task, need, state) : nil
            for offer in rooms.offers where state.allows(task, OfferIndex(offer)) && offer == cheapest ?? offer {
                guard state.isWithinQuota(task, on: OfferIndex(offer)),
                    let (instance, _) = rooms.find(
                        need.resources, on: offer, except: need.avoided, reserved?.instance ?? -1)
                else { continue }
                found = true
                view.add(place, task, instance, isPlanned: instance == advised, state)
                // Where the plan has it, and where its data are.
                for other in [advised, near] where other != instance && other >= 0 {
                    guard Int(state.instances.offer[Int(other)]) == offer, other != need.avoided,
                        other != reserved?.instance, state.instances.phase[Int(other)] == .open,
                        need.resources.fits(in: state.instances.free[Int(other)])
                    else { continue }
                    view.add(place, task, other, isPlanned: other == advised, state)
                    if advised == near { break }
                }
            }
            if !found, !state.hasQuotas { queue.block(place) }
        }
        view.finish(state, isAdvised: advisor != nil)
    }

    /// The offer with room on which a second of speed 1 costs least.
    private mutating func cheapestOffer(_ task: TaskIndex, _ need: ReadyQueue.Need, _ state: RunState) -> Int? {
        var best: (offer: Int, price: Double)?
        for offer in rooms.offers where state.allows(task, OfferIndex(offer)) {
            let price =
                state.pricePerHour(need.resources, on: OfferIndex(offer)) / max(1e-9, state.offers[offer].type.speed)
            guard price < best?.price ?? .infinity, state.isWithinQuota(task, on: OfferIndex(offer)),
                rooms.find(need.resources, on: offer, except: need.avoided, reserved?.instance ?? -1) != nil
            else { continue }
            best = (offer, price)
        }
        return best?.offer
    }

    /// Whether two tasks of one job need the same: then the more urgent one takes the place of the other.
    private static func isAlike(_ a: TaskIndex, _ b: TaskIndex, _ state: RunState) -> Bool {
        a == b
            || state.tasks.job[Int(a)] == state.tasks.job[Int(b)]
                && state.tasks.request[Int(a)] == state.tasks.request[Int(b)]
                && state.tasks.restriction[Int(a)] == state.tasks.restriction[Int(b)]
    }

    /// Takes out tasks that cannot start any more.
    private mutating func dropOver(_ state: RunState) {
        for place in queue.open {
            while let task = queue.classes[place].heap.first?.task,
                state.tasks.phase[Int(task)] != .ready || !state.mayStart(state.tasks.job[Int(task)])
            {
                queue.removeFirst(of: place)
            }
        }
    }

    private mutating func dropReservation() {
        reserved = nil
        queue.unblockAll()
    }

    /// A task that nothing has room for and that has waited for long, and much longer than it runs, gets an instance of its own:
    /// that which has least to do of those that can hold it.
    private mutating func reserve(_ state: RunState) {
        if let held = reserved {
            if !queue.classes[held.place].heap.isEmpty { return }
            dropReservation()
        }
        var longest = (place: -1, task: TaskIndex(-1), waited: 0.0)
        for (place, item) in queue.classes.enumerated() where item.isBlocked {
            guard let task = item.heap.first?.task, state.tasks.phase[Int(task)] == .ready,
                state.mayStart(state.tasks.job[Int(task)])
            else { continue }
            let waited = state.seconds - state.tasks.readySeconds[Int(task)]
            let patience = max(60, 3 * view.typicalSeconds(of: task, state))
            if waited > patience, waited > longest.waited { longest = (place, task, waited) }
        }
        guard longest.place >= 0 else { return }
        var best = (instance: InstanceIndex(-1), running: Int.max)
        for instance in 0..<state.instances.count
        where state.instances.phase[instance] == .open && state.couldHold(longest.task, InstanceIndex(instance)) {
            let running = state.instances.running[instance].count
            if running < best.running { best = (InstanceIndex(instance), running) }
        }
        if best.instance >= 0 { reserved = (longest.place, best.instance) }
    }
}

extension RunState {
    /// Whether something runs or comes, after which policies are asked again.
    fileprivate var isBusy: Bool {
        jobs.contains { $0.running > 0 && $0.ending == nil } || instances.phase.contains(.opening)
    }
}
