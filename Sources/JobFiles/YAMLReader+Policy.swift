import Workloads
import Yams

extension YAMLReader {
    /// What happens after failures and alerts, or `nil` if the document does not say; what it leaves out is standard.
    func policy(_ node: Node?) throws(JobFileError) -> RetryPolicy? {
        guard let node, !isNull(node) else { return nil }
        let alerts = ["memory_alert", "time_alert"]
        let causes = FailureCause.ofAttempts.map(\.rawValue)
        let root = try fields(node, keys: causes + alerts, required: [], of: "'policy'")
        var policy = RetryPolicy.standard
        for cause in FailureCause.ofAttempts {
            guard let node = root[cause.rawValue], !isNull(node) else { continue }
            policy[cause] = try rule(node, cause, standard: policy[cause])
        }
        policy.memoryAlert = try reaction(root["memory_alert"], for: "memory_alert") ?? policy.memoryAlert
        policy.timeAlert = try reaction(root["time_alert"], for: "time_alert") ?? policy.timeAlert
        return policy
    }

    private func rule(
        _ node: Node, _ cause: FailureCause, standard: RetryPolicy.Rule
    ) throws(JobFileError) -> RetryPolicy.Rule {
        let keys = ["retries", "counts", "elsewhere", "quantiles", "memory", "time", "most_time"]
        let row = try fields(node, keys: keys, required: [], of: "'\(cause.rawValue)'")
        var retries = standard.retries
        if let found = try text(row["retries"], for: "retries") {
            retries = found == "always" ? nil : try integer(row["retries"], for: "retries", in: 0...1_000_000)
        }
        return RetryPolicy.Rule(
            retries: retries, countsAsFailure: try truth(row["counts"], for: "counts") ?? standard.countsAsFailure,
            elsewhere: try truth(row["elsewhere"], for: "elsewhere") ?? standard.elsewhere,
            usesQuantiles: try truth(row["quantiles"], for: "quantiles") ?? standard.usesQuantiles,
            memoryGrowth: try number(row["memory"], for: "memory", in: 1...1000) ?? standard.memoryGrowth,
            timeGrowth: try number(row["time"], for: "time", in: 1...1000) ?? standard.timeGrowth,
            mostTime: try number(row["most_time"], for: "most_time", in: 1...1e6) ?? standard.mostTime)
    }

    func truth(_ node: Node?, for key: String) throws(JobFileError) -> Bool? {
        try choice(node, of: ["true", "false"], for: key).map { $0 == "true" }
    }

    private func reaction(_ node: Node?, for key: String) throws(JobFileError) -> RetryPolicy.Reaction? {
        try choice(node, of: RetryPolicy.Reaction.allCases.map(\.rawValue), for: key).flatMap(
            RetryPolicy.Reaction.init)
    }
}
