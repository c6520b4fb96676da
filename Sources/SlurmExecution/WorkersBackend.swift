package import Allocation
package import Execution
import Foundation
import Glibc
package import LocalExecution
package import Workloads

/// Workers that hold a node each and run many attempts: a job of Slurm for each instance.
///
/// A worker connects to where the run listens, which is a file in the folder of the run, and shows the run's token. It goes
/// on while the run is gone, and tells the next process what runs and what has ended. When it is lost, so is its instance.
package struct WorkersBackend: Backend {
    private struct Attempt {
        var id: AttemptID
        var instance: InstanceIndex
        var grant: Grant
        var inputBytes: Double?
        var stoppedFor: FailureCause?
        /// Whether it was ended at the worker's as far as is known: its line came.
        var wasSent = false
    }

    private struct Node {
        var offer: OfferIndex
        var isOpen = false
        /// Whether its worker is to leave.
        var isLeaving = false
        /// The connection to its worker, and the name of its node.
        var file: Int32?
        var host: String?
        /// When its job was submitted, and since when it is not listed, or does not speak, in Unix seconds.
        var submittedSeconds: Double?
        var missingSeconds: Double?
        var silentSeconds: Double?
        var job: Slurm.Job?
    }

    private let graph: TaskGraph
    private let options: ExecutorOptions
    private let slurm: SlurmOptions
    private let cluster: SlurmPool
    private let epoch: Double
    private let folder: WorkerFolder
    private let token: String
    private let listener: Int32
    private var signals: Interruptions
    private var queue: SlurmQueue
    private var nodes: [InstanceIndex: Node] = [:]
    private var channels: [Int32: LineChannel] = [:]
    /// Whose connections they are; those of whom nothing is known yet are not here.
    private var owners: [Int32: InstanceIndex] = [:]
    private var running: [String: Attempt] = [:]
    private var reports: [Report] = []
    private var reported: [(name: String, instance: InstanceIndex)] = []
    /// Names of jobs that are to be cancelled.
    private var unwanted: [String] = []
    private var heldBack = HoldBack()
    private var cancelSeconds = -Double.infinity
    private var doubtSeconds = -Double.infinity

    /// A worker whose job goes on has so long to speak again.
    private static let silence = 60.0

    package init(
        _ graph: TaskGraph, options: ExecutorOptions, slurm: SlurmOptions, cluster: SlurmPool, wakeUp: Int32,
        epoch: Double
    ) throws {
        (self.graph, self.options, self.slurm, self.cluster, self.epoch) = (graph, options, slurm, cluster, epoch)
        signals = Interruptions(wakeUp: wakeUp)
        folder = WorkerFolder(inRunFolder: options.runFolder)
        guard let program = slurm.program else { throw SlurmError.noCommand("almanac") }
        let host = slurm.address ?? InstanceType.hostName
        let address = LineChannel.numbers(of: host) ?? host
        let (file, port) = try LineChannel.listen(at: address)
        listener = file
        var settings = try folder.prepare(options, slurm)
        (settings.address, settings.port) = (address, port)
        try folder.keep(settings)
        token = settings.token
        queue = SlurmQueue(token: token, pollSeconds: slurm.pollSeconds)
        let script =
            "#!/bin/sh\n# Runs attempts on one node.\nexec \(quoted(program)) worker \(quoted(folder.path)) --instance \"$1\"\n"
        try folder.write(Data(script.utf8), to: "worker.sh", mode: 0o755)
    }

    package var now: Double { unixSeconds() - epoch }

    package func name(of instance: InstanceIndex, _ state: RunState) -> InstanceID { options.name(of: instance, state) }

    package mutating func reconcile(_ state: RunState) throws -> [Report] {
        let isNew = (0..<state.instances.count).allSatisfy { state.instances.phase[$0] == .closed }
        if !isNew { try queue.lookNow() }
        for instance in 0..<InstanceIndex(state.instances.count) {
            let (place, offer) = (Int(instance), state.instances.offer[Int(instance)])
            var node = Node(offer: offer)
            switch state.instances.phase[place] {
            case .closed: continue
            case .opening: break
            case .open: node.isOpen = true
            case .closing:
                node.isOpen = true
                node.isLeaving = !state.instances.reclaimSeconds[place].isFinite
            }
            // One that was asked for, and whose job is not listed, is asked for (again): a second worker is sent away.
            let isListed = queue.jobs.contains { queue.id(of: $0) == self.id(of: instance) }
            node.submittedSeconds = isListed || node.isOpen ? queue.askedSeconds : nil
            node.silentSeconds = node.isOpen ? unixSeconds() : nil
            nodes[instance] = node
            for task in state.instances.running[place].sorted() {
                let id = state.attempt(at: task, on: instance)
                running[name(of: id)] = Attempt(
                    id: id, instance: instance, grant: state.grant(task),
                    stoppedFor: state.isStopping(id) ? .cancelled : nil)
            }
            if node.isLeaving { leave(instance) }
        }
        for job in queue.jobs where !nodes.keys.contains(where: { self.id(of: $0) == queue.id(of: job) }) {
            unwanted.append(job.name)
        }
        noteJobs()
        return try collect()
    }

    package mutating func perform(_ action: Action, _ state: RunState) throws {
        tidyUp()
        switch action {
        case .start(let id, let instance, let grant, _):
            let inputs = totalSize(graph.tasks[Int(id.task)].inputs, in: options.workingFolder)
            let name = name(of: id)
            running[name] = Attempt(id: id, instance: instance, grant: grant, inputBytes: inputs)
            send(name)
        case .stop(let id, let cause): stop(id, cause)
        case .throttle(let id):
            let name = name(of: id)
            if let attempt = running[name] { tell(attempt.instance, WorkerLine(.throttle, name)) }
        case .open(let instance, let offer, _, _): nodes[instance] = Node(offer: offer)
        case .close(let instance): leave(instance)
        case .stage, .checkpoint, .follow, .warn, .retry, .giveUp, .skip, .replan, .wake, .end: break
        }
    }

    package mutating func wait(until seconds: Double) throws -> [Report] {
        tidyUp()
        for instance in nodes.keys.sorted() where nodes[instance]?.submittedSeconds == nil {
            guard unixSeconds() >= heldBack.untilSeconds else { break }
            try submit(instance)
        }
        try cancelUnwanted()
        flush()
        var until = reports.isEmpty ? min(seconds, nodes.isEmpty ? .infinity : queue.wakeSeconds - epoch) : now
        if nodes.values.contains(where: { $0.submittedSeconds == nil }) {
            until = min(until, heldBack.untilSeconds - epoch)
        }
        if nodes.values.contains(where: { $0.missingSeconds != nil }) { until = min(until, now + 0.5) }
        if !unwanted.isEmpty { until = min(until, cancelSeconds - epoch) }
        let files = [listener] + channels.keys + [queue.output].compactMap(\.self)
        let before = signals.requests
        if signals.wait(until - now, for: files, writing: channels.values.filter(\.isBusy).map(\.file)) {
            if before == 0 { reports.append(.event(.cancelled(0))) }
            if signals.requests > 1 {
                for name in running.keys { stopAtOnce(name) }
            }
        }
        return try collect()
    }

    package mutating func end() {
        tidyUp()
        for instance in nodes.keys.sorted() { leave(instance) }
        flush()
        // Workers go by themselves; what is not there any more says so.
        let until = unixSeconds() + options.graceSeconds + 2
        while !channels.isEmpty, unixSeconds() < until {
            var polled = channels.keys.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&polled, nfds_t(polled.count), 100)
            for file in Array(channels.keys) where channels[file]?.receive() == nil { disconnect(file) }
        }
        if !unwanted.isEmpty { _ = try? Slurm.cancel(names: unwanted) }
        for file in Array(channels.keys) { disconnect(file) }
        close(listener)
    }
}

