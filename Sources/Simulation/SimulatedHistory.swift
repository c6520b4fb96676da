public import Allocation
internal import Scheduling
public import Workloads

/// All attempts and instances of one simulated run.
public struct SimulatedHistory: Sendable {
    /// One attempt that is over.
    public struct Attempt: Hashable, Sendable {
        /// Which.
        public var id: AttemptID
        /// Where.
        public var instance: InstanceIndex
        /// When all that it waits for was there.
        public var readySeconds: Double
        /// When it was dispatched and took its room.
        public var dispatchSeconds: Double
        /// When its data were there and it began to work; infinite if it never did.
        public var startSeconds: Double
        /// When it was over.
        public var endSeconds: Double
        /// Why it did not succeed.
        public var failure: FailureCause?
    }

    /// What came of it.
    public let run: SimulatedRun
    /// The attempts in the order in which they ended.
    public let attempts: [Attempt]
    /// The state at the end: its instances and what became of the tasks.
    public let state: RunState

    init(_ run: SimulatedRun, _ attempts: [Attempt], _ state: RunState) {
        (self.run, self.attempts, self.state) = (run, attempts, state)
    }

    /// What became of all instances that were asked for, at the prices of the beginning where a market moved.
    public func lives() -> [InstanceLife] {
        var numbers = [Int](repeating: 0, count: state.offers.count)
        let end = max(run.makespanSeconds, attempts.map(\.endSeconds).max() ?? 0)
        return (0..<state.instances.count).map { place in
            let offer = Int(state.instances.offer[place])
            let (opened, closed) = (state.instances.openedSeconds[place], state.instances.closedSeconds[place])
            let item = state.offers[offer]
            defer { numbers[offer] += 1 }
            return InstanceLife(
                workflow: state.jobs[0].name, job: "simulated", number: place,
                instance: item.instanceID(numbers[offer]),
                offer: item, requestedTimeSeconds: state.instances.requestedSeconds[place],
                openedTimeSeconds: opened.isFinite ? opened : nil, closedTimeSeconds: closed.isFinite ? closed : end,
                end: opened.isFinite ? .closed : .refused)
        }
    }

    /// The attempts as a trace would record them.
    ///
    /// - Parameter graphs: The tasks of every job; the run of each is `simulated`.
    public func records(_ graphs: [TaskGraph]) -> [AttemptRecord] {
        attempts.map { attempt in
            let index = Int(state.tasks.job[Int(attempt.id.task)])
            let job = state.jobs[index]
            let task = graphs[index].tasks[Int(attempt.id.task - job.first)]
            var record = AttemptRecord(
                workflow: job.name, job: "simulated", task: task.id.rawValue, taskType: task.type,
                attempt: Int(attempt.id.number), status: attempt.failure == nil ? .completed : .failed)
            if graphs.count > 1 { record.tenant = state.tenants[Int(job.tenant)].name }
            let offer = Int(state.instances.offer[Int(attempt.instance)])
            let number = (0..<Int(attempt.instance)).count { Int(state.instances.offer[$0]) == offer }
            let item = state.offers[offer]
            (record.instance, record.instanceType) = (item.instanceID(number).rawValue, item.type.name)
            (record.purchase, record.zone) = (item.purchase.rawValue, item.zone)
            record.submitTimeSeconds = attempt.readySeconds
            let begin = min(attempt.startSeconds, attempt.endSeconds)
            (record.startTimeSeconds, record.endTimeSeconds) = (begin, attempt.endSeconds)
            record.queuedSeconds = max(0, attempt.dispatchSeconds - attempt.readySeconds)
            record.transferSeconds = begin - attempt.dispatchSeconds
            if let flow = job.flow {
                let edges = flow.edges(of: Int(attempt.id.task - job.first)).filter {
                    state.tasks.lastInstance[Int(job.first + flow.predecessors[$0])] != attempt.instance
                }
                record.transferBytes = edges.reduce(0) { $0 + flow.bytes[$1] }
                // What was sent ahead took its time before the task was dispatched.
                let longest = edges.map { edge in
                    let source = state.tasks.lastInstance[Int(job.first + flow.predecessors[edge])]
                    let zone = state.offers[Int(state.instances.offer[Int(source)])].zone
                    return flow.seconds(along: edge, isFar: Network.isFar(zone, item.zone))
                }
                record.transferSeconds = max(begin - attempt.dispatchSeconds, longest.max() ?? 0)
            }
            record.runtimeSeconds = attempt.endSeconds - begin
            record.cpus = state.tasks.request[Int(attempt.id.task)].cpus
            record.cause = attempt.failure
            record.pricePerHour = item.price.perHour
            return record
        }
    }
}
