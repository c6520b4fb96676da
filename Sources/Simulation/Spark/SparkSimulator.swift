/// The environment of Decima: jobs of stages on identical executors, each of which belongs to one job at a time.
///
///     var simulator = SparkSimulator(episode, seed: 1)
///     while simulator.advance() {
///         repeat { decision = … } while simulator.act(decision)
///     }
///     simulator.meanCompletionSeconds
///
/// A decision is asked for when executors are free: ``freeExecutors`` of the source go to a stage of ``candidates``. It is asked
/// for again until they are used up or no stage is left. Executors that are left idle stay with their job while it has tasks
/// that have not started; the others go to the common pool, and **those are offered again only when a job arrives**. An executor
/// that changes its job is under way for a while.
///
/// The duration of the *k*-th task of a stage depends on the seed, on *k* and on where it runs, never on the order of events:
/// policies that are compared under one seed meet the same luck.
///
/// The state lies in one block of memory that ``reset(_:seed:)`` uses again: nothing is allocated while a simulation runs.
/// Source: Mao and others, *Learning Scheduling Algorithms for Data Processing Clusters* (SIGCOMM 2019), and the environments
/// decima-sim and spark-sched-sim, whose order of events it follows.
public struct SparkSimulator: ~Copyable {
    /// What is decided: so many executors of the source are promised to a stage. It gets no more than it has demand for, nor than
    /// are free.
    public struct Decision: Sendable, Hashable {
        /// One of ``SparkSimulator/candidates``.
        public var stage: Int
        /// At least one.
        public var executors: Int

        @inlinable
        public init(stage: Int, executors: Int) { (self.stage, self.executors) = (stage, executors) }
    }

    public private(set) var episode: SparkEpisode
    /// The time, in milliseconds.
    public private(set) var now = 0
    /// The number of tasks that have started.
    public private(set) var taskCount = 0
    /// The number of decisions taken.
    public private(set) var decisionCount = 0
    /// Counts the moments at which decisions are taken.
    public private(set) var round = 0
    /// The number of jobs that are done.
    public private(set) var jobsDone = 0
    /// The time that jobs have been in the system, summed over them, in milliseconds: what mean completion is made of.
    public private(set) var jobMilliseconds = 0
    public private(set) var activeCount = 0
    public private(set) var candidateCount = 0
    private(set) var tables: SparkTables
    private(set) var memory: SparkMemory
    private(set) var jobCount: Int
    private var luck: UInt64
    private var nextArrival = 0
    /// The pool whose executors are free, −1 for none. Pools are the common one, then one for each job, one for each stage.
    private var source = 0
    private var selectedCount = 0
    private var sequence: UInt64 = 0
    /// The first of the promises that are not in use.
    private var freePromise = 0

    /// An episode before its first arrival. O(stages + executors).
    public init(_ episode: SparkEpisode, seed: UInt64) {
        (self.episode, tables, jobCount) = (episode, episode.catalogue.tables, episode.arrivals.count)
        (memory, luck) = (SparkMemory(episode, reusing: nil), seed &* 0x51_ED27)
    }

    deinit { memory.block.deallocate() }

    /// Begins another episode, or the same with other durations.
    public mutating func reset(_ episode: SparkEpisode, seed: UInt64) {
        (self.episode, tables, jobCount) = (episode, episode.catalogue.tables, episode.arrivals.count)
        (memory, luck) = (SparkMemory(episode, reusing: memory), seed &* 0x51_ED27)
        (now, taskCount, decisionCount, round, jobsDone, jobMilliseconds) = (0, 0, 0, 0, 0, 0)
        (activeCount, candidateCount, nextArrival, source, selectedCount) = (0, 0, 0, 0, 0)
        (sequence, freePromise) = (0, 0)
    }

