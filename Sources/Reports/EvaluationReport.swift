public import Learning
public import Plots
import Prediction

/// The page that shows an evaluation.
public enum EvaluationReport {
    /// One section per workflow and target, with a summary table first.
    public static func page(_ evaluations: [TaskEvaluation]) -> HTMLReport {
        HTMLReport(
            "How well later runs are predicted",
            subtitle: "History → next: learnt from the first 70 % of each task type, judged on the last 30 %.",
            sections: [HTMLReport.Section("Errors", [.table(errorTable(evaluations), caption: caption)])]
                + evaluations.map { evaluation in
                    HTMLReport.Section(
                        "\(evaluation.workflow): \(name(evaluation.target))",
                        [
                            .figure(predictedAgainstActual(evaluation), caption: ""),
                            .figure(calibration(evaluation), caption: ""),
                        ])
                })
    }

    private static let caption =
        "Median absolute percentage error of the later runs. 'almanac' chooses per task type on the earlier runs alone."

    /// MdAPE of the candidates and of the choice, a row per workflow and target.
    public static func errorTable(_ evaluations: [TaskEvaluation]) -> HTMLTable {
        let shown: [TaskModel.Candidate] = [.median, .linear, .logLog, .forest]
        return HTMLTable(
            columns: [.init("workflow"), .init("target")] + shown.map { .init($0.rawValue, .share) }
                + [.init("almanac", .share), .init("90 % interval holds", .share)],
            rows: evaluations.map { evaluation in
                [.text(evaluation.workflow), .text(name(evaluation.target))]
                    + shown.map { .number(evaluation.candidates[$0]?.mdape ?? .nan) }
                    + [.number(evaluation.chosen.mdape), .number(evaluation.coverage90)]
            })
    }

    /// The scatter of predicted against actual, coloured by task type.
    public static func predictedAgainstActual(_ evaluation: TaskEvaluation) -> ScatterChart {
        let quantity: Quantity = evaluation.target == .runtime ? .seconds : .bytes
        let groups = Dictionary(grouping: evaluation.points, by: \.type).sorted {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }
        return ScatterChart(
            "Predicted against actual \(name(evaluation.target))",
            x: Axis("actual", quantity, spacing: .logarithmic), y: Axis("predicted", quantity, spacing: .logarithmic),
            groups: groups.map { .init($0.key, x: $0.value.map(\.actual), y: $0.value.map(\.predicted)) },
            comparesEqual: true, guideFactor: 2)
    }

    /// How often later runs lay inside their central intervals.
    public static func calibration(_ evaluation: TaskEvaluation) -> CalibrationChart {
        CalibrationChart(
            "Calibration", series: [.init("almanac", nominal: TaskEvaluation.levels, observed: evaluation.coverage)],
            outcomeCount: evaluation.testRows)
    }

    static func name(_ target: TaskTarget) -> String {
        switch target {
        case .runtime: "run time"
        case .peakMemory: "peak memory"
        case .outputSize: "output size"
        }
    }
}
