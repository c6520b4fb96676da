public import Plots
public import Scheduling
public import Workloads

/// The page of one run: the plan above what happened, on one scale; what was predicted beside what was measured; the
/// instances, and what they cost.
public struct RunReport: Sendable {
    private let title: String
    private let graph: TaskGraph
    private let plan: Plan?
    private let attempts: [AttemptRecord]
    private let lives: [InstanceLife]
    /// What it took and cost, and whether it kept its limits.
    public let account: RunAccount
    /// What led to its end, and what would have been gained.
    public let path: RunPath

    /// Makes the page of a run.
    ///
    /// - Parameters:
    ///   - plan: What it began with.
    ///   - attempts: All of the run, in any order.
    ///   - lives: All instances that are gone.
    ///   - goal: By when it should end, in seconds after its start, and what it may cost.
    ///   - capacity: The room of types of instances by name; where it is not known, the most that was occupied at once.
    public init(
        _ title: String, _ graph: TaskGraph, plan: Plan?, attempts: [AttemptRecord], lives: [InstanceLife],
        goal: Goal = Goal(.balanced), capacity: [String: Resources] = [:]
    ) {
        (self.title, self.graph, self.plan, self.lives) = (title, graph, plan, lives)
        account = RunAccount(attempts, lives, goal)
        path = RunPath(attempts, lives, graph, capacity: capacity)
        self.attempts = attempts.sorted { ($0.startTimeSeconds ?? 0) < ($1.startTimeSeconds ?? 0) }
    }

    /// The plan above what happened.
    public func ganttChart() -> GanttChart {
        let planned = plan.map { [GanttChart.Panel("plan", $0, graph)] } ?? []
        // One that is far away would leave the bars no room.
        let shown = 2 * max(account.elapsedSeconds, plan?.makespanSeconds ?? 0)
        return GanttChart(
            plan == nil ? "What ran where" : "Planned and run",
            panels: planned + [GanttChart.Panel("run", attempts, start: account.startTimeSeconds, path)],
            deadline: account.deadlineSeconds.flatMap { $0 <= shown ? $0 : nil })
    }

    /// The whole page.
    public func page() -> HTMLReport {
        let failures = attempts.count { $0.status != .completed }
        func verdict(_ isKept: Bool?) -> HTMLReport.Tile.Verdict { isKept.map { $0 ? .good : .bad } ?? .neutral }
        let sections = [failed, running, critical, predicted, instances].compactMap(\.self)
        return HTMLReport(
            title,
            tiles: [
                .init(
                    "took", Units.formatSeconds(account.elapsedSeconds),
                    note: [
                        plan.map { "planned \(Units.formatSeconds($0.makespanSeconds))" },
                        account.deadlineSeconds.map { "deadline \(Units.formatSeconds($0))" },
                    ].compactMap(\.self).joined(separator: ", "), verdict: verdict(account.deadlineKept)),
                .init(
                    "cost", Units.formatPrice(account.cost),
                    note: [
                        plan.map { "planned \(Units.formatPrice($0.cost))" },
                        account.budget.map { "budget \(Units.formatPrice($0))" },
                    ].compactMap(\.self).joined(separator: ", "), verdict: verdict(account.budgetKept)),
                .init(
                    "attempts", "\(attempts.count)", note: "\(failures) did not succeed",
                    verdict: failures > 0 ? .bad : .good),
            ], sections: sections)
    }

    /// The newest hundred attempts that did not succeed, and why.
    private var failed: HTMLReport.Section? {
        let bad = attempts.filter { $0.status != .completed }
        guard !bad.isEmpty else { return nil }
        let rows = bad.suffix(100).map { attempt -> [HTMLTable.Cell] in
            [
                .text(attempt.task ?? ""), .text(attempt.attempt.map { "\($0)" } ?? ""),
                .text(attempt.failureCause ?? ""), .text(attempt.failureMessage ?? ""),
            ]
        }
        let columns: [HTMLTable.Column] = [.init("task"), .init("attempt"), .init("cause"), .init("what happened")]
        let caption = bad.count > rows.count ? "The newest \(rows.count) of \(bad.count)." : ""
        return .init("What did not succeed", [.table(HTMLTable(columns: columns, rows: rows), caption: caption)])
    }

