/// Why an attempt at a task did not succeed.
public enum FailureCause: String, Hashable, Sendable, Codable, CodingKeyRepresentable, CaseIterable {
    /// It needed more memory than it was given.
    case outOfMemory = "out-of-memory"
    /// It ran longer than its time limit.
    case timeLimit = "time-limit"
    /// It ended with an error of its own, or without a declared output.
    case programError = "program-error"
    /// Its spot instance was taken back.
    case reclaimed
    /// Its instance or its process disappeared.
    case lost
    /// Somebody stopped it.
    case cancelled
    /// Nothing that is to be had has room for it.
    case noCapacity = "no-capacity"

    /// The causes for which an attempt can end.
    public static let ofAttempts = allCases.filter { $0 != .noCapacity }

    /// Whether the task itself is to blame, so that the attempt counts against its retries.
    public var countsAsFailure: Bool {
        switch self {
        case .outOfMemory, .timeLimit, .programError: true
        case .reclaimed, .lost, .cancelled, .noCapacity: false
        }
    }
}
