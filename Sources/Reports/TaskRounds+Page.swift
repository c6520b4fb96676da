public import Learning
public import Plots

extension TaskRounds {
    /// The error by round.
    public var chart: LineChart {
        let x = rounds.indices.map { Double($0 + 1) }
        return LineChart(
            "\(workflow): error of the \(EvaluationReport.name(target)) by round", x: Axis("round", .number),
            y: Axis("median error", .share, includesZero: true),
            series: [
                .init("median of the type", x: x, y: rounds.map(\.median.mdape), isBaseline: true),
                .init("first model kept", x: x, y: rounds.map(\.kept.mdape)),
                .init("retrained", x: x, y: rounds.map(\.retrained.mdape)),
            ])
    }

    /// The page of several replays.
    public static func page(_ replays: [TaskRounds]) -> HTMLReport {
        HTMLReport(
            "What retraining is worth",
            subtitle:
                "The first 30 % of each task type are learnt from; then round by round, with and without retraining.",
            sections: replays.map { replay in
                HTMLReport.Section(
                    "\(replay.workflow): \(EvaluationReport.name(replay.target))",
                    [.figure(replay.chart, caption: "\(replay.rounds.reduce(0) { $0 + $1.runs }) runs predicted.")])
            })
    }
}
