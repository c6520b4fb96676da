import ArgumentParser
import Foundation
import Learning
import Plots
import Prediction
import Reports
import Store
import Traces

/// `almanac evaluate [tasks]`: errors on later runs, beside the simple models.
struct EvaluateTasksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks",
        abstract: "Show how far predictions are off on later runs, beside the median, a line and a forest.",
        discussion: """
            Protocol "history → next", per workflow; those with too few runs of any task type are taken together where they \
            share one. Of every task type with enough runs the first 70 % by submission are \
            learnt from, the last 30 % are predicted. Cells are MdAPE / WAPE in percent; 'almanac' is the choice made per \
            task type on the earlier runs alone. '90 % holds' is the share of later runs inside their 90 % interval. \
            Only what is known before a task starts predicts it. --hindsight lets the bytes that it read do so as well, as \
            others publish: how much a known input size may be worth. Of runs that were killed for want of memory or time only \
            a bound is known; more than it is no error. \
            --rounds replays the later 70 % in time order instead, with and without retraining.
            """)

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Only this workflow.")
    var workflow: String?

    @Option(name: .long, help: "Leave out task types with fewer runs.")
    var minimumRuns = 20

    @Option(name: .long, help: "Replay so many rounds: the model of the first 30 % beside one trained anew each round.")
    var rounds: Int?

    @Flag(name: .long, help: "Predict by the bytes that a task read as well, which are known only after it.")
    var hindsight = false

    @Flag(name: .long, help: "Show every candidate, not only the baselines.")
    var candidates = false

    @Option(name: .long, help: "Write a report with pictures to this HTML file.")
    var report: String?

    func validate() throws {
        guard minimumRuns >= 4 else { throw ValidationError("--minimum-runs is \(minimumRuns), expected 4 or more.") }
        if let rounds, !(1...1000 ~= rounds) { throw ValidationError("--rounds is \(rounds), expected 1 to 1000.") }
    }

    func run() throws {
        let console = global.console
        let store = try storage.existing()
        var options = TaskModelOptions()
        options.threads = global.threads
        var evaluations: [TaskEvaluation] = []
        var replays: [TaskRounds] = []
        let workflows = try store.workflows().map(\.name).filter { workflow == nil || $0 == workflow }
        let targets: [TaskTarget] = [.runtime, .peakMemory]
        let bar = console.progress("evaluating", total: workflows.count * targets.count)
        /// Whether some task type has enough runs.
        func evaluate(_ table: ExecutionTable, _ name: String, _ target: TaskTarget) throws -> Bool {
            do {
                let samples = try TaskSamples(table, target: target, hindsight: hindsight)
                if let rounds {
                    replays.append(
                        try TaskRounds(
                            samples, workflow: name, rounds: rounds, options: options, seed: global.seed,
                            minimumRows: minimumRuns))
                } else {
                    evaluations.append(
                        try TaskEvaluation(
                            samples, workflow: name, options: options, seed: global.seed, minimumRows: minimumRuns))
                }
                return true
            } catch let error as PredictionError {
                guard case .noRows = error else { throw error }
                return false
            }
        }
        var small: [TaskTarget: [String]] = [:]
        for name in workflows {
            let table = try store.executions(workflow: name)
            for target in targets {
                if try !evaluate(table, name, target) { small[target, default: []].append(name) }
                bar.advance()
            }
        }
        for target in targets {
            for pool in try pools(of: small[target] ?? [], store) {
                let name = pool.names[0] + (pool.names.count > 1 ? " and \(pool.names.count - 1) more" : "")
                if try !evaluate(pool.table, name, target) {
                    console.remark("\(name): no task type has \(minimumRuns) runs with \(target.rawValue)")
                } else {
                    console.remark(
                        "\(name): taken together, as they share task types. Runs of one pipeline are imported with "
                            + "--workflow NAME")
                }
            }
        }
        bar.finish()
        guard !evaluations.isEmpty || !replays.isEmpty else {
            throw Failure.input(
                "\(storage.store): nothing to evaluate\(workflow.map { " of workflow '\($0)'" } ?? ""). "
                    + "Import traces with at least \(minimumRuns) runs of a task type, or lower --minimum-runs.")
        }
        if rounds != nil {
            if let report { try Console.write(Data(TaskRounds.page(replays).html().utf8), toFile: report) }
            return try console.result(replays, text: text(replays))
        }
        if let report {
            let page = EvaluationReport.page(evaluations)
            try Console.write(Data(page.html().utf8), toFile: report)
        }
        try console.result(evaluations, text: text(evaluations))
        let killed = evaluations.reduce(0) { $0 + $1.killedRows }
        if killed > 0 {
            console.remark(
                "\(killed) predictions are of runs that were killed: judged by what they had at least to reach")
        }
        for evaluation in evaluations where evaluation.losesToMedian {
            console.remark("\(evaluation.workflow) \(evaluation.target.rawValue): loses to the plain median")
        }
    }

    /// The workflows that share task types with each other, in groups, and all of their runs.
    private func pools(
        of workflows: [String], _ store: TraceStore
    ) throws -> [(names: [String], table: ExecutionTable)] {
        var pools: [(names: [String], types: Set<String>)] = []
        for name in workflows {
            let types = try store.executions(workflow: name).texts(.taskType)
            var joined = (names: [String](), types: Set(types.codes.indices.compactMap { types[$0] }))
            // Pools are in the order of their first workflows, and stay so.
            let place = pools.firstIndex { !$0.types.isDisjoint(with: joined.types) } ?? pools.count
            for pool in pools where !pool.types.isDisjoint(with: joined.types) {
                joined.names += pool.names
                joined.types.formUnion(pool.types)
            }
            joined.names.append(name)
            pools.removeAll { !$0.types.isDisjoint(with: joined.types) }
            pools.insert(joined, at: min(place, pools.count))
        }
        return try pools.map { pool in
            var table = ExecutionTable()
            for name in pool.names { table.append(try store.executions(workflow: name)) }
            return (pool.names, table)
        }
    }

    private func text(_ replays: [TaskRounds]) -> String {
        var table = TextTable(["workflow", "target", "round", "runs", "median", "kept", "retrained", "above 99 %"])
        for replay in replays {
            for (index, round) in replay.rounds.enumerated() {
                table.add([
                    replay.workflow, replay.target == .runtime ? "run time" : "peak memory", String(index + 1),
                    String(round.runs), percent(round.median.mdape), percent(round.kept.mdape),
                    percent(round.retrained.mdape), percent(round.above99),
                ])
            }
        }
        return table.text
    }

    private func text(_ evaluations: [TaskEvaluation]) -> String {
        let shown: [TaskModel.Candidate] =
            candidates ? TaskModel.Candidate.allCases : [.median, .linear, .logLog, .forest]
        var table = TextTable(
            ["workflow", "target", "train/test"] + shown.map(\.rawValue) + ["almanac", "90 % holds"])
        func cell(_ errors: TaskEvaluation.Errors?) -> String {
            errors.map { String(format: "%.1f / %.1f", $0.mdape * 100, $0.wape * 100) } ?? "–"
        }
        for evaluation in evaluations {
            table.add(
                [
                    evaluation.workflow, evaluation.target == .runtime ? "run time" : "peak memory",
                    "\(evaluation.trainingRows)/\(evaluation.testRows)",
                ] + shown.map { cell(evaluation.candidates[$0]) } + [
                    cell(evaluation.chosen), percent(evaluation.coverage90),
                ])
        }
        return table.text
    }
}
