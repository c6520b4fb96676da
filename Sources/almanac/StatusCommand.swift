import ArgumentParser
import Execution
import Service
import Workloads

/// `almanac status`: how a run stands.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how the newest run of a job stands: time left, what waits for what, and what took the time.",
        discussion: """
            Also while it runs: what is left is played out many times by the rules that drive the run, with run times as \
            predicted and as the run has shown them so far. Of a run that has ended: its critical path through \
            dependencies, instances and retries, and what a type of task twice as fast would have gained.
            """)

    @Argument(help: "The job file that was run.")
    var job: String

    @OptionGroup var storing: StoreOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "The folder of the run instead of the newest in STORE/runs/NAME.")
    var runFolder: String?

    @Option(name: .long, help: "Why only these tasks wait, and when they start; repeatable.")
    var task: [String] = []

    @Option(name: .long, help: "How often what is left is played out.")
    var playouts = 200

    func validate() throws {
        guard 1...100_000 ~= playouts else {
            throw ValidationError("--playouts is \(playouts), expected 1 to 100000.")
        }
    }

    func run() throws {
        let found = try RunInspection(
            job, store: storing.store, runFolder: runFolder, playouts: playouts, seed: global.seed)
        for name in task where !found.tasks.contains(TaskID(name)) {
            let nearest = nearestName(to: name, among: found.tasks.lazy.map(\.rawValue))
            throw Failure.input(
                "--task: the job has no task '\(name)'."
                    + (nearest.map { " Did you mean '\($0)'?" } ?? " 'dag show' prints what there is."))
        }
        try global.console.result(found, text: text(found))
    }

    private func text(_ found: RunInspection) -> String {
        let state = found.ending ?? (found.isRunning ? "running" : "stopped; 'almanac run --resume' goes on")
        var lines = [
            "\(found.run): \(state), \(found.finished) of \(Units.count(found.total, "task")) finished"
                + (found.failed > 0 ? ", \(found.failed) failed" : "")
                + (found.skipped > 0 ? ", \(found.skipped) skipped" : "")
                + ", \(Units.formatSeconds(found.elapsedSeconds))"
        ]
        if let left = found.left {
            lines.append("\(left.text) left (50 % to 95 %)")
        } else if found.isRunning {
            lines.append("time left not known: some task has no known time")
        }
        lines += table(found.running)
        lines += table(found.waiting)
        if let path = found.path, !found.isRunning { lines += ["", path.text] }
        return lines.joined(separator: "\n")
    }

    private func table(_ running: [RunInspection.Running]) -> [String] {
        guard !running.isEmpty, task.isEmpty else { return [] }
        var table = TextTable(["runs", "attempt", "on", "for"])
        for item in running.prefix(20) {
            table.add([
                item.task.rawValue, String(item.attempt), item.instance.rawValue, Units.formatSeconds(item.seconds),
            ])
        }
        return ["", table.text] + (running.count > 20 ? ["… and \(running.count - 20) more"] : [])
    }

    private func table(_ waiting: [RunInspection.Waiting]) -> [String] {
        let shown = task.isEmpty ? waiting : waiting.filter { task.contains($0.task.rawValue) }
        guard !shown.isEmpty else { return [] }
        var table = TextTable(["waits", "starts in", "95 %", "because it"])
        for item in shown.prefix(20) {
            table.add([
                item.task.rawValue, item.startP50.map { Units.formatSeconds($0) } ?? "–",
                item.startP95.map { Units.formatSeconds($0) } ?? "–", item.reason,
            ])
        }
        return ["", table.text] + (shown.count > 20 ? ["… and \(shown.count - 20) more (--task, --json)"] : [])
    }
}
