/// What is known of the end of an attempt, from which the cause of its failure is worked out.
public struct FailureEvidence: Hashable, Sendable {
    /// Who ended it on purpose.
    public enum Killer: Hashable, Sendable {
        /// Our own watch over its time limit, its reserved memory, a person, or whoever took its instance back.
        case timeLimit, memoryLimit, person, reclaim
    }

    /// Exit code of its shell; 128 + signal number if a signal ended it.
    public var exitCode: Int?
    /// The signal that ended its shell; 0 if none did.
    public var signal: Int
    /// Who ended it on purpose; `nil` if nobody did.
    public var killer: Killer?
    /// Processes that the kernel, or the attempt's control group, killed for want of memory meanwhile; `nil` if unknown.
    public var memoryKills: Int?
    /// The word that a scheduler has for its end, for instance `OUT_OF_MEMORY`.
    public var schedulerState: String?
    /// Whether it disappeared without an end of its own.
    public var disappeared: Bool
    /// Whether a declared output is missing.
    public var missesOutput: Bool

    /// Makes evidence; what is not given is not known.
    public init(
        exitCode: Int? = nil, signal: Int = 0, killer: Killer? = nil, memoryKills: Int? = nil,
        schedulerState: String? = nil, disappeared: Bool = false, missesOutput: Bool = false
    ) {
        (self.exitCode, self.signal, self.killer, self.memoryKills) = (exitCode, signal, killer, memoryKills)
        (self.schedulerState, self.disappeared, self.missesOutput) = (schedulerState, disappeared, missesOutput)
    }

    /// Why the attempt did not succeed; `nil` if nothing speaks against success.
    ///
    /// The surest evidence goes first: who killed it, then the scheduler's word, then exit code and kernel together.
    /// Code 137 (SIGKILL) means out of memory unless the kernel is known to have killed nothing for it; 140 and 152
    /// (SIGUSR2 of Grid Engine, SIGXCPU) mean a time limit.
    public var cause: FailureCause? {
        switch killer {
        case .timeLimit: return .timeLimit
        case .memoryLimit: return .outOfMemory
        case .person: return .cancelled
        case .reclaim: return .reclaimed
        case nil: break
        }
        if let cause = Self.cause(ofState: schedulerState) { return cause }
        if disappeared { return .lost }
        switch exitCode ?? (signal > 0 ? 128 + signal : 0) {
        case 0: return missesOutput || Self.isFailure(schedulerState) ? .programError : nil
        case 137: return memoryKills == 0 ? .programError : .outOfMemory
        case 140, 152: return .timeLimit
        default: return .programError
        }
    }

    /// The cause that a word of Slurm or another scheduler settles alone.
    private static func cause(ofState state: String?) -> FailureCause? {
        switch word(state) {
        case "OUT_OF_MEMORY": .outOfMemory
        case "TIMEOUT", "DEADLINE": .timeLimit
        case "PREEMPTED": .reclaimed
        case "NODE_FAIL", "BOOT_FAIL", "REVOKED": .lost
        case "CANCELLED": .cancelled
        default: nil
        }
    }

    private static func isFailure(_ state: String?) -> Bool { word(state) == "FAILED" }

    /// `CANCELLED by 1000` and `CANCELLED+` are `CANCELLED`.
    private static func word(_ state: String?) -> String? {
        state.map { String($0.uppercased().prefix { $0 != " " && $0 != "+" }) }
    }
}
