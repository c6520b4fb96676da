import Plots

/// One small chart of every kind, for the golden files and the report.
enum Samples {
    static let charts: [(name: String, chart: any Chart)] = [
        ("fan", fan), ("steps", steps), ("rounds", rounds), ("scatter", scatter), ("gantt", gantt), ("dag", dag),
        ("calibration", calibration), ("bars", bars), ("empty", empty),
    ]

    static var fan: LineChart {
        let start = 1_709_251_200.0
        let history = (0..<60).map { 0.04 + 0.01 * wave($0) }
        let ahead = (60..<84).map(Double.init)
        let widths = (0..<24).map { 0.001 * Double($0 + 1).squareRoot() }
        let forecast = (60..<84).map { 0.04 + 0.01 * wave($0) }
        return LineChart.fan(
            "Spot price of m5.large in zone a, forecast for one day", x: Axis("", .date),
            y: Axis("Price per instance-hour", .dollars), historyX: (0..<60).map { start + Double($0) * 3600 },
            history: history, forecastX: ahead.map { start + $0 * 3600 }, forecast: forecast,
            intervals: [
                (0.5, zip(forecast, widths).map { $0 - $1 }, zip(forecast, widths).map { $0 + $1 }),
                (0.95, zip(forecast, widths).map { $0 - 3 * $1 }, zip(forecast, widths).map { $0 + 3 * $1 }),
            ])
    }

    static var steps: LineChart {
        let times = (0..<12).map { 1_700_000_000 + Double($0) * 43_000 }
        let prices: [Double] = [0.031, 0.031, 0.034, 0.034, 0.047, 0.05, 0.05, 0.041, 0.033, 0.033, 0.032, 0.032]
        return LineChart(
            "Spot prices", x: Axis("", .date), y: Axis("Price per instance-hour", .dollars, includesZero: true),
            series: [
                .init("us-east-1a", x: times, y: prices, shape: .steps),
                .init("us-east-1b", x: times, y: prices.reversed().map { $0 + 0.004 }, shape: .steps),
            ], references: [.init("on demand $0.096", at: 0.096, on: .y)])
    }

    static var rounds: LineChart {
        let rounds: [Double] = [0, 1, 2, 3, 4]
        return LineChart(
            "Error before and after retraining", x: Axis("Round of retraining", .count),
            y: Axis("Median absolute percentage error", .share, includesZero: true),
            series: [
                .init("forest", x: rounds, y: [0.41, 0.22, 0.15, 0.13, 0.12], shape: .dots),
                .init("linear", x: rounds, y: [0.38, 0.30, .nan, 0.27, 0.27], shape: .dots),
                .init(
                    "median of the task type", x: rounds, y: [0.52, 0.5, 0.5, 0.49, 0.49], shape: .dots,
                    isBaseline: true
                ),
            ])
    }

    static var scatter: ScatterChart {
        let groups = (0..<5).map { group in
            let actual = (0..<12).map { Double(group * group * 40 + 3) * (1 + 0.3 * Double($0)) }
            let predicted = actual.enumerated().map { $0.element * (1 + 0.4 * wave($0.offset * 7 + group)) }
            return ScatterChart.Group(
                ["sort", "compress", "align <ref>", "index", "call & merge"][group], x: actual, y: predicted)
        }
        return ScatterChart(
            "Predicted against actual run time", x: Axis("Actual run time", .seconds, spacing: .logarithmic),
            y: Axis("Predicted run time", .seconds, spacing: .logarithmic), groups: groups, comparesEqual: true)
    }

    static var gantt: GanttChart {
        let plan: [GanttChart.Bar] = [
            .init("split", type: "split", row: "m5.large-1", start: 0, end: 60, isCritical: true),
            .init("sort-1", type: "sort", row: "m5.large-1", start: 60, end: 250, isCritical: true),
            .init("sort-2", type: "sort", row: "m5.large-1", start: 60, end: 200),
            .init("sort-3", type: "sort", row: "spot-c5-2", start: 60, end: 240),
            .init("merge", type: "merge", row: "m5.large-1", start: 250, end: 330, isCritical: true),
        ]
        let run: [GanttChart.Bar] = [
            .init("split", type: "split", row: "m5.large-1", start: 0, end: 66, isCritical: true),
            .init("sort-1", type: "sort", row: "m5.large-1", start: 66, end: 240),
            .init("sort-2", type: "sort", row: "m5.large-1", start: 66, end: 120, outcome: .failed),
            .init("sort-2", type: "sort", row: "m5.large-1", start: 122, end: 260),
            .init("sort-3", type: "sort", row: "spot-c5-2", start: 66, end: 150, outcome: .reclaimed),
            .init("sort-3", type: "sort", row: "m5.large-1", start: 155, end: 340, isCritical: true),
            .init("merge", type: "merge", row: "m5.large-1", start: 340, end: 424, isCritical: true),
        ]
        return GanttChart("Plan and run", panels: [.init("Plan", plan), .init("Run", run)], deadline: 450)
    }

