public import Execution
internal import Foundation
public import JobFiles
internal import LocalExecution
internal import Prediction
public import Scheduling
internal import SlurmExecution
internal import Store
internal import Traces
public import Workloads

/// A run of a job on this machine, prepared: what is believed of its tasks, its plan, its folder, its name in the store.
///
///     let run = try JobRun(request, remark: { print($0) })
///     let result = try run.execute { event in … }
public struct JobRun: Sendable {
    /// The job, with what the models add to it.
    public let job: JobFile
    /// The folder of the run: its journal and the outputs of its attempts.
    public let folder: String

    /// The plan that it starts with; `nil` where no time is known.
    public var plan: Plan? { options.plan }

    /// The room of each type of instance that it may use, by name.
    public var capacity: [String: Resources] {
        let types = options.pool.isEmpty ? [options.instance] : options.pool.map(\.type)
        return Dictionary(types.map { ($0.name, $0.capacity) }, uniquingKeysWith: { first, _ in first })
    }

    private let store: TraceStore
    private let options: ExecutorOptions
    private let goesOn: Bool
    /// The cluster that it runs on, and how; `nil` is this machine.
    private let cluster: (pool: SlurmPool, options: SlurmOptions)?

    /// Prepares a run; a new one gets its folder.
    ///
    /// - Parameter remark: Called with what a person should know of the plan.
    /// - Throws: ``ServiceError``, and what is wrong with the job, the models, the policy or the store.
    public init(_ request: RunRequest, remark: (String) -> Void = { _ in }) throws {
        let known = try KnownJob(request.job, models: request.models, workingFolder: request.workingFolder)
        var (job, models, machine) = (known.job, known.models, request.machine)
        // First of all, so that a run that is refused is the newest one all the same.
        folder = try request.runFolder ?? RunFolders.next(job.name, in: request.store, resuming: request.resume)
        var isPrepared = false
        let isNew = request.runFolder == nil && !request.resume
        let made = folder
        defer { if isNew, !isPrepared { RunFolders.withdraw(made) } }
        let place = try Self.place(job, models, request, folder: folder)
        if place.isWholeMachine { machine = place.offers[0].type }
        func estimates() throws -> Estimates {
            try models.estimates(
                of: job.tasks, on: place.offers.map(\.type) + [machine], host: InstanceType.hostName, unknownSeconds: 60
            )
        }
        var believed = try estimates()
        if models.memory != nil {
            job.tasks = try Self.requestingMemory(job.tasks, believed, machine)
            believed = try estimates()
        }
        let hasBegun = FileManager.default.fileExists(atPath: folder + "/journal.jsonl")
        let isThere = request.runFolder == nil && FileManager.default.fileExists(atPath: folder)
        var options = ExecutorOptions(
            runFolder: folder, workingFolder: request.workingFolder, workflow: job.name, instance: machine)
        var table = try request.policy.map { try JobFile.readPolicy($0) } ?? job.policy ?? .standard
        if let retries = request.retries { table = table.with(retries: retries) }
        options.account = job.account
        (options.policy, options.keepsGoing) = (table, !request.stopsOnFailure)
        options.seriesSeconds = request.seriesSeconds
        options.expectations = Self.expectations(job.tasks, models, believed, machine)
        options.estimates = Self.known(believed, job.tasks, models)
        options.enforcesMemory = request.enforcesMemory
        options.graceSeconds = request.graceSeconds
        options.ranks = upwardRanks(
            job.tasks, seconds: job.tasks.tasks.indices.map { believed.seconds(of: $0, on: machine) })
        try Self.plan(job, models, believed, place, request, &options, remark: remark)
        store = try TraceStore(folder: request.store)
        if !hasBegun { options.job = try RunFolders.name(of: folder, job.name, in: store) }
        if request.resume, isThere, !hasBegun { remark("the run in \(folder) had not begun: it begins now") }
        cluster = place.cluster.flatMap { pool in request.slurm.map { (pool, $0) } }
        options.isElsewhere = cluster != nil
        (self.job, self.options) = (job, options)
        goesOn = request.resume && (hasBegun || !isThere)
        isPrepared = true
    }

