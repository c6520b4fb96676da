/// What a task model expects of one task, and how sure it is.
public struct TaskPrediction: Sendable, Hashable, Codable {
    /// The expected value, in seconds or bytes.
    public let value: Double
    /// The ends of the central interval that holds the outcome with probability `level`.
    public let lower: Double
    public let upper: Double
    public let level: Double
    /// The recorded runs of this task type that stand behind it; 0 for a type that was never seen.
    public let runs: Int
    /// The kind of model that was chosen for this type.
    public let model: TaskModel.Candidate
}