    /// Goes on to the next decision; `false` if there is none: all jobs are done, or those that are not will get no executor
    /// because the policy left all of them idle.
    ///
    /// - Complexity: O(log executors) an event, O(stages of active jobs) where executors are free.
    public mutating func advance() -> Bool {
        while true {
            let next = memory.keys[1]
            if nextArrival < jobCount, memory.jobs[nextArrival].arrival <= Int(next >> Self.timeShift) {
                moveOn(to: memory.jobs[nextArrival].arrival)
                memory.active[activeCount] = Int32(nextArrival)
                activeCount += 1
                nextArrival += 1
                if memory.pools[0].size > 0 { source = 0 }
                // Jobs of the first moment are seen together.
                if now == 0, nextArrival < jobCount, memory.jobs[nextArrival].arrival == 0 { continue }
            } else {
                guard next != .max else { return false }
                moveOn(to: Int(next >> Self.timeShift))
                let executor = Int(next & Self.executorMask)
                if memory.executors[executor].isBusy { finish(executor) } else { arrive(executor) }
            }
            if jobsDone == jobCount { return false }
            guard freeExecutors > 0 else { continue }
            findCandidates()
            if candidateCount > 0 {
                round += 1
                return true
            }
            if source > 0 {
                for executor in 0..<episode.executors where isIdle(executor, in: source) {
                    rest(executor, from: source)
                }
            }
            source = -1
        }
    }

    @inline(__always) private mutating func moveOn(to time: Int) {
        jobMilliseconds += activeCount * (time - now)
        now = time
    }

    /// Takes a decision; `nil` leaves all free executors idle.
    /// - Returns: Whether another one is asked for at the same moment.
    public mutating func act(_ decision: Decision?) -> Bool {
        decisionCount += 1
        if let decision {
            let stage = decision.stage
            precondition(0..<Int(episode.firstStage[jobCount]) ~= stage, "there is no such stage")
            let count = min(Int32(clamping: decision.executors), memory.stages[stage].demand, Int32(freeExecutors))
            precondition(count > 0 && !memory.stages[stage].isSelected, "the stage is no candidate")
            promise(count, to: 1 + jobCount + stage)
            memory.stages[stage].isSelected = true
            memory.selected[selectedCount] = Int32(stage)
            selectedCount += 1
            if freeExecutors > 0 {
                findCandidates()
                if candidateCount > 0 { return true }
            }
        }
        endRound()
        return false
    }

    /// The mean time from arrival to completion, in seconds; `nil` while a job is not done.
    public var meanCompletionSeconds: Double? {
        guard jobsDone == jobCount else { return nil }
        var sum = 0
        for job in 0..<jobCount { sum += memory.jobs[job].completion - memory.jobs[job].arrival }
        return Double(sum) / Double(jobCount) / 1000
    }

    /// For each job, the time from arrival to completion, in seconds; `nil` if it is not done.
    public var completionSeconds: [Double?] {
        (0..<jobCount).map {
            let job = memory.jobs[$0]
            return job.completion < 0 ? nil : Double(job.completion - job.arrival) / 1000
        }
    }
}

// MARK: What a policy sees

extension SparkSimulator {
    /// The number of executors that a decision is about.
    @inline(__always) public var freeExecutors: Int {
        source < 0 ? 0 : Int(memory.pools[source].size - memory.pools[source].promised)
    }

    /// Whether no decision was taken at this moment yet.
    public var isFirstOfMoment: Bool { selectedCount == 0 }

    /// The job whose executors are free; −1 if they belong to none.
    @inline(__always) public var sourceJob: Int { source < 0 ? -1 : Int(memory.pools[source].job) }

    /// The stage at which the free executors stand, −1 if they stand at none.
    public var sourceStage: Int { max(-1, source - 1 - jobCount) }

    /// The stages that may be chosen: by job in order of arrival, then by number. Numbers run over all jobs of the episode.
    /// - Parameter index: Below ``candidateCount``.
    @inline(__always) public func candidate(_ index: Int) -> Int {
        assert(0..<candidateCount ~= index)
        return Int(memory.candidates[index])
    }

    /// The jobs that have arrived and are not done, by arrival.
    /// - Parameter index: Below ``activeCount``.
    @inline(__always) public func activeJob(_ index: Int) -> Int {
        assert(0..<activeCount ~= index)
        return Int(memory.active[index])
    }

    /// The stages of a job among those of the episode.
    @inline(__always) public func stages(ofJob job: Int) -> Range<Int> {
        Int(episode.firstStage[job])..<Int(episode.firstStage[job + 1])
    }

