import Allocation
import CShepherd
public import Execution
import Foundation
import Glibc
public import Workloads

/// Runs a job with real processes on this machine: a ``RunLoop`` on them, with a journal in the run's folder.
///
/// Every attempt runs in a session of its own under a small process, its shepherd, that measures its whole process tree
/// and outlives this one. Starts and ends are on disk before they are acted on, so that after a `kill -9` at any moment
/// another process resumes the run: attempts that still run are waited for, finished ones are not run again.
///
///     let executor = try LocalExecutor(graph, options: .init(runFolder: "runs/1")) { print($0.map(\.task)) }
///     let result = try executor.run()
public final class LocalExecutor: Sendable {
    private let graph: TaskGraph
    private let options: ExecutorOptions
    private let report: @Sendable ([AttemptRecord]) throws -> Void
    private let lives: @Sendable ([InstanceLife]) throws -> Void
    private let show: @Sendable (RunEvent) -> Void
    private let wakeUp: (readEnd: Int32, writeEnd: Int32)

    /// Prepares a run and finds what would keep it from ending well.
    ///
    /// - Parameters:
    ///   - show: Called on the thread of ``run(resuming:)`` with everything that happens.
    ///   - lives: Called on that thread with every instance that is gone, as `report` is with attempts.
    ///   - report: Called on that thread with every attempt that ended, some at a time, when they are on disk: within a
    ///     fifth of a second, and before ``run(resuming:)`` returns. A resumed run reports those of the processes before it
    ///     once more, so what is already known must change nothing; workflow, job, task and attempt tell.
    /// - Throws: ``ExecutionError`` for a task without command, one that does not fit, or a missing input.
    public init(
        _ graph: TaskGraph, options: ExecutorOptions, show: @escaping @Sendable (RunEvent) -> Void = { _ in },
        lives: @escaping @Sendable ([InstanceLife]) throws -> Void = { _ in },
        report: @escaping @Sendable ([AttemptRecord]) throws -> Void
    ) throws(ExecutionError) {
        self.graph = graph
        (self.report, self.lives) = (report, lives)
        self.show = show
        var options = options
        options.runFolder = absolute(options.runFolder, in: currentFolder())
        options.workingFolder = absolute(options.workingFolder, in: currentFolder())
        self.options = options
        try Self.check(graph, options)
        wakeUp = try openPipe(for: options.runFolder)
    }

    deinit {
        close(wakeUp.readEnd)
        close(wakeUp.writeEnd)
    }

    /// Ends what runs, in an orderly way; ``run(resuming:)`` then returns. A second call ends it at once.
    ///
    /// May be called from any thread.
    public func cancel() { _ = write(wakeUp.writeEnd, [UInt8(SIGTERM)], 1) }

    /// Runs the job to its end.
    ///
    /// - Parameter resuming: Go on with the run in the folder, which must be there; otherwise there must be none.
    /// - Throws: ``ExecutionError``, or what `report` throws; what runs is then ended first.
    public func run(resuming: Bool = false) throws -> RunResult {
        try run(resuming: resuming) { LocalBackend($0, options: $1, wakeUp: $2, epoch: $3) }
    }

