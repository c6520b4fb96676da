public import Workloads

extension RunState {
    /// A second attempt at a task that runs beside the first on another instance. The first of the two to end counts.
    public struct Copy: Hashable, Sendable {
        /// Which attempt.
        public internal(set) var number: Int32
        /// Where.
        public internal(set) var instance: InstanceIndex
        /// When it started.
        public internal(set) var startSeconds: Double
        /// Whether it was told to stop.
        public internal(set) var isStopping: Bool
    }

    /// Whether an attempt is the second of two that run.
    func isCopy(_ attempt: AttemptID) -> Bool {
        !tasks.copies.isEmpty && tasks.copies[attempt.task]?.number == attempt.number
    }

    /// The attempt at a task that occupies an instance, one of those in ``Instances/running``.
    public func attempt(at task: TaskIndex, on instance: InstanceIndex) -> AttemptID {
        if let copy = tasks.copies[task], copy.instance == instance { return AttemptID(task, copy.number) }
        return attempt(at: task)
    }

    /// Where an attempt that runs does so; for another one, where the last one at its task did.
    public func instance(of attempt: AttemptID) -> InstanceIndex {
        if isCopy(attempt), let copy = tasks.copies[attempt.task] { return copy.instance }
        return tasks.lastInstance[Int(attempt.task)]
    }

    /// When an attempt that runs started.
    public func startSeconds(of attempt: AttemptID) -> Double {
        if isCopy(attempt), let copy = tasks.copies[attempt.task] { return copy.startSeconds }
        return tasks.startSeconds[Int(attempt.task)]
    }

    /// Whether an attempt that runs was told to stop.
    public func isStopping(_ attempt: AttemptID) -> Bool {
        if isCopy(attempt), let copy = tasks.copies[attempt.task] { return copy.isStopping }
        return tasks.phase[Int(attempt.task)] == .stopping
    }

    /// Starts a second attempt at a task that runs; it gets what the first has.
    mutating func startCopy(_ attempt: AttemptID, on instance: InstanceIndex, _ grant: Grant) -> Bool {
        let task = Int(attempt.task)
        guard tasks.copies[attempt.task] == nil, tasks.instance[task] != instance,
            grant.resources == tasks.request[task], grant.resources.fits(in: instances.free[Int(instance)])
        else { return false }
        tasks.attempts[task] = attempt.number
        tasks.copies[attempt.task] = Copy(
            number: attempt.number, instance: instance, startSeconds: seconds, isStopping: false)
        let wasSpare = isSpare(instance)
        instances.running[Int(instance)].append(attempt.task)
        noteSpare(instance, was: wasSpare)
        instances.free[Int(instance)] -= grant.resources
        jobs[Int(tasks.job[task])].running += 1
        jobs[Int(tasks.job[task])].busyCPUs += tasks.request[task].cpus
        charge(attempt, on: instance)
        touched.append(instance)
        return true
    }

    /// The two attempts at a task that run change places: the second is the one that its columns tell of.
    mutating func exchange(_ task: TaskIndex) {
        let place = Int(task)
        guard let copy = tasks.copies[task] else { return }
        tasks.copies[task] = Copy(
            number: tasks.current[place], instance: tasks.instance[place], startSeconds: tasks.startSeconds[place],
            isStopping: tasks.phase[place] == .stopping)
        tasks.current[place] = copy.number
        tasks.instance[place] = copy.instance
        tasks.lastInstance[place] = copy.instance
        tasks.startSeconds[place] = copy.startSeconds
        tasks.phase[place] = copy.isStopping ? .stopping : .running
    }
}
