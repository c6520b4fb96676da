/// What a task model predicts.
public enum TaskTarget: String, CaseIterable, Sendable, Codable {
    /// Wall time of a successful attempt.
    case runtime = "runtime_seconds"
    /// The most memory that a successful attempt held at one moment.
    case peakMemory = "peak_memory_bytes"
}
