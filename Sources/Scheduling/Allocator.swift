public import Workloads

/// Decides which task starts where, from events alone: it has no clock, no files and no processes.
///
/// The local executor, cluster executors and the simulator are thin shells around it: they report events and carry
/// out the actions. Equal events give equal actions, so a run can be replayed from its log.
///
///     var allocator = Allocator(graph)
///     let actions = allocator.handle(.instanceReady(Allocator.Capacity("local", cpus: 2, memoryBytes: 8e9)))
public struct Allocator: Sendable {
    /// An instance and what it can hold.
    public struct Capacity: Hashable, Sendable, Codable {
        /// Its name.
        public var id: InstanceID
        /// Processors.
        public var cpus: Double
        /// Memory in bytes.
        public var memoryBytes: Double

        /// Makes a capacity.
        public init(_ id: InstanceID, cpus: Double, memoryBytes: Double) {
            (self.id, self.cpus, self.memoryBytes) = (id, cpus, memoryBytes)
        }
    }

    /// What happened outside.
    public enum Event: Hashable, Sendable, Codable {
        /// An instance can take tasks. One that is known already is left as it is.
        case instanceReady(Capacity)
        /// An attempt succeeded.
        case finished(TaskID, attempt: Int)
        /// An attempt did not succeed.
        case failed(TaskID, attempt: Int, cause: FailureCause)
        /// An instance is gone, and so are the attempts on it.
        case instanceGone(InstanceID, cause: FailureCause)
        /// A running attempt is above what was predicted for it.
        case alert(TaskID, attempt: Int, Alert)
        /// Somebody wants the job to stop.
        case cancel
    }

    /// What of a running attempt is above its predicted 99 % quantile.
    public enum Alert: String, Hashable, Sendable, Codable {
        /// The memory of its process tree.
        case memory
        /// Its run time.
        case time
    }

    /// What is to be done, in this order.
    public enum Action: Hashable, Sendable, Codable {
        /// Start this attempt (the first is 1) and reserve so much for it.
        case start(
            TaskID, on: InstanceID, attempt: Int, cpus: Double, memoryBytes: Double, timeLimitSeconds: Double? = nil)
        /// Stop this attempt and report it as failed for this cause.
        case kill(TaskID, attempt: Int, cause: FailureCause)
        /// Let the processes of this attempt give way to all others.
        case throttle(TaskID, attempt: Int)
        /// Say and write down that this attempt is above what was predicted for it, and what is done about it.
        case warn(TaskID, attempt: Int, Alert, RetryPolicy.Reaction)
        /// The task has failed for good; those that wait for it are skipped.
        case giveUp(TaskID, FailureCause)
        /// The task cannot run because one that it waits for has failed.
        case skip(TaskID)
        /// Nothing runs and nothing is left that could: no action follows.
        case end(Ending)
    }

    /// How a job ended.
    public enum Ending: String, Hashable, Sendable, Codable {
        /// Every task succeeded.
        case succeeded
        /// Some task failed for good.
        case failed
        /// It was cancelled before every task was done.
        case cancelled
    }

    /// The state of one task.
    public enum State: Hashable, Sendable {
        /// It waits for predecessors.
        case blocked
        /// It could start, as soon as there is room.
        case ready
        /// This attempt runs.
        case running(on: InstanceID, attempt: Int)
        /// It succeeded.
        case finished
        /// It failed for good.
        case failed
        /// It cannot run, because one that it waits for has failed.
        case skipped
    }

    /// The job.
    public let graph: TaskGraph
    /// How the job ended, or `nil` while it goes on.
    public private(set) var ending: Ending?

    private let options: AllocatorOptions
    private let largestMemory: Double
    private let smallestCPUs: Double
    /// Tasks from most to least urgent, and the place of each task there.
    private let byUrgency: [Int]
    private let urgency: [Int]
    /// The instance that a plan wants for a task.
    private let planned: [InstanceID?]

