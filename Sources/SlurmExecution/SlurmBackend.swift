package import Allocation
package import Execution
import Foundation
import Glibc
package import LocalExecution
package import Workloads

// Measurement is a type of Foundation as well.
typealias Measurement = Execution.Measurement

/// A job of Slurm for each attempt. Equal ones that start together are submitted as one array.
///
/// An instance is a node that may be had: tasks are given to Slurm when they would fit on it, and Slurm decides where each
/// runs. What an attempt leaves when it is over is a file in the folder of the run, there whole or not at all.
package struct SlurmBackend: Backend {
    private struct Start {
        var id: AttemptID
        var instance: InstanceIndex
        var offer: OfferIndex
        var grant: Grant
    }

    private struct Attempt {
        var start: Start
        var inputBytes: Double?
        /// Where it is in a batch, whose number is in the name of its job.
        var batch: String
        var element: Int
        /// When it was submitted, in Unix seconds.
        var submittedSeconds: Double
        /// Why it was told to stop.
        var stoppedFor: FailureCause?
        /// As it was listed last.
        var job: Slurm.Job?
        /// Since when Slurm is asked what has become of it, in Unix seconds.
        var doubtSeconds: Double?
    }

    private let graph: TaskGraph
    private let options: ExecutorOptions
    private let slurm: SlurmOptions
    private let cluster: SlurmPool
    private let epoch: Double
    private let folder: WorkerFolder
    private var signals: Interruptions
    private var batches: SlurmBatches
    private var queue: SlurmQueue
    private var running: [AttemptID: Attempt] = [:]
    /// Attempts that are submitted or wait for that, by the names of their files.
    private var ids: [String: AttemptID] = [:]
    private var waiting: [Start] = []
    private var reports: [Report] = []
    /// Attempts whose ends were reported last: in the journal when anything is asked of us next.
    private var reported: [String] = []
    /// Jobs that are to be cancelled.
    private var unwanted: [String] = []
    private var heldBack = HoldBack()
    /// When to cancel again, in Unix seconds.
    private var cancelSeconds = -Double.infinity
    private var doubtSeconds = -Double.infinity

    package init(
        _ graph: TaskGraph, options: ExecutorOptions, slurm: SlurmOptions, cluster: SlurmPool, wakeUp: Int32,
        epoch: Double
    ) throws {
        (self.graph, self.options, self.slurm, self.cluster, self.epoch) = (graph, options, slurm, cluster, epoch)
        signals = Interruptions(wakeUp: wakeUp)
        folder = WorkerFolder(inRunFolder: options.runFolder)
        let settings = try folder.prepare(options, slurm)
        batches = SlurmBatches(folder, life: settings.life, program: slurm.program, directory: options.workingFolder)
        queue = SlurmQueue(token: settings.token, pollSeconds: slurm.pollSeconds)
        try batches.begin()
    }

    /// Whether somebody keeps what jobs have used.
    private lazy var hasAccounting =
        (try? Command.run(["sacct", "-n", "-X", "-S", "now"], seconds: 10).succeeded) ?? false

    package var now: Double { unixSeconds() - epoch }

    package func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID { options.name(of: instance, state) }

    package mutating func reconcile(_ state: RunState) throws -> [Report] {
        // What nobody knows to be submitted does not begin from here on; then it is seen what has begun.
        let unknown = Set(batches.known.values.filter { $0.job == nil }.map(\.id))
        for id in unknown { batches.withdraw(id) }
        if !batches.known.isEmpty { try queue.lookNow() }
        for job in queue.jobs {
            let id = queue.id(of: job)
            if batches.known[id] == nil {
                unwanted.append(job.id)
            } else if batches.known[id]?.job == nil {
                try batches.confirm(id, job: job.id)
            }
        }
        for id in unknown where batches.known[id]?.job == nil { batches.forget(id) }
        let places = batches.places
        for instance in 0..<InstanceIndex(state.instances.count) {
            let (place, offer) = (Int(instance), state.instances.offer[Int(instance)])
            switch state.instances.phase[place] {
            case .opening: open(instance, offer)
            case .closing: reports.append(.event(.closed(instance, nil)))
            case .open, .closed: break
            }
            for task in state.instances.running[place].sorted() {
                let id = state.attempt(at: task, on: instance)
                let start = Start(id: id, instance: instance, offer: offer, grant: state.grant(task))
                let name = name(of: id)
                ids[name] = id
                if let (batch, element) = places[name] {
                    running[id] = Attempt(
                        start: start, batch: batch, element: element, submittedSeconds: queue.askedSeconds)
                } else if folder.end(of: name) != nil {
                    running[id] = Attempt(start: start, batch: "", element: 0, submittedSeconds: queue.askedSeconds)
                } else {
                    // It was decided on, and never submitted.
                    waiting.append(start)
                }
                if state.isStopping(id) { stop(id, .cancelled) }
            }
        }
        batches.keep(Dictionary(running.values.map { ($0.batch, 1) }, uniquingKeysWith: +))
        for name in folder.ended where ids[name] == nil { folder.forget(name) }
        noteJobs()
        return try collect()
    }

    package mutating func perform(_ action: Action, _ state: RunState) throws {
        tidyUp()
        switch action {
        case .start(let id, let instance, let grant, _):
            waiting.append(
                Start(id: id, instance: instance, offer: state.instances.offer[Int(instance)], grant: grant))
            ids[name(of: id)] = id
        case .stop(let attempt, let cause): stop(attempt, cause)
        case .open(let instance, let offer, _, _): open(instance, offer)
        case .close(let instance): reports.append(.event(.closed(instance, nil)))
        case .throttle, .stage, .checkpoint, .follow, .warn, .retry, .giveUp, .skip, .replan, .wake, .end: break
        }
    }

    package mutating func wait(until seconds: Double) throws -> [Report] {
        tidyUp()
        while !waiting.isEmpty, unixSeconds() >= heldBack.untilSeconds { try submitSome() }
        if !unwanted.isEmpty, unixSeconds() >= cancelSeconds {
            if try Slurm.cancel(unwanted) { unwanted = [] } else { cancelSeconds = unixSeconds() + 5 }
        }
        var until = reports.isEmpty ? min(seconds, running.isEmpty ? .infinity : queue.wakeSeconds - epoch) : now
        if !running.isEmpty { until = min(until, now + slurm.lookSeconds) }
        if !waiting.isEmpty { until = min(until, heldBack.untilSeconds - epoch) }
        if !unwanted.isEmpty { until = min(until, cancelSeconds - epoch) }
        let before = signals.requests
        if signals.wait(until - now, for: [queue.output].compactMap(\.self)) {
            if before == 0 { reports.append(.event(.cancelled(0))) }
            // Who asks twice does not want to wait for whoever saves something.
            if signals.requests > 1 {
                _ = try? Slurm.cancel(running.values.map(job), options: ["--signal=KILL", "--full"])
            }
        }
        return try collect()
    }

    package mutating func end() {
        tidyUp()
        // After an error: nothing goes on without anybody who knows of it.
        if !running.isEmpty { _ = try? Slurm.cancel(running.values.map(job)) }
        batches.end()
    }
}

