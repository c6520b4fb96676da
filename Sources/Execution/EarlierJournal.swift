import Allocation
import Workloads

/// What a journal of the first version says, as facts: it held starts and outcomes, and nothing of instances or decisions.
struct EarlierJournal {
    private let path: String
    private let graph: TaskGraph
    private let began: Double
    private var entries: [LogEntry] = []
    private var state: RunState

    /// - Parameter began: The time of its first line, in Unix seconds.
    init(_ path: String, _ graph: TaskGraph, began: Double) {
        (self.path, self.graph, self.began) = (path, graph, began)
        // Large enough for all that ever ran; whoever resumes knows the true size.
        let machine = InstanceType(name: "local", cpus: 1e6, memoryBytes: 1e15)
        state = RunState(offers: [Offer(type: machine)])
        state.add(Job(graph))
    }

    /// The facts that its lines after the first stand for.
    mutating func entries(_ lines: [RunJournal.Line]) throws(ExecutionError) -> [LogEntry] {
        note(.event(.admitted(0)))
        note(.action(.open(0, 0, job: -1, slot: -1)))
        note(.event(.opened(0, state.offers[0].capacity)))
        for (number, line) in lines.enumerated() {
            guard let id = line.task ?? line.outcome?.record.task.map({ TaskID($0) }),
                let attempt = line.attempt ?? line.outcome?.record.attempt
            else {
                continue
            }
            guard let task = graph.index(of: id), 1...1_000_000_000 ~= attempt else {
                let reason = "attempt \(attempt) of task '\(id)' cannot be"
                throw .badJournal(path: path, line: number + 2, reason: reason)
            }
            let place = AttemptID(TaskIndex(task), Int32(attempt))
            if line.kind == .start {
                guard start(place, line) else {
                    let reason = "attempt \(attempt) of task '\(id)' cannot start here"
                    throw .badJournal(path: path, line: number + 2, reason: reason)
                }
            } else if let outcome = line.outcome?.record {
                let seconds = outcome.endTimeSeconds.map { $0 - began } ?? state.seconds
                let event = outcome.cause.map { Event.failed(place, $0) } ?? .finished(place)
                note(.event(event), outcome, at: seconds)
            }
        }
        return entries
    }

    private mutating func start(_ attempt: AttemptID, _ line: RunJournal.Line) -> Bool {
        // One that the system had no process for is written again.
        if state.runs(attempt) { return true }
        let resources = Resources(cpus: max(0, line.cpus ?? 0), memoryBytes: max(0, line.memoryBytes ?? 0))
        let grant = Grant(resources, timeLimitSeconds: line.timeLimitSeconds)
        let seconds = (line.timeSeconds ?? began) - began
        if state.tasks.phase[Int(attempt.task)] == .interrupted {
            note(.action(.retry(attempt.task, grant, avoiding: -1)), at: seconds)
        }
        return note(.action(.start(attempt, on: 0, grant, share: 0)), at: seconds)
    }

    @discardableResult
    private mutating func note(_ what: Fact.What, _ outcome: AttemptRecord? = nil, at seconds: Double = 0) -> Bool {
        let seconds = max(state.seconds, seconds.isFinite ? min(seconds, 1e10) : 0)
        let holds =
            switch what {
            case .event(let event): state.apply(event, at: seconds)
            case .action(let action): state.apply(action)
            }
        // Outcomes count even where nothing follows from them.
        if holds || outcome != nil { entries.append(LogEntry(Fact(seconds, what), outcome: outcome)) }
        return holds
    }
}
