import Workloads

extension RunPath {
    /// The path and the gains as a person reads them.
    var text: String {
        var table = TextTable(["critical path", "type", "instance", "start", "took", "because of"])
        let shown = steps.suffix(30)
        for (place, step) in zip(shown.indices, shown) {
            let task = step.task.map { $0.rawValue + (step.attempt > 1 ? " (attempt \(step.attempt))" : "") }
            let delay = step.delaySeconds >= 0.001 ? " + \(Units.formatSeconds(step.delaySeconds))" : ""
            table.add([
                task ?? "(instance)", step.type, step.instance, Units.formatSeconds(step.startSeconds),
                Units.formatSeconds(step.endSeconds - step.startSeconds),
                (place > 0 ? step.reason.rawValue : "start") + delay,
            ])
        }
        var parts = [table.text]
        if steps.count > shown.count { parts.append("… and \(steps.count - shown.count) before (--json prints all)") }
        parts.append("\(Units.formatSeconds(waitedSeconds)) of it nothing on the path ran")
        var gainTable = TextTable(["twice as fast", "work", "on the path", "would have gained"])
        for gain in gains.prefix(10) where gain.workSeconds > 0 {
            gainTable.add([
                gain.type, Units.formatSeconds(gain.workSeconds), Units.formatSeconds(gain.pathSeconds),
                Units.formatSeconds(gain.gainSeconds),
            ])
        }
        return (parts + ["", gainTable.text]).joined(separator: "\n")
    }
}