extension WorkersBackend {
    private func name(of id: AttemptID) -> String {
        Shepherd.Files(graph.tasks[Int(id.task)].id, attempt: Int(id.number), folder: folder.attempts).name
    }

    /// What the name of the job of an instance ends with.
    private func id(of instance: InstanceIndex) -> String { "w\(instance)" }

    private mutating func tell(_ instance: InstanceIndex, _ line: WorkerLine) {
        if let file = nodes[instance]?.file { channels[file]?.send(line) }
    }

    private mutating func flush() {
        for file in Array(channels.keys) where !(channels[file]?.flush() ?? true) { disconnect(file) }
    }

    /// What was reported last is in the journal now.
    private mutating func tidyUp() {
        for (name, instance) in reported {
            tell(instance, WorkerLine(.seen, name))
            Shepherd.Files(name: name, folder: folder.attempts).tidy()
            unlink(Shepherd.Files(name: name, folder: folder.attempts).series)
        }
        reported = []
    }

    private mutating func send(_ name: String) {
        guard let attempt = running[name], nodes[attempt.instance]?.file != nil else { return }
        let task = graph.tasks[Int(attempt.id.task)]
        let memory = attempt.grant.resources.memoryBytes
        let expectation = options.expectations[task.id]
        var line = WorkerLine(
            .start, name, command: task.command, timeLimitSeconds: attempt.grant.timeLimitSeconds,
            memoryLimitBytes: options.enforcesMemory && memory > 0 ? memory : nil)
        line.environment = task.environment
        line.environment?["ALMANAC_TASK"] = task.id.rawValue
        line.environment?["ALMANAC_ATTEMPT"] = String(attempt.id.number)
        (line.alertSeconds, line.alertMemoryBytes) = (expectation?.seconds, expectation?.memoryBytes)
        running[name]?.wasSent = true
        tell(attempt.instance, line)
    }

