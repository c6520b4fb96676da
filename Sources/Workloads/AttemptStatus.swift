/// How an attempt ended.
public enum AttemptStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case completed
    case failed
    /// The result of an earlier run was used; the measures are of that run.
    case cached
    /// Stopped for a reason that is not its own: cancelled, reclaimed, lost or never started.
    case aborted

    /// The status that a workflow engine's word for it means, in any letter case.
    public init?(word: some StringProtocol) {
        switch word.lowercased() {
        case "completed", "complete", "ok", "success", "succeeded", "done", "finished": self = .completed
        case "failed", "error", "failure", "fail": self = .failed
        case "cached": self = .cached
        case "aborted", "cancelled", "canceled", "deleted", "deleting", "paused", "killed", "stopped": self = .aborted
        default: return nil
        }
    }
}
