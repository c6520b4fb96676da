internal import Plots
internal import Scheduling
internal import Workloads

extension GanttChart.Panel {
    /// What a plan intends.
    init(_ name: String, _ plan: Plan, types: [TaskID: String]) {
        self.init(
            name,
            plan.assignments.map { assignment in
                GanttChart.Bar(
                    assignment.task.rawValue, type: types[assignment.task] ?? "", row: assignment.instance.rawValue,
                    start: assignment.startSeconds, end: assignment.endSeconds)
            })
    }

    /// What happened, in seconds after `start`.
    init(_ name: String, _ attempts: [AttemptRecord], start: Double) {
        self.init(
            name,
            attempts.compactMap { attempt in
                guard let from = attempt.startTimeSeconds, let to = attempt.endTimeSeconds else { return nil }
                let again = attempt.attempt.map { $0 > 1 ? " (attempt \($0))" : "" } ?? ""
                return GanttChart.Bar(
                    (attempt.task ?? "") + again, type: attempt.taskType ?? "", row: attempt.instance ?? "local",
                    start: from - start, end: to - start,
                    outcome: attempt.status == .completed
                        ? .succeeded : attempt.cause == .reclaimed ? .reclaimed : .failed)
            })
    }
}