    /// The stages that wait for a stage.
    public func children(ofStage stage: Int) -> [Int] {
        let (kind, base) = (Int(memory.stages[stage].kind), Int(episode.firstStage[Int(memory.stages[stage].job)]))
        return (tables.firstChild[kind]..<tables.firstChild[kind + 1]).map { base + Int(tables.children[Int($0)]) }
    }

    /// The rough duration of the longest task that a stage waits for, in milliseconds; 0 if it waits for none.
    func longestWait(ofStage stage: Int) -> Double {
        let (kind, base) = (Int(memory.stages[stage].kind), Int(episode.firstStage[Int(memory.stages[stage].job)]))
        var longest = 0.0
        for index in Int(tables.firstParent[kind])..<Int(tables.firstParent[kind + 1]) {
            let parent = base + Int(tables.parents[index])
            if !memory.stages[parent].isDone { longest = max(longest, memory.stages[parent].rough) }
        }
        return longest
    }

    /// By how many milliseconds the tasks of a job that have not started will take longer than their rough durations if they are like
    /// those that have ended, of which the rough duration counts as three.
    func surprise(ofJob job: Int) -> Double {
        var sum = 0.0
        for stage in stages(ofJob: job) {
            let state = memory.stages + stage
            guard state.pointee.remaining > 0, state.pointee.finished > 0 else { continue }
            let mean = (state.pointee.observed + 3 * state.pointee.rough) / Double(state.pointee.finished + 3)
            sum += Double(state.pointee.remaining) * (mean - state.pointee.rough)
        }
        return sum
    }

    /// What is known of a job.
    public func job(_ job: Int) -> JobView { JobView(state: memory.jobs[job]) }

    /// What is known of a stage.
    public func stage(_ stage: Int) -> StageView {
        let state = memory.stages[stage]
        return StageView(
            state: state, tasks: Int(tables.tasks[Int(state.kind)]), criticalPath: tables.criticalPath[Int(state.kind)],
            workBelow: tables.workBelow[Int(state.kind)], canBeChosen: isCandidate(stage))
    }

    /// A job as a policy sees it.
    public struct JobView {
        fileprivate let state: SparkMemory.Job
        /// Executors that belong to it, are promised from outside or on their way to it.
        public var supply: Int { Int(state.supply) }
        /// Executors that are there.
        public var local: Int { Int(state.local) }
        public var arrivalMilliseconds: Int { state.arrival }
        /// Rough milliseconds of the tasks that have not started.
        public var work: Double { state.work }
        /// Rough milliseconds of the tasks that run.
        public var runningWork: Double { state.runningWork }
        /// The longest sum of rough durations on a path of stages that are not done.
        public var criticalPath: Double { state.criticalPath }
        public var unfinishedStages: Int { Int(state.unfinishedStages) }
    }

    /// A stage as a policy sees it.
    public struct StageView {
        fileprivate let state: SparkMemory.Stage
        public let tasks: Int
        /// The longest sum of rough durations on a path that begins with it.
        public let criticalPath: Double
        /// Rough milliseconds of all stages after it.
        public let workBelow: Double
        /// Whether it is one of the candidates of this decision.
        public let canBeChosen: Bool
        public var job: Int { Int(state.job) }
        /// Tasks that have not started.
        public var remaining: Int { Int(state.remaining) }
        /// Tasks for which no executor is promised or on its way.
        public var demand: Int { max(0, Int(state.demand)) }
        public var running: Int { Int(state.running) }
        public var finished: Int { Int(state.finished) }
        /// Executors on their way to it.
        public var moving: Int { Int(state.moving) }
        /// Executors that come when what they do now is done.
        public var promised: Int { Int(state.promised) }
        /// The rough duration of a task, in milliseconds.
        public var roughMilliseconds: Double { state.rough }
        /// The mean duration of its tasks that have ended.
        public var observedMilliseconds: Double? { state.finished > 0 ? state.observed / Double(state.finished) : nil }
        /// Whether its tasks can start at once: all that it waits for is done.
        public var isRunnable: Bool { state.unfinishedParents == 0 && !state.isDone }
        public var isDone: Bool { state.isDone }
    }
}

