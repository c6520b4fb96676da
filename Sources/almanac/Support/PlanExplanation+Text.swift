import Scheduling
import Workloads

extension PlanExplanation {
    /// As a person reads it.
    var text: String {
        var lines = [
            "\(task) (\(type)) on \(instance), \(Units.formatSeconds(startSeconds)) to \(Units.formatSeconds(endSeconds))",
            isCritical
                ? "on the critical path: the makespan follows from it"
                : slackSeconds > 0
                    ? "it could end \(Units.formatSeconds(slackSeconds)) later without a longer makespan"
                    : "no slack: ending later makes the plan longer",
        ]
        if let deadlineSeconds { lines.append("its own deadline is \(Units.formatSeconds(deadlineSeconds))") }
        lines.append("")
        lines += start
        var table = TextTable(["offer", "start", "end", "later", "dearer", ""])
        for item in alternatives {
            guard let start = item.startSeconds, let end = item.endSeconds else {
                table.add([item.offer, "–", "–", "–", "–", item.obstacle ?? ""])
                continue
            }
            let notes = [item.isChosen ? "chosen" : nil, item.isNewInstance ? "one more instance" : nil]
            table.add([
                item.offer, Units.formatSeconds(start), Units.formatSeconds(end),
                signed(item.laterSeconds ?? 0, Units.formatSeconds), signed(item.dearer ?? 0, Units.formatPrice),
                notes.compactMap(\.self).joined(separator: ", "),
            ])
        }
        lines += ["", "the earliest end on every offer, the rest of the plan as it is:", table.text]
        return lines.joined(separator: "\n")
    }

    /// Why it starts when it does.
    private var start: [String] {
        var lines: [String] = []
        if let notBeforeSeconds {
            let isBinding = startSeconds <= notBeforeSeconds + WaitGraph.tolerance
            let verb = isBinding ? "waits for its time" : "also after its time"
            lines.append("\(verb): the job has it start no sooner than \(Units.formatSeconds(notBeforeSeconds))")
        }
        guard !waits.isEmpty else {
            return !lines.isEmpty
                ? lines
                : [idleSeconds > 0 ? "it waits for nothing, and starts later than it could" : "it waits for nothing"]
        }
        lines += waits.map { wait in
            let verb = wait.isBinding ? "waits for" : "also after"
            let what =
                switch wait.reason {
                case .result: "the result of"
                case .room: "the room of"
                case .quota: "the part of the quota of"
                }
            let transfer =
                wait.transferSeconds > 0
                ? ", whose data takes \(Units.formatSeconds(wait.transferSeconds)) to come" : ""
            return "\(verb) \(what) \(wait.task), which ends at \(Units.formatSeconds(wait.endSeconds))\(transfer)"
        }
        if idleSeconds > WaitGraph.tolerance {
            lines.append("starts \(Units.formatSeconds(idleSeconds)) after all that it waits for")
        }
        return lines
    }

    private func signed(_ value: Double, _ format: (Double) -> String) -> String {
        abs(value) < 1e-9 ? "–" : (value < 0 ? "-" : "+") + format(abs(value))
    }
}