extension SlurmBackend {
    private func name(of id: AttemptID) -> String {
        Shepherd.Files(graph.tasks[Int(id.task)].id, attempt: Int(id.number), folder: folder.attempts).name
    }

    private func job(of attempt: Attempt) -> String {
        "\(batches.known[attempt.batch]?.job ?? "0")_\(attempt.element)"
    }

    /// What was reported last is in the journal now.
    private mutating func tidyUp() {
        for name in reported { folder.forget(name) }
        reported = []
    }

    /// A node may be had at any time; whether it is, Slurm decides for each attempt.
    private mutating func open(_ instance: InstanceIndex, _ offer: OfferIndex) {
        reports.append(.event(.opened(instance, options.offers[Int(offer)].capacity)))
    }

    private mutating func stop(_ id: AttemptID, _ cause: FailureCause) {
        if let index = waiting.firstIndex(where: { $0.id == id }) {
            waiting.remove(at: index)
            ids[name(of: id)] = nil
            reports.append(.ended(id, Measurement(stoppedBeforeItBegan: cause)))
        } else if let attempt = running[id] {
            running[id]?.stoppedFor = cause
            unwanted.append(job(of: attempt))
        }
    }

    /// Submits the first that waits, with those that are equal to it.
    private mutating func submitSome() throws {
        let first = waiting[0]
        func isEqual(_ other: Start) -> Bool { other.offer == first.offer && other.grant == first.grant }
        // Slurm allows 1,000 elements unless it says otherwise.
        let some = Array(waiting.lazy.filter(isEqual).prefix(500))
        let chosen = Set(some.map(\.id))
        let grant = first.grant
        let memory = grant.resources.memoryBytes
        let batch = try batches.add(
            some.map { start in
                SlurmBatches.Element(
                    name: name(of: start.id), task: graph.tasks[Int(start.id.task)], attempt: Int(start.id.number),
                    timeLimitSeconds: grant.timeLimitSeconds,
                    memoryLimitBytes: options.enforcesMemory && memory > 0 ? memory : nil)
            })
        let requests = requests(grant, first.offer)
        let answer = try Slurm(arguments: slurm.arguments).submit(
            [batches.script, batch],
            requests + [
                "--job-name=\(queue.prefix)\(batch)", "--array=0-\(some.count - 1)",
                "--chdir=\(options.workingFolder)", "--output=\(batches.log(batch))", "--open-mode=append",
            ])
        switch answer {
        case .submitted(let job): try batches.confirm(batch, job: job)
        case .unknown(let said):
            // Nothing of it begins from here on, and what has begun will be seen.
            batches.withdraw(batch)
            reports += heldBack.note(said)
            try queue.lookNow()
            guard let job = queue.jobs.first(where: { queue.id(of: $0) == batch }) else {
                return batches.forget(batch)
            }
            try batches.confirm(batch, job: job.id)
        case .later(let said):
            batches.forget(batch)
            reports += heldBack.note(said)
            return
        case .refused(let said):
            batches.forget(batch)
            throw SlurmError.refused(command: "sbatch " + requests.joined(separator: " "), said)
        }
        heldBack.end()
        waiting.removeAll { chosen.contains($0.id) }
        for (element, start) in some.enumerated() {
            running[start.id] = Attempt(
                start: start, inputBytes: totalSize(graph.tasks[Int(start.id.task)].inputs, in: options.workingFolder),
                batch: batch, element: element, submittedSeconds: unixSeconds())
        }
    }