    /// Runs it to its end; outcomes and lives of instances go to the store.
    ///
    /// - Parameters:
    ///   - tickSeconds: Seconds between two ``RunEvent/tick(_:)``; `nil` for none.
    ///   - show: Called with everything that happens.
    /// - Throws: `StoreError`, after which the run can be resumed; `ExecutionError`.
    public func execute(
        tickSeconds: Double? = nil, show: @escaping @Sendable (RunEvent) -> Void = { _ in }
    ) throws -> RunResult {
        var options = options
        options.tickSeconds = tickSeconds
        let store = store
        let executor: LocalExecutor
        do {
            executor = try LocalExecutor(
                job.tasks, options: options, show: show, lives: { try store.append($0) },
                report: { try store.append($0) })
        } catch {
            if !goesOn { RunFolders.withdraw(folder) }
            throw error
        }
        guard let cluster else { return try executor.run(resuming: goesOn) }
        return try executor.run(resuming: goesOn, on: cluster.pool, cluster.options)
    }

    /// What the store holds of this run, also from before it was resumed.
    public func logged() throws -> (attempts: [AttemptRecord], lives: [InstanceLife]) {
        // A run that goes on has the name that it began with.
        let name = RunJournal.job(of: RunJournal.path(in: folder)) ?? options.job
        let table = try store.executions(workflow: job.name, job: name, outcomesOnly: true)
        let lives = try store.instanceLives(workflow: job.name).filter { $0.job == name }
        return ((0..<table.rowCount).map { table[$0] }, lives)
    }
}

extension JobRun {
    /// Tasks that ask for no memory ask for what the models say, at most what there is.
    private static func requestingMemory(
        _ graph: TaskGraph, _ estimates: Estimates, _ machine: InstanceType
    ) throws -> TaskGraph {
        var tasks = graph.tasks
        for index in tasks.indices where tasks[index].request.memoryBytes == 0 {
            tasks[index].request.memoryBytes = min(estimates.memoryRequestBytes[index], machine.memoryBytes)
        }
        return try TaskGraph(tasks)
    }

    /// What is predicted for each task of a type that the models know: above it an attempt raises an alert.
    private static func expectations(
        _ graph: TaskGraph, _ models: ModelSet, _ estimates: Estimates, _ machine: InstanceType
    ) -> [TaskID: ExecutorOptions.Expectation] {
        var expectations: [TaskID: ExecutorOptions.Expectation] = [:]
        for (index, task) in graph.tasks.enumerated() {
            func positive(_ value: Double) -> Double? { value > 0 && value.isFinite ? value : nil }
            var expectation = ExecutorOptions.Expectation()
            if models.runtime?.choice(for: task.type) != nil {
                expectation.seconds = positive(estimates.seconds(of: index, on: machine, p: 0.99))
            }
            if models.memory?.choice(for: task.type) != nil {
                expectation.memoryBytes = positive(estimates.memoryQuantiles[index](0.99))
            }
            expectations[task.id] = expectation
        }
        return expectations
    }

    /// What somebody knows of each task: a time that nobody claims and no model predicts is not a number.
    private static func known(_ estimates: Estimates, _ graph: TaskGraph, _ models: ModelSet) -> Estimates {
        var known = estimates
        for (index, task) in graph.tasks.enumerated() {
            if task.claimedSeconds == nil, models.runtime?.choice(for: task.type) == nil {
                known.expectedSeconds[index] = .nan
            }
            if index < known.memoryQuantiles.count, models.memory?.choice(for: task.type) == nil {
                known.memoryQuantiles[index] = .init(exactly: 0)
            }
        }
        return known
    }
}
