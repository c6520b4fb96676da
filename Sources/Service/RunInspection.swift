internal import Allocation
public import Execution
internal import Foundation
internal import JobFiles
internal import Scheduling
public import Workloads

/// How a run stands, by its journal, which another process may be writing: what runs, what waits and why, how long it still
/// takes; and of what has run so far, why it took as long as it did.
public struct RunInspection: Sendable, Encodable {
    /// An attempt that runs.
    public struct Running: Sendable, Encodable {
        public var task: TaskID
        public var attempt: Int
        public var instance: InstanceID
        /// For how long it has run.
        public var seconds: Double
    }

    /// A task that waits.
    public struct Waiting: Sendable, Encodable {
        public var task: TaskID
        /// What keeps it from starting, as a sentence without an end.
        public var reason: String
        /// In how many seconds it starts with probability 50 % and 95 %; `nil` if nobody knows.
        public var startP50: Double?
        public var startP95: Double?

        enum CodingKeys: String, CodingKey {
            case task, reason
            case startP50 = "start_p50_seconds"
            case startP95 = "start_p95_seconds"
        }
    }

    /// Its name in outcomes, and its folder.
    public let run: String
    public let folder: String
    /// Whether a process works on it now.
    public let isRunning: Bool
    /// How it ended; `nil` while it has not.
    public let ending: String?
    /// All tasks of the job.
    public let tasks: [TaskID]
    /// How many there are, those that succeeded, that failed for good, and that cannot run.
    public let total: Int
    public let finished: Int
    public let failed: Int
    public let skipped: Int
    /// Seconds since it began, for one that has ended until then.
    public let elapsedSeconds: Double
    /// How long it still takes; `nil` if it has ended, nobody works on it, or nobody knows.
    public let left: RunStatus.TimeLeft?
    public let running: [Running]
    /// Tasks that wait, those that start first first.
    public let waiting: [Waiting]
    /// What led to its end so far; `nil` if nothing has run.
    public let path: RunPath?

    enum CodingKeys: String, CodingKey {
        case run, folder, ending, total, finished, failed, skipped, left, running, waiting, path
        case isRunning = "is_running"
        case elapsedSeconds = "elapsed_seconds"
    }