    private var running: HTMLReport.Section? {
        guard !attempts.isEmpty else { return nil }
        return .init("What ran where", [.figure(ganttChart(), caption: "Hatched attempts failed or were taken back.")])
    }

    /// What led to the end, at most the last hundred steps, and what faster types would have gained.
    private var critical: HTMLReport.Section? {
        guard path.steps.count > 1 || path.gains.count > 1 else { return nil }
        let steps = path.steps.suffix(100).map { step -> [HTMLTable.Cell] in
            [
                .text(
                    step.task.map { $0.rawValue + (step.attempt > 1 ? " (attempt \(step.attempt))" : "") } ?? "instance"
                ),
                .text(step.instance), .text(step.reason == .nothing ? "" : step.reason.rawValue),
                .number(step.delaySeconds), .number(step.startSeconds), .number(step.endSeconds - step.startSeconds),
            ]
        }
        let gains = path.gains.prefix(20).map { gain -> [HTMLTable.Cell] in
            [.text(gain.type), .number(gain.workSeconds), .number(gain.pathSeconds), .number(gain.gainSeconds)]
        }
        return .init(
            "What took the time",
            [
                .prose(
                    "The end follows from these attempts, each of which waited for the one above: for its result, its room on "
                        + "the instance, the instance itself, or another attempt at the same task. "
                        + "\(Units.formatSeconds(path.waitedSeconds)) of \(Units.formatSeconds(path.elapsedSeconds)) nothing of "
                        + "them ran."),
                .table(
                    HTMLTable(
                        columns: [
                            .init("task"), .init("instance"), .init("waited for"), .init("and then", .seconds),
                            .init("started after", .seconds), .init("took", .seconds),
                        ], rows: steps), caption: "The critical path"),
                .table(
                    HTMLTable(
                        columns: [
                            .init("type"), .init("all its work", .seconds), .init("on the critical path", .seconds),
                            .init("gain", .seconds),
                        ], rows: gains),
                    caption: "Had a type of task been twice as fast, on the same instances in the same order"),
            ])
    }

    private var predicted: HTMLReport.Section? {
        let judged = attempts.filter {
            $0.status == .completed && $0.predictedSeconds != nil && $0.runtimeSeconds ?? 0 > 0
        }
        guard !judged.isEmpty else { return nil }
        let byType = Dictionary(grouping: judged) { $0.taskType ?? "" }.sorted { $0.key < $1.key }
        let chart = ScatterChart(
            "Run time, predicted and measured", x: Axis("predicted", .seconds, spacing: .logarithmic),
            y: Axis("measured", .seconds, spacing: .logarithmic),
            groups: byType.map { type, attempts in
                .init(
                    type, x: attempts.map { $0.predictedSeconds ?? .nan }, y: attempts.map { $0.runtimeSeconds ?? .nan }
                )
            }, comparesEqual: true)
        return .init(
            "What was predicted",
            [.figure(chart, caption: "The prediction in force when an attempt started: its median.")])
    }

    private var instances: HTMLReport.Section? {
        guard !lives.isEmpty else { return nil }
        let rows = lives.map { life -> [HTMLTable.Cell] in
            [
                .text(life.instance.rawValue), .text(life.purchase.rawValue),
                .number(life.requestedTimeSeconds - account.startTimeSeconds),
                life.openedTimeSeconds.map { .number(max(0, life.closedTimeSeconds - $0)) } ?? .text("–"),
                .text(life.end.rawValue), .number(life.cost),
            ]
        }
        let columns: [HTMLTable.Column] = [
            .init("instance"), .init("bought"), .init("asked for after", .seconds), .init("lived", .seconds),
            .init("end"), .init("cost", .dollars),
        ]
        return .init("Instances", [.table(HTMLTable(columns: columns, rows: rows))])
    }
}
