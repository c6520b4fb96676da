internal import LinearAlgebra

/// Plays many episodes side by side, on several threads, all decisions of four environments in one pass of the network.
///
/// Every episode has its own generator, and which four share a pass depends on their order alone: equal policies and
/// starts give equal episodes, bit for bit, on any number of threads.
///
///     var rollouts = Rollouts(threads: 2) { Machines() }
///     let episodes = try rollouts.play(policy, (0..<20).map { EpisodeStart(seed: $0) })
public struct Rollouts<World: Environment> {
    /// How actions follow from probabilities.
    public enum Mode: Sendable, Hashable {
        /// The likeliest action.
        case greedy
        /// An action drawn by its probability; the seed is that of the draws.
        case sampled(seed: UInt64)
    }
    /// Says what a teacher would do in the state that is observed.
    public typealias Teacher = @Sendable (World, GraphObservation) -> GraphAction

    public let threads: Int
    private let makeEnvironment: () -> World
    private var lanes: [Lane<World>] = []

    public init(threads: Int = 1, makeEnvironment: @escaping () -> World) {
        (self.threads, self.makeEnvironment) = (threads, makeEnvironment)
    }

    /// Plays an episode from each start.
    /// - Throws: ``ReinforcementLearningError`` of the first episode whose environment shows or does what it must not.
    public mutating func play(
        _ policy: GraphPolicy, _ starts: [EpisodeStart], mode: Mode = .greedy
    ) throws(ReinforcementLearningError) -> [Episode] {
        try play(policy, starts, mode: mode, keeping: false, teacher: nil, teacherShare: 0)
        return logs(starts.count).map(\.episode)
    }

    /// Plays an episode from each start as a teacher does, without a network.
    public mutating func play(
        teacher: @escaping Teacher, shape: PolicyShape, _ starts: [EpisodeStart]
    ) throws(ReinforcementLearningError) -> [Episode] {
        let policy = try GraphPolicy(shape: shape, seed: 0)
        try play(policy, starts, mode: .greedy, keeping: false, teacher: teacher, teacherShare: 1)
        return logs(starts.count).map(\.episode)
    }

    /// - Parameters:
    ///   - keeping: Whether the logs hold what was seen and done.
    ///   - teacher: Labels every observation: the logs then hold its decisions.
    ///   - teacherShare: The probability with which an episode goes on as the teacher says; otherwise the policy acts.
    mutating func play(
        _ policy: GraphPolicy, _ starts: [EpisodeStart], mode: Mode, keeping: Bool, teacher: Teacher?,
        teacherShare: Double
    ) throws(ReinforcementLearningError) {
        let width = Lane<World>.width
        let count = (starts.count + width - 1) / width
        while lanes.count < count { lanes.append(Lane(policy.shape, makeEnvironment)) }
        nonisolated(unsafe) let lanes = lanes  // Each is used by one thread.
        _ = try Parallel.tryMap(count: count, threads: threads) { index throws(ReinforcementLearningError) in
            let range = (index * width)..<min(starts.count, (index + 1) * width)
            try lanes[index].play(
                policy, starts[range], mode: mode, keeping: keeping, teacher: teacher, teacherShare: teacherShare)
        }
    }

    /// The logs of the episodes that were played last.
    func logs(_ count: Int) -> [EpisodeLog] { Array(lanes.lazy.flatMap(\.logs).prefix(count)) }

    /// Adds the ranges of what was kept.
    func includeRanges(in ranges: inout FeatureRanges) {
        for lane in lanes { ranges.include(lane.ranges) }
    }

    /// Calls `body` with a log, without a copy.
    func log<Result>(_ index: Int, _ body: (borrowing EpisodeLog) -> Result) -> Result {
        body(lanes[index / Lane<World>.width].logs[index % Lane<World>.width])
    }
}

/// Environments that share the passes of one network.
final class Lane<World: Environment> {
    static var width: Int { 4 }

    private(set) var logs: [EpisodeLog]
    /// Of all observations that were kept.
    private(set) var ranges: FeatureRanges
    private var environments: [World]
    private var network: GraphNetwork<Float>
    private var shape: PolicyShape
    private var batch = GraphBatch()
    private var observation = GraphObservation()

