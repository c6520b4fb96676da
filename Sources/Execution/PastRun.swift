import Workloads

/// What the journal says about the processes of this run before us.
struct PastRun {
    /// Attempts that were started and of which no end is known.
    struct Open {
        var task: TaskID
        var attempt: Int
        var cpus: Double
        var memoryBytes: Double
        var timeLimitSeconds: Double?
        var readySeconds: Double
    }

    let isNew: Bool
    let digest: String
    /// The name of the run in outcomes, which stays.
    let job: String
    private(set) var finished: Set<TaskID> = []
    private(set) var attempts: [TaskID: Int] = [:]
    private(set) var open: [Open] = []
    /// Why attempts failed, in order.
    private(set) var failures: [TaskID: [FailureCause]] = [:]
    /// Of all attempts that ended.
    private(set) var outcomes: [TaskOutcome] = []

    init(
        _ entries: [RunJournal.Entry], _ graph: TaskGraph, options: ExecutorOptions, resuming: Bool
    ) throws(ExecutionError) {
        let folder = options.runFolder
        digest = graph.digest
        isNew = entries.isEmpty
        job = entries.first?.job ?? options.job
        if let first = entries.first, first.digest != digest || first.workflow ?? options.workflow != options.workflow {
            throw .jobChanged(folder: folder)
        }
        for (number, entry) in entries.enumerated() {
            guard let task = entry.task ?? entry.outcome?.task, let attempt = entry.attempt ?? entry.outcome?.attempt
            else { continue }
            guard graph.index(of: task) != nil, 1...1_000_000_000 ~= attempt else {
                let reason = "attempt \(attempt) of task '\(task)' cannot be"
                throw .badJournal(path: RunJournal.path(in: folder), line: number + 1, reason: reason)
            }
        }
        var running: [TaskID: Open] = [:]
        for entry in entries {
            switch entry.kind {
            case .start:
                guard let task = entry.task, let attempt = entry.attempt else { continue }
                attempts[task] = max(attempts[task] ?? 0, attempt)
                running[task] = Open(
                    task: task, attempt: attempt, cpus: entry.cpus ?? 0, memoryBytes: entry.memoryBytes ?? 0,
                    timeLimitSeconds: entry.timeLimitSeconds,
                    readySeconds: entry.timeSeconds ?? 0)
            case .outcome:
                guard let outcome = entry.outcome else { continue }
                running[outcome.task] = nil
                if outcome.status == .completed { finished.insert(outcome.task) }
                if let cause = outcome.failureCause { failures[outcome.task, default: []].append(cause) }
                outcomes.append(outcome)
            case .run, .resume, .end, .reported: break
            }
        }
        open = running.values.sorted { $0.task < $1.task }
        if !resuming, !entries.isEmpty {
            throw .runExists(folder: folder, finished: finished.count, total: graph.count)
        }
    }
}

extension TaskGraph {
    /// A checksum of what makes a job the same job: names, commands, order and files.
    var digest: String {
        var text = ""
        for task in tasks {
            let parts =
                [task.id.rawValue, task.command ?? ""] + task.predecessors.map(\.rawValue) + ["<"]
                + task.inputs.map(\.path)
                + [">"] + task.outputs.map(\.path)
            text += parts.joined(separator: "\u{0}") + "\u{1}"
        }
        return String(checksum(text.utf8), radix: 16)
    }
}
