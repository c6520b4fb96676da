/// How an episode went.
public struct Episode: Sendable, Hashable {
    public var start: EpisodeStart
    /// The sum of its rewards, not discounted.
    public var reward = 0.0
    /// How long it took, in the time of the environment.
    public var duration = 0.0
    public var decisions = 0
    /// Whether it ended by itself, not at a horizon.
    public var isComplete = false
}

/// An episode with all that was seen, done and gained.
struct EpisodeLog {
    var graphs = GraphBatch()
    var decisions: [Decision] = []
    var rewards: [Double] = []
    var durations: [Double] = []
    var episode = Episode(start: EpisodeStart(seed: 0))

    mutating func begin(_ start: EpisodeStart) {
        graphs.removeAll()
        decisions.removeAll(keepingCapacity: true)
        rewards.removeAll(keepingCapacity: true)
        durations.removeAll(keepingCapacity: true)
        episode = Episode(start: start)
    }

    /// Adds what followed a decision, up to the horizon.
    /// - Returns: Whether the episode goes on.
    mutating func add(
        _ decision: Decision, _ transition: Transition, keeping: Bool
    ) throws(ReinforcementLearningError) -> Bool {
        var (reward, duration) = (transition.reward, transition.duration)
        guard reward.isFinite, duration.isFinite, duration >= 0 else {
            throw .transition(reward: reward, duration: duration)
        }
        let (start, left) = (episode.start, episode.start.horizon - episode.duration)
        if duration > left { (reward, duration) = (reward * (left / duration), left) }
        episode.reward += reward
        episode.duration += duration
        episode.decisions += 1
        episode.isComplete = transition.isDone
        if keeping {
            decisions.append(decision)
            rewards.append(reward)
            durations.append(duration)
        }
        return !transition.isDone && episode.duration < start.horizon && episode.decisions < start.maximumDecisions
    }
}
