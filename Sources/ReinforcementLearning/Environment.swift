/// A problem that is solved by a sequence of decisions on graphs, in continuous time.
///
/// Learners run many environments of one kind side by side. All chance in an environment comes from the seeds of
/// ``reset(seed:luck:)``, so that equal decisions give equal episodes on any number of threads.
///
///     var environment = Machines()
///     environment.reset(seed: 1, luck: 0)
///     var observation = GraphObservation()
///     environment.observe(into: &observation)
///     let transition = environment.step(.idle)   // reward −3 in 2 s, say
public protocol Environment: SendableMetatype {
    /// Begins an episode and stops before its first decision.
    ///
    /// - Parameters:
    ///   - seed: Which problem it is: the jobs and when they arrive, for instance. Rollouts that are compared share it.
    ///   - luck: What chance does within the problem, such as run times. Rollouts that are compared may differ in it.
    mutating func reset(seed: UInt64, luck: UInt64)

    /// Describes the state before the decision that is due. At least one action must be legal.
    /// - Parameter observation: Empty when it arrives; its memory is reused.
    mutating func observe(into observation: inout GraphObservation)

    /// Takes a legal action and runs to the next decision or the end.
    mutating func step(_ action: GraphAction) -> Transition
}

/// What followed a decision.
public struct Transition: Sendable, Hashable {
    /// What was gained until the next decision, at an even rate.
    public var reward: Double
    /// The time until the next decision, at least 0.
    public var duration: Double
    /// Whether the episode is over.
    public var isDone: Bool

    public init(reward: Double, duration: Double, isDone: Bool) {
        (self.reward, self.duration, self.isDone) = (reward, duration, isDone)
    }
}
