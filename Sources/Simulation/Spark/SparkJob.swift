/// A job of stages as it was recorded: who waits for whom, and how long the tasks of each stage took by the number of
/// executors that the job had.
///
/// All durations are whole milliseconds.
public struct SparkJob: Sendable, Hashable {
    /// Tasks of one kind that can run beside each other.
    public struct Stage: Sendable, Hashable {
        /// The number of tasks, at least one.
        public var tasks: Int
        /// The mean duration: all that a scheduler may see before the first task ends.
        public var roughMilliseconds: Double
        /// What was recorded, by ascending number of executors; at least one entry.
        public var levels: [Level]

        public init(tasks: Int, roughMilliseconds: Double, levels: [Level]) {
            (self.tasks, self.roughMilliseconds, self.levels) = (tasks, roughMilliseconds, levels)
        }
    }

    /// Durations of the tasks of a stage that were recorded with one number of executors.
    public struct Level: Sendable, Hashable {
        public var executors: Int
        /// Of tasks on an executor that has just come to the job, its start included.
        public var fresh: [Int32]
        /// Of the first task of an executor on the stage.
        public var first: [Int32]
        /// Of later tasks of an executor on the stage.
        public var rest: [Int32]

        public init(executors: Int, fresh: [Int32], first: [Int32], rest: [Int32]) {
            (self.executors, self.fresh, self.first, self.rest) = (executors, fresh, first, rest)
        }
    }

    public let name: String
    public let stages: [Stage]
    /// For each stage, those that wait for it, ascending.
    public let children: [[Int]]
    /// For each stage, those that it waits for, ascending.
    public let parents: [[Int]]
    /// For each stage, the longest sum of rough durations on a path that begins with it, in milliseconds.
    public let criticalPath: [Double]
    /// For each stage, tasks times rough duration of all stages that come after it, in milliseconds.
    public let workBelow: [Double]

    /// Checks a job.
    ///
    /// - Parameters:
    ///   - edges: Pairs of a stage and one that waits for it. Repeated ones count once.
    ///   - source: What to name in errors, for instance a file.
    /// - Throws: ``SparkError`` that names job and stage.
    /// - Complexity: O(stages² + edges · stages).
    public init(name: String, stages: [Stage], edges: [[Int]], source: String = "generated") throws(SparkError) {
        guard !stages.isEmpty else { throw .invalidJob(source: source, job: name, reason: "it has no stage") }
        for (index, stage) in stages.enumerated() {
            if let reason = stage.complaint {
                throw .invalidStage(source: source, job: name, stage: index, reason: reason)
            }
        }
        var (children, parents) = (
            Array(repeating: Set<Int>(), count: stages.count), Array(repeating: 0, count: stages.count)
        )
        for edge in edges {
            guard edge.count == 2, edge.allSatisfy(stages.indices.contains), edge[0] != edge[1] else {
                throw .invalidJob(
                    source: source, job: name,
                    reason: "the edge \(edge) does not name two different stages of 0…\(stages.count - 1)")
            }
            if children[edge[0]].insert(edge[1]).inserted { parents[edge[1]] += 1 }
        }
        // Stages in an order in which nobody comes before those that it waits for.
        var order = stages.indices.filter { parents[$0] == 0 }
        var next = 0
        var waiting = parents
        while next < order.count {
            for child in children[order[next]] {
                waiting[child] -= 1
                if waiting[child] == 0 { order.append(child) }
            }
            next += 1
        }
        guard order.count == stages.count else {
            let stuck = stages.indices.filter { waiting[$0] > 0 }
            throw .invalidJob(source: source, job: name, reason: "the stages \(stuck) wait for each other")
        }
        var longest = stages.map(\.roughMilliseconds)
        var below = Array(repeating: Set<Int>(), count: stages.count)
        for stage in order.reversed() {
            for child in children[stage] {
                longest[stage] = max(longest[stage], stages[stage].roughMilliseconds + longest[child])
                below[stage].formUnion(below[child].union([child]))
            }
        }
        var above = Array(repeating: [Int](), count: stages.count)
        for stage in stages.indices { for child in children[stage] { above[child].append(stage) } }
        (self.name, self.stages, self.parents) = (name, stages, above)
        (self.children, criticalPath) = (children.map { $0.sorted() }, longest)
        workBelow = below.map { $0.sorted().reduce(0) { $0 + stages[$1].work } }
    }

    /// Tasks times rough duration of all stages, in milliseconds.
    public var work: Double { stages.reduce(0) { $0 + $1.work } }
}

extension SparkJob.Stage {
    /// Tasks times rough duration, in milliseconds.
    public var work: Double { Double(tasks) * roughMilliseconds }

    fileprivate var complaint: String? {
        guard 1...10_000_000 ~= tasks else { return "'tasks' is \(tasks), expected 1…10000000" }
        guard roughMilliseconds >= 0, roughMilliseconds <= 1e9 else {
            return "'rough_ms' is \(roughMilliseconds), expected 0…1e9"
        }
        guard !levels.isEmpty else { return "'execs' is empty, expected at least one number of executors" }
        for (level, next) in zip(levels, levels.dropFirst()) where level.executors >= next.executors {
            return "'execs' has \(next.executors) after \(level.executors), expected ascending numbers"
        }
        for level in levels {
            for duration in [level.fresh, level.first, level.rest].joined() where !(0...1_000_000_000 ~= duration) {
                return "a duration with \(level.executors) executors is \(duration) ms, expected 0…1000000000"
            }
        }
        return nil
    }
}
