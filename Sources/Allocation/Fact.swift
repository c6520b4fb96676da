import Workloads

/// One line of the log of a run: an event that happened, or an action that was decided on, and when.
public struct Fact: Hashable, Sendable {
    /// Which of the two.
    public enum What: Hashable, Sendable {
        /// It happened.
        case event(Event)
        /// It was decided.
        case action(Action)
    }

    /// When, in seconds of the run's clock.
    public var seconds: Double
    /// What.
    public var what: What

    /// Makes a fact.
    public init(_ seconds: Double, _ what: What) { (self.seconds, self.what) = (seconds, what) }
}