    private func requests(_ grant: Grant, _ offer: OfferIndex) -> [String] {
        let (wanted, offered) = (grant.resources, options.offers[Int(offer)])
        var words = ["--ntasks=1", "--nodes=1", "--cpus-per-task=\(max(1, Int(wanted.cpus.rounded(.up))))"]
        if let partition = offered.zone { words.append("--partition=\(partition)") }
        if wanted.memoryBytes > 0 { words.append("--mem=\(Int((wanted.memoryBytes / 1_048_576).rounded(.up)))M") }
        if wanted.gpus > 0 {
            let model = offered.type.gpuModel.map { "\($0):" } ?? ""
            words.append("--gres=gpu:\(model)\(Int(wanted.gpus.rounded(.up)))")
        }
        if let limit = grant.timeLimitSeconds {
            // Ours is kept by whoever watches the attempt; Slurm's is for when that fails.
            var minutes = ((limit + options.graceSeconds) / 60).rounded(.up) + 2
            let most = cluster.index(of: offered).flatMap { cluster.timeLimits[$0] }
            if let most { minutes = min(minutes, max(1, most / 60)) }
            words.append("--time=\(Int(min(minutes, 5e6)))")
        }
        return words
    }

    /// What has ended, and what has happened to jobs that left no end.
    private mutating func collect() throws -> [Report] {
        if !running.isEmpty {
            for name in folder.ended.sorted() {
                // Of a node that was thought dead.
                if ids[name] == nil, !reported.contains(name) { folder.forget(name) }
                guard let id = ids[name], let attempt = running[id], attempt.doubtSeconds == nil,
                    let end = folder.end(of: name)
                else { continue }
                // Slurm's signals reach all processes of a job, so that it may look as if a task had ended by itself.
                let code = end.report.exitCode
                let wasEnded =
                    end.report.cause == .cancelled || code == 128 + Int(SIGTERM) || code == 128 + Int(SIGKILL)
                if wasEnded && attempt.stoppedFor == nil || !end.isMeasured {
                    running[id]?.doubtSeconds = unixSeconds()
                } else {
                    report(attempt, name, end)
                }
            }
            if try queue.look() {
                if let remark = queue.remark { reports.append(remark) } else { noteJobs() }
            }
            try settleDoubts()
        }
        defer { reports = [] }
        return reports
    }