// MARK: Invariants

extension SparkSimulator {
    /// What must hold at every decision and does not: one sentence each. O(stages + executors), for tests.
    package func brokenInvariants() -> [String] {
        var broken: [String] = []
        func check(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds { broken.append(what()) } }
        let poolCount = 1 + jobCount + Int(episode.firstStage[jobCount])
        var (sizes, running) = (Array(repeating: 0, count: poolCount), Array(repeating: 0, count: poolCount))
        var (moving, local) = (Array(repeating: 0, count: poolCount), Array(repeating: 0, count: jobCount))
        for index in 0..<episode.executors {
            let executor = memory.executors[index]
            if executor.pool >= 0 {
                sizes[Int(executor.pool)] += 1
                check(
                    memory.pools[Int(executor.pool)].job == executor.job,
                    "executor \(index) is in a pool of another job")
            } else {
                moving[1 + jobCount + Int(executor.target)] += 1
                check(!executor.isBusy, "executor \(index) works on its way")
            }
            if executor.isBusy { running[1 + jobCount + Int(executor.lastStage)] += 1 }
            if executor.job >= 0 { local[Int(executor.job)] += 1 }
        }
        var promised = Array(repeating: 0, count: poolCount)
        var outside = Array(repeating: 0, count: jobCount)
        for pool in 0..<poolCount {
            var (node, count) = (memory.pools[pool].first, 0)
            while node >= 0 {
                let promise = memory.promises[Int(node)]
                check(promise.count > 0, "an empty promise is kept")
                count += Int(promise.count)
                promised[Int(promise.pool)] += Int(promise.count)
                let job = memory.pools[Int(promise.pool)].job
                if job >= 0, job != memory.pools[pool].job { outside[Int(job)] += Int(promise.count) }
                node = promise.next
            }
            check(Int(memory.pools[pool].promised) == count, "pool \(pool) has promised something else")
            check(Int(memory.pools[pool].size) == sizes[pool], "pool \(pool) has another size")
            check(count <= sizes[pool], "pool \(pool) has promised more than it has")
        }
        for job in 0..<jobCount {
            let state = memory.jobs[job]
            var (underWay, unfinished, unstarted) = (0, 0, 0)
            for stage in stages(ofJob: job) {
                let (state, pool) = (memory.stages[stage], 1 + jobCount + stage)
                let tasks = tables.tasks[Int(state.kind)]
                check(state.remaining + state.running + state.finished == tasks, "stage \(stage) lost a task")
                check(running[pool] == Int(state.running), "stage \(stage) runs on other executors")
                check(moving[pool] == Int(state.moving), "other executors are on their way to stage \(stage)")
                check(promised[pool] == Int(state.promised), "stage \(stage) was promised others")
                check(
                    state.demand == state.remaining - state.moving - state.promised, "stage \(stage) has another demand"
                )
                check(state.isDone == (state.finished == tasks), "stage \(stage) is done too early or too late")
                underWay += moving[pool]
                unfinished += state.isDone ? 0 : 1
                unstarted += state.remaining > 0 ? 1 : 0
            }
            check(Int(state.local) == local[job], "job \(job) has other executors")
            check(Int(state.supply) == local[job] + underWay + outside[job], "job \(job) has another supply")
            check(
                Int(state.unfinishedStages) == unfinished && Int(state.unstartedStages) == unstarted,
                "job \(job): stages")
        }
        return broken
    }
}

// MARK: Events

extension SparkSimulator {
    /// A key is the time (36 bits), a running number that orders equal times (18, and begins anew: those of events that are in
    /// the agenda together differ little), and the executor (10).
    private static var timeShift: UInt64 { 28 }
    private static var executorMask: UInt64 { 1 << 10 - 1 }

