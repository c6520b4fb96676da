/// Why a run took as long as it did: the attempts that led to its end, what each waited for, and what would have been gained.
///
///     let path = RunPath(attempts, lives, graph)
///     path.steps.last        // the attempt that ended last
///     path.gains.first       // the type of task that would have gained most, had it been twice as fast
public struct RunPath: Hashable, Sendable, Encodable {
    /// An attempt on the path, or the opening of an instance.
    public struct Step: Hashable, Sendable, Encodable {
        /// What it waited for, and with it the step before.
        public enum Reason: String, Hashable, Sendable, Encodable {
            /// Nothing: it came first.
            case nothing
            /// The result of a task.
            case result
            /// The room of another attempt on its instance.
            case room
            /// Another attempt at the same task.
            case retry
            /// Its instance, which had to come first.
            case instance
        }

        /// The task; `nil` if an instance came.
        public var task: TaskID?
        /// What kind of task it is; empty for an instance.
        public var type: String
        /// 1 for the first attempt.
        public var attempt: Int
        /// Where it ran.
        public var instance: String
        /// When it started and ended, in seconds after the beginning of the run.
        public var startSeconds: Double
        public var endSeconds: Double
        /// What it waited for.
        public var reason: Reason
        /// How long after that it started, in seconds.
        public var delaySeconds: Double
    }

    /// What a type of task twice as fast would have gained.
    public struct Gain: Hashable, Sendable, Encodable {
        /// The type.
        public var type: String
        /// Seconds of its attempts on the path.
        public var pathSeconds: Double
        /// Seconds of all its attempts.
        public var workSeconds: Double
        /// By how much the run would have ended sooner, on the same instances in the same order, in seconds.
        public var gainSeconds: Double
    }

    /// From first to last.
    public let steps: [Step]
    /// Seconds from the beginning to the end of the last attempt.
    public let elapsedSeconds: Double
    /// How much of it nothing on the path ran, in seconds.
    public let waitedSeconds: Double
    /// What each type of task would have gained, the most first.
    public let gains: [Gain]

    private enum CodingKeys: String, CodingKey {
        case steps, gains
        case elapsedSeconds = "elapsed_seconds"
        case waitedSeconds = "waited_seconds"
    }

    /// Finds it in what was recorded of a run.
    ///
    /// - Parameters:
    ///   - attempts: All of the run, in any order; those without times are left out.
    ///   - lives: The instances, for when they came.
    ///   - capacity: The room of types of instances by name; where it is not known, the most that was occupied at once.
    /// - Complexity: O(*types* · (*attempts* + *edges*)), after sorting.
    public init(
        _ attempts: [AttemptRecord], _ lives: [InstanceLife], _ graph: TaskGraph, capacity: [String: Resources] = [:]
    ) {
        let begin = lives.map(\.requestedTimeSeconds).min() ?? attempts.compactMap(\.startTimeSeconds).min() ?? 0
        let own = attempts.filter { $0.startTimeSeconds != nil && $0.endTimeSeconds != nil }
        let came = lives.filter { $0.openedTimeSeconds.map { life in life > begin } ?? false }
        let waits = Self.waits(own, came, graph, capacity, begin)
        let path = waits.criticalPath
        let durations = waits.pieces.map { $0.end - $0.start }
        steps = path.enumerated().map { place, piece in
            Self.step(waits, piece, after: place > 0 ? path[place - 1] : nil, own, came)
        }
        elapsedSeconds = waits.end
        waitedSeconds = max(0, waits.end - path.reduce(0) { $0 + durations[$1] })
        let isOnPath = Set(path)
        gains = Dictionary(grouping: own.indices) { own[$0].taskType ?? "" }.map { type, pieces in
            var faster = durations
            for piece in pieces { faster[piece] /= 2 }
            return Gain(
                type: type, pathSeconds: pieces.reduce(0) { $0 + (isOnPath.contains($1) ? durations[$1] : 0) },
                workSeconds: pieces.reduce(0) { $0 + durations[$1] },
                gainSeconds: max(0, waits.end - waits.end(durations: faster)))
        }.sorted { ($1.gainSeconds, $0.type) < ($0.gainSeconds, $1.type) }
    }
}

