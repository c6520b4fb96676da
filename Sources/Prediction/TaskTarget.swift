public import Workloads

/// What a task model predicts.
public enum TaskTarget: String, CaseIterable, Sendable, Codable {
    /// Wall time of a successful attempt.
    case runtime = "runtime_seconds"
    /// The most memory that a successful attempt held at one moment.
    case peakMemory = "peak_memory_bytes"
    /// The size of the outputs: the inputs of what comes next, so that a whole graph can be predicted before it runs.
    case outputSize = "output_bytes"

    /// The column of the trace schema that holds it.
    public var column: AttemptColumn {
        switch self {
        case .runtime: .runtime
        case .peakMemory: .peakMemory
        case .outputSize: .outputBytes
        }
    }

    /// The unit of its values.
    public var unit: String { self == .runtime ? "seconds" : "bytes" }
}
