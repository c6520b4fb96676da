internal import Allocation
public import Plots
public import Simulation
internal import Workloads

/// The page of a job under a deadline on recorded spot markets: what each policy cost, and what was held when in one run.
public struct SpotReport: Sendable {
    private let comparison: SpotComparison
    private let deadlineSeconds: Double

    /// Makes the page of a comparison.
    public init(_ comparison: SpotComparison, deadlineSeconds: Double) {
        (self.comparison, self.deadlineSeconds) = (comparison, deadlineSeconds)
    }

    /// The whole page.
    public func page() -> HTMLReport {
        let plan = comparison.rows[0]
        let best = comparison.rows.dropFirst().min { $0.meanCost < $1.meanCost }
        let missed = comparison.rows.map(\.missedDeadlines).reduce(0, +)
        return HTMLReport(
            "A job on spot under a deadline",
            subtitle:
                "\(Units.count(comparison.starts, "start")) on recorded markets; costs are shares of those on demand.",
            tiles: [
                .init("the plan costs", Units.formatPercent(plan.meanCost), note: "of on demand from the start"),
                .init(
                    "the best rule", best.map { Units.formatPercent($0.meanCost) } ?? "–", note: best?.policy ?? "none"),
                .init("deadlines missed", "\(missed)", note: "by any policy", verdict: missed == 0 ? .good : .bad),
            ],
            sections: [
                .init("Policies", [.table(table), .figure(costs)]),
                .init(
                    "One run",
                    [
                        .figure(
                            ganttChart(),
                            caption:
                                "Hatched: paid for, but without progress – starting up, and doing again what was lost.")
                    ]),
            ])
    }

    /// What was held when in the run at which the plan does as well as it mostly does, above Uniform Progress in the same.
    public func ganttChart() -> GanttChart {
        GanttChart(
            "On \(comparison.exampleZone)",
            panels: comparison.example.map { policy, stretches, outcome in
                GanttChart.Panel(policy, stretches.flatMap(bars))
            }, deadline: deadlineSeconds)
    }

    private func bars(_ stretch: SpotStretch) -> [GanttChart.Bar] {
        let name = stretch.machine == .spot ? "spot" : "on demand"
        let ready = min(stretch.end, stretch.start + stretch.changeover)
        var bars: [GanttChart.Bar] = []
        if ready > stretch.start {
            bars.append(
                .init(
                    "no progress", type: name, row: name, start: Double(stretch.start), end: Double(ready),
                    outcome: .reclaimed))
        }
        if stretch.end > ready {
            bars.append(
                .init(
                    stretch.wasLost ? "work, then reclaimed" : "work", type: name, row: name, start: Double(ready),
                    end: Double(stretch.end)))
        }
        return bars
    }

    private var costs: BarChart {
        BarChart(
            "Mean cost as a share of on demand", axis: Axis("", .share), categories: comparison.rows.map(\.policy),
            series: [.init("cost", comparison.rows.map(\.meanCost))])
    }

    private var table: HTMLTable {
        HTMLTable(
            columns: [
                .init("policy"), .init("mean cost", .share), .init("one in ten above", .share),
                .init("above the optimum", .share), .init("work on spot", .share), .init("machines", .number),
                .init("missed", .number),
            ],
            rows: comparison.rows.map { row in
                [
                    .text(row.policy), .number(row.meanCost), .number(row.p90Cost),
                    row.regret.map { .number($0) } ?? .text("–"), .number(row.spotShare), .number(row.starts),
                    .number(Double(row.missedDeadlines)),
                ]
            })
    }
}