    private mutating func stop(_ id: AttemptID, _ cause: FailureCause) {
        let name = name(of: id)
        guard let attempt = running[name] else { return }
        running[name]?.stoppedFor = cause
        if signals.requests > 1 { return stopAtOnce(name) }
        tell(attempt.instance, WorkerLine(.stop, name))
    }

    private mutating func stopAtOnce(_ name: String) {
        guard let attempt = running[name] else { return }
        var line = WorkerLine(.stop, name)
        line.atOnce = true
        tell(attempt.instance, line)
    }

    /// Sends a worker away; one that is not there yet is not waited for.
    private mutating func leave(_ instance: InstanceIndex) {
        guard let node = nodes.removeValue(forKey: instance) else { return }
        if let file = node.file {
            channels[file]?.send(WorkerLine(.leave))
            owners[file] = nil
        } else if node.submittedSeconds != nil {
            unwanted.append(queue.prefix + id(of: instance))
        }
        reports.append(.event(.closed(instance, nil)))
    }

    private mutating func cancelUnwanted() throws {
        guard !unwanted.isEmpty, unixSeconds() >= cancelSeconds else { return }
        if try Slurm.cancel(names: unwanted) { unwanted = [] } else { cancelSeconds = unixSeconds() + 5 }
    }

    private mutating func submit(_ instance: InstanceIndex) throws {
        guard let node = nodes[instance] else { return }
        let offer = options.offers[Int(node.offer)]
        var words = [
            "--job-name=\(queue.prefix)\(id(of: instance))", "--ntasks=1", "--nodes=1",
            "--cpus-per-task=\(max(1, Int(offer.type.cpus.rounded(.up))))",
            "--mem=\(Int((offer.type.memoryBytes / 1_048_576).rounded(.down)))M", "--signal=B:USR1@60",
            "--chdir=\(options.workingFolder)", "--output=\(folder.path)/worker-\(instance).log", "--open-mode=append",
        ]
        if let partition = offer.zone { words.append("--partition=\(partition)") }
        if offer.type.gpus > 0 {
            words.append("--gres=gpu:\(offer.type.gpuModel.map { "\($0):" } ?? "")\(Int(offer.type.gpus))")
        }
        if let index = cluster.index(of: offer), !cluster.others[index].isEmpty {
            words.append("--exclude=\(cluster.others[index].joined(separator: ","))")
        }
        let script = [folder.path + "/worker.sh", String(instance)]
        switch try Slurm(arguments: slurm.arguments).submit(script, words) {
        // A second worker would be sent away, so that it does no harm to ask again.
        case .submitted:
            heldBack.end()
            nodes[instance]?.submittedSeconds = unixSeconds()
        case .later(let said), .unknown(let said):
            reports += heldBack.note(said)
        case .refused(let said):
            reports.append(.remark("Slurm refuses a worker on \(offer.instanceID(0).rawValue.dropLast(2)): \(said)"))
            nodes[instance] = nil
            reports.append(.event(.refused(instance)))
        }
    }

    private mutating func disconnect(_ file: Int32) {
        channels.removeValue(forKey: file)?.close()
        guard let instance = owners.removeValue(forKey: file) else { return }
        nodes[instance]?.file = nil
        nodes[instance]?.silentSeconds = unixSeconds()
    }

    /// What workers say, and what has happened to their jobs.
    private mutating func collect() throws -> [Report] {
        while true {
            let file = accept(listener, nil, nil)
            guard file >= 0 else { break }
            channels[file] = LineChannel(file)
        }
        for file in channels.keys.sorted() {
            guard let lines = channels[file]?.receive() else {
                disconnect(file)
                continue
            }
            for line in lines where !hear(line, from: file) {
                disconnect(file)
                break
            }
        }
        if !nodes.isEmpty, try queue.look() {
            if let remark = queue.remark { reports.append(remark) } else { noteJobs() }
        }
        try settleDoubts()
        defer { reports = [] }
        return reports
    }

