import Scheduling
public import Workloads

/// What must happen after a reclaim so that a job still keeps its deadline.
extension RunState {
    /// For each task of a job, in seconds: how long it takes from a reclaim on until the job can have ended, if the task is run
    /// anew and all that follows runs on demand.
    struct Comeback: Sendable {
        /// With times that nine of ten runs keep; less than 0 where a task cannot run on demand.
        var seconds: [Double] = []
        /// With times as they are expected.
        var leastSeconds: [Double] = []
    }

    /// Whether a task may start on an instance of an offer although that may be taken back: if, should that happen at the last
    /// moment, all that is left can still run on demand by the job's deadline; or if even at once it could not.
    ///
    /// Only jobs whose plan is made so are held to it.
    public func mayRisk(_ task: TaskIndex, on offer: OfferIndex) -> Bool {
        seconds <= latestStart(of: task, on: offer)
    }

    /// When a task may start at the latest on an instance that may be taken back; infinite if that does not matter.
    func latestStart(of task: TaskIndex, on offer: OfferIndex) -> Double {
        guard offers[Int(offer)].purchase == .spot else { return .infinity }
        let job = jobs[Int(tasks.job[Int(task)])]
        guard job.plan?.isRecoverable == true, let estimates = job.estimates, !job.comeback.seconds.isEmpty else {
            return .infinity
        }
        let place = Int(task - job.first)
        let recovery = job.comeback.seconds[place]
        guard recovery >= 0, seconds + job.comeback.leastSeconds[place] <= job.deadlineSeconds else { return .infinity }
        let once = estimates.seconds(of: place, on: offers[Int(offer)].type)
        return job.deadlineSeconds - recovery - once * (1 - Double(tasks.savedShare[Int(task)]))
    }

    /// Whether a task that could start waits on its place in the job's plan for so long that a reclaim, or the rest of the job
    /// itself, would cost the deadline.
    func isHeldByRisk(_ job: JobState) -> Bool {
        guard let plan = job.plan, plan.isRecoverable, job.ready > 0, !job.comeback.seconds.isEmpty else {
            return false
        }
        return job.range.contains { index in
            let place = index - Int(job.first)
            guard tasks.phase[index] == .ready, case let slot = Int(plan.slotOfTask[place]), slot >= 0 else {
                return false
            }
            let (task, instance, offer) = (TaskIndex(index), job.instanceOfSlot[slot], plan.slots[slot].offer)
            var start = max(seconds, plan.startSeconds.isEmpty ? 0 : plan.startSeconds[place])
            if instance >= 0, !tasks.request[index].fits(in: instances.free[Int(instance)]) {
                let ends = instances.running[Int(instance)].map { expectedEnd(of: $0) }
                start = max(start, ends.min() ?? start)
            }
            return start > latestStart(of: task, on: offer)
                || seconds + job.comeback.leastSeconds[place] <= job.deadlineSeconds
                    && start + job.comeback.leastSeconds[place] > job.deadlineSeconds
        }
    }

    /// Fills the comeback of a job that has a plan. O(tasks · offers + edges).
    mutating func learnComeback(of index: Int) {
        let job = jobs[index]
        guard job.plan?.isRecoverable == true, job.comeback.seconds.isEmpty, let estimates = job.estimates else {
            return
        }
        let onDemand = offers.indices.filter { offers[$0].purchase == .onDemand && offers[$0].maximumCount > 0 }
        // Seconds of each task on demand, and the time until the first instance comes.
        var (likely, least, opens) = ([Double](), [Double](), [Double]())
        for task in 0..<Int(job.count) {
            var best = (likely: Double.infinity, least: Double.infinity, open: 0.0)
            for offer in onDemand {
                let index = job.first + TaskIndex(task)
                guard allows(index, OfferIndex(offer)), tasks.request[Int(index)].fits(in: offers[offer].capacity)
                else {
                    continue
                }
                let type = offers[offer].type
                let seconds = estimates.seconds(of: task, on: type, p: 0.9)
                if seconds + offers[offer].openSeconds < best.likely + best.open {
                    best = (seconds, estimates.seconds(of: task, on: type), offers[offer].openSeconds)
                }
            }
            likely.append(best.likely)
            least.append(best.least)
            opens.append(best.open)
        }
        var comeback = Comeback(seconds: likely, leastSeconds: least)
        for task in order(of: job).reversed() {
            let source = Int(job.first) + task
            var (after, leastAfter) = (0.0, 0.0)
            for edge in Int(tasks.firstSuccessor[source])..<Int(tasks.firstSuccessor[source + 1]) {
                let next = Int(tasks.successors[edge] - job.first)
                after = max(after, comeback.seconds[next])
                leastAfter = max(leastAfter, comeback.leastSeconds[next])
            }
            // What cannot run on demand itself counts with nothing for what comes before it.
            comeback.seconds[task] = (likely[task].isFinite ? likely[task] : 0) + after
            comeback.leastSeconds[task] = (least[task].isFinite ? least[task] : 0) + leastAfter
        }
        for task in likely.indices {
            comeback.seconds[task] = likely[task].isFinite ? comeback.seconds[task] + opens[task] : -1
            comeback.leastSeconds[task] += opens[task]
        }
        jobs[index].comeback = comeback
    }

    /// The tasks of a job, each after those that it waits for.
    private func order(of job: JobState) -> [Int] {
        var waits = [Int32](repeating: 0, count: Int(job.count))
        for task in job.range {
            for edge in tasks.firstSuccessor[task]..<tasks.firstSuccessor[task + 1] {
                waits[Int(tasks.successors[Int(edge)] - job.first)] += 1
            }
        }
        var order = waits.indices.filter { waits[$0] == 0 }
        var next = 0
        while next < order.count {
            let source = Int(job.first) + order[next]
            for edge in tasks.firstSuccessor[source]..<tasks.firstSuccessor[source + 1] {
                let successor = Int(tasks.successors[Int(edge)] - job.first)
                waits[successor] -= 1
                if waits[successor] == 0 { order.append(successor) }
            }
            next += 1
        }
        return order
    }
}