    /// Runs the job to its end on a backend.
    ///
    /// - Parameter backend: Makes it of the job, the options with absolute paths, a file where signals arrive as bytes, and
    ///   the zero of the run's clock.
    package func run<World: Backend>(
        resuming: Bool, on backend: (TaskGraph, ExecutorOptions, Int32, Double) throws -> World
    ) throws -> RunResult {
        let path = RunJournal.path(in: options.runFolder)
        guard !resuming || exists(path) else { throw ExecutionError.nothingToResume(folder: options.runFolder) }
        try makeFolder(options.runFolder)
        try makeFolder(options.runFolder + "/attempts")
        var journal = try RunJournal(path, folder: options.runFolder, graph: graph)
        defer { journal.close() }
        let digest = graph.digest
        let isNew = journal.header == nil
        if let header = journal.header,
            header.digest != digest || header.workflow ?? options.workflow != options.workflow
        {
            throw ExecutionError.jobChanged(folder: options.runFolder)
        }
        let finished = journal.finishedTasks
        if !resuming, !isNew {
            throw ExecutionError.runExists(
                folder: options.runFolder, finished: finished.count, total: graph.count)
        }
        try checkFiles(finished)
        var first = RunJournal.Line(isNew ? .run : .resume)
        first.timeSeconds = unixSeconds()
        if isNew {
            (first.version, first.workflow, first.job) = (RunJournal.version, options.workflow, options.job)
            (first.digest, first.taskCount) = (digest, graph.count)
        }
        let epoch = journal.header?.timeSeconds ?? first.timeSeconds ?? 0
        var setup = RunSetup(
            graph, offers: options.offers, policy: options.policy, keepsGoing: options.keepsGoing, goal: options.goal,
            ranks: options.ranks, estimates: options.estimates, plan: options.plan,
            startSeconds: unixSeconds() - epoch, account: options.account)
        if setup.plan == nil { setup.rule = options.rule }
        first.setup = try keep(setup, last: journal.lives.last?.setup, number: journal.lives.count + 1)
        try journal.begin(first)
        shepherd_raise_file_limit()
        if options.handlesSignals {
            guard shepherd_watch_signals(wakeUp.writeEnd) == 0 else {
                throw ExecutionError.lastError("watch signals in", path)
            }
        }
        defer { if options.handlesSignals { shepherd_unwatch_signals() } }
        var member = RunLoop<World, RunJournal>.Member(
            setup.job(graph, name: options.workflow), run: journal.header?.job ?? options.job, ranks: options.ranks,
            estimates: options.estimates)
        member.plan = setup.plan
        if let replan = options.replan {
            let (graph, offers) = (graph, setup.offers)
            let goal = options.goal
            member.replan = { state, reason in
                guard let rest = try? RemainingJob(graph, 0, reason, goal, state), let plan = replan(rest) else {
                    return nil
                }
                return rest.assignments(plan, graph, offers: offers, state)
            }
        }
        var loop = try RunLoop(
            [member], setup.allocator, on: backend(graph, options, wakeUp.readEnd, epoch), log: journal,
            epoch: epoch, tickSeconds: options.tickSeconds, show: show, lives: lives,
            report: report)
        // To read a job takes more than to run it.
        shepherd_trim_memory()
        do { return try loop.run() } catch ExecutionError.badFact(let entry) {
            let reason = "what it decides does not follow from the lines before"
            throw ExecutionError.badJournal(path: path, line: journal.line(ofEntry: entry), reason: reason)
        }
    }

    /// Writes down what decisions follow from, unless the process before had the same; the name of the file.
    private func keep(_ setup: RunSetup, last: String?, number: Int) throws -> String {
        let name = "setup-\(number).json"
        let path = "\(options.runFolder)/\(name)"
        try setup.write(to: path)
        guard let last, last != name,
            FileManager.default.contentsEqual(atPath: path, andPath: "\(options.runFolder)/\(last)")
        else { return name }
        unlink(path)
        return last
    }

    private static func check(_ graph: TaskGraph, _ options: ExecutorOptions) throws(ExecutionError) {
        var written = OutputTree()
        for (index, task) in graph.tasks.enumerated() {
            for file in task.outputs { _ = written.insert(file.path, index) }
        }
        let cpus = options.pool.reduce(0) { $0 + $1.type.cpus * Double($1.maximumCount) }
        let memory = options.pool.reduce(0) { $0 + $1.type.memoryBytes * Double($1.maximumCount) }
        guard options.isElsewhere || cpus <= options.instance.cpus && memory <= options.instance.memoryBytes else {
            throw .poolTooLarge(
                cpus: cpus, memoryBytes: memory, availableCPUs: options.instance.cpus,
                availableMemoryBytes: options.instance.memoryBytes)
        }
        for task in graph.tasks {
            guard task.command != nil else { throw .noCommand(task.id) }
            guard options.offers.contains(where: { $0.fits(task.request) }) else {
                let most = options.isElsewhere ? options.offers.largestCapacity : options.instance.capacity
                throw .tooLarge(
                    task.id, cpus: task.request.cpus, memoryBytes: task.request.memoryBytes,
                    availableCPUs: most.cpus, availableMemoryBytes: most.memoryBytes)
            }
            for input in task.inputs where written.related(to: input.path).isEmpty {
                guard exists(absolute(input.path, in: options.workingFolder)) else {
                    throw .missingInput(task.id, path: input.path)
                }
            }
        }
    }

    /// What is left to do may need files that finished tasks have made.
    private func checkFiles(_ finished: Set<TaskID>) throws(ExecutionError) {
        guard !finished.isEmpty else { return }
        var makers: [String: TaskID] = [:]
        for task in graph.tasks where finished.contains(task.id) {
            for output in task.outputs { makers[output.path] = task.id }
        }
        for task in graph.tasks where !finished.contains(task.id) {
            for input in task.inputs {
                guard let maker = makers[input.path] else { continue }
                guard exists(absolute(input.path, in: options.workingFolder)) else {
                    throw .outputGone(maker, path: input.path, neededBy: task.id)
                }
            }
        }
    }
}
