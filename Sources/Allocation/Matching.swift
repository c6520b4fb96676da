import Workloads

/// Ready tasks and free instances, indexed so that the next pair is found without looking at all of either.
///
/// A tenant whose most urgent task would exceed its quota starts nothing until it has less in use: else smaller tasks of its
/// own could pass that one for ever.
struct Matching: Sendable {
    let order: Order
    private(set) var queue = ReadyQueue()
    private var rooms = Rooms()
    /// The tenants whose most urgent task has to wait for their quota, and the changes of quotas seen so far.
    private var capped: Set<Int32> = []
    private var quotaChanges = 0

    init(_ order: Order) { self.order = order }

    /// Nodes of the trees, classes and levels of heaps looked at so far.
    var steps: Int { queue.steps + rooms.steps }

    mutating func insert(_ task: TaskIndex, _ state: RunState) {
        let avoided = state.tasks.avoided[Int(task)]
        let need = ReadyQueue.Need(
            resources: state.tasks.request[Int(task)], restriction: state.tasks.restriction[Int(task)],
            avoided: avoided >= 0 && state.isElsewhere(task, avoided) ? avoided : -1,
            group: order.group(of: task, state))
        queue.insert(need, order.urgency(of: task, state))
    }

    /// The room of an instance is another than before.
    mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        rooms.changed(instance, state)
        if state.instances.phase[Int(instance)] == .open {
            queue.unblock(instance, state)
        } else {
            // Tasks that avoid an instance may have to go there now.
            for task in queue.takeAvoiding() where state.tasks.phase[Int(task)] == .ready { insert(task, state) }
        }
    }

    /// The most urgent task that fits somewhere, and where; it is not taken out of the queue.
    ///
    /// - Parameter forbidden: The instance on which a task may not run, besides the one that it avoids. It is given the
    ///   state, because a closure that holds one holds a copy of it.
    mutating func next(
        _ state: RunState, forbidden: (TaskIndex, RunState) -> InstanceIndex = { _, _ in -1 }
    ) -> (place: Int, task: TaskIndex, instance: InstanceIndex)? {
        if quotaChanges != state.quotaChanges {
            quotaChanges = state.quotaChanges
            capped.removeAll()
            queue.unblockAll { $0.group >= 0 && state.tenants[Int($0.group)].quota != nil }
        }
        while let place = mostUrgentOpen(state) {
            let item = queue.classes[place]
            let task = item.heap[0].task
            guard state.tasks.phase[Int(task)] == .ready, state.mayStart(state.tasks.job[Int(task)]) else {
                queue.removeFirst(of: place)
                continue
            }
            let group = item.need.group
            if group >= 0, state.tenants[Int(group)].quota != nil, exceedsQuota(task, group, state) {
                queue.block(place)
                continue
            }
            let forbidden = forbidden(task, state)
            // What is not urgent looks for the cheapest of all.
            if item.isBlocked, state.tasks.priority[Int(task)] >= 0, let instance = item.candidates.last {
                let isOpen = state.instances.phase[Int(instance)] == .open
                if isOpen, instance != forbidden, item.need.resources.fits(in: state.instances.free[Int(instance)]),
                    state.isWithinQuota(task, on: state.instances.offer[Int(instance)]),
                    state.mayRisk(task, on: state.instances.offer[Int(instance)])
                {
                    return (place, task, instance)
                }
                queue.dropCandidate(of: place)
            } else if let instance = find(task, item.need, forbidden, state) {
                return (place, task, instance)
            } else {
                queue.block(place)
            }
        }
        return nil
    }

    /// Takes out the first task of a class.
    mutating func remove(_ place: Int) { queue.removeFirst(of: place) }

    /// Asks everywhere again.
    mutating func unblockAll() { queue.unblockAll() }

    /// The class of the most urgent task of all that may start, blocked or not, but for quotas.
    mutating func first(_ state: RunState) -> Int? {
        var best: Int?
        for place in queue.classes.indices {
            while let task = queue.classes[place].heap.first?.task,
                state.tasks.phase[Int(task)] != .ready || !state.mayStart(state.tasks.job[Int(task)])
            {
                queue.removeFirst(of: place)
            }
            guard let task = queue.classes[place].heap.first?.task, state.isWithinQuotaSomewhere(task) else { continue }
            if let known = best, !order.precedes(queue.classes[place], queue.classes[known], state) { continue }
            best = place
        }
        return best
    }

    /// Whether a task must wait because of the quota of its tenant; then all less urgent ones of the tenant do.
    private mutating func exceedsQuota(_ task: TaskIndex, _ tenant: Int32, _ state: RunState) -> Bool {
        if capped.contains(tenant) { return true }
        if state.isWithinQuotaSomewhere(task) { return false }
        // What exceeds it alone is given up, and keeps nothing from starting.
        if state.isWithinQuotaSomewhere(task, alone: true) { capped.insert(tenant) }
        return true
    }

    private func mostUrgentOpen(_ state: RunState) -> Int? {
        var best: Int?
        for place in queue.open {
            if let known = best, !order.precedes(queue.classes[place], queue.classes[known], state) { continue }
            best = place
        }
        return best
    }

    /// Where little room is left; a task of negative priority goes where its work costs least, even if that takes longer.
    private mutating func find(
        _ task: TaskIndex, _ need: ReadyQueue.Need, _ forbidden: InstanceIndex, _ state: RunState
    ) -> InstanceIndex? {
        let isThrifty = state.tasks.priority[Int(task)] < 0
        var best: (instance: InstanceIndex, free: Resources, price: Double)?
        for offer in rooms.offers where state.allowed[Int(need.restriction)][offer] {
            guard state.isWithinQuota(task, on: OfferIndex(offer)), state.mayRisk(task, on: OfferIndex(offer)),
                let found = rooms.find(need.resources, on: offer, except: need.avoided, forbidden)
            else { continue }
            let price =
                isThrifty
                ? state.pricePerHour(need.resources, on: OfferIndex(offer)) / state.offers[offer].type.speed : 0
            if let known = best, price > known.price || price == known.price && !found.1.isSmaller(than: known.free) {
                continue
            }
            best = (found.0, found.1, price)
        }
        return best?.instance
    }
}

extension RunState {
    /// Whether an open instance other than the one to avoid could hold the task if it were empty.
    func isElsewhere(_ task: TaskIndex, _ avoided: InstanceIndex) -> Bool {
        instances.phase[Int(avoided)] != .closed
            && (0..<instances.count).contains {
                $0 != Int(avoided) && instances.phase[$0] == .open && couldHold(task, InstanceIndex($0))
            }
    }
}
