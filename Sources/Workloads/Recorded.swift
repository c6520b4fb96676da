/// What a trace measured of the tasks of one graph, by position: the truth, which nobody who plans may see.
///
/// A simulation draws from it. A plan uses it only where a recorded workflow is given as the job itself: its times then
/// are what the job claims (``claimed(by:)``).
public struct Recorded: Hashable, Sendable, Codable {
    /// The run time of every task in seconds; `nil` where none was recorded.
    public var seconds: [Double?]
    /// The peak memory of every task in bytes; `nil` where none was recorded.
    public var peakMemoryBytes: [Double?]

    /// Makes a table; both columns have a value for each task.
    public init(seconds: [Double?], peakMemoryBytes: [Double?]) {
        precondition(seconds.count == peakMemoryBytes.count, "a value for each task")
        (self.seconds, self.peakMemoryBytes) = (seconds, peakMemoryBytes)
    }

    /// The graph whose tasks claim what was recorded of them.
    ///
    /// - Complexity: O(*V* + *E*).
    public func claimed(by graph: TaskGraph) -> TaskGraph {
        precondition(seconds.count == graph.count, "a value for each task")
        return graph.mapTasks { index, task in
            task.claimedSeconds = seconds[index]
            task.claimedPeakMemoryBytes = peakMemoryBytes[index]
        }
    }
}
