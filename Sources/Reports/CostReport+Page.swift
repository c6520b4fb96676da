public import Plots
public import Sizing
public import Workloads

extension CostReport {
    /// A page that says what was paid, for what, and what was saved.
    ///
    /// - Parameters:
    ///   - title: For instance the name of a run.
    ///   - gantt: What ran where in one run, and what of it was lost.
    ///   - progress: How that run spent and got on.
    public func page(_ title: String, gantt: GanttChart? = nil, progress: LineChart? = nil) -> HTMLReport {
        let total = total
        var tiles = [
            HTMLReport.Tile("paid", total.paid.description),
            HTMLReport.Tile(
                "lost to reclaims", total.reclaimed.description, note: Self.share(total.reclaimed, of: total.paid),
                verdict: total.reclaimed > .zero ? .bad : .good),
        ]
        if let saved = total.saved, let onDemand = total.onDemand {
            tiles.append(
                .init(
                    "saved against on demand", saved.description, note: Self.share(saved, of: onDemand),
                    verdict: saved > .zero ? .good : saved < .zero ? .bad : .neutral))
        }
        if let regret = total.regret {
            tiles.append(.init("more than in hindsight", regret.description, note: Self.share(regret, of: total.paid)))
        }
        var sections: [HTMLReport.Section] = []
        if gantt != nil || progress != nil {
            var blocks: [HTMLReport.Block] = []
            if let gantt {
                blocks.append(.figure(gantt, caption: "Hatched is work that was lost and paid for all the same."))
            }
            if let progress {
                blocks.append(
                    .figure(
                        progress,
                        caption:
                            "Each dot is an attempt that completed: which share of the work was done then, and what had been paid until then."
                    ))
            }
            sections.append(.init("Where the money went", blocks))
        }
        for grouping in Grouping.allCases {
            let rows = rows(by: grouping)
            guard rows.count > 1 || grouping == .run, !rows.isEmpty else { continue }
            let caption = rows.count > 200 ? "The dearest 200 of \(rows.count)." : ""
            sections.append(
                .init("By \(grouping.rawValue)", [.table(Self.table(rows.prefix(200), grouping), caption: caption)]))
        }
        sections.append(
            .init(
                "How this is counted",
                [
                    .prose(
                        "An instance costs from when it took tasks until it was gone, as its offer bills it. Each second is divided "
                            + "among the attempts that ran in it by the processors that they had; where none ran it was idle. Lost to "
                            + "reclaims is work that no checkpoint saved. On demand is what the same useful and idle time would have "
                            + "cost at the on-demand price, with nothing taken back. Amounts are whole units of 1e-9 dollar, so that "
                            + "all sums agree.")
                ]))
        return HTMLReport(title, tiles: tiles, sections: sections)
    }

    private static func share(_ part: Money, of whole: Money) -> String {
        whole > .zero ? Units.formatPercent(part.dollars / whole.dollars) : ""
    }

    private static func table(_ rows: some Collection<Row>, _ grouping: Grouping) -> HTMLTable {
        func amount(_ money: Money?) -> HTMLTable.Cell { money.map { .number($0.dollars) } ?? .text("–") }
        let hasRegret = rows.contains { $0.regret != nil }
        let names = ["paid", "useful", "lost to reclaims", "failed", "idle", "on demand", "saved"]
        return HTMLTable(
            columns: [.init(grouping.rawValue)]
                + (names + (hasRegret ? ["regret"] : [])).map { .init($0, .dollars) },
            rows: rows.map { row in
                let amounts = [row.paid, row.useful, row.reclaimed, row.failed, row.idle, row.onDemand, row.saved]
                return [.text(row.name)] + (amounts + (hasRegret ? [row.regret] : [])).map(amount)
            })
    }

    /// What ran where in one run; of attempts that were reclaimed, what was lost is hatched and what was saved is not.
    public func ganttChart(_ title: String, _ attempts: [AttemptRecord]) -> GanttChart {
        let start = attempts.compactMap(\.startTimeSeconds).min() ?? 0
        let bars = attempts.sorted { ($0.startTimeSeconds ?? 0) < ($1.startTimeSeconds ?? 0) }.flatMap {
            attempt -> [GanttChart.Bar] in
            guard let from = attempt.startTimeSeconds, let to = attempt.endTimeSeconds, to >= from else { return [] }
            let isDone = attempt.status == .completed
            let saved = isDone ? 1 : savedShares[AttemptKey(attempt)] ?? 0
            let middle = from + (to - from) * saved
            let name = (attempt.task ?? "") + ((attempt.attempt ?? 1) > 1 ? " (attempt \(attempt.attempt ?? 1))" : "")
            func bar(_ from: Double, _ to: Double, _ outcome: GanttChart.Outcome) -> GanttChart.Bar {
                .init(
                    name, type: attempt.taskType ?? "", row: attempt.instance ?? "local", start: from - start,
                    end: to - start,
                    outcome: outcome)
            }
            let lost = bar(middle, to, attempt.cause == .reclaimed || attempt.cause == .lost ? .reclaimed : .failed)
            return (saved > 0 ? [bar(from, middle, .succeeded)] : []) + (isDone ? [] : [lost])
        }
        return GanttChart(title, panels: [GanttChart.Panel("run", bars)])
    }

    /// What had been spent when which share of the work was done, beside what on-demand instances would have cost.
    public func progressChart(_ title: String, _ attempts: [AttemptRecord], _ lives: [InstanceLife]) -> LineChart? {
        let points = Self.progress(attempts, lives)
        guard !points.isEmpty else { return nil }
        var series = [
            LineChart.Series(
                "spent", x: [0] + points.map(\.share), y: [0] + points.map(\.paid),
                shape: points.count > 60 ? .line : .dots)
        ]
        if let onDemand = total.onDemand, onDemand > .zero {
            series.append(.init("on demand", x: [0, 1], y: [0, onDemand.dollars], isDashed: true, isBaseline: true))
        }
        return LineChart(title, x: Axis("Work done", .share), y: Axis("Spent", .dollars), series: series)
    }
}