    private mutating func report(_ attempt: Attempt, _ name: String, _ end: WorkerFolder.End?, _ job: Slurm.Job? = nil)
    {
        let id = attempt.start.id
        let files = Shepherd.Files(name: name, folder: folder.attempts)
        // These say no more than the exit code does.
        let state = job.flatMap { ["COMPLETED", "FAILED"].contains($0.state) || !$0.isOver ? nil : $0.state }
        var measured = Measurement(
            of: graph.tasks[Int(id.task)], in: options.workingFolder, files: files, end?.report,
            stoppedFor: attempt.stoppedFor, machine: end?.host ?? job?.node ?? attempt.job?.node,
            inputBytes: attempt.inputBytes, schedulerState: end?.report.exitCode == 0 ? nil : state)
        if let cause = attempt.stoppedFor, measured.evidence.signal > 0 { measured.evidence.killer = .init(cause) }
        if measured.peakMemoryBytes == nil { measured.peakMemoryBytes = job?.peakMemoryBytes }
        if let state, measured.evidence.cause != nil { measured.explanation = "Slurm ended it: \(state)." }
        reports.append(.ended(id, measured))
        (running[id], ids[name]) = (nil, nil)
        reported.append(name)
        batches.noteEnd(attempt.batch)
    }

    /// Compares the attempts with the jobs that are listed.
    private mutating func noteJobs() {
        var listed: [String: [Int: Slurm.Job]] = [:]
        for job in queue.jobs {
            if let element = job.element { listed[queue.id(of: job), default: [:]][element] = job }
        }
        for (id, attempt) in running where attempt.submittedSeconds <= queue.askedSeconds {
            if let job = listed[attempt.batch]?[attempt.element] {
                running[id]?.job = job
            } else if attempt.doubtSeconds == nil {
                running[id]?.doubtSeconds = unixSeconds()
            }
        }
    }

    /// Asks what has become of attempts whose jobs are listed no more, or that somebody else has ended.
    private mutating func settleDoubts() throws {
        let doubtful = running.values.filter { $0.doubtSeconds != nil }
        let now = unixSeconds()
        guard !doubtful.isEmpty, now >= doubtSeconds else { return }
        doubtSeconds = now + 0.5
        let states = try Slurm.states(of: doubtful.map(job))
        for attempt in doubtful.sorted(by: {
            ($0.start.id.task, $0.start.id.number) < ($1.start.id.task, $1.start.id.number)
        }) {
            let (id, name) = (attempt.start.id, name(of: attempt.start.id))
            let known = states[job(of: attempt)].flatMap { $0.name == queue.prefix + attempt.batch ? $0 : nil }
            let isLate = now >= (attempt.doubtSeconds ?? now) + slurm.lostSeconds
            if let end = folder.end(of: name) {
                // A shell knows nothing of memory; the accounting does, a few seconds later.
                var known = known
                if !end.isMeasured, known?.peakMemoryBytes == nil {
                    known?.peakMemoryBytes = try accountedMemory(attempt)
                }
                guard known?.isOver ?? false || isLate else { continue }
                guard end.isMeasured || known?.peakMemoryBytes != nil || isLate || !hasAccounting else { continue }
                report(attempt, name, end, known)
                continue
            }
            // A job that ended well has left its end, which a slow file system may show later.
            let isClear = known.map { $0.isOver && !["COMPLETED", "FAILED"].contains($0.state) } ?? false
            let hadNotBegun = attempt.stoppedFor != nil && attempt.job?.isPending ?? true
            guard isClear || hadNotBegun && !(known.map { !$0.isOver } ?? false) || isLate else { continue }
            if let cause = attempt.stoppedFor, hadNotBegun || known?.state.hasPrefix("CANCELLED") ?? false {
                reports.append(.ended(id, Measurement(stoppedBeforeItBegan: cause)))
                (running[id], ids[name]) = (nil, nil)
                batches.noteEnd(attempt.batch)
            } else {
                report(attempt, name, nil, known)
            }
        }
    }

    private mutating func accountedMemory(_ attempt: Attempt) throws -> Double? {
        guard hasAccounting else { return nil }
        let found = try Slurm.accounted([job(of: attempt)])[job(of: attempt)]
        return found?.name == queue.prefix + attempt.batch ? found?.peakMemoryBytes : nil
    }
}
