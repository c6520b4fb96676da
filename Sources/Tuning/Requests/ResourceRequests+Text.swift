internal import Foundation
internal import Workloads

extension ResourceRequests {
    /// What stands above a generated configuration: where it comes from and how far to trust it.
    package func summary(_ origin: String) -> [String] {
        let runs = requests.reduce(0) { $0 + $1.runs }
        var lines = [
            "Written by \(origin) from \(Units.count(runs, "recorded run")) of \(Units.count(requests.count, "task type"))."
        ]
        guard let check else {
            return lines + ["Not checked: no task type has the ten runs that a check on later runs takes."]
        }
        lines += [
            "Checked: requests learnt from the first 70 % of each type, replayed on the last 30 % (\(Units.count(check.testRuns, "run")) "
                + "of \(Units.count(check.types, "type")) with at least 10):",
            "  GB·h used \(number(check.usedGBHours)), wasted \(number(check.suggested.wastedGBHours))"
                + (check.current.map { ", with the requests recorded \(number($0.wastedGBHours))" }
                    ?? " (the requests of the runs were not recorded)")
                + ", with the greatest peak seen so far \(number(check.greatestSeen.wastedGBHours))",
            "  first tries short of memory: \(share(check.suggested.failedFirst, of: check.testRuns)), with the greatest peak seen "
                + "\(share(check.greatestSeen.failedFirst, of: check.testRuns)); over the time limit: "
                + share(check.overTime, of: check.testRuns),
            "  median error of the prediction: memory \(percentText(check.memoryError)), time \(percentText(check.timeError))",
        ]
        return lines
    }
}

extension ResourceRequests.Request {
    /// What is known of the type, in a line or two for people.
    package var remarks: [String] {
        guard runs > 0 else { return ["never recorded: this is what a typical task type takes"] }
        var known = [Units.count(runs, "run")]
        if let median = medianMemoryBytes, let greatest = greatestMemoryBytes {
            known.append("memory \(Units.formatBytes(median)), at most \(Units.formatBytes(greatest))")
        }
        if let median = medianSeconds, let greatest = greatestSeconds {
            known.append("time \(Units.formatSeconds(median)), at most \(Units.formatSeconds(greatest))")
        }
        var lines = [known.joined(separator: "; ")]
        var judged: [String] = []
        if let memoryRisk { judged.append("too little memory in \(percentText(memoryRisk))") }
        if let timeRisk { judged.append("too little time in \(percentText(timeRisk))") }
        var requested: [String] = []
        if let currentMemoryBytes { requested.append(Units.formatBytes(currentMemoryBytes)) }
        if let currentSeconds { requested.append(Units.formatSeconds(currentSeconds)) }
        if let currentCPUs { requested.append("\(Units.format(currentCPUs, digits: 1)) cpus") }
        if !requested.isEmpty { judged.append("requested so far: \(requested.joined(separator: ", "))") }
        if !judged.isEmpty { lines.append(judged.joined(separator: "; ")) }
        if runs < 10 { lines.append("few runs: leave room until there are more") }
        return lines
    }
}

private func number(_ value: Double) -> String { Units.format(value, digits: value < 10 ? 3 : value < 1000 ? 1 : 0) }

private func share(_ count: Int, of total: Int) -> String {
    "\(count) of \(total) (\(percentText(total > 0 ? Double(count) / Double(total) : 0)))"
}

/// A share as a percentage.
func percentText(_ share: Double) -> String {
    share.isFinite ? String(format: abs(share) < 0.0995 ? "%.1f %%" : "%.0f %%", share * 100) : "–"
}
