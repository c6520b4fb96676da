internal import Allocation
public import Plots
public import Simulation
internal import Workloads

/// The page of a policy beside the rules that need no learning: a table, the ratios of all episodes, and what ran where in the
/// episodes in which it won and lost most against the best of the others.
public struct PolicyReport: Sendable {
    private let workload: PolicyWorkload
    private let model: PolicyModel
    private let comparison: PolicyComparison

    /// Makes the page of a comparison.
    public init(_ workload: PolicyWorkload, _ model: PolicyModel, _ comparison: PolicyComparison) {
        (self.workload, self.model, self.comparison) = (workload, model, comparison)
    }

    /// The whole page.
    public func page() -> HTMLReport {
        let rows = comparison.rows
        var sections = [HTMLReport.Section("Beside other rules", [.table(table), .figure(ratios)])]
        if let best = comparison.best, let place = rows.firstIndex(of: best) { sections += extremes(best.name, place) }
        let best = comparison.best
        return HTMLReport(
            "A learnt policy", subtitle: "Trained on \(model.origin.jobs.joined(separator: ", ")).",
            tiles: [
                .init("mean \(workload.objective.rawValue)", format(rows[0].mean), note: "p95 \(format(rows[0].p95))"),
                .init(
                    "best of the others", best?.name ?? "none",
                    note: best.map { "\(Units.format($0.ratio, digits: 3)) × the policy's" } ?? "",
                    verdict: comparison.isBetterThanAll ? .good : .bad),
                .init(
                    "trained", Units.formatSeconds(model.origin.seconds),
                    note: Units.count(model.origin.generations, "generation")),
            ], sections: sections)
    }

    private func format(_ value: Double) -> String {
        workload.objective == .cost ? Units.formatPrice(value) : Units.formatSeconds(value)
    }

    private var table: HTMLTable {
        let quantity: Quantity = workload.objective == .cost ? .dollars : .seconds
        return HTMLTable(
            columns: [
                .init("rule"), .init("mean", quantity), .init("p95", quantity), .init("by the policy's", .number),
                .init("95 % from", .number), .init("to", .number),
            ],
            rows: comparison.rows.map { row in
                [
                    .text(row.name), .number(row.mean), .number(row.p95), .number(row.ratio), .number(row.low),
                    .number(row.high),
                ]
            })
    }

    /// The values of each rule by the policy's, sorted, so that one sees how often it wins and by how much.
    private var ratios: LineChart {
        LineChart(
            "Value by the policy's, episodes in order: above 1 the policy wins", x: Axis("episodes", .share),
            y: Axis("ratio", .number),
            series: zip(comparison.rows, comparison.values).dropFirst().map { row, values in
                let sorted = zip(values, comparison.values[0]).map { $0 / max($1, 1e-300) }.sorted()
                let count = Double(max(1, sorted.count - 1))
                return .init(row.name, x: sorted.indices.map { Double($0) / count }, y: sorted)
            })
    }

    private func extremes(_ name: String, _ place: Int) -> [HTMLReport.Section] {
        let ratios = zip(comparison.values[place], comparison.values[0]).map { $0 / max($1, 1e-300) }
        let finite = ratios.indices.filter { ratios[$0].isFinite }
        guard let win = finite.max(by: { ratios[$0] < ratios[$1] }),
            let loss = finite.min(by: { ratios[$0] < ratios[$1] })
        else { return [] }
        let other = SchedulingPolicy.rules.first { $0.name == name } ?? .longestPath
        return [("Where it won most", win), ("Where it won least, or lost most", loss)].map { title, episode in
            let seed = comparison.seeds[episode]
            let panels = [
                panel("learnt", seed, .learned(model.rule)), panel(name, seed, other),
            ]
            return HTMLReport.Section(
                title,
                [
                    .figure(
                        GanttChart("Episode \(episode + 1)", panels: panels),
                        caption: "'\(name)' takes \(Units.format(ratios[episode], digits: 3)) × what the policy takes.")
                ])
        }
    }

    private func panel(_ name: String, _ seed: UInt64, _ policy: SchedulingPolicy) -> GanttChart.Panel {
        let history = workload.simulator(seed: seed, policy).history(seed: seed)
        let graphs = workload.jobs(seed: seed).map { workload.templates[$0.template].graph }
        let state = history.state
        let bars = history.attempts.filter { $0.startSeconds.isFinite }.map { attempt in
            let job = Int(state.tasks.job[Int(attempt.id.task)])
            let task = graphs[job].tasks[Int(attempt.id.task - state.jobs[job].first)]
            let offer = Int(state.instances.offer[Int(attempt.instance)])
            let number = (0..<Int(attempt.instance)).count { Int(state.instances.offer[$0]) == offer }
            return GanttChart.Bar(
                task.id.rawValue, type: state.jobs[job].name, row: state.offers[offer].instanceID(number).rawValue,
                start: attempt.startSeconds, end: attempt.endSeconds,
                outcome: attempt.failure == nil ? .succeeded : .failed)
        }
        return GanttChart.Panel(name, bars.sorted { ($0.row, $0.start) < ($1.row, $1.start) })
    }
}