    private var states: [State]
    private var openPredecessors: [Int]
    private var attempts: [Int]
    /// How often the attempts at a task ended for each cause.
    private var failures: [Int: [FailureCause: Int]] = [:]
    private var memoryBytes: [Double]
    private var timeLimits: [Double?]
    /// Predicted quantiles of a task's memory, ascending.
    private let memorySteps: [TaskID: [Double]]
    /// The instance on which a task is not to run again, if another can hold it.
    private var avoided: [Int: InstanceID] = [:]
    private var instances: [Instance] = []
    private var gone: Set<InstanceID> = []
    /// Attempts that run already on instances that are not yet known.
    private var survivors: [InstanceID: [Int]] = [:]
    /// Ready tasks by their planned instance, each list as places in `byUrgency`, the most urgent last.
    private var ready: [InstanceID?: [Int]] = [:]
    private var unfinished: Int
    private var isCancelled = false
    private var hasFailed = false
    private var runningCount = 0

    private struct Instance {
        var capacity: Capacity
        var freeCPUs: Double
        var freeMemory: Double
        var id: InstanceID { capacity.id }
        var running: [Int] = []
    }

    /// Makes an allocator at the start of a job, or where an interrupted one stopped.
    ///
    /// - Parameters:
    ///   - ranks: Urgency of every task, for instance ``upwardRanks(_:seconds:transferSeconds:)``; a task's priority
    ///     goes before it. By default the number of tasks on the longest path to the end.
    ///   - plan: Tasks then start only on the instance planned for them, until that instance is gone.
    ///   - largestMemory: What an attempt may be given at most, in bytes.
    ///   - memorySteps: Predicted quantiles of a task's memory in bytes, for the attempts after one that ran out of it.
    ///   - finished: Tasks that succeeded before the interruption.
    ///   - attempts: How many attempts of each task were made before.
    ///   - failures: How those ended that failed: their memory and time limits go on from there, retries start anew.
    ///   - running: Attempts that survived the interruption; their instances must become ready first of all.
    public init(
        _ graph: TaskGraph, ranks: [Double]? = nil, plan: Plan? = nil, options: AllocatorOptions = .init(),
        largestMemory: Double = .infinity, memorySteps: [TaskID: [Double]] = [:], finished: Set<TaskID> = [],
        attempts: [TaskID: Int] = [:], failures: [TaskID: [FailureCause]] = [:],
        running: [TaskID: (instance: InstanceID, attempt: Int)] = [:]
    ) {
        precondition(ranks == nil || ranks?.count == graph.count, "one rank for each task")
        self.graph = graph
        self.options = options
        self.largestMemory = largestMemory
        self.memorySteps = memorySteps.mapValues { $0.sorted() }
        smallestCPUs = max(0, graph.tasks.lazy.map(\.request.cpus).min() ?? 0)
        let ranks = ranks ?? upwardRanks(graph, seconds: Array(repeating: 1, count: graph.count))
        byUrgency = (0..<graph.count).sorted { a, b in
            let (first, second) = (graph.tasks[a].priority, graph.tasks[b].priority)
            if first != second { return first > second }
            return ranks[a] != ranks[b] ? ranks[a] > ranks[b] : a < b
        }
        var urgency = [Int](repeating: 0, count: graph.count)
        for (place, task) in byUrgency.enumerated() { urgency[task] = place }
        self.urgency = urgency
        var planned = [InstanceID?](repeating: nil, count: graph.count)
        for assignment in plan?.assignments ?? [] {
            if let task = graph.index(of: assignment.task) { planned[task] = assignment.instance }
        }
        self.planned = planned

        states = graph.tasks.map { finished.contains($0.id) ? .finished : .blocked }
        openPredecessors = (0..<graph.count).map { task in
            graph.predecessors(of: task).count { !finished.contains(graph.tasks[$0].id) }
        }
        self.attempts = graph.tasks.map { attempts[$0.id] ?? 0 }
        memoryBytes = graph.tasks.map { max(0, $0.request.memoryBytes) }
        timeLimits = graph.tasks.map(\.request.timeLimitSeconds)
        unfinished = states.count { $0 != .finished }
        for (id, causes) in failures {
            guard let task = graph.index(of: id) else { continue }
            for cause in causes { _ = grow(task, options.policy[cause]) }
        }
        for (id, place) in running {
            guard let task = graph.index(of: id), states[task] != .finished else { continue }
            states[task] = .running(on: place.instance, attempt: place.attempt)
            self.attempts[task] = max(self.attempts[task], place.attempt)
            survivors[place.instance, default: []].append(task)
            runningCount += 1
        }
        for task in byUrgency.reversed() where states[task] == .blocked && openPredecessors[task] == 0 {
            states[task] = .ready
            ready[planned[task], default: []].append(urgency[task])
        }
    }