extension RunPath {
    /// Attempts first, then the openings of instances.
    private static func waits(
        _ attempts: [AttemptRecord], _ lives: [InstanceLife], _ graph: TaskGraph, _ capacity: [String: Resources],
        _ begin: Double
    ) -> WaitGraph {
        var (numbers, rooms): ([String: Int], [Int: Resources]) = ([:], [:])
        var byTask: [String: [Int]] = [:]
        var pieces: [WaitGraph.Piece] = []
        for (place, attempt) in attempts.enumerated() {
            let name = attempt.instance ?? ""
            let number = numbers[name] ?? numbers.count
            numbers[name] = number
            rooms[number] = attempt.instanceType.flatMap { capacity[$0] }
            byTask[attempt.task ?? "", default: []].append(place)
            pieces.append(
                .init(
                    start: (attempt.startTimeSeconds ?? 0) - begin, end: (attempt.endTimeSeconds ?? 0) - begin,
                    instance: number,
                    resources: Resources(
                        cpus: attempt.cpus ?? 0, memoryBytes: attempt.requestedMemoryBytes ?? 0,
                        gpus: attempt.gpus ?? 0, storageBytes: attempt.storageBytes ?? 0)))
        }
        // The newest life of each name comes last.
        let lifeOfInstance = Dictionary(
            lives.enumerated().map { ($1.instance.rawValue, attempts.count + $0) }, uniquingKeysWith: { $1 })
        for (place, life) in lives.enumerated() {
            pieces.append(
                .init(
                    start: life.requestedTimeSeconds - begin,
                    end: (life.openedTimeSeconds ?? life.requestedTimeSeconds) - begin, instance: -1 - place,
                    resources: .zero))
        }
        let results = attempts.enumerated().map { place, attempt -> [WaitGraph.Link] in
            let name = attempt.task ?? ""
            var links = (byTask[name] ?? []).filter { $0 != place && pieces[$0].end <= pieces[place].start }
            if let index = graph.index(of: TaskID(name)) {
                for predecessor in graph.predecessors(of: index) {
                    let all = byTask[graph.tasks[predecessor].id.rawValue] ?? []
                    links += all.filter { attempts[$0].status == .completed }
                }
            }
            if let life = lifeOfInstance[attempt.instance ?? ""] { links.append(life) }
            return links.map { WaitGraph.Link($0, .result) }
        }
        return WaitGraph(pieces, results: results + lives.map { _ in [] }, capacity: rooms)
    }

    private static func step(
        _ waits: WaitGraph, _ piece: Int, after earlier: Int?, _ attempts: [AttemptRecord], _ lives: [InstanceLife]
    ) -> Step {
        let (start, end) = (waits.pieces[piece].start, waits.pieces[piece].end)
        guard piece < attempts.count else {
            let name = lives[piece - attempts.count].instance.rawValue
            return Step(
                task: nil, type: "", attempt: 0, instance: name, startSeconds: start, endSeconds: end,
                reason: .nothing, delaySeconds: max(0, start))
        }
        let attempt = attempts[piece]
        let reason: Step.Reason
        if let earlier, earlier >= attempts.count {
            reason = .instance
        } else if let earlier {
            let link = waits.links[piece].first { $0.piece == earlier }
            reason = attempts[earlier].task == attempt.task ? .retry : link?.reason == .room ? .room : .result
        } else {
            reason = .nothing
        }
        return Step(
            task: attempt.task.map { TaskID($0) }, type: attempt.taskType ?? "", attempt: attempt.attempt ?? 1,
            instance: attempt.instance ?? "", startSeconds: start, endSeconds: end, reason: reason,
            delaySeconds: max(0, start - (earlier.map { waits.pieces[$0].end } ?? 0)))
    }
}
