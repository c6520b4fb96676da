import Allocation
import Execution
import Foundation
import Workloads

/// What a person sees of a run: on a terminal a picture that moves, elsewhere a line for each attempt that ended.
final class RunView: @unchecked Sendable {
    let isLive: Bool
    private let console: Console
    private var drawnLines = 0

    init(_ console: Console) {
        self.console = console
        isLive = !console.quiet && isatty(STDERR_FILENO) == 1
    }

    func show(_ event: RunEvent) {
        switch event {
        case .ended(let outcome):
            if outcome.status != .completed {
                say(
                    "\(outcome.task ?? ""): attempt \(outcome.attempt ?? 1) \(outcome.status?.rawValue ?? ""): "
                        + (outcome.failureMessage ?? ""))
            } else if !isLive {
                let memory = outcome.peakMemoryBytes.map { ", \(Units.formatBytes($0))" } ?? ""
                say("\(outcome.task ?? ""): done in \(Units.formatSeconds(outcome.runtimeSeconds ?? 0))\(memory)")
            }
        case .alert(let task, let attempt, let alert): say("\(task): attempt \(attempt): \(alert.text)")
        case .leftBehind(let task, let attempt, let processes):
            say(
                "\(task): attempt \(attempt) left \(Units.count(processes, "process")) behind, which did not outlive it: "
                    + "let the command wait for what it starts"
            )
        case .gaveUp(let task, _): say("\(task): given up")
        case .instance(let name, let what): say("\(name) \(what)")
        case .replanned(let reason, let seconds):
            let outlook = seconds.map { "what is left is planned to take \(Units.formatSeconds($0))" }
            say("the plan is in danger (\(reason.rawValue)): \(outlook ?? "there is no other")")
        case .remark(let text): say(text)
        case .policyFailed(let why):
            say("the learnt policy decides no more (\(why)): the longest path goes first from now on")
        case .stopping: say("stopping; once more to kill at once")
        case .tick(let status): draw(status)
        case .started, .skipped: break
        }
    }

    /// Removes the picture.
    func finish() {
        guard drawnLines > 0 else { return }
        Console.write(erasure, to: .standardError)
        drawnLines = 0
    }

    private func say(_ text: String) {
        finish()
        console.remark(text)
    }

    private var erasure: String { String(repeating: "\u{1B}[1A\u{1B}[2K", count: drawnLines) + "\r" }

    private func draw(_ status: RunStatus) {
        guard isLive else { return }
        let done = status.finished + status.failed + status.skipped
        let filled = status.total > 0 ? done * 30 / status.total : 30
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        let failures = status.failed > 0 ? ", \(status.failed) failed" : ""
        var lines = [
            "\(bar) \(status.finished) of \(status.total)\(failures), \(Units.formatSeconds(status.elapsedSeconds))"
                + (status.left.map { ", \($0.text) left" } ?? "")
        ]
        let now = Date().timeIntervalSince1970
        for attempt in status.running.prefix(8) {
            let again = attempt.attempt > 1 ? " (attempt \(attempt.attempt))" : ""
            let seconds = Units.formatSeconds(max(0, now - attempt.startTimeSeconds))
            lines.append("  \(attempt.task.rawValue.prefix(60))\(again)  \(seconds)")
        }
        if status.running.count > 8 { lines.append("  … and \(status.running.count - 8) more") }
        Console.write(erasure + lines.joined(separator: "\n") + "\n", to: .standardError)
        drawnLines = lines.count
    }
}

extension RunStatus.TimeLeft {
    /// As a person reads it: `3m 10s to 4m 2s`, or `about 3m 10s` where nothing is uncertain.
    var text: String {
        let (from, to) = (Units.formatSeconds(p50), Units.formatSeconds(p95))
        return from == to ? "about \(from)" : "\(from) to \(to)"
    }
}