    /// Records one event and returns what to do about it. Events about attempts that do not run any more change
    /// nothing: a report may cross a reclaim.
    ///
    /// - Complexity: O(log *n*) for each task started, but for tasks that are looked at and do not fit: at most
    ///   1,000 for each instance.
    public mutating func handle(_ event: Event) -> [Action] {
        guard ending == nil else { return [] }
        var actions: [Action] = []
        switch event {
        case .instanceReady(let capacity):
            guard !instances.contains(where: { $0.id == capacity.id }) else { return [] }
            gone.remove(capacity.id)
            add(capacity)
        case .finished(let id, let attempt):
            guard let task = release(id, attempt) else { return [] }
            states[task] = .finished
            unfinished -= 1
            for successor in graph.successors(of: task) {
                openPredecessors[successor] -= 1
                if openPredecessors[successor] == 0, states[successor] == .blocked { makeReady(successor) }
            }
        case .failed(let id, let attempt, let cause):
            let place = graph.index(of: id).flatMap { self.place(of: $0) }
            guard let task = release(id, attempt) else { return [] }
            actions = fail(task, cause, on: place)
        case .instanceGone(let id, let cause):
            guard let index = instances.firstIndex(where: { $0.id == id }) else {
                forget(id)
                break
            }
            let lost = instances.remove(at: index).running
            runningCount -= lost.count
            forget(id)
            for task in lost { actions += fail(task, cause.countsAsFailure ? .lost : cause, on: id) }
        case .alert(let id, let attempt, let alert):
            guard let task = graph.index(of: id), case .running(_, attempt) = states[task] else { return [] }
            return react(to: alert, id, attempt)
        case .cancel:
            isCancelled = true
            actions = kills()
        }
        return actions + startReadyTasks() + endIfDone()
    }

    /// The state of a task, or `nil` if it is not in the job.
    public func state(of id: TaskID) -> State? { graph.index(of: id).map { states[$0] } }

    /// How many attempts at a task were started.
    public func attempts(of id: TaskID) -> Int { graph.index(of: id).map { attempts[$0] } ?? 0 }

    /// The number of tasks that succeeded.
    public var finishedCount: Int { graph.count - unfinished }
}

extension Allocator {
    /// Makes an instance known, with the attempts that survived on it.
    private mutating func add(_ capacity: Capacity) {
        var instance = Instance(
            capacity: capacity, freeCPUs: capacity.cpus, freeMemory: capacity.memoryBytes)
        for task in survivors.removeValue(forKey: capacity.id) ?? [] {
            instance.running.append(task)
            instance.freeCPUs -= cpus(of: task)
            instance.freeMemory -= memoryBytes[task]
        }
        instances.append(instance)
    }

