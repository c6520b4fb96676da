public import Plots
public import Tables

extension TableEvaluation {
    /// The page that shows an evaluation.
    public var page: HTMLReport {
        let quantity = Self.quantity(target)
        let positive = points.allSatisfy { $0.actual > 0 && $0.predicted > 0 }
        let groups = Dictionary(grouping: points, by: \.group).sorted {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }
        let spacing: Axis.Spacing = positive ? .logarithmic : .linear
        let errorTable = HTMLTable(
            columns: [
                .init("model"), .init("RMSE", quantity), .init("MAE", quantity), .init("MdAPE", .share),
                .init("pinball", quantity), .init("80 % interval holds", .share), .init("90 % interval holds", .share),
            ],
            rows: errors.map {
                [
                    .text($0.name), .number($0.rmse), .number($0.mae), .number($0.mdape), .number($0.pinball),
                    .number($0.coverage80), .number($0.coverage90),
                ]
            })
        var sections = [
            HTMLReport.Section("Errors", [.table(errorTable, caption: "Rows that the model had not seen.")]),
            HTMLReport.Section(
                "Predicted against actual",
                [
                    .figure(
                        ScatterChart(
                            "Predicted against actual \(target)", x: Axis("actual", quantity, spacing: spacing),
                            y: Axis("predicted", quantity, spacing: spacing),
                            groups: groups.map {
                                .init($0.key, x: $0.value.map(\.actual), y: $0.value.map(\.predicted))
                            }, comparesEqual: true, guideFactor: positive ? 2 : nil), caption: "")
                ]),
            HTMLReport.Section(
                "Calibration",
                [
                    .figure(
                        CalibrationChart(
                            "Do the intervals hold?", series: [.init(learner, nominal: levels, observed: coverage)],
                            outcomeCount: judgedRows), caption: "")
                ]),
        ]
        if !importance.isEmpty {
            let shown = importance.prefix(12)
            sections.append(
                HTMLReport.Section(
                    "What the prediction depends on",
                    [
                        .figure(
                            BarChart(
                                "Rise of the error when a feature is shuffled", axis: Axis("rise of RMSE", .share),
                                categories: shown.map(\.feature), series: [.init(learner, shown.map(\.rise))]),
                            caption: "")
                    ]))
        }
        return HTMLReport(
            "How well \(target) is predicted",
            subtitle: "\(learner), \(judgedRows) rows judged; split: \(scheme).", sections: sections)
    }

    /// Seconds and bytes by the name of the column.
    static func quantity(_ column: String) -> Quantity {
        if column.hasSuffix("seconds") || column.hasSuffix("_s") { return .seconds }
        return column.hasSuffix("_bytes") || column == "bytes" ? .bytes : .number
    }
}
