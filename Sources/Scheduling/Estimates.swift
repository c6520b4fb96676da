public import Workloads

/// What is believed of the tasks of one job, as data: made in one batch, saved with the plan, the same for every search.
///
/// Times are those on an instance of speed 1; ``seconds(of:on:)`` divides by how fast a type of task is on a type of
/// instance. Arrays go by the position of a task in its graph.
public struct Estimates: Hashable, Sendable, Codable {
    /// Eight quantiles of a quantity, between which it is interpolated.
    public struct Quantiles: Hashable, Sendable, Codable {
        /// The probabilities of the eight.
        public static let levels = [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
        /// The values, ascending.
        public var values: SIMD8<Double>

        /// Quantiles by a function of the probability. What is not ascending is raised to what is below it.
        public init(_ value: (Double) -> Double) {
            values = SIMD8(repeating: 0)
            var least = -Double.infinity
            for (place, level) in Self.levels.enumerated() {
                least = max(least, value(level))
                values[place] = least
            }
        }

        /// Quantiles as they are, ascending, one for each of ``levels``.
        public init(ascending values: SIMD8<Double>) { self.values = values }

        /// A value without spread.
        public init(exactly value: Double) { values = SIMD8(repeating: value) }

        /// The value that is not exceeded with probability `p`; beyond the outermost levels theirs.
        public func callAsFunction(_ p: Double) -> Double {
            let levels = Self.levels
            guard p > levels[0] else { return values[0] }
            for place in 1..<levels.count where p <= levels[place] {
                let share = (p - levels[place - 1]) / (levels[place] - levels[place - 1])
                return values[place - 1] + share * (values[place] - values[place - 1])
            }
            return values[levels.count - 1]
        }
    }

    /// The expected run time of every task in seconds, on speed 1.
    public var expectedSeconds: [Double]
    /// Quantiles of the run time of every task, on speed 1; empty if times have no spread.
    public var secondsQuantiles: [Quantiles]
    /// Quantiles of the peak memory of every task in bytes; empty if nobody knows.
    public var memoryQuantiles: [Quantiles]
    /// The memory to reserve for every task that asks for none, in bytes.
    public var memoryRequestBytes: [Double]
    /// The kind of every task, as a place in ``speeds``.
    public var kind: [Int32]
    /// How fast each kind of task is on each type of instance, in the order of ``instanceTypes``.
    public var speeds: [[Double]]
    /// Names of the types of instances that have a speed of their own.
    public var instanceTypes: [String]

    /// Makes estimates; what is not given has no spread, asks for no memory, and is as fast as the instance's own speed.
    public init(
        expectedSeconds: [Double], secondsQuantiles: [Quantiles] = [], memoryQuantiles: [Quantiles] = [],
        memoryRequestBytes: [Double] = [], kind: [Int32] = [], speeds: [[Double]] = [], instanceTypes: [String] = []
    ) {
        self.expectedSeconds = expectedSeconds
        (self.secondsQuantiles, self.memoryQuantiles) = (secondsQuantiles, memoryQuantiles)
        (self.memoryRequestBytes, self.kind) = (memoryRequestBytes, kind)
        (self.speeds, self.instanceTypes) = (speeds, instanceTypes)
    }

    /// What a job claims of its tasks: without spread, and a fixed time for those that claim none.
    public init(claimedBy graph: TaskGraph, unknownSeconds: Double = 1) {
        // In one pass: a job may be larger than the caches.
        self.init(expectedSeconds: [])
        expectedSeconds.reserveCapacity(graph.count)
        memoryQuantiles.reserveCapacity(graph.count)
        memoryRequestBytes.reserveCapacity(graph.count)
        let tasks = graph.tasks
        for place in tasks.indices {
            let peak = max(tasks[place].request.memoryBytes, tasks[place].claimedPeakMemoryBytes ?? 0)
            expectedSeconds.append(tasks[place].claimedSeconds ?? unknownSeconds)
            memoryQuantiles.append(Quantiles(exactly: peak))
            memoryRequestBytes.append(peak)
        }
    }

