internal import Foundation
internal import Workloads

extension ResourceRequests {
    /// What stands above a generated configuration: where it comes from and how far to trust it.
    package func summary(_ origin: String) -> [String] {
        let runs = requests.reduce(0) { $0 + $1.runs }
        let killed = requests.reduce(0) { $0 + $1.killedForMemory + $1.killedForTime }
        var lines = [
            "Written by \(origin) from \(Units.count(runs, "recorded run")) of \(Units.count(requests.count, "task type"))."
        ]
        if killed > 0 {
            lines.append(
                "  \(killed) of them \(killed == 1 ? "was" : "were") killed for want of memory or time: they needed more than they had."
            )
        }
        if !leftOut.isEmpty {
            let reasons = leftOut.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($1) \($0)" }
            lines.append("Left out: \(reasons.joined(separator: "; ")).")
        }
        guard let check else {
            return lines + ["Not checked: no task type has the ten runs that a check on later runs takes."]
        }
        lines += [
            "Checked: requests learnt from the first 70 % of each type, replayed on the last 30 % (\(Units.count(check.testRuns, "run")) "
                + "of \(Units.count(check.types, "type")) with at least 10):",
            "  GiB·h used \(hours(check.usedGBHours)), wasted \(hours(check.suggested.wastedGBHours))"
                + (check.current.map { ", with the requests recorded \(hours($0.wastedGBHours))" }
                    ?? " (the requests of the runs were not recorded)")
                + ", with the greatest peak seen so far \(hours(check.greatestSeen.wastedGBHours))",
            "  first tries short of memory: \(share(check.suggested.failedFirst, of: check.testRuns)), with the greatest peak seen "
                + "\(share(check.greatestSeen.failedFirst, of: check.testRuns)); over the time limit: "
                + share(check.overTime, of: check.timedRuns),
        ]
        if check.undecidedRuns > 0 {
            lines.append(
                "  \(share(check.undecidedRuns, of: check.testRuns)) had been killed with less: whether these would get enough is not known"
            )
        }
        return lines
    }

    /// What a user must know before the requests are used, a line for each type.
    package var warnings: [String] {
        requests.flatMap { request in
            request.warnings(options, bytes: gibibyteText).map { "\(request.taskType): \($0)" }
        }
    }
}

extension ResourceRequests.Request {
    /// What is known of the type, in a few lines for people.
    ///
    /// - Parameter bytes: Writes sizes in the units of the tool that reads them.
    package func remarks(_ options: RequestOptions, bytes: (Double) -> String = binaryText) -> [String] {
        guard runs > 0 else { return ["never recorded: this is what a typical task type takes"] }
        var known = [Units.count(runs, "run")]
        if let median = medianMemoryBytes, let greatest = greatestMemoryBytes {
            known.append("memory \(bytes(median)), at most \(bytes(greatest))")
        }
        if let median = medianSeconds, let greatest = greatestSeconds {
            known.append("time \(Units.formatSeconds(median)), at most \(Units.formatSeconds(greatest))")
        }
        var lines = [known.joined(separator: "; ")]
        var judged: [String] = []
        if let memoryRisk { judged.append("too little memory in \(percentText(memoryRisk))") }
        if let timeRisk { judged.append("too little time in \(percentText(timeRisk))") }
        var requested: [String] = []
        if let currentMemoryBytes { requested.append(bytes(currentMemoryBytes)) }
        if let currentSeconds { requested.append(Units.formatSeconds(currentSeconds)) }
        if let currentCPUs { requested.append("\(Units.format(currentCPUs, digits: 1)) cpus") }
        if !requested.isEmpty { judged.append("requested so far: \(requested.joined(separator: ", "))") }
        if !judged.isEmpty { lines.append(judged.joined(separator: "; ")) }
        if runs < Self.fewestForRisk { lines.append("few runs: too few to say how often this is too little") }
        if slowdown > 1.01 {
            lines.append(
                "fewer processors: the time limit allows for up to \(Units.format(slowdown, digits: 1)) times longer runs"
            )
        }
        return lines + warnings(options, bytes: bytes)
    }

    /// What must be known before the request is used.
    func warnings(_ options: RequestOptions, bytes: (Double) -> String) -> [String] {
        var lines: [String] = []
        func unknown(_ killed: Int, _ cause: String, _ limit: Double, _ request: Double, _ text: (Double) -> String) {
            lines.append(
                (killed > 0
                    ? "\(killed) of \(Units.count(runs, "run")) \(killed == 1 ? "was" : "were") killed \(cause)"
                    : "no run had all it needed")
                    + ": the need is not known, at least \(text(limit)); "
                    + (request > limit
                        ? "try \(text(request))" : "no retry can help within the \(text(request)) that are allowed"))
        }
        if let limit = unknownBeyondBytes, let memoryBytes {
            unknown(killedForMemory, "for want of memory", limit, memoryBytes, bytes)
        }
        if let limit = unknownBeyondSeconds, let seconds {
            unknown(killedForTime, "at their time limit", limit, seconds, Units.formatSeconds)
        }
        if let memoryRisk, memoryRisk > options.memoryRisk, memoryBytes == options.largestMemoryBytes {
            lines.append(
                "\(percentText(memoryRisk)) need more than \(bytes(options.largestMemoryBytes)), the most that is allowed: no retry can help them"
            )
        }
        if let timeRisk, timeRisk > options.timeRisk, seconds == options.longestSeconds {
            lines.append(
                "\(percentText(timeRisk)) take longer than \(Units.formatSeconds(options.longestSeconds)), the most that is allowed: no retry can help them"
            )
        }
        if let sizesItself, memoryBytes != nil {
            lines.append(
                "may take what it is given (\(sizesItself)): its peak is not its need, lower the request in steps")
        }
        return lines
    }
}

extension ResourceRequests.Request {
    /// The greatest peak, or that it is more than what killed; `nil` if neither is known.
    package var peakText: String? {
        unknownBeyondBytes.map { "> \(gibibyteText($0))" } ?? greatestMemoryBytes.map(gibibyteText)
    }
}

/// Bytes as most schedulers and workflow engines count: GB is 2³⁰ bytes.
package func binaryText(_ bytes: Double) -> String {
    guard bytes.isFinite else { return "?" }
    var (value, unit) = (bytes, 0)
    let units = ["B", "KB", "MB", "GB", "TB", "PB"]
    while abs(value) >= 1023.5, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    let isWhole = unit == 0 || abs(value - value.rounded()) < 5e-3
    return "\(Units.format(value, digits: isWhole || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)) \(units[unit])"
}

/// The same with unmistakable units, for instance `4.22 GiB`.
package func gibibyteText(_ bytes: Double) -> String {
    let text = binaryText(bytes)
    return text.count > 2 && text.dropLast().last != " " ? text.dropLast() + "iB" : text
}

/// Hours of a gigabyte (1e9 bytes) as hours of a gibibyte, in which requests are counted.
package func gibibyteHours(_ gigabyteHours: Double) -> Double { gigabyteHours * 1e9 / 1_073_741_824 }

private func hours(_ gigabyteHours: Double) -> String {
    let value = gibibyteHours(gigabyteHours)
    return Units.format(value, digits: value < 10 ? 3 : value < 1000 ? 1 : 0)
}

private func share(_ count: Int, of total: Int) -> String {
    "\(count) of \(total) (\(percentText(total > 0 ? Double(count) / Double(total) : 0)))"
}

/// A share as a percentage, to two digits.
package func percentText(_ share: Double) -> String {
    Units.formatPercent(share, wholeFrom: 0.0995)
}
