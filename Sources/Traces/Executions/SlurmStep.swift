import Workloads

/// What `sacct` says of one step of a job.
struct SlurmStep {
    var id: String
    var job: String
    /// `batch`, `extern`, `0` …
    var name: String
    var line: Int
    var start: Double?
    var end: Double?
    var elapsed: Double?
    var tasks: Double?
    var nodes: Double?
    /// MaxRSS: of the task that took most.
    var largestTaskBytes: Double?
    /// The peaks of all tasks together.
    var totalBytes: Double?
    var cpuSeconds: Double?
    var readBytes: Double?
    var writtenBytes: Double?
    var isOutOfMemory: Bool

    /// Started with `srun`: of any number of tasks, and possibly beside others.
    var isNumbered: Bool { name != "batch" && name != "extern" && name != "interactive" }

    /// What is to be said about the jobs of a file.
    struct Remarks {
        var unknownPeaks = 0
        var perTaskPeaks = 0
        var unknownOverlaps = 0
        var withSteps = 0
        var jobs = 0
    }
}

extension AttemptRecord {
    /// Adds what the steps measured.
    ///
    /// Memory is that of the tasks together. What ran at the same time adds up, what ran one after the other does not, and
    /// the batch script, which only waits for the steps that it starts, counts where it is the largest. On several nodes
    /// every task counts as the largest one, within what was reserved, because a node may have the large ones.
    mutating func addSteps(_ steps: [SlurmStep], nodes: Double?, _ remarks: inout SlurmStep.Remarks) {
        remarks.jobs += 1
        if !steps.isEmpty { remarks.withSteps += 1 }
        // Of a step that is in the file twice the last line counts.
        let last = Dictionary(steps.map { ($0.id, $0.line) }, uniquingKeysWith: { max($0, $1) })
        let steps = steps.filter { last[$0.id] == $0.line }
        var isUnknown = false
        var isPerTask = false
        var (numbered, others): ([(step: SlurmStep, bytes: Double)], [Double]) = ([], [])
        for step in steps {
            guard let bytes = bytes(step, jobNodes: nodes, &isUnknown, &isPerTask) else { continue }
            if step.isNumbered { numbered.append((step, bytes)) } else { others.append(bytes) }
        }
        let together = sumOfConcurrent(numbered.map { ($0.step, $0.bytes) })
        if numbered.count > 1, together == nil { remarks.unknownOverlaps += 1 }
        if isUnknown { remarks.unknownPeaks += 1 } else if isPerTask { remarks.perTaskPeaks += 1 }
        let isKnown = !isUnknown && (numbered.isEmpty || together != nil)
        peakMemoryBytes =
            isKnown
            ? (others + [together, peakMemoryBytes].compactMap { $0 }).max().flatMap { $0 > 0 ? $0 : nil } : nil
        let counted = steps.filter { $0.isNumbered && $0.tasks != nil }
        if !counted.isEmpty, let tasks = sumOfConcurrent(counted.map { ($0, $0.tasks ?? 1) }) {
            parameters["ntasks"] = .number(tasks)
        }
        func sum(_ values: [Double?]) -> Double? {
            let known = values.compactMap { $0 }
            return known.isEmpty ? nil : known.reduce(0, +)
        }
        readBytes = sum(steps.map(\.readBytes)) ?? readBytes
        writtenBytes = sum(steps.map(\.writtenBytes)) ?? writtenBytes
        cpuSeconds = [cpuSeconds, sum(steps.map(\.cpuSeconds))].compactMap { $0 }.max()
        // No process starts in less; Slurm counts in milliseconds.
        if cpuSeconds == 0, (runtimeSeconds ?? 0) >= 10 { cpuSeconds = nil }
        if steps.contains(where: \.isOutOfMemory) {
            (status, failureCause) = (.failed, FailureCause.outOfMemory.rawValue)
        }
        // Killed at the limit, by whomever, is evidence enough.
        if status == .failed, failureCause == nil, let peak = peakMemoryBytes, let reserved = requestedMemoryBytes,
            peak >= 0.95 * reserved
        {
            failureCause = FailureCause.outOfMemory.rawValue
        }
    }

