public import Forecasting
internal import Foundation
public import Learning
internal import Markets
public import Plots
public import Prediction
public import Scheduling
public import Workloads

/// The page that `almanac demo` writes: one round of the whole loop in pictures.
public struct DemoReport: Sendable {
    /// How the bundled runs are predicted.
    public var evaluations: [TaskEvaluation]
    /// The spot price that is shown: its market, its history, and what is expected.
    public var market: PriceModel.Market
    public var history: (times: [Double], prices: [Double])
    public var forecast: Forecast
    public var errorRatios: [Double]
    /// The job on the pool of its job file, and on this machine.
    public var poolPlan: Plan
    public var localPlan: Plan
    public var graph: TaskGraph
    /// What the first run on this machine logged.
    public var outcomes: [AttemptRecord]
    public var retrainings: [Retraining]
    /// Of the second run, by the models before and after retraining.
    public var before: [TaskEvaluation]
    public var after: [TaskEvaluation]

    public init(
        evaluations: [TaskEvaluation], market: PriceModel.Market, history: (times: [Double], prices: [Double]),
        forecast: Forecast, errorRatios: [Double], poolPlan: Plan, localPlan: Plan, graph: TaskGraph,
        outcomes: [AttemptRecord],
        retrainings: [Retraining], before: [TaskEvaluation], after: [TaskEvaluation]
    ) {
        (self.evaluations, self.market, self.history, self.forecast) = (evaluations, market, history, forecast)
        self.errorRatios = errorRatios
        (self.poolPlan, self.localPlan, self.graph, self.outcomes) = (poolPlan, localPlan, graph, outcomes)
        (self.retrainings, self.before, self.after) = (retrainings, before, after)
    }

    public func page() -> HTMLReport {
        HTMLReport(
            "Almanac: one round of the loop",
            subtitle: "Trained on recorded runs, planned, run on this machine, logged, retrained.",
            tiles: [
                .init("tasks run here", "\(outcomes.count)", note: "real processes, twice", verdict: .neutral),
                .init(
                    "run-time error of the next run", Units.formatPercent(after.first?.chosen.mdape ?? .nan),
                    note: "\(Units.formatPercent(before.first?.chosen.mdape ?? .nan)) before retraining",
                    verdict: improved ? .good : .neutral),
                .init(
                    "plan on the pool", Units.formatPrice(poolPlan.cost),
                    note: "makespan \(Units.formatSeconds(poolPlan.makespanSeconds))", verdict: .neutral),
            ],
            sections: [learning, price, planning, running, retraining],
            footer: "Spot prices in this demonstration are generated, with the statistics of recorded ones.")
    }

    /// Errors of the second run before and after retraining: the picture of what the loop is for.
    public func retrainingChart() -> BarChart {
        BarChart(
            "Error of the next run, before and after retraining", axis: Axis("error", .share),
            categories: before.flatMap { evaluation in
                ["MdAPE", "WAPE"].map { "\(EvaluationReport.name(evaluation.target)), \($0)" }
            },
            series: [
                .init("before", before.flatMap { [$0.chosen.mdape, $0.chosen.wape] }, isBaseline: true),
                .init("after", after.flatMap { [$0.chosen.mdape, $0.chosen.wape] }),
            ])
    }

    /// The plan for this machine above what happened, on one scale.
    public func ganttChart() -> GanttChart {
        GanttChart(
            "Planned and run on this machine",
            panels: [
                .init("plan", localPlan, graph),
                .init("run", outcomes, start: outcomes.compactMap(\.startTimeSeconds).min() ?? 0),
            ], axis: Axis("time", .seconds))
    }

    /// History and forecast of the spot price.
    public func forecastChart() -> LineChart {
        let hours = forecast.mean.indices.map { market.lastTime + 3600 * Double($0 + 1) }
        return LineChart.fan(
            "Spot price of \(market.market.instanceType) in \(market.market.zone)", x: Axis("", .date),
            y: Axis("US dollars per hour", .dollars), historyX: history.times, history: history.prices,
            forecastX: hours, forecast: forecast.mean,
            intervals: forecast.intervals.map { (coverage: $0.level, lower: $0.lower, upper: $0.upper) },
            shape: .steps)
    }

    private var improved: Bool { (after.first?.chosen.mdape ?? 1) < (before.first?.chosen.mdape ?? 0) }

    private var learning: HTMLReport.Section {
        HTMLReport.Section(
            "Learn from recorded runs",
            [
                .table(
                    EvaluationReport.errorTable(evaluations),
                    caption: "Median absolute percentage error on the last 30 % of each task type, which no model saw.")
            ] + evaluations.map { .figure(EvaluationReport.predictedAgainstActual($0), caption: "") })
    }

    private var price: HTMLReport.Section {
        let ratios = zip(PriceModel.judgedHours, errorRatios).map { hours, ratio in
            "\(hours) h: \(String(format: "%.2f", ratio))"
        }.joined(separator: ", ")
        let loses = errorRatios.first.map { $0 >= 1 } ?? true
        return HTMLReport.Section(
            "Forecast the spot price",
            [
                .figure(forecastChart(), caption: "The bands hold 80 % and 95 % of futures. Model: \(forecast.model)."),
                .prose(
                    "Error over the last week of all markets against the naive forecast (the last price stays; below 1 is "
                        + "better): \(ratios)." + (loses ? " At one hour it does not beat naive." : "")),
            ])
    }

    private var planning: HTMLReport.Section {
        let rows = poolPlan.instances.map { instance -> [HTMLTable.Cell] in
            [
                .text(instance.id.rawValue), .text(instance.entry.purchase.rawValue),
                .number(instance.endSeconds - instance.startSeconds), .number(instance.cost),
            ]
        }
        return HTMLReport.Section(
            "Plan the next job",
            [
                .table(
                    HTMLTable(
                        columns: [
                            .init("instance"), .init("bought", nil), .init("used for", .seconds),
                            .init("cost", .dollars),
                        ], rows: rows),
                    caption: "On the pool of the job file, on-demand and spot, objective balanced: "
                        + "\(Units.formatSeconds(poolPlan.makespanSeconds)), \(Units.formatPrice(poolPlan.cost)).")
            ])
    }

    private var running: HTMLReport.Section {
        HTMLReport.Section(
            "Run it", [.figure(ganttChart(), caption: "Input sizes of later tasks were predicted before anything ran.")]
        )
    }

    private var retraining: HTMLReport.Section {
        HTMLReport.Section(
            "Learn from the outcomes",
            [.figure(retrainingChart(), caption: "Both predict the second run, which neither has seen.")]
                + retrainings.map { .prose("\(EvaluationReport.name($0.target)): \($0.reason).") })
    }

}