    /// Sets when the next event of an executor is; `nil` takes it out.
    private mutating func schedule(_ executor: Int, at time: Int?) {
        var key = UInt64.max
        if let time {
            precondition(time < SparkEpisode.longestMilliseconds, "an episode takes two years at most")
            key = UInt64(time) << Self.timeShift | (sequence & 0x3FFFF) << 10 | UInt64(executor)
            sequence += 1
        }
        let keys = memory.keys
        var place = memory.leaves + executor
        keys[place] = key
        while place > 1 {
            key = min(key, keys[place ^ 1])
            place >>= 1
            keys[place] = key
        }
    }

    /// An executor reaches the job that it was sent to.
    private mutating func arrive(_ executor: Int) {
        schedule(executor, at: nil)
        let stage = Int(memory.executors[executor].target)
        let job = memory.stages[stage].job
        memory.executors[executor].job = job
        memory.jobs[Int(job)].local += 1
        memory.stages[stage].moving -= 1
        addDemand(1, stage)
        put(executor, in: 1 + Int(job))
        send(executor, to: stage)
    }

    /// An executor ends its task.
    private mutating func finish(_ executor: Int) {
        let stages = memory.stages
        let stage = Int(memory.executors[executor].lastStage)
        let job = Int(stages[stage].job)
        stages[stage].finished += 1
        stages[stage].running -= 1
        stages[stage].observed += Double(now - memory.executors[executor].started)
        memory.jobs[job].runningWork -= stages[stage].rough
        if stages[stage].remaining > 0 {
            start(executor, stage)
            return
        }
        schedule(executor, at: nil)
        memory.executors[executor].isBusy = false
        let opens = stages[stage].running == 0 && close(stage)
        if memory.jobs[job].unfinishedStages == 0 && memory.jobs[job].completion < 0 {
            for other in 0..<episode.executors where memory.executors[other].pool == 1 + job {
                rest(other, from: 1 + job)
            }
            complete(job)
        }
        let pool = 1 + jobCount + stage
        let hasPromise = memory.pools[pool].first >= 0
        if hasPromise {
            keepPromise(executor, Int(memory.promises[Int(memory.pools[pool].first)].pool))
        } else {
            memory.executors[executor].lastStage = -1
            if opens { rest(executor, from: pool) }
        }
        if opens { source = 1 + job } else if !hasPromise { source = pool }
    }

    /// The last task of a stage has ended. Returns whether others can begin now.
    private mutating func close(_ stage: Int) -> Bool {
        let stages = memory.stages
        let (job, kind) = (Int(stages[stage].job), Int(stages[stage].kind))
        stages[stage].isDone = true
        memory.jobs[job].unfinishedStages -= 1
        let base = Int(episode.firstStage[job])
        var opens = false
        for index in Int(tables.firstChild[kind])..<Int(tables.firstChild[kind + 1]) {
            let child = base + Int(tables.children[index])
            stages[child].unfinishedParents -= 1
            if stages[child].unfinishedParents == 0 { opens = true }
        }
        var longest = 0.0
        for other in self.stages(ofJob: job) where !stages[other].isDone {
            longest = max(longest, tables.criticalPath[Int(stages[other].kind)])
        }
        memory.jobs[job].criticalPath = longest
        return opens
    }

    private mutating func complete(_ job: Int) {
        memory.jobs[job].completion = now
        jobsDone += 1
        var kept = 0
        for index in 0..<activeCount where memory.active[index] != Int32(job) {
            memory.active[kept] = memory.active[index]
            kept += 1
        }
        activeCount = kept
    }

    /// Starts the next task of a stage on an executor that is there.
    private mutating func start(_ executor: Int, _ stage: Int) {
        let state = memory.stages + stage
        let job = memory.jobs + Int(state.pointee.job)
        let kind = Int(state.pointee.kind)
        let index = tables.tasks[kind] - state.pointee.remaining
        state.pointee.remaining -= 1
        addDemand(-1, stage)
        state.pointee.running += 1
        job.pointee.work -= state.pointee.rough
        job.pointee.runningWork += state.pointee.rough
        if state.pointee.remaining == 0 { job.pointee.unstartedStages -= 1 }
        taskCount += 1
        let random = Self.mixed(luck &+ Self.mixed(UInt64(stage) &* 1_000_003 &+ UInt64(index)))
        let point = tables.point(executors: Int(job.pointee.local), Self.uniform(random))
        let duration = tables.duration(
            kind, point: point, isFresh: memory.executors[executor].lastStage < 0,
            continues: memory.executors[executor].lastStage == Int32(stage), uniform: Self.uniform(Self.mixed(random)),
            warmUp: episode.warmUpMilliseconds)
        memory.executors[executor].lastStage = Int32(stage)
        memory.executors[executor].isBusy = true
        memory.executors[executor].started = now
        schedule(executor, at: now + duration)
    }