    /// Frees what the attempt occupied. `nil` if it is not the one that runs.
    private mutating func release(_ id: TaskID, _ attempt: Int) -> Int? {
        guard let task = graph.index(of: id), case .running(let instance, attempt) = states[task],
            let index = instances.firstIndex(where: { $0.id == instance })
        else { return nil }
        instances[index].running.removeAll { $0 == task }
        instances[index].freeCPUs += cpus(of: task)
        instances[index].freeMemory += memoryBytes[task]
        runningCount -= 1
        return task
    }

    private func place(of task: Int) -> InstanceID? {
        if case .running(let instance, _) = states[task] { instance } else { nil }
    }

    private mutating func fail(_ task: Int, _ cause: FailureCause, on instance: InstanceID?) -> [Action] {
        states[task] = .blocked
        let rule = options.policy[cause]
        failures[task, default: [:]][cause, default: 0] += 1
        guard mayRepeat(task, rule, cause), grow(task, rule) else { return giveUp(task, cause) }
        avoided[task] = rule.elsewhere ? instance : nil
        makeReady(task)
        return []
    }

    /// A task's own limit counts all that it is to blame for; the table's limits count each cause alone.
    private func mayRepeat(_ task: Int, _ rule: RetryPolicy.Rule, _ cause: FailureCause) -> Bool {
        let counts = failures[task] ?? [:]
        if rule.countsAsFailure, let limit = graph.tasks[task].retries {
            return counts.reduce(0) { $0 + (options.policy[$1.key].countsAsFailure ? $1.value : 0) } <= limit
        }
        return rule.retries.map { counts[cause] ?? 0 <= $0 } ?? true
    }

    /// Gives the next attempt what the rule says; false if it cannot be given more.
    private mutating func grow(_ task: Int, _ rule: RetryPolicy.Rule) -> Bool {
        if rule.usesQuantiles || rule.memoryGrowth > 1 {
            let known = memoryBytes[task]
            guard known < largestMemory else { return false }
            let steps = rule.usesQuantiles ? memorySteps[graph.tasks[task].id] ?? [] : []
            let largestNow = instances.map(\.freeMemory).max() ?? 0
            let next = known > 0 ? steps.first { $0 > known } ?? known * rule.memoryGrowth : largestNow
            memoryBytes[task] = min(next, largestMemory)
        }
        if rule.timeGrowth > 1, let first = graph.tasks[task].request.timeLimitSeconds, let known = timeLimits[task] {
            guard known < first * rule.mostTime else { return false }
            timeLimits[task] = min(known * rule.timeGrowth, first * rule.mostTime)
        }
        return true
    }

    private func react(to alert: Alert, _ id: TaskID, _ attempt: Int) -> [Action] {
        let reaction = alert == .memory ? options.policy.memoryAlert : options.policy.timeAlert
        let warning = Action.warn(id, attempt: attempt, alert, reaction)
        switch reaction {
        case .ignore: return []
        case .warn: return [warning]
        case .throttle: return [warning, .throttle(id, attempt: attempt)]
        case .kill:
            return [warning, .kill(id, attempt: attempt, cause: alert == .memory ? .outOfMemory : .timeLimit)]
        }
    }

    private mutating func giveUp(_ task: Int, _ cause: FailureCause) -> [Action] {
        states[task] = .failed
        hasFailed = true
        var actions: [Action] = [.giveUp(graph.tasks[task].id, cause)]
        var open = [task]
        while let next = open.popLast() {
            for successor in graph.successors(of: next) where states[successor] == .blocked {
                states[successor] = .skipped
                actions.append(.skip(graph.tasks[successor].id))
                open.append(successor)
            }
        }
        return options.keepsGoing ? actions : actions + kills()
    }

    private func kills() -> [Action] {
        instances.flatMap { instance in
            instance.running.map { .kill(graph.tasks[$0].id, attempt: attempts[$0], cause: .cancelled) }
        }
    }

    /// Whether new attempts may start.
    private var isStarting: Bool { !isCancelled && (options.keepsGoing || !hasFailed) }