    static var dag: DAGChart {
        DAGChart(
            "Sort in three parts",
            nodes: [
                .init("split", type: "split", layer: 0, isCritical: true),
                .init("sort-1", type: "sort", layer: 1, isCritical: true), .init("sort-2", type: "sort", layer: 1),
                .init("sort-3 to sort-12", type: "sort", layer: 1, count: 10),
                .init("merge", type: "merge", layer: 2, isCritical: true), .init("report", type: "report", layer: 3),
            ],
            edges: [
                .init(0, 1, isCritical: true), .init(0, 2), .init(0, 3), .init(1, 4, isCritical: true), .init(2, 4),
                .init(3, 4), .init(4, 5), .init(0, 5),
            ], notes: ["One box stands for ten tasks."])
    }

    static var calibration: CalibrationChart {
        let nominal = [0.1, 0.25, 0.5, 0.75, 0.9]
        return CalibrationChart(
            "Do the intervals hold?",
            series: [
                .init("forest", nominal: nominal, observed: [0.12, 0.27, 0.49, 0.76, 0.91]),
                .init("linear", nominal: nominal, observed: [0.05, 0.15, 0.31, 0.52, 0.7]),
            ], outcomeCount: 200)
    }

    static var bars: BarChart {
        BarChart(
            "Error by task type", axis: Axis("Median absolute percentage error", .share),
            categories: ["sort", "compress", "a task type whose name is much too long to fit", "index"],
            series: [
                .init("forest", [0.08, 0.12, 0.31, 0.05]), .init("linear", [0.11, 0.1, 0.44, .nan]),
                .init("median of the type", [0.35, 0.42, 0.52, 0.2], isBaseline: true),
            ])
    }

    static var empty: ScatterChart {
        ScatterChart("Nothing yet", x: Axis("x"), y: Axis("y"), groups: [.init("none", x: [.nan], y: [1])])
    }

    static var report: HTMLReport {
        let table = HTMLTable(
            columns: [.init("Task type"), .init("Runs", .count), .init("Forest", .share), .init("Median", .share)],
            rows: [
                [.text("sort"), .number(120), .number(0.08), .number(0.35)],
                [.text("compress & <hash>"), .number(1240), .number(0.42), .number(0.12)],
                [.text("index"), .number(3), .number(.nan)],
            ], best: .lowestInRow)
        return HTMLReport(
            "Almanac report", subtitle: "From recorded runs to a cheaper next run",
            tiles: [
                .init("Makespan", "7 min 4 s", note: "deadline 7 min 30 s", verdict: .good),
                .init("Cost", "$0.043", note: "on demand $0.112"),
                .init("Reclaimed", "1 instance", note: "1 attempt lost", verdict: .bad),
            ],
            sections: [
                .init(
                    "Models",
                    [
                        .prose(
                            "The **forest** beats `median` on *most* types.\n\nA `type` with < 5 runs has no error."),
                        .table(table, caption: "Median absolute percentage error on held-out runs; best is bold."),
                        .figure(Samples.scatter, caption: "Every held-out run."),
                        .figure(Samples.bars), .figure(Samples.calibration, caption: "Coverage on 200 runs."),
                    ]),
                .init(
                    "Prices",
                    [.figure(Samples.fan, caption: "Shaded: 50 % and 95 % intervals."), .figure(Samples.steps)]),
                .init("Schedule", [.figure(Samples.gantt), .code("$ almanac run job.yaml\n  7 tasks done")]),
                .init("Learning", [.figure(Samples.rounds)]),
            ], footer: "Made by almanac.")
    }

    /// A smooth curve without the mathematics library, between -1 and 1.
    private static func wave(_ step: Int) -> Double {
        let phase = Double(step % 24) / 12 - 1
        return 4 * phase * (1 - phase.magnitude)
    }
}
