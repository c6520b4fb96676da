internal import Plots
internal import Scheduling
internal import Workloads

extension GanttChart.Panel {
    /// What a plan intends, with the tasks that its makespan follows from; instances of one offer stand together.
    init(_ name: String, _ plan: Plan, _ graph: TaskGraph) {
        let isCritical = Set(plan.criticalPath(graph))
        // `m5.large#10` comes after `m5.large#9`.
        let keys = plan.instances.map { instance in
            let parts = instance.id.rawValue.split(separator: "#")
            return (parts.first ?? "", parts.last.flatMap { Int($0) } ?? 0)
        }
        let order = keys.indices.sorted { keys[$0] < keys[$1] }
        let row = Dictionary(
            order.enumerated().map { (plan.instances[$1].id, $0) }, uniquingKeysWith: { first, _ in first })
        let assignments = plan.assignments.enumerated().sorted { a, b in
            (row[a.element.instance] ?? 0, a.offset) < (row[b.element.instance] ?? 0, b.offset)
        }
        self.init(
            name,
            assignments.map { _, assignment in
                GanttChart.Bar(
                    assignment.task.rawValue, type: graph[assignment.task]?.type ?? "",
                    row: assignment.instance.rawValue, start: assignment.startSeconds, end: assignment.endSeconds,
                    isCritical: isCritical.contains(assignment.task))
            },
            links: (plan.transfers ?? []).map { transfer in
                GanttChart.Link(
                    "\(transfer.from) to \(transfer.to), \(Units.formatBytes(transfer.bytes))",
                    from: transfer.source.rawValue, to: transfer.destination.rawValue, start: transfer.startSeconds,
                    end: transfer.endSeconds)
            })
    }

    /// What happened, in seconds after `start`, with the attempts on a path outlined.
    init(_ name: String, _ attempts: [AttemptRecord], start: Double, _ path: RunPath? = nil) {
        let steps = (path?.steps ?? []).compactMap { step in
            step.task.map { AttemptName(task: $0, number: step.attempt) }
        }
        let isCritical = Set(steps)
        self.init(
            name,
            attempts.compactMap { attempt in
                guard let from = attempt.startTimeSeconds, let to = attempt.endTimeSeconds else { return nil }
                let again = attempt.attempt.map { $0 > 1 ? " (attempt \($0))" : "" } ?? ""
                return GanttChart.Bar(
                    (attempt.task ?? "") + again, type: attempt.taskType ?? "", row: attempt.instance ?? "local",
                    start: from - start, end: to - start,
                    outcome: attempt.status == .completed
                        ? .succeeded : attempt.cause == .reclaimed ? .reclaimed : .failed,
                    isCritical: isCritical.contains(
                        AttemptName(task: TaskID(attempt.task ?? ""), number: attempt.attempt ?? 1)))
            })
    }

    private struct AttemptName: Hashable {
        var task: TaskID
        var number: Int
    }
}