    /// The finaliser of SplitMix64.
    @inline(__always) private static func mixed(_ bits: UInt64) -> UInt64 {
        var bits = bits &+ 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }

    @inline(__always) private static func uniform(_ bits: UInt64) -> Double { Double(bits >> 11) * 0x1p-53 }
}

// MARK: Executors and promises

extension SparkSimulator {
    @inline(__always) private func isIdle(_ executor: Int, in pool: Int) -> Bool {
        memory.executors[executor].pool == Int32(pool) && !memory.executors[executor].isBusy
    }

    /// Changes how many tasks of a stage nobody is meant for, and tells the stages that wait for it to be saturated.
    @inline(__always) private mutating func addDemand(_ change: Int32, _ stage: Int) {
        let old = memory.stages[stage].demand
        memory.stages[stage].demand = old + change
        guard (old > 0) != (old + change > 0) else { return }
        let kind = Int(memory.stages[stage].kind)
        let base = Int(episode.firstStage[Int(memory.stages[stage].job)])
        for index in Int(tables.firstChild[kind])..<Int(tables.firstChild[kind + 1]) {
            memory.stages[base + Int(tables.children[index])].unsaturatedParents += old > 0 ? -1 : 1
        }
    }

    @inline(__always) private func isCandidate(_ stage: Int) -> Bool {
        let state = memory.stages + stage
        return state.pointee.demand > 0 && state.pointee.unsaturatedParents == 0 && !state.pointee.isSelected
    }

    /// Whether a job can be given executors of `other`: not when it has them all.
    private func isOpen(_ job: Int, besides other: Int) -> Bool {
        job == other || memory.jobs[job].supply < Int32(episode.executors)
    }

    private mutating func findCandidates() {
        let (job, candidates) = (sourceJob, memory.candidates)
        var count = 0
        for index in 0..<activeCount where isOpen(Int(memory.active[index]), besides: job) {
            for stage in stages(ofJob: Int(memory.active[index])) where isCandidate(stage) {
                candidates[count] = Int32(stage)
                count += 1
            }
        }
        candidateCount = count
    }

    private func put(_ executor: Int, in pool: Int) {
        let old = Int(memory.executors[executor].pool)
        if old >= 0 { memory.pools[old].size -= 1 }
        memory.executors[executor].pool = Int32(pool)
        if pool >= 0 { memory.pools[pool].size += 1 }
    }

    /// Promises free executors of the source to a pool.
    private mutating func promise(_ count: Int32, to pool: Int) {
        let pools = memory.pools
        var node = pools[source].first
        while node >= 0, memory.promises[Int(node)].pool != Int32(pool) { node = memory.promises[Int(node)].next }
        if node >= 0 {
            memory.promises[Int(node)].count += count
        } else {
            node = Int32(freePromise)
            freePromise = Int(memory.promises[freePromise].next)
            memory.promises[Int(node)] = .init(pool: Int32(pool), count: count, next: -1)
            if pools[source].last >= 0 {
                memory.promises[Int(pools[source].last)].next = node
            } else {
                pools[source].first = node
            }
            pools[source].last = node
        }
        pools[source].promised += count
        if pool > jobCount {
            memory.stages[pool - 1 - jobCount].promised += count
            addDemand(-count, pool - 1 - jobCount)
        }
        let job = pools[pool].job
        if job >= 0 && job != pools[source].job { memory.jobs[Int(job)].supply += count }
    }

