/// What a run and a worker tell each other, a JSON object a line.
package struct WorkerLine: Codable, Sendable {
    package enum Kind: String, Codable, Sendable {
        /// To a worker: begin an attempt, end it, let it give way to others, forget its end, leave.
        case start, stop, throttle, seen, leave
        /// From a worker: who it is, an attempt is above what was predicted, an attempt is over, it will be taken back.
        case hello, alert, ended, notice
    }

    package var kind: Kind
    /// The attempt, by the name of its files.
    package var attempt = ""
    package var command: String?
    package var environment: [String: String]?
    package var timeLimitSeconds: Double?
    package var memoryLimitBytes: Double?
    package var alertSeconds: Double?
    package var alertMemoryBytes: Double?
    package var atOnce: Bool?
    /// The line of a shepherd; of an end, `nil` if that disappeared.
    package var report: String?
    package var token: String?
    /// The number of the worker's instance.
    package var instance: Int?
    package var host: String?
    /// What runs on it.
    package var running: [String]?
    /// Seconds from now until it will be gone.
    package var seconds: Double?

    package init(
        _ kind: Kind, _ attempt: String = "", command: String? = nil, timeLimitSeconds: Double? = nil,
        memoryLimitBytes: Double? = nil, report: String? = nil
    ) {
        (self.kind, self.attempt, self.command, self.report) = (kind, attempt, command, report)
        (self.timeLimitSeconds, self.memoryLimitBytes) = (timeLimitSeconds, memoryLimitBytes)
    }
}