    init(_ shape: PolicyShape, _ makeEnvironment: () -> World) {
        self.shape = shape
        network = GraphNetwork(NetworkLayout(shape))
        ranges = FeatureRanges(shape)
        environments = (0..<Lane.width).map { _ in makeEnvironment() }
        logs = Array(repeating: EpisodeLog(), count: Lane.width)
    }

    func play(
        _ policy: GraphPolicy, _ starts: ArraySlice<EpisodeStart>, mode: Rollouts<World>.Mode, keeping: Bool,
        teacher: Rollouts<World>.Teacher?, teacherShare: Double
    ) throws(ReinforcementLearningError) {
        if policy.shape != shape {
            (shape, network) = (policy.shape, GraphNetwork(NetworkLayout(policy.shape)))
            ranges = FeatureRanges(shape)
        }
        var seed: UInt64 = 0
        if case .sampled(let found) = mode { seed = found }
        var generators = starts.indices.map { SeededGenerator(seed: seed, stream: UInt64($0)) }
        var active = Array(0..<starts.count)
        for (slot, start) in starts.enumerated() {
            environments[slot].reset(seed: start.seed, luck: start.luck)
            logs[slot].begin(start)
        }
        var decisions = [Decision](), uniforms = [(Double, Double)](), labels = [GraphAction]()
        let acts = teacher == nil || teacherShare < 1
        while !active.isEmpty {
            batch.removeAll()
            labels.removeAll(keepingCapacity: true)
            uniforms.removeAll(keepingCapacity: true)
            for slot in active {
                observation.removeAll()
                environments[slot].observe(into: &observation)
                try observation.validate(for: shape)
                let groups = observation.groupFeatures.count / shape.groupFeatures.count
                batch.append(observation, groups: groups)
                if keeping {
                    logs[slot].graphs.append(observation, groups: groups)
                    ranges.include(observation)
                }
                uniforms.append((generators[slot].nextUniform(), generators[slot].nextUniform()))
                if let teacher {
                    let action = teacher(environments[slot], observation)
                    guard observation.allows(action, levels: shape.levels) else { throw .illegalAction(action) }
                    labels.append(action)
                }
            }
            if acts {
                policy.weights.withUnsafeBufferPointer { weights in
                    guard let start = weights.baseAddress else { return }
                    network.decide(batch, start, uniforms: mode == .greedy ? nil : uniforms, into: &decisions)
                }
                for decision in decisions where !decision.logProbability.isFinite { throw .overflow }
            }
            var going: [Int] = []
            for (row, slot) in active.enumerated() {
                var (action, decision) = (GraphAction.idle, Decision())
                if acts { (action, decision) = (decisions[row].action, decisions[row]) }
                if teacher != nil {
                    decision = Decision(labels[row])
                    if !acts || generators[slot].nextUniform() < teacherShare { action = labels[row] }
                }
                let transition = environments[slot].step(action)
                if try logs[slot].add(decision, transition, keeping: keeping) { going.append(slot) }
            }
            active = going
        }
    }
}

extension GraphObservation {
    /// Whether an action is legal.
    public func allows(_ action: GraphAction, levels: Int) -> Bool {
        switch action {
        case .idle: idleScore != nil
        case .take(let candidate, let level):
            candidates.indices.contains(candidate)
                && (levels == 0
                    ? level == 0
                    : 0..<levels ~= level && levelScores[candidate * levels + level] > -.infinity)
        }
    }

    /// The action that the rule's scores prefer: the teacher where they are given. `nil` if nothing is legal.
    public func preferredAction(levels: Int) -> GraphAction? {
        var best = -1
        for candidate in candidateScores.indices where best < 0 || candidateScores[candidate] > candidateScores[best] {
            best = candidate
        }
        guard best >= 0 else { return idleScore == nil ? nil : .idle }
        if let idleScore, idleScore > candidateScores[best] { return .idle }
        let scores = levelScores[(best * levels)..<((best + 1) * levels)]
        let level = scores.indices.reduce(scores.startIndex) { scores[$1] > scores[$0] ? $1 : $0 }
        return .take(candidate: best, level: level - scores.startIndex)
    }
}
