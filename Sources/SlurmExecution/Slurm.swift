import Glibc

/// Slurm's commands. Their text is the same on every release, and they use the rights of whoever calls them.
struct Slurm {
    /// A job, or an element of an array of jobs.
    struct Job: Hashable {
        /// For instance `12_3`; `12` if it is no element.
        var id: String
        var name: String
        /// In words of Slurm, for instance `PENDING`.
        var state: String
        /// Why it waits.
        var reason: String
        var node: String
        /// Only of one that is over, from the accounting.
        var peakMemoryBytes: Double?

        /// The number of its element.
        var element: Int? { id.split(separator: "_").dropFirst().first.flatMap { Int($0) } }
        var isPending: Bool { state == "PENDING" }

        var isOver: Bool {
            !["PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "RESIZING"]
                .contains(state)
        }
    }

    /// Options of every `sbatch`.
    var arguments: [String] = []

    /// Longer than a controller takes that is there.
    private static let seconds = 30.0
    private static let separator: Character = "|"

    /// The command that says how all jobs of this user are; what it says is for ``jobs(_:prefix:)``.
    static func listing() throws -> Command {
        // Names first: they are ours, and hold no separator.
        try Command(["squeue", "-h", "-r", "-u", userName(), "-o", "%j|%i|%T|%N|%r"], seconds: seconds)
    }

    /// The jobs whose names begin so.
    static func jobs(_ text: String, prefix: String) -> [Job] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: separator, maxSplits: 4, omittingEmptySubsequences: false)
            guard line.hasPrefix(prefix), fields.count == 5 else { return nil }
            return Job(
                id: String(fields[1]), name: String(fields[0]), state: String(fields[2]), reason: String(fields[4]),
                node: String(fields[3]))
        }
    }

    /// What came of a submission.
    enum Submission: Hashable {
        /// It is the job of this number.
        case submitted(String)
        /// Not now; nothing was submitted.
        case later(String)
        /// Nobody knows whether it was.
        case unknown(String)
        /// Never.
        case refused(String)
    }

    /// Submits a script.
    func submit(_ script: [String], _ options: [String]) throws -> Submission {
        let result = try Command.run(
            ["sbatch", "--parsable", "--no-requeue"] + options + arguments + script, seconds: Self.seconds)
        // A federated cluster adds its name.
        if result.succeeded, let line = result.text.split(separator: "\n").last(where: { $0.first?.isNumber ?? false })
        {
            return .submitted(String(line.prefix { $0 != ";" }))
        }
        let said = Self.lastWords(result)
        guard result.code != nil else { return .unknown("it did not answer in time") }
        // The controller may have got it, and only its answer was lost.
        if ["timed out", "Zero Bytes", "unexpected message", "recv"].contains(where: result.text.contains) {
            return .unknown(said)
        }
        let passing = [
            "Unable to contact", "temporarily", "ubmit limit", "SubmitLimit", "Slurm is busy", "Connection refused",
            "not responding", "Try again", "communication",
        ]
        return passing.contains(where: result.text.contains) ? .later(said) : .refused(said)
    }

    /// Cancels jobs; those that are over already do not matter. False if the controller does not answer.
    static func cancel(_ ids: [String], options: [String] = []) throws -> Bool {
        for start in stride(from: 0, to: ids.count, by: 500) {
            let some = Array(ids[start..<min(start + 500, ids.count)])
            let result = try Command.run(["scancel", "--quiet"] + options + some, seconds: seconds)
            if result.code == nil || result.text.contains("contact") { return false }
        }
        return true
    }

    /// Cancels all jobs of ours that have these names.
    static func cancel(names: [String]) throws -> Bool {
        for name in names {
            let result = try Command.run(
                ["scancel", "--quiet", "--user=\(userName())", "--name=\(name)"], seconds: seconds)
            if result.code == nil || result.text.contains("contact") { return false }
        }
        return true
    }

    /// What is known of jobs that may be over, by number: one question for all, and one more for those that the controller
    /// has forgotten. A number may be that of another job by now, so names must be compared.
    static func states(of ids: [String]) throws -> [String: Job] {
        var found: [String: Job] = [:]
        let listed = try Command.run(
            ["squeue", "-h", "-r", "-t", "all", "-j", ids.joined(separator: ","), "-o", "%j|%i|%T|%N|%r"],
            seconds: seconds)
        for job in jobs(listed.text, prefix: "almanac-") { found[job.id] = job }
        let rest = ids.filter { found[$0] == nil }
        guard !rest.isEmpty else { return found }
        for (id, job) in try accounted(rest) { found[id] = job }
        return found
    }

    /// The same from the accounting; nothing where there is none.
    static func accounted(_ ids: [String]) throws -> [String: Job] {
        let result = try Command.run(
            ["sacct", "-n", "-P", "-j", ids.joined(separator: ","), "-o", "JobName,JobID,State,NodeList,MaxRSS"],
            seconds: seconds)
        guard result.succeeded else { return [:] }
        var found: [String: Job] = [:]
        for line in result.text.split(separator: "\n") {
            let fields = line.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5 else { continue }
            // 12_3 is the job, 12_3.batch a step of it.
            let id = String(fields[1].prefix { $0 != "." })
            if id == fields[1] {
                found[id] = Job(id: id, name: fields[0], state: fields[2], reason: "", node: fields[3])
            }
            let memory = Self.bytes(fields[4])
            if memory > found[id]?.peakMemoryBytes ?? 0 { found[id]?.peakMemoryBytes = memory }
        }
        return found
    }

    /// The last line of what a command said, without its own name.
    static func lastWords(_ result: Command.Result) -> String {
        guard result.code != nil else { return "it did not answer within \(Int(seconds)) s" }
        let line = result.text.split(separator: "\n").last { $0.contains(where: \.isLetter) } ?? "without a word"
        let parts = line.split(separator: ": ")
        return parts.drop { ["sbatch", "squeue", "sinfo", "error", "slurm_load_jobs error"].contains($0) }
            .joined(separator: ": ")
    }

    /// A size as Slurm writes it, in units of 1024.
    static func bytes(_ text: some StringProtocol) -> Double {
        let units: [Character: Double] = ["K": 1024, "M": 1_048_576, "G": 1_073_741_824, "T": 1_099_511_627_776]
        let number = Double(text.prefix { $0.isNumber || $0 == "." }) ?? 0
        return number * (text.last.flatMap { units[$0] } ?? 1)
    }

    static func userName() -> String {
        guard let entry = getpwuid(getuid()), let name = entry.pointee.pw_name else { return String(getuid()) }
        return String(cString: name)
    }
}
