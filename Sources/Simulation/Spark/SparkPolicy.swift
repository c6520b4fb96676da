/// Decides where free executors go: ours, those that were learned, or a user's own.
public protocol SparkPolicy {
    /// What is done with the free executors of a simulation that is at a decision; `nil` leaves all of them idle.
    mutating func decide(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision?
}

extension SparkSimulator {
    /// Lets a policy decide until the episode ends.
    /// - Returns: The mean completion time in seconds; `nil` if the policy left jobs without executors for ever.
    @discardableResult
    public mutating func run(_ policy: inout some SparkPolicy) -> Double? {
        while advance() { while act(policy.decide(self)) {} }
        return meanCompletionSeconds
    }
}