    /// Sends an executor where its pool has promised one.
    private mutating func keepPromise(_ executor: Int, _ pool: Int) {
        let pools = memory.pools
        let old = Int(memory.executors[executor].pool)
        var (node, before) = (pools[old].first, Int32(-1))
        while memory.promises[Int(node)].pool != Int32(pool) {
            (before, node) = (node, memory.promises[Int(node)].next)
        }
        memory.promises[Int(node)].count -= 1
        if memory.promises[Int(node)].count == 0 {
            let next = memory.promises[Int(node)].next
            if before >= 0 { memory.promises[Int(before)].next = next } else { pools[old].first = next }
            if next < 0 { pools[old].last = before }
            memory.promises[Int(node)].next = Int32(freePromise)
            freePromise = Int(node)
        }
        pools[old].promised -= 1
        if pool > jobCount {
            memory.stages[pool - 1 - jobCount].promised -= 1
            addDemand(1, pool - 1 - jobCount)
        }
        let job = pools[pool].job
        if job >= 0 && job != pools[old].job { memory.jobs[Int(job)].supply -= 1 }
        if pool == 0 { rest(executor, from: old) } else { send(executor, to: pool - 1 - jobCount) }
    }

    /// An executor of a pool has nothing to do: it goes to the common pool if its job has started all tasks, else to its job's.
    private mutating func rest(_ executor: Int, from pool: Int) {
        guard pool > 0 else { return }
        let job = Int(memory.pools[pool].job)
        if memory.jobs[job].unstartedStages == 0 {
            put(executor, in: 0)
            memory.jobs[job].supply -= 1
            leaveJob(executor)
        } else if pool > jobCount {
            put(executor, in: 1 + job)
        }
    }

    private func leaveJob(_ executor: Int) {
        memory.jobs[Int(memory.executors[executor].job)].local -= 1
        memory.executors[executor].job = -1
        memory.executors[executor].lastStage = -1
    }

    /// Sends an executor to a stage; if that has no task left, to the first one that has: of its job, then of others.
    private mutating func send(_ executor: Int, to wanted: Int) {
        var stage = wanted
        if memory.stages[stage].remaining == 0 {
            guard let other = backup(executor) else {
                rest(executor, from: Int(memory.executors[executor].pool))
                return
            }
            stage = other
        }
        let job = memory.stages[stage].job
        if memory.executors[executor].job != job {
            let pool = Int(memory.executors[executor].pool)
            memory.stages[stage].moving += 1
            addDemand(-1, stage)
            memory.jobs[Int(job)].supply += 1
            if pool >= 0, memory.pools[pool].job >= 0 { memory.jobs[Int(memory.pools[pool].job)].supply -= 1 }
            put(executor, in: -1)
            if memory.executors[executor].job >= 0 { leaveJob(executor) }
            memory.executors[executor].target = Int32(stage)
            schedule(executor, at: now + episode.movingMilliseconds)
        } else if memory.stages[stage].unfinishedParents > 0 {
            memory.executors[executor].lastStage = -1
            put(executor, in: 1 + Int(job))
        } else {
            put(executor, in: 1 + jobCount + stage)
            start(executor, stage)
        }
    }

    private func backup(_ executor: Int) -> Int? {
        let own = Int(memory.executors[executor].job)
        if own >= 0 { for stage in stages(ofJob: own) where isCandidate(stage) { return stage } }
        for index in 0..<activeCount {
            let job = Int(memory.active[index])
            guard job != own, isOpen(job, besides: own) else { continue }
            for stage in stages(ofJob: job) where isCandidate(stage) { return stage }
        }
        return nil
    }

    /// Sends the executors that are idle where they were promised to.
    private mutating func endRound() {
        if freeExecutors > 0 { promise(Int32(freeExecutors), to: 0) }
        var executor = 0
        // In keeping one promise none is added to this pool: an executor leaves it, or comes back to its job.
        var remaining = memory.pools[source].promised
        let pool = source
        while remaining > 0, executor < episode.executors {
            defer { executor += 1 }
            guard isIdle(executor, in: pool) else { continue }
            remaining -= 1
            keepPromise(executor, Int(memory.promises[Int(memory.pools[pool].first)].pool))
        }
        source = -1
        for index in 0..<selectedCount { memory.stages[Int(memory.selected[index])].isSelected = false }
        selectedCount = 0
    }
}
