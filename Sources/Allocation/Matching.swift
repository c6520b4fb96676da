import Workloads

/// Ready tasks and free instances, indexed so that the next pair is found without looking at all of either.
struct Matching: Sendable {
    let order: Order
    private(set) var queue = ReadyQueue()
    private var rooms: [FreeCapacity] = []
    /// The leaf of every instance in the tree of its offer.
    private var leaf: [Int32] = []
    private var leaves: [Int] = []
    private var freeLeaves: [[Int32]] = []

    init(_ order: Order) { self.order = order }

    /// Nodes of the trees, classes and levels of heaps looked at so far.
    var steps: Int { rooms.reduce(queue.steps) { $0 + $1.steps } }

    mutating func insert(_ task: TaskIndex, _ state: RunState) {
        let avoided = state.tasks.avoided[Int(task)]
        let need = ReadyQueue.Need(
            resources: state.tasks.request[Int(task)], restriction: state.tasks.restriction[Int(task)],
            avoided: avoided >= 0 && isElsewhere(task, avoided, state) ? avoided : -1,
            group: order.group(of: task, state))
        queue.insert(need, order.urgency(of: task, state))
    }

    /// The room of an instance is another than before.
    mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        prepare(instance, state)
        let (place, offer) = (Int(instance), Int(state.instances.offer[Int(instance)]))
        let isOpen = state.instances.phase[place] == .open
        rooms[offer].set(Int(leaf[place]), instance, isOpen ? state.instances.free[place] : .none)
        if isOpen {
            queue.unblock(instance, state)
        } else {
            if state.instances.phase[place] == .closed {
                freeLeaves[offer].append(leaf[place])
                leaf[place] = -1
            }
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
        while let place = mostUrgentOpen(state) {
            let item = queue.classes[place]
            let task = item.heap[0].task
            guard state.tasks.phase[Int(task)] == .ready, state.mayStart(state.tasks.job[Int(task)]) else {
                queue.removeFirst(of: place)
                continue
            }
            let forbidden = forbidden(task, state)
            if item.isBlocked, let instance = item.candidates.last {
                let isOpen = state.instances.phase[Int(instance)] == .open
                if isOpen, instance != forbidden, item.need.resources.fits(in: state.instances.free[Int(instance)]) {
                    return (place, task, instance)
                }
                queue.dropCandidate(of: place)
            } else if let instance = find(item.need, forbidden, state.allowed[Int(item.need.restriction)]) {
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

    private func mostUrgentOpen(_ state: RunState) -> Int? {
        var best: Int?
        for place in queue.open {
            if let known = best, !order.precedes(queue.classes[place], queue.classes[known], state) { continue }
            best = place
        }
        return best
    }

    private mutating func find(
        _ need: ReadyQueue.Need, _ forbidden: InstanceIndex, _ allowed: [Bool]
    ) -> InstanceIndex? {
        var best: (InstanceIndex, Resources)?
        for offer in rooms.indices where allowed[offer] {
            guard let found = rooms[offer].find(need.resources, except: need.avoided, forbidden) else { continue }
            if let known = best, !found.1.isSmaller(than: known.1) { continue }
            best = found
        }
        return best?.0
    }

    private mutating func prepare(_ instance: InstanceIndex, _ state: RunState) {
        if rooms.isEmpty {
            rooms = state.offers.map { _ in FreeCapacity() }
            leaves = state.offers.map { _ in 0 }
            freeLeaves = state.offers.map { _ in [] }
        }
        while leaf.count <= Int(instance) { leaf.append(-1) }
        guard leaf[Int(instance)] < 0 else { return }
        let offer = Int(state.instances.offer[Int(instance)])
        if let free = freeLeaves[offer].popLast() {
            leaf[Int(instance)] = free
        } else {
            leaf[Int(instance)] = Int32(leaves[offer])
            leaves[offer] += 1
        }
    }

    /// Whether an open instance other than the one to avoid could hold the task if it were empty.
    private func isElsewhere(_ task: TaskIndex, _ avoided: InstanceIndex, _ state: RunState) -> Bool {
        state.instances.phase[Int(avoided)] != .closed
            && (0..<state.instances.count).contains {
                $0 != Int(avoided) && state.instances.phase[$0] == .open
                    && state.couldHold(task, InstanceIndex($0))
            }
    }
}