    /// Looks at the newest run of a job.
    ///
    /// - Parameters:
    ///   - runFolder: Another run.
    ///   - playouts: How often what is left is played out.
    /// - Throws: `ExecutionError` if there is no run, or it cannot be read; what is wrong with the job.
    public init(_ path: String, store: String, runFolder: String? = nil, playouts: Int = 200, seed: UInt64 = 1) throws {
        let job = try KnownJob(path).job
        let folder = try runFolder ?? RunFolders.newest(job.name, in: store)
        let file = RunJournal.path(in: folder)
        guard FileManager.default.fileExists(atPath: file) else {
            throw ExecutionError.nothingToResume(folder: folder)
        }
        let isInUse = RunJournal.isInUse(file)
        var journal = try RunJournal(reading: file)
        guard let life = journal.lives.last, let header = journal.header else {
            throw ExecutionError.noSetup(folder: folder)
        }
        let entries = journal.entries()
        var allocator = try Replay.allocator(life.setup, folder)
        guard let setup = try RunSetup.latest(inRunFolder: folder), setup.tasks.map(\.id) == job.tasks.tasks.map(\.id)
        else { throw ExecutionError.jobChanged(folder: folder) }
        for entry in entries { _ = allocator.restore(entry.fact) }
        let state = allocator.state
        let graph = job.tasks
        var pace = RunPace(graph, setup.estimates)
        let attempts = entries.compactMap(\.outcome)
        for outcome in attempts {
            let offer = setup.offers.first { $0.type.name == outcome.instanceType }
            pace.note(outcome, speed: offer?.type.speed ?? 1)
        }
        let epoch = header.timeSeconds ?? 0
        let now = isInUse ? max(state.seconds, Date().timeIntervalSince1970 - epoch) : state.seconds
        let names = Self.names(state)
        let foresight =
            isInUse
            ? Foresight(allocator, at: now, isRestored: true, playouts: playouts, seed: seed) {
                pace.seconds(of: Int($0), on: $1, p: $2)
            } : nil

        run = header.job ?? job.name
        self.folder = folder
        isRunning = isInUse
        ending = state.jobs[0].ending?.rawValue
        tasks = graph.tasks.map(\.id)
        total = graph.count
        finished = Int(state.jobs[0].finished)
        failed = state.tasks.phase.count { $0 == .failed }
        skipped = state.tasks.phase.count { $0 == .skipped }
        elapsedSeconds = now
        left = foresight.map { .init($0, from: now) }
        let places = state.instances.running.indices.flatMap { place in
            state.instances.running[place].map { state.attempt(at: $0, on: InstanceIndex(place)) }
        }
        running = places.sorted { ($0.task, $0.number) < ($1.task, $1.number) }.filter { _ in isInUse }.map { attempt in
            Running(
                task: graph.tasks[Int(attempt.task)].id, attempt: Int(attempt.number),
                instance: names[Int(state.instance(of: attempt))],
                seconds: max(0, now - state.startSeconds(of: attempt)))
        }
        waiting = graph.tasks.indices.compactMap { task -> Waiting? in
            let before = graph.predecessors(of: task).map { TaskIndex($0) }
            guard let obstacle = state.obstacle(of: TaskIndex(task), predecessors: before) else { return nil }
            func start(_ p: Double) -> Double? { foresight?.start(of: TaskIndex(task), p).map { max(0, $0 - now) } }
            return Waiting(
                task: graph.tasks[task].id, reason: Self.text(obstacle, state, graph, names), startP50: start(0.5),
                startP95: start(0.95))
        }.sorted { ($0.startP50 ?? .infinity, $0.task) < ($1.startP50 ?? .infinity, $1.task) }
        let capacity = Dictionary(
            setup.offers.map { ($0.type.name, $0.capacity) }, uniquingKeysWith: { first, _ in first })
        self.path = attempts.isEmpty ? nil : RunPath(attempts, [], graph, capacity: capacity)
    }
}

extension RunInspection {
    /// The names of all instances, as outcomes have them.
    private static func names(_ state: RunState) -> [InstanceID] {
        if state.offers.count == 1, state.offers[0].type.name == InstanceType.localName {
            return Array(repeating: InstanceID(InstanceType.localName), count: state.instances.count)
        }
        var numbers = [Int](repeating: 0, count: state.offers.count)
        return state.instances.offer.map { offer in
            defer { numbers[Int(offer)] += 1 }
            return state.offers[Int(offer)].instanceID(numbers[Int(offer)])
        }
    }

    private static func text(_ obstacle: Obstacle, _ state: RunState, _ graph: TaskGraph, _ names: [InstanceID])
        -> String
    {
        switch obstacle {
        case .results(let tasks):
            let few = tasks.prefix(3).map { task in
                let isRunning = state.tasks.phase[Int(task)].isRunning
                return graph.tasks[Int(task)].id.rawValue + (isRunning ? " (runs)" : "")
            }.joined(separator: ", ")
            return "waits for \(few)" + (tasks.count > 3 ? " and \(tasks.count - 3) more" : "")
        case .notBefore(let seconds):
            return "waits for its time: not before \(Units.formatSeconds(seconds)) after the start"
        case .opening(let instance): return "waits for instance \(names[Int(instance)]), which is being opened"
        case .notRented(let offer):
            return
                "waits for an instance of \(state.offers[Int(offer)].instanceID(0).rawValue.dropLast(2)), which is not open"
        case .room(let lane, let instance, let missing):
            let amount =
                switch lane {
                case .cpus: missing == 1 ? "1 cpu more" : "\(Units.format(missing, digits: 1)) cpus more"
                case .memory: "\(Units.formatBytes(missing)) of memory more"
                case .gpus: "\(Units.format(missing, digits: 1)) GPUs more"
                case .storage: "\(Units.formatBytes(missing)) of storage more"
                }
            return "needs \(amount) than are free on \(names[Int(instance)])"
        case .turn: return "could start, but others go first"
        }
    }
}
