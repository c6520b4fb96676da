internal import Foundation
internal import LinearAlgebra
internal import Prediction
internal import Traces
internal import Workloads

extension ResourceRequests {
    /// The request of one task type.
    public struct Request: Sendable, Hashable, Encodable {
        public let taskType: String
        /// The recorded runs behind it, and those of them that were killed for want of memory or time; 0 for a type that was
        /// never seen.
        public let runs: Int
        public let killedForMemory: Int
        public let killedForTime: Int
        /// Memory of the first attempt in bytes; `nil` if no run recorded any, or it is to be kept.
        public let memoryBytes: Double?
        /// The share of tasks that needs more, as far as the runs tell; `nil` with fewer than ten runs, or if it is not known.
        public let memoryRisk: Double?
        /// Where more were killed than the risk allows, the need is not known, but more than this.
        public let unknownBeyondBytes: Double?
        /// Time limit of the first attempt in seconds; `nil` if no run recorded any, or it is to be kept.
        public let seconds: Double?
        /// As of memory.
        public let timeRisk: Double?
        public let unknownBeyondSeconds: Double?
        /// Processors; `nil` if neither they nor CPU times were recorded, or they are to be kept.
        public let cpus: Int?
        /// Median and greatest peak memory of the runs that were not killed.
        public let medianMemoryBytes: Double?
        public let greatestMemoryBytes: Double?
        /// Median and greatest run time of the runs that were not killed.
        public let medianSeconds: Double?
        public let greatestSeconds: Double?
        /// What the newest recorded run had requested.
        public let currentMemoryBytes: Double?
        public let currentSeconds: Double?
        public let currentCPUs: Double?
        /// How the runs were spread over nodes, where Slurm's accounting says so.
        public let layout: SlurmLayout?
        /// How many times longer runs may take on fewer processors than they had; 1 if they keep theirs.
        public let slowdown: Double
        /// Why its command may take as much memory as it is given; `nil` if nothing says so.
        public let sizesItself: String?
        /// Repeated attempts that get more than the one before.
        public let retries: Int

        enum CodingKeys: String, CodingKey {
            case runs, cpus, seconds, layout, slowdown, retries
            case taskType = "task_type"
            case killedForMemory = "killed_for_memory"
            case killedForTime = "killed_for_time"
            case memoryBytes = "memory_bytes"
            case memoryRisk = "memory_risk"
            case unknownBeyondBytes = "unknown_beyond_bytes"
            case timeRisk = "time_risk"
            case unknownBeyondSeconds = "unknown_beyond_seconds"
            case medianMemoryBytes = "median_memory_bytes"
            case greatestMemoryBytes = "greatest_memory_bytes"
            case medianSeconds = "median_seconds"
            case greatestSeconds = "greatest_seconds"
            case currentMemoryBytes = "current_memory_bytes"
            case currentSeconds = "current_seconds"
            case currentCPUs = "current_cpus"
            case sizesItself = "sizes_itself"
        }
    }
}

extension ResourceRequests.Request {
    /// With fewer runs a share would be a guess, not a finding.
    static let fewestForRisk = 10

    /// - Parameters:
    ///   - tasks: The tasks of a job that it is for; none where it is for those recorded.
    ///   - models: For tasks whose inputs are known, and for types never seen.
    init(
        _ type: String, times: [RunHistory.Run], memory: [RunHistory.Run], tasks: [TaskSpec],
        _ models: [TaskTarget: TaskModel], _ options: RequestOptions
    ) {
        func demand(_ target: TaskTarget) -> TypeDemand? {
            tasks.isEmpty ? nil : models[target].map { TypeDemand($0, type: type, tasks: tasks) }
        }
        let timed = times.map(\.record)
        let reserved = timed.last { $0.cpus != nil }?.cpus
        let layout = SlurmLayout(timed)
        self.layout = layout
        cpus =
            options.kept.contains(.cpus)
            ? nil : Self.processors(timed, reserved: reserved).map { layout?.wholeTasks(cpus: $0) ?? $0 }
        let (longer, slowdown) = Self.slowed(times, to: cpus)
        self.slowdown = slowdown
        let (longest, peaks) = (longer.distribution, memory.distribution)

        let size =
            options.kept.contains(.memory) ? nil : Self.memory(memory, demand(.peakMemory), models, tasks, options)
        memoryBytes = size?.bytes
        unknownBeyondBytes = size?.unknownBeyond
        memoryRisk = size.flatMap { size in
            size.unknownBeyond == nil && memory.count >= Self.fewestForRisk
                ? (size.isForTasks ? demand(.peakMemory)?.risk(size.bytes) : peaks?.risk(of: size.bytes)) : nil
        }

        let unknownBeyondSeconds = longest?.unknownBeyond(risk: options.timeRisk)
        let forTasks =
            unknownBeyondSeconds != nil ? nil : demand(.runtime).flatMap { $0.followsSize || longest == nil ? $0 : nil }
        seconds =
            options.kept.contains(.time)
            ? nil : forTasks.map { options.writtenTime($0.timeRequest(options)) } ?? longest.map(options.seconds)
        self.unknownBeyondSeconds = unknownBeyondSeconds
        timeRisk =
            unknownBeyondSeconds == nil && times.count >= Self.fewestForRisk
            ? seconds.flatMap { seconds in forTasks?.risk(seconds) ?? longest?.risk(of: seconds) } : nil

        let measured = times.distribution
        taskType = type
        runs = max(times.count, memory.count)
        killedForMemory = memory.killed(.outOfMemory)
        killedForTime = times.killed(.timeLimit)
        (medianMemoryBytes, greatestMemoryBytes) = (peaks?.median, peaks?.greatest)
        (medianSeconds, greatestSeconds) = (measured?.median, measured?.greatest)
        let all = timed.isEmpty ? memory.map(\.record) : timed
        // 0 of Slurm is the whole node, 0 of others nothing.
        currentMemoryBytes = all.last { ($0.requestedMemoryBytes ?? 0) > 0 }?.requestedMemoryBytes
        currentSeconds = all.last { ($0.requestedSeconds ?? 0) > 0 }?.requestedSeconds
        currentCPUs = reserved
        sizesItself = Self.sizesItself(type, memory, tasks)
        retries = max(
            options.usefulRetries(memoryBytes, most: options.largestMemoryBytes),
            options.usefulRetries(seconds, most: options.longestSeconds))
    }

