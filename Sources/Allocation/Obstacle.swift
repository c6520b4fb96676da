public import Workloads

/// What keeps a task from starting.
public enum Obstacle: Hashable, Sendable {
    /// What is short.
    public enum Lane: Int, Hashable, Sendable, Codable, CaseIterable {
        case cpus, memory, gpus, storage
    }

    /// These tasks have not succeeded yet.
    case results([TaskIndex])
    /// Its time has not come: it may start from then on, in seconds of the run's clock.
    case notBefore(Double)
    /// Its instance was asked for and is not there yet.
    case opening(InstanceIndex)
    /// An instance of this offer is not rented yet, and nothing else that is there may run it.
    case notRented(OfferIndex)
    /// So much more is needed than is free on the instance of its plan, or on the one that has most.
    case room(Lane, on: InstanceIndex, missing: Double)
    /// There is room, but other tasks go first.
    case turn
}

extension RunState {
    /// What keeps a task from starting; `nil` if it runs or is over.
    ///
    /// - Parameter predecessors: The tasks whose results it needs.
    /// - Complexity: O(*predecessors* + *instances*).
    public func obstacle(of task: TaskIndex, predecessors: some Sequence<TaskIndex>) -> Obstacle? {
        switch tasks.phase[Int(task)] {
        case .blocked:
            let release = releaseSeconds(of: task)
            if tasks.waitsFor[Int(task)] == 0, release > seconds { return .notBefore(release) }
            return .results(predecessors.filter { tasks.phase[Int($0)] != .finished })
        case .ready, .interrupted: break
        default: return nil
        }
        if let planned = plannedObstacle(of: task) { return planned }
        let request = tasks.request[Int(task)]
        var (nearest, opening): ((share: Double, Obstacle)?, InstanceIndex?) = (nil, nil)
        for instance in 0..<InstanceIndex(instances.count) {
            let place = Int(instance)
            if instances.phase[place] == .opening, allows(task, instances.offer[place]) {
                opening = opening ?? instance
            }
            guard instances.phase[place] == .open, couldHold(task, instance) else { continue }
            guard let short = shortage(request, on: instance) else { return .turn }
            if short.share < nearest?.share ?? .infinity { nearest = short }
        }
        if let nearest { return nearest.1 }
        if let opening { return .opening(opening) }
        let offer = offers.indices.first {
            offers[$0].maximumCount > 0 && allows(task, OfferIndex($0)) && request.fits(in: offers[$0].capacity)
        }
        return .notRented(OfferIndex(offer ?? 0))
    }

    /// What keeps it from the instance that its plan wants; `nil` if the plan says nothing that still holds.
    private func plannedObstacle(of task: TaskIndex) -> Obstacle? {
        let job = jobs[Int(tasks.job[Int(task)])]
        guard let plan = job.plan, case let slot = plan.slotOfTask[Int(task - job.first)], slot >= 0 else { return nil }
        let instance = job.instanceOfSlot[Int(slot)]
        guard instance >= 0 else { return .notRented(plan.slots[Int(slot)].offer) }
        switch instances.phase[Int(instance)] {
        case .opening: return .opening(instance)
        case .open where couldHold(task, instance):
            return shortage(tasks.request[Int(task)], on: instance)?.1 ?? .turn
        default: return nil
        }
    }

    /// The lane of which most is missing, in proportion to what is asked for.
    private func shortage(_ request: Resources, on instance: InstanceIndex) -> (share: Double, Obstacle)? {
        var most: (share: Double, Obstacle)?
        guard !request.fits(in: instances.free[Int(instance)]) else { return nil }
        for lane in Obstacle.Lane.allCases {
            let missing = request.lanes[lane.rawValue] - instances.free[Int(instance)].lanes[lane.rawValue]
            let share = missing / max(request.lanes[lane.rawValue], .leastNormalMagnitude)
            if missing > 0, share > most?.share ?? 0 { most = (share, .room(lane, on: instance, missing: missing)) }
        }
        return most
    }
}