    /// False if it is none of ours who speaks.
    private mutating func hear(_ line: WorkerLine, from file: Int32) -> Bool {
        if line.kind == .hello {
            guard line.token == token, let number = line.instance, let known = InstanceIndex(exactly: number) else {
                return false
            }
            guard let node = nodes[known], node.file == nil || node.file == file else {
                // Its instance is given up, or has a worker.
                channels[file]?.send(WorkerLine(.leave))
                return true
            }
            owners[file] = known
            nodes[known]?.file = file
            nodes[known]?.host = line.host
            nodes[known]?.silentSeconds = nil
            nodes[known]?.missingSeconds = nil
            if !node.isOpen {
                nodes[known]?.isOpen = true
                reports.append(.event(.opened(known, options.offers[Int(node.offer)].capacity)))
            }
            let there = Set(line.running ?? [])
            for name in running.keys.sorted() where running[name]?.instance == known {
                if !there.contains(name) {
                    send(name)
                } else if running[name]?.stoppedFor != nil {
                    tell(known, WorkerLine(.stop, name))
                }
            }
            return true
        }
        guard let instance = owners[file] else { return channels[file] != nil }
        switch line.kind {
        case .ended:
            guard let attempt = running[line.attempt] else {
                tell(instance, WorkerLine(.seen, line.attempt))
                break
            }
            report(attempt, line.attempt, line.report.flatMap { Shepherd.Report($0) }, nodes[instance]?.host)
        case .alert:
            guard let attempt = running[line.attempt], let found = line.report.flatMap({ Shepherd.AlertLine($0[...]) })
            else { break }
            let expectation = options.expectations[graph.tasks[Int(attempt.id.task)].id]
            let predicted = found.kind == .memory ? expectation?.memoryBytes : expectation?.seconds
            reports.append(
                .alert(
                    attempt.id,
                    Alert(
                        kind: found.kind, atSeconds: found.seconds, value: found.value, predicted: predicted ?? .nan,
                        reaction: .ignore)))
        case .notice: reports.append(.event(.reclaimNotice(instance, at: now + (line.seconds ?? 60))))
        default: return false
        }
        return true
    }

    private mutating func report(_ attempt: Attempt, _ name: String, _ found: Shepherd.Report?, _ machine: String?) {
        let files = Shepherd.Files(name: name, folder: folder.attempts)
        let measured = Measurement(
            of: graph.tasks[Int(attempt.id.task)], in: options.workingFolder, files: files, found,
            stoppedFor: attempt.stoppedFor, machine: machine, inputBytes: attempt.inputBytes)
        reports.append(.ended(attempt.id, measured))
        running[name] = nil
        reported.append((name, attempt.instance))
    }

    private mutating func noteJobs() {
        let listed = Dictionary(queue.jobs.map { (queue.id(of: $0), $0) }) { first, _ in first }
        for (instance, node) in nodes {
            guard let submitted = node.submittedSeconds, submitted <= queue.askedSeconds else { continue }
            if let job = listed[id(of: instance)] {
                nodes[instance]?.job = job
                nodes[instance]?.missingSeconds = nil
            } else if node.missingSeconds == nil {
                nodes[instance]?.missingSeconds = unixSeconds()
            }
        }
    }

    /// An instance is gone when its job is over and its worker does not speak, or when that is silent for too long.
    private mutating func settleDoubts() throws {
        let now = unixSeconds()
        guard now >= doubtSeconds else { return }
        doubtSeconds = now + 0.3
        let doubtful = nodes.filter { $0.value.missingSeconds != nil || $0.value.silentSeconds != nil }
        guard !doubtful.isEmpty else { return }
        for (instance, node) in doubtful.sorted(by: { $0.key < $1.key }) {
            let isMissing = node.missingSeconds.map { node.file == nil || now >= $0 + slurm.lostSeconds } ?? false
            let isSilent = node.silentSeconds.map { now >= $0 + Self.silence } ?? false
            guard isMissing || isSilent else { continue }
            var state: Slurm.Job?
            if let job = node.job { state = try Slurm.states(of: [job.id])[job.id] }
            if let known = state, known.name == node.job?.name, !known.isOver, !isSilent { continue }
            if isSilent { unwanted.append(queue.prefix + id(of: instance)) }
            if let file = node.file {
                owners[file] = nil
                disconnect(file)
            }
            nodes[instance] = nil
            guard node.isOpen else {
                reports.append(.event(.refused(instance)))
                continue
            }
            // What had ended well is over, even if nobody could say so.
            for (name, attempt) in running.sorted(by: { $0.key < $1.key }) where attempt.instance == instance {
                let result = Shepherd.Files(name: name, folder: folder.attempts).result
                if let found = contents(ofFile: result).flatMap({ Shepherd.Report($0) }), found.exitCode == 0 {
                    report(attempt, name, found, node.host)
                } else {
                    running[name] = nil
                }
            }
            let isReclaimed = state.map { $0.state.hasPrefix("PREEMPTED") } ?? false
            reports.append(.event(.closed(instance, isReclaimed ? .reclaimed : .lost)))
        }
    }
}
