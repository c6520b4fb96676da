import Workloads

extension RunState {
    /// Traps if the columns contradict each other. Tests call it after every step.
    ///
    /// - Complexity: O(tasks + edges + instances).
    package func checkInvariants() {
        var open = [Int32](repeating: 0, count: jobs.count)
        var (running, ready, finished) = (open, open, open)
        var waits = [Int32](repeating: 0, count: tasks.count)
        var used = [Resources](repeating: .zero, count: instances.count)
        for task in 0..<tasks.count {
            let (phase, job) = (tasks.phase[task], Int(tasks.job[task]))
            precondition(jobs[job].range.contains(task), "task \(task) lies outside its job")
            if !phase.isOver { open[job] += 1 }
            if phase == .ready { ready[job] += 1 }
            if phase == .finished { finished[job] += 1 }
            if phase != .finished {
                for place in tasks.firstSuccessor[task]..<tasks.firstSuccessor[task + 1] {
                    waits[Int(tasks.successors[Int(place)])] += 1
                }
            }
            let instance = Int(tasks.instance[task])
            precondition(phase.isRunning == (instance >= 0), "task \(task) is \(phase) on instance \(instance)")
            if phase.isRunning {
                running[job] += 1
                used[instance] += tasks.request[task]
                precondition(
                    instances.running[instance].contains(TaskIndex(task)), "task \(task) is not on its instance")
                precondition(
                    instances.phase[instance] == .open || instances.phase[instance] == .closing,
                    "task \(task) runs on an instance that is \(instances.phase[instance])")
                precondition(
                    allows(TaskIndex(task), instances.offer[instance]), "task \(task) may not run on its instance")
                precondition(tasks.attempts[task] > 0, "task \(task) runs without an attempt")
            }
        }
        for (task, copy) in tasks.copies {
            let instance = Int(copy.instance)
            let phase = tasks.phase[Int(task)]
            precondition(phase.isRunning || phase.isOver, "task \(task) is \(phase) and has a copy")
            precondition(tasks.instance[Int(task)] != copy.instance, "task \(task) runs twice on instance \(instance)")
            precondition(
                copy.number != tasks.current[Int(task)] && copy.number <= tasks.attempts[Int(task)],
                "copy of task \(task) is attempt \(copy.number)")
            precondition(instances.running[instance].contains(task), "copy of task \(task) is not on its instance")
            precondition(allows(task, instances.offer[instance]), "copy of task \(task) may not run on its instance")
            running[Int(tasks.job[Int(task)])] += 1
            used[instance] += tasks.request[Int(task)]
        }
        for (instance, held) in instances.running.enumerated() {
            for task in held {
                precondition(
                    tasks.instance[Int(task)] == InstanceIndex(instance)
                        || tasks.copies[task]?.instance == InstanceIndex(instance),
                    "task \(task) does not run on instance \(instance)")
            }
        }
        for task in 0..<tasks.count {
            precondition(tasks.current[task] <= tasks.attempts[task], "task \(task) runs an attempt that never started")
            precondition(waits[task] == tasks.waitsFor[task], "task \(task) waits for \(waits[task]) tasks")
            if tasks.phase[task] == .ready || tasks.phase[task].isRunning {
                precondition(releaseSeconds(of: TaskIndex(task)) <= seconds, "task \(task) is before its time")
            }
            if waits[task] > 0 {
                let phase = tasks.phase[task]
                precondition(phase == .blocked || phase == .skipped, "task \(task) is \(phase) before its predecessors")
            }
        }
        for (index, job) in jobs.enumerated() {
            precondition(job.open == open[index] && job.running == running[index], "counts of job \(index)")
            precondition(job.ready == ready[index] && job.finished == finished[index], "counts of job \(index)")
            if job.ending != nil { precondition(job.running == 0, "job \(index) ended and runs") }
            if job.ending == .succeeded { precondition(job.finished == job.count, "job \(index) did not succeed") }
        }
        var counts = [Int32](repeating: 0, count: offers.count)
        for instance in 0..<instances.count {
            precondition(Set(instances.running[instance]).count == instances.running[instance].count, "runs twice")
            if instances.phase[instance] != .closed { counts[Int(instances.offer[instance])] += 1 }
            guard instances.phase[instance] == .open || instances.phase[instance] == .closing else {
                precondition(instances.running[instance].isEmpty, "instance \(instance) is gone and runs something")
                continue
            }
            precondition(used[instance].fits(in: instances.capacity[instance]), "instance \(instance) is overfull")
            let difference = instances.capacity[instance] - used[instance] - instances.free[instance]
            let slack = instances.capacity[instance].lanes * 1e-9 + 1e-6
            for lane in 0..<4 {
                precondition(abs(difference.lanes[lane]) <= slack[lane], "free room of instance \(instance)")
            }
        }
        precondition(counts == openCounts, "open instances are \(counts)")
        checkWaiting()
        checkTenants()
    }

    private func checkWaiting() {
        var spare = [Int32](repeating: 0, count: offers.count)
        for instance in 0..<InstanceIndex(instances.count) where isSpare(instance) {
            spare[Int(instances.offer[Int(instance)])] += 1
        }
        precondition(spare == spareCounts, "spare instances are \(spare)")
        var counts = waiting.map { _ in 0 }
        var sums = waiting.map { _ in Resources.zero }
        for task in 0..<tasks.count where tasks.phase[task] == .ready {
            counts[Int(tasks.restriction[task])] += 1
            sums[Int(tasks.restriction[task])] += tasks.request[task]
        }
        for (kind, known) in waiting.enumerated() {
            precondition(counts[kind] == known.count, "\(counts[kind]) tasks of kind \(kind) wait")
            let difference = (sums[kind] - known.sum).lanes
            precondition(
                all(difference .<= SIMD4(1e-6, 100, 1e-6, 100)) && all(difference .>= -SIMD4(1e-6, 100, 1e-6, 100)),
                "what tasks of kind \(kind) want")
        }
    }

    private func checkTenants() {
        var used = [Resources](repeating: .zero, count: tenants.count)
        for task in 0..<tasks.count where tasks.phase[task].isRunning {
            used[tenant(of: TaskIndex(task))] += tasks.request[task]
        }
        for task in tasks.copies.keys { used[tenant(of: task)] += tasks.request[Int(task)] }
        for (index, tenant) in tenants.enumerated() {
            guard let quota = tenant.quota else { continue }
            precondition(used[index].fits(in: quota.resources), "tenant \(tenant.name) exceeds its quota")
            let difference = used[index] - tenant.inUse
            precondition(
                all(difference.lanes .<= SIMD4(1e-6, 100, 1e-6, 100))
                    && all(difference.lanes .>= -SIMD4(1e-6, 100, 1e-6, 100)), "use of tenant \(tenant.name)")
            precondition(
                tenant.pricePerHour <= quota.pricePerHour * (1 + 1e-6), "tenant \(tenant.name) costs too much")
            precondition(
                abs(tenant.prices.values.reduce(0, +) - tenant.pricePerHour) <= 1e-6 * (1 + tenant.pricePerHour),
                "price of tenant \(tenant.name)")
        }
    }
}