    /// One request for all tasks of a type. Where a job says how large their inputs are and the peaks follow these, the
    /// largest task decides; else the recorded runs do.
    static func memory(
        _ recorded: [RunHistory.Run], _ demand: TypeDemand?, _ models: [TaskTarget: TaskModel], _ tasks: [TaskSpec],
        _ options: RequestOptions
    ) -> (bytes: Double, unknownBeyond: Double?, isForTasks: Bool)? {
        if let model = models[.peakMemory], let type = tasks.first?.type {
            let followed = tasks.compactMap { task in
                model.memoryRequest(type: type, features: TaskFeatures.values(of: task, names: model.featureNames))
            }.filter(\.followsSize)
            if followed.count == tasks.count, let most = followed.max(by: { $0.bytes < $1.bytes }) {
                return (options.written(most.bytes), most.atLeastBytes, true)
            }
        }
        if let request = MemorySizer.constantRequest(
            peaks: recorded.map(\.need), isBound: recorded.map(\.isBound),
            seconds: recorded.map { $0.record.runtimeSeconds ?? .nan }, options: options.sizing)
        {
            return (options.written(request.bytes), request.atLeastBytes, false)
        }
        guard let demand, !demand.isEmpty else { return nil }
        return (options.written(demand.request(risk: options.memoryRisk)), nil, true)
    }

    /// As many as 95 % of the runs kept busy, rounded up; never more than were reserved.
    private static func processors(_ records: [AttemptRecord], reserved: Double?) -> Int? {
        let busy = records.compactMap(\.busyProcessors)
        guard !busy.isEmpty else { return reserved.flatMap { Int(exactly: $0.rounded(.up)) } }
        // A tenth of a processor is noise.
        let used = max(1, (quantile(busy, 0.95) - 0.1).rounded(.up))
        return Int(exactly: min(used, reserved.map { max(1, $0.rounded(.up)) } ?? used))
    }

    /// The runs as if they had had only so many processors, and how many times longer the longest of them takes.
    ///
    /// A mean use hides phases that keep all processors busy: at worst a run keeps all of its own busy, or one. The phases
    /// with all of them take longer in proportion.
    private static func slowed(_ runs: [RunHistory.Run], to cpus: Int?) -> (runs: [RunHistory.Run], factor: Double) {
        guard let cpus = cpus.map(Double.init) else { return (runs, 1) }
        let slowed = runs.map { run in
            guard let had = run.record.cpus, had > cpus, let busy = run.record.busyProcessors else { return run }
            let parallel = min(max((busy - 1) / (had - 1), 0), 1)
            return RunHistory.Run(
                record: run.record, need: run.need * (1 + parallel * (had / cpus - 1)), isBound: run.isBound)
        }
        let (before, after) = (runs.map(\.need).max() ?? 1, slowed.map(\.need).max() ?? 1)
        return (slowed, after / before)
    }

    /// Whether peaks follow what was requested, or the name or the command is of a kind that takes what it is given.
    private static func sizesItself(_ type: String, _ runs: [RunHistory.Run], _ tasks: [TaskSpec]) -> String? {
        let options = ["-Xmx", "task.memory", "--max-mem", "max_memory", "SLURM_MEM", "resources.mem"]
        for task in tasks {
            if let found = options.first(where: { task.command?.contains($0) == true }) {
                return "\(found) in its command"
            }
        }
        let shares = Dictionary(
            // What was tried again got more because it needs more.
            grouping: runs.filter {
                !$0.isBound && ($0.record.requestedMemoryBytes ?? 0) > 0 && $0.record.attempt ?? 1 <= 1
            },
            by: { $0.record.requestedMemoryBytes ?? 0 }
        ).filter { $0.value.count >= 3 }.mapValues { median($0.map(\.need)) }
        if let least = shares.min(by: { $0.key < $1.key }), let most = shares.max(by: { $0.key < $1.key }),
            most.key >= 1.5 * least.key, least.value > 0.3 * least.key,
            abs(log((most.value / most.key) / (least.value / least.key))) < 0.15
        {
            return "peaks followed the requests so far"
        }
        // The last part of a name is the process, what stands before it are the workflows around it.
        let process = type.split { $0 == ":" }.last ?? ""
        let words = process.lowercased().split { !$0.isLetter && !$0.isNumber }
        let known: Set<Substring> = [
            "picard", "gatk", "gatk4", "markduplicates", "trinity", "spades", "metaspades", "snpeff", "qualimap",
            "pilon",
            "bbduk", "bbmap", "java",
        ]
        return words.first(where: known.contains).map { "\($0) usually does" }
    }
}

extension AttemptRecord {
    /// The processors that it kept busy on average; `nil` if that was not recorded.
    fileprivate var busyProcessors: Double? {
        guard let cpu = cpuSeconds, let wall = runtimeSeconds, wall > 0 else { return nil }
        return cpu / wall
    }
}
