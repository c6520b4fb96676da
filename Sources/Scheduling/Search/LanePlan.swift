import Workloads

/// An order of all tasks that keeps that of the graph, and a lane for each: what searches hand on to each other.
struct LanePlan: Sendable {
    var order: [Int32]
    var lanes: [Int32]
    var makespan: Double
    var cost: Double
    /// By how much the task that is latest ends after its own deadline.
    var lateness = 0.0

    init(order: [Int32], lanes: [Int32], makespan: Double, cost: Double) {
        (self.order, self.lanes, self.makespan, self.cost) = (order, lanes, makespan, cost)
    }

    /// The order and the lanes of a schedule, as it stands now.
    init(_ schedule: borrowing LaneSchedule) {
        order = Array(UnsafeBufferPointer(start: schedule.order, count: schedule.count))
        lanes = Array(UnsafeBufferPointer(start: schedule.lane, count: schedule.count))
        (makespan, cost, lateness) = (schedule.makespan, schedule.cost(), schedule.lateness())
    }

    /// An order that keeps that of the graph, and a lane for each task.
    init(order: [Int32], lanes: [Int32], _ model: LaneModel) {
        var schedule = LaneSchedule(model)
        schedule.set(order: order, lanes: lanes)
        self.init(schedule)
    }

    /// Of a schedule of the same problem; its instances must be among those of the model.
    init(_ schedule: Schedule, _ model: LaneModel) {
        let problem = model.problem
        let sorted = schedule.order(problem)
        // The instances of an entry one after the other, in the order in which they were opened.
        var hosts: [Int] = []
        var next = problem.entries.indices.map { entry in model.entryOfHost.firstIndex(of: Int32(entry)) ?? 0 }
        for entry in schedule.entryOfInstance {
            hosts.append(next[Int(entry)])
            next[Int(entry)] += 1
        }
        var free = [Double](repeating: 0, count: model.host.count)
        lanes = [Int32](repeating: 0, count: problem.graph.count)
        for task in sorted {
            let own = model.lanesOfHost[hosts[Int(schedule.instance[task])]]
            // The lane that was left last: sums of other orders may differ by rounding, so the least if none is free.
            let usable = own.filter { free[$0] <= schedule.starts[task] }
            let lane = usable.max { free[$0] < free[$1] } ?? own.min { free[$0] < free[$1] } ?? own.lowerBound
            free[lane] = max(free[lane], schedule.ends[task])
            lanes[task] = Int32(lane)
        }
        order = sorted.map { Int32($0) }
        (makespan, cost, lateness) = (schedule.makespan, schedule.cost, schedule.lateness)
    }

    /// The schedule, in which tasks start as soon as they can.
    ///
    /// - Parameter delaying: Start what an instance runs first so late that its last task is not delayed: what is rented
    ///   from the first start on costs less.
    func schedule(_ model: LaneModel, delaying: Bool) -> Schedule {
        var lanes = LaneSchedule(model)
        lanes.set(order: order, lanes: self.lanes)
        let starts = delaying && model.room == 0 ? lanes.latestStarts() : nil
        var schedule = Schedule(taskCount: lanes.count)
        var (instance, numbers) = ([Int32](repeating: -1, count: model.entryOfHost.count), [Int32: Int]())
        var number = [Int](repeating: 0, count: model.entryOfHost.count)
        for place in 0..<lanes.count {
            let task = Int(lanes.order[place])
            let host = Int(model.host[Int(lanes.lane[task])])
            if instance[host] < 0 {
                let entry = model.entryOfHost[host]
                instance[host] = Int32(schedule.entryOfInstance.count)
                schedule.entryOfInstance.append(entry)
                number[host] = numbers[entry, default: 0]
                numbers[entry, default: 0] += 1
            }
            let start = starts?[task] ?? lanes.start(task)
            schedule.set(
                task, start: start, end: starts == nil ? lanes.end[task] : start + lanes.duration[task],
                instance: instance[host], number: number[host])
        }
        schedule.measure(model.problem)
        return schedule
    }
}

extension LaneSchedule {
    /// Starts so late that no instance is used longer than it is, and nothing ends later than the job.
    func latestStarts() -> [Double] {
        var latest = [Double](repeating: 0, count: count)
        var isLast = [Bool](repeating: false, count: count)
        for host in model.entryOfHost.indices {
            let last = use(host).last
            for lane in model.lanesOfHost[host] where lastOnLane[lane] >= 0 && end[Int(lastOnLane[lane])] >= last {
                isLast[Int(lastOnLane[lane])] = true
            }
        }
        for place in stride(from: count - 1, through: 0, by: -1) {
            let task = Int(order[place])
            let earliest = start(task)
            guard !isLast[task] else {
                latest[task] = earliest
                continue
            }
            var end = use(Int(hostOfLane[Int(lane[task])])).last
            if after[task] >= 0 { end = min(end, latest[Int(after[task])]) }
            for edge in Int(firstOut[task])..<Int(firstOut[task + 1]) {
                let other = Int(tasksOut[edge])
                end = min(end, latest[other] - delayOut(edge, host[task], host[other]))
            }
            // Rounding must not let it end late.
            latest[task] = max(earliest, end - duration[task] - 1e-12 * abs(end))
        }
        return latest
    }
}