    private mutating func makeReady(_ task: Int) {
        states[task] = .ready
        let instance = planned[task].flatMap { gone.contains($0) || avoided[task] == $0 ? nil : $0 }
        let place = urgency[task]
        var list = ready.removeValue(forKey: instance) ?? []
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[middle] > place { low = middle + 1 } else { high = middle }
        }
        list.insert(place, at: low)
        ready[instance] = list
    }

    /// Lets the tasks planned for an instance go anywhere.
    private mutating func forget(_ instance: InstanceID) {
        gone.insert(instance)
        for place in ready.removeValue(forKey: instance) ?? [] { makeReady(byUrgency[place]) }
    }

    private mutating func startReadyTasks() -> [Action] {
        guard isStarting, !ready.isEmpty else { return [] }
        var actions: [Action] = []
        for index in instances.indices { actions += start(from: instances[index].id, onlyOn: index) }
        return actions + start(from: nil, onlyOn: nil)
    }

    /// Starts tasks of one list, the most urgent first, where they fit; of several instances the one that is left
    /// with least room, so that large tasks find some.
    private mutating func start(from list: InstanceID?, onlyOn only: Int?) -> [Action] {
        guard var places = ready.removeValue(forKey: list) else { return [] }
        defer { if !places.isEmpty { ready[list] = places } }
        var actions: [Action] = []
        var position = places.count
        var misses = 0
        while position > 0, misses < 1000, hasRoom(only) {
            position -= 1
            let task = byUrgency[places[position]]
            let fitting = (only.map { $0..<$0 + 1 } ?? instances.indices).filter { fits(task, on: $0) }
            guard let index = fitting.min(by: { room($0) < room($1) }) else {
                misses += 1
                continue
            }
            places.remove(at: position)
            actions.append(start(task, on: index))
        }
        return actions
    }

    private mutating func start(_ task: Int, on index: Int) -> Action {
        attempts[task] += 1
        states[task] = .running(on: instances[index].id, attempt: attempts[task])
        instances[index].running.append(task)
        instances[index].freeCPUs -= cpus(of: task)
        instances[index].freeMemory -= memoryBytes[task]
        runningCount += 1
        return .start(
            graph.tasks[task].id, on: instances[index].id, attempt: attempts[task], cpus: cpus(of: task),
            memoryBytes: memoryBytes[task], timeLimitSeconds: timeLimits[task])
    }

    private func cpus(of task: Int) -> Double { max(0, graph.tasks[task].request.cpus) }

    private func fits(_ task: Int, on index: Int) -> Bool {
        cpus(of: task) <= instances[index].freeCPUs + 1e-9 && memoryBytes[task] <= instances[index].freeMemory + 0.5
            && (avoided[task] != instances[index].id || !fitsElsewhere(task))
    }

    /// Whether an instance other than the one to avoid could hold the task if it were empty.
    private func fitsElsewhere(_ task: Int) -> Bool {
        instances.contains {
            $0.id != avoided[task] && cpus(of: task) <= $0.capacity.cpus + 1e-9
                && memoryBytes[task] <= $0.capacity.memoryBytes + 0.5
        }
    }

    private func room(_ index: Int) -> (Double, Double) { (instances[index].freeCPUs, instances[index].freeMemory) }

    /// Whether an instance could take the smallest task of the job.
    private func hasRoom(_ only: Int?) -> Bool {
        if let only { return smallestCPUs <= instances[only].freeCPUs + 1e-9 }
        return instances.contains { smallestCPUs <= $0.freeCPUs + 1e-9 }
    }

    private mutating func endIfDone() -> [Action] {
        guard runningCount == 0 else { return [] }
        if unfinished == 0 {
            ending = .succeeded
        } else if isCancelled {
            ending = .cancelled
        } else if hasFailed, !isStarting || ready.isEmpty {
            ending = .failed
        } else {
            return []
        }
        return ending.map { [.end($0)] } ?? []
    }
}
