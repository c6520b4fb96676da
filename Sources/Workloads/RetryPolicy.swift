/// What happens after an attempt that did not succeed, and when a running one looks wrong: a table, not code.
///
/// For each cause it says how often the attempt is repeated, and with how much. Job files and policy files hold it as
/// YAML; ``standard`` is what holds where they say nothing.
public struct RetryPolicy: Hashable, Sendable, Codable {
    /// The row of the table for one cause.
    public struct Rule: Hashable, Sendable, Codable {
        /// How often an attempt is repeated after it ended for this cause; `nil` is always.
        public var retries: Int?
        /// Whether the task is to blame, so that its own limit of retries takes the place of `retries`.
        public var countsAsFailure: Bool
        /// Whether the next attempt goes to another instance, if one can hold it.
        public var elsewhere: Bool
        /// Whether the next attempt gets the next of the predicted quantiles of memory, before memory is multiplied.
        public var usesQuantiles: Bool
        /// Memory of the next attempt as a multiple; 1 is the same. Never more than the largest machine has.
        public var memoryGrowth: Double
        /// Time limit of the next attempt as a multiple; 1 is the same.
        public var timeGrowth: Double
        /// The longest time limit as a multiple of the first.
        public var mostTime: Double

        /// Makes a rule; by default it repeats nothing, blames the task and changes no request.
        public init(
            retries: Int? = 0, countsAsFailure: Bool = true, elsewhere: Bool = false, usesQuantiles: Bool = false,
            memoryGrowth: Double = 1, timeGrowth: Double = 1, mostTime: Double = 8
        ) {
            self.retries = retries.map { max(0, $0) }
            self.countsAsFailure = countsAsFailure
            self.elsewhere = elsewhere
            self.usesQuantiles = usesQuantiles
            self.memoryGrowth = memoryGrowth >= 1 && memoryGrowth.isFinite ? memoryGrowth : 1
            self.timeGrowth = timeGrowth >= 1 && timeGrowth.isFinite ? timeGrowth : 1
            self.mostTime = mostTime >= 1 ? mostTime : 1
        }
    }

    /// What is done about a running attempt that is above the predicted 99 % quantile.
    public enum Reaction: String, Hashable, Sendable, Codable, CaseIterable {
        /// Nothing.
        case ignore
        /// It is said and written down.
        case warn
        /// Also, its processes give way to all others (`nice`).
        case throttle
        /// Also, it is killed and started again by the rule for too little memory or time.
        case kill
    }

    /// The rule for each cause. A cause without one is not repeated.
    public var rules: [FailureCause: Rule]
    /// What is done about an attempt above its predicted memory.
    public var memoryAlert: Reaction
    /// What is done about an attempt above its predicted run time.
    public var timeAlert: Reaction

    /// Makes a policy; what is not given is standard.
    public init(
        rules: [FailureCause: Rule] = Self.standard.rules, memoryAlert: Reaction = .warn, timeAlert: Reaction = .warn
    ) {
        (self.rules, self.memoryAlert, self.timeAlert) = (rules, memoryAlert, timeAlert)
    }

    /// Reclaimed: the same again elsewhere, always. Lost: the same, ten times. Out of memory: the next quantile, then
    /// double, three times. Time limit: twice as long, at most eight times the first, twice. Program error: once more.
    public static let standard = RetryPolicy(
        rules: [
            .reclaimed: Rule(retries: nil, countsAsFailure: false, elsewhere: true),
            .lost: Rule(retries: 10, countsAsFailure: false, elsewhere: true),
            .outOfMemory: Rule(retries: 3, usesQuantiles: true, memoryGrowth: 2),
            .timeLimit: Rule(retries: 2, timeGrowth: 2),
            .programError: Rule(retries: 1),
            .cancelled: Rule(retries: nil, countsAsFailure: false),
        ])

    /// The rule for a cause.
    public subscript(cause: FailureCause) -> Rule {
        get { rules[cause] ?? Rule() }
        set { rules[cause] = newValue }
    }

    /// The same table, but with this many repetitions for everything that the task is to blame for.
    public func with(retries: Int) -> RetryPolicy {
        var policy = self
        for (cause, rule) in rules where rule.countsAsFailure { policy.rules[cause]?.retries = max(0, retries) }
        return policy
    }

    /// The table as it is written in a job file or a policy file.
    public var yaml: String {
        var lines = ["policy:"]
        for cause in FailureCause.ofAttempts {
            let rule = self[cause]
            lines.append("  \(cause.rawValue):")
            lines.append("    retries: \(rule.retries.map { String($0) } ?? "always")")
            lines.append("    counts: \(rule.countsAsFailure)")
            lines.append("    elsewhere: \(rule.elsewhere)")
            lines.append("    quantiles: \(rule.usesQuantiles)")
            lines.append("    memory: \(plain(rule.memoryGrowth))")
            lines.append("    time: \(plain(rule.timeGrowth))")
            lines.append("    most_time: \(plain(rule.mostTime))")
        }
        lines += ["  memory_alert: \(memoryAlert.rawValue)", "  time_alert: \(timeAlert.rawValue)"]
        return lines.joined(separator: "\n")
    }

    private func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? Units.format(value, digits: 0) : "\(value)"
    }
}
