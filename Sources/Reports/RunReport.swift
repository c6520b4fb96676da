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

    /// Makes the page of a run.
    ///
    /// - Parameters:
    ///   - plan: What it began with.
    ///   - attempts: All of the run, in any order.
    ///   - lives: All instances that are gone.
    ///   - goal: By when it should end, in seconds after its start, and what it may cost.
    public init(
        _ title: String, _ graph: TaskGraph, plan: Plan?, attempts: [AttemptRecord], lives: [InstanceLife],
        goal: Goal = Goal(.balanced)
    ) {
        (self.title, self.graph, self.plan, self.lives) = (title, graph, plan, lives)
        account = RunAccount(attempts, lives, goal)
        self.attempts = attempts.sorted { ($0.startTimeSeconds ?? 0) < ($1.startTimeSeconds ?? 0) }
    }

    /// The plan above what happened.
    public func ganttChart() -> GanttChart {
        let planned = plan.map { [GanttChart.Panel("plan", $0, graph)] } ?? []
        // One that is far away would leave the bars no room.
        let shown = 2 * max(account.elapsedSeconds, plan?.makespanSeconds ?? 0)
        return GanttChart(
            plan == nil ? "What ran where" : "Planned and run",
            panels: planned + [GanttChart.Panel("run", attempts, start: account.startTimeSeconds)],
            deadline: account.deadlineSeconds.flatMap { $0 <= shown ? $0 : nil })
    }

    /// The whole page.
    public func page() -> HTMLReport {
        let failures = attempts.count { $0.status != .completed }
        func verdict(_ isKept: Bool?) -> HTMLReport.Tile.Verdict { isKept.map { $0 ? .good : .bad } ?? .neutral }
        let sections = [failed, running, predicted, instances].compactMap(\.self)
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