    /// The memory of all tasks of a step; `nil` if that is unknown.
    private func bytes(
        _ step: SlurmStep, jobNodes: Double?, _ isUnknown: inout Bool, _ isPerTask: inout Bool
    ) -> Double? {
        let nodes = step.nodes ?? (step.isNumbered ? jobNodes : nil) ?? 1
        guard let largest = step.largestTaskBytes else { return step.totalBytes }
        guard let tasks = step.tasks else {
            if let total = step.totalBytes { return max(total, largest) }
            guard step.isNumbered else { return largest }
            if max(nodes, jobNodes ?? 1) > 1 {
                isUnknown = true
                return nil
            }
            if (cpus ?? 1) > 1 { isPerTask = true }
            return largest
        }
        let most = largest * tasks
        guard let total = step.totalBytes else {
            return nodes > 1 ? min(most, max(largest, requestedMemoryBytes ?? most)) : most
        }
        return nodes > 1 ? min(most, max(total, requestedMemoryBytes ?? most)) : min(most, max(total, largest))
    }

    /// The greatest sum over steps that run at the same time; `nil` if the steps overlap and do not say when they ran.
    private func sumOfConcurrent(_ steps: [(step: SlurmStep, value: Double)]) -> Double? {
        guard steps.count > 1 else { return steps.first?.value }
        let times = steps.map { step, value in (start: step.start, end: step.end ?? endTimeSeconds, value: value) }
        if times.contains(where: { $0.start == nil || $0.end == nil }) {
            let elapsed = steps.reduce(0) { $0 + ($1.step.elapsed ?? 0) }
            return elapsed > 1.05 * (runtimeSeconds ?? .infinity) ? nil : steps.map(\.value).max()
        }
        // A step of no length still was there; one that ends as another starts made room for it.
        var changes: [(time: Double, isStart: Bool, value: Double)] = []
        for case (let start?, let end?, let value) in times where end > start {
            changes.append((start, true, value))
            changes.append((end, false, -value))
        }
        changes.sort { ($0.time, $0.isStart ? 1 : 0) < ($1.time, $1.isStart ? 1 : 0) }
        var (now, most) = (0.0, times.map(\.value).max() ?? 0)
        for change in changes {
            now += change.value
            most = max(most, now)
        }
        return most
    }
}

extension SlurmStep.Remarks {
    /// What the user should know, with the command that helps.
    func warnings(columns: [String: Int]) -> [String] {
        var said: [String] = []
        if unknownPeaks > 0 {
            said.append(
                "\(Units.count(unknownPeaks, "job")) on several nodes: MaxRSS is that of the largest task, and without NTasks "
                    + "the memory of the job is unknown")
        }
        if perTaskPeaks > 0 {
            said.append(
                "\(Units.count(perTaskPeaks, "job")): MaxRSS is that of the largest task of a step, and without NTasks it "
                    + "is taken for one task")
        }
        if unknownOverlaps > 0 {
            said.append(
                "\(Units.count(unknownOverlaps, "job")): steps ran side by side, and without Start and End of each their "
                    + "memory together is unknown")
        }
        let lacks = [
            (["MaxRSS", "TRESUsageInTot"], "memory used"), (["ReqMem", "AllocTRES"], "memory requested"),
            (["Timelimit", "TimelimitRaw"], "time limits"),
            (["TotalCPU", "UserCPU", "TRESUsageInTot"], "processor time used"),
            (["Elapsed", "ElapsedRaw", "End"], "run times"),
        ].filter { names, _ in !names.contains { columns[$0] != nil } }.map(\.1)
        if !lacks.isEmpty {
            said.append("no column for " + lacks.joined(separator: ", "))
        } else if jobs > 0, withSteps == 0 {
            said.append("no job has its steps, which measure memory (leave out --allocations, -X)")
        }
        return said.map { "\($0). All that is needed: \(SlurmAccounting.command)" }
    }
}