    /// Those of several jobs, one after the other; what was learnt of types of instances is kept if it is of the same types.
    public init(joining parts: [Estimates]) {
        self.init(expectedSeconds: parts.flatMap(\.expectedSeconds))
        func joined(_ column: KeyPath<Estimates, [Quantiles]>, _ known: KeyPath<Estimates, [Double]>) -> [Quantiles] {
            guard parts.contains(where: { !$0[keyPath: column].isEmpty }) else { return [] }
            return parts.flatMap { part in
                let own = part[keyPath: column]
                if !own.isEmpty { return own }
                let exact = part[keyPath: known]
                return (0..<part.count).map { Quantiles(exactly: $0 < exact.count ? exact[$0] : 0) }
            }
        }
        secondsQuantiles = joined(\.secondsQuantiles, \.expectedSeconds)
        memoryQuantiles = joined(\.memoryQuantiles, \.memoryRequestBytes)
        memoryRequestBytes = parts.flatMap { part in
            part.memoryRequestBytes.isEmpty ? part.expectedSeconds.map { _ in 0 } : part.memoryRequestBytes
        }
        guard let first = parts.first, parts.allSatisfy({ $0.instanceTypes == first.instanceTypes }) else { return }
        instanceTypes = first.instanceTypes
        for part in parts {
            kind += part.kind.map { $0 + Int32(speeds.count) }
            speeds += part.speeds
        }
    }

    /// Nothing is known of any task.
    public static let none = Estimates(expectedSeconds: [])

    /// The number of tasks.
    public var count: Int { expectedSeconds.count }

    /// How fast each kind of task is on a type of instance: what was learnt, or `nil` if nothing was.
    public func learntSpeeds(on type: InstanceType) -> [Double]? {
        instanceTypes.firstIndex(of: type.name).map { place in speeds.map { $0[place] } }
    }

    /// The expected run time of a task on speed 1, or its `p` quantile, in seconds.
    public func seconds(of task: Int, p: Double? = nil) -> Double {
        guard let p, task < secondsQuantiles.count else { return expectedSeconds[task] }
        return secondsQuantiles[task](p)
    }

    /// The quantiles of the run time of a task on speed 1; `nil` if it has no spread.
    package func spread(of task: Int) -> Quantiles? {
        guard task < secondsQuantiles.count, case let spread = secondsQuantiles[task],
            spread.values[0] < spread.values[7]
        else { return nil }
        return spread
    }

    /// The expected run time of a task on a type of instance, or its `p` quantile, in seconds.
    public func seconds(of task: Int, on type: InstanceType, p: Double? = nil) -> Double {
        guard task < kind.count, let place = instanceTypes.firstIndex(of: type.name) else {
            return seconds(of: task, p: p) / type.speed
        }
        return seconds(of: task, p: p) / speeds[Int(kind[task])][place]
    }

    /// What a task reserves: what it asks for, and the estimate where it asks for no memory.
    public func request(of task: Int, _ request: Requirements) -> Resources {
        var bytes = max(0, request.memoryBytes)
        if bytes == 0, task < memoryRequestBytes.count, memoryRequestBytes[task].isFinite {
            bytes = max(0, memoryRequestBytes[task])
        }
        return Resources(
            cpus: max(0, request.cpus), memoryBytes: bytes, gpus: max(0, request.resources.gpus),
            storageBytes: max(0, request.resources.storageBytes))
    }

    /// Memory for attempts after one that ran out of it: the median, the 95 % and the 99 % quantile, in bytes.
    public func memorySteps(of task: Int) -> [Double] {
        guard task < memoryQuantiles.count else { return [] }
        return [0.5, 0.95, 0.99].map { memoryQuantiles[task]($0) }.filter { $0 > 0 && $0.isFinite }
    }
}
