import Foundation
public import Workloads
import Yams

/// A job as a person writes it: tasks, the pool they may run on, and what matters.
///
///     name: count words
///     objective: balanced          # cost, time or balanced
///     deadline: 2h
///     budget: 1.50                 # US dollars
///     tenant: genomics             # whose job it is, where several share a pool
///     weight: 2                    # that tenant's part in proportion to the others'
///     quota: {cpus: 16, memory: 64 GB, price: 2.50}    # the most it may have in use at once; the price is by the hour
///     tasks:
///       - id: sort-${part}
///         foreach: {part: [1, 2]}  # one task for each value; of several variables, for each combination
///         command: sort words-${part} > sorted-${part}
///         cpus: 1
///         memory: 500 MB
///         time_limit: 10m
///         inputs: ["words-${part}"]
///         outputs: [{path: "sorted-${part}", size: 2 MB}]
///       - id: merge
///         command: sort -m sorted-* > all
///         inputs: [sorted-*]       # waits for the tasks that write them; `needs: [sort-*]` says the same
///         outputs: [all]
///     pool:
///       - {type: m5.large, cpus: 2, memory: 8 GiB, price: 0.096, spot_price: 0.035, zones: [a, b], count: 4}
///     network: {bandwidth: 100 MB/s, latency: 50ms}    # between instances; without it data moves at once
///
/// Types of instances may have `gpus`, `gpu_model`, `storage` and `speed`, the time until one takes tasks (`start_up: 90s`),
/// and `billing: {by: 1m, minimum: 10m}`: time is billed by the second unless it says otherwise. Spot prices may differ among
/// the zones: `spot_price: {a: 0.035, b: 0.031}`; those that are left out do not sell the type so.
/// `pool: slurm` stands for the nodes of the cluster's default partition. The network between zones
/// may be another: `between_zones: {bandwidth: 20 MB/s, latency: 80ms, price_per_gb: 0.02}`.
///
/// What happens after failures and alerts may be said in `policy:`, see ``RetryPolicy``; `almanac plan JOB --policy show`
/// prints the table in force.
///
/// A task with `speculate: true` that runs far longer than was believed gets a second attempt on another instance while
/// nothing else wants that; the first to end counts and the other is stopped. It must bear two attempts at once: on one
/// machine, and wherever instances share a folder, both write the same outputs, so each has to write its own file
/// (`out.$ALMANAC_ATTEMPT`) and to move it into place at last. Without it a run does not do that;
/// `speculate: false` forbids it in simulations too.
///
/// Inside `[ ]` and `{ }`, YAML wants quotes around a value with `${`.
///
/// A task may also have `gpus`, `gpu_model`, `storage`, `type`, `needs`, `priority`, `not_before` and `deadline` (both after the
/// start of the run), `retries`, `speculate`, `env`, `parameters` and `seconds` (its known run time on a machine of speed 1). Variables of `foreach` become parameters, which models use as features. A `*` in `needs` or
/// `inputs` stands for any text in the names of other tasks or of their outputs. Two spellings of a path are one file; an
/// input inside an output that is a folder waits for its task, as one that is the folder of outputs waits for theirs.
public struct JobFile: Hashable, Sendable {
    /// What the job is called; the file's name without extension by default.
    public var name: String
    /// Its tasks, in the order of the file.
    public var tasks: TaskGraph
    /// The instances that it may use; `nil` is this machine.
    public var pool: ResourcePool?
    /// Whether it may use what a Slurm cluster has, which only Slurm can say: then ``pool`` is `nil`.
    public var usesSlurm = false
    /// What it takes to move data between its instances; `nil` is nothing.
    public var network: Network?
    /// What its plan should be good at, `balanced` if it does not say, and what it must keep.
    public var goal: Goal
    /// What happens after failures and alerts; `nil` is the standard.
    public var policy: RetryPolicy?
    /// On whose account it runs.
    public var account: Account

    /// Makes a job that was not read from a file.
    public init(
        name: String, tasks: TaskGraph, pool: ResourcePool? = nil, network: Network? = nil,
        goal: Goal = Goal(.balanced), policy: RetryPolicy? = nil, account: Account = Account()
    ) {
        (self.name, self.tasks, self.pool, self.network) = (name, tasks, pool, network)
        (self.goal, self.policy, self.account) = (goal, policy, account)
    }

    /// Reads a job from a file; `-` is standard input.
    ///
    /// - Parameter workingFolder: Where the tasks will run: a file in it has the same name whether its path is written
    ///   as relative or as absolute.
    /// - Throws: ``JobFileError`` that names file, line and column, what was found, what was expected, and what to do.
    public static func read(_ path: String, workingFolder: String = ".") throws(JobFileError) -> JobFile {
        try parse(try text(path), file: path, workingFolder: workingFolder)
    }

    private static func text(_ path: String) throws(JobFileError) -> String {
        let data: Data
        do {
            data =
                path == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            // Foundation's own words name neither the cause nor the file.
            let reason = access(path, R_OK) == 0 ? "it is a folder, or damaged" : String(cString: strerror(errno))
            throw JobFileError(file: path, line: 1, column: 1, .unreadable(reason: reason))
        }
        // As Windows saves text; the mark at its start says so.
        if [[0xFF, 0xFE], [0xFE, 0xFF]].contains(where: data.starts), let text = String(data: data, encoding: .utf16) {
            return text
        }
        if let (line, column) = data.firstInvalidUTF8 {
            throw JobFileError(file: path, line: line, column: column, .notText)
        }
        let mark = [0xEF, 0xBB, 0xBF] as [UInt8]
        return String(decoding: data.starts(with: mark) ? data.dropFirst(3) : data, as: UTF8.self)
    }

    /// Reads a pool file: the `pool:` of a job file, and `network:` if transfers take time, without tasks.
    ///
    /// - Throws: ``JobFileError``.
    public static func readPool(_ path: String) throws(JobFileError) -> (pool: ResourcePool, network: Network?) {
        let reader = YAMLReader(file: path)
        let root = try reader.fields(
            reader.document(try text(path)), keys: ["pool", "network"], required: ["pool"], of: "the pool file")
        return (try reader.pool(root["pool"]) ?? ResourcePool(entries: []), try reader.network(root["network"]))
    }

    /// Reads a policy file: the `policy:` of a job file, alone.
    ///
    /// - Throws: ``JobFileError``.
    public static func readPolicy(_ path: String) throws(JobFileError) -> RetryPolicy {
        let reader = YAMLReader(file: path)
        let root = try reader.fields(
            reader.document(try text(path)), keys: ["policy"], required: ["policy"], of: "the policy file")
        return try reader.policy(root["policy"]) ?? .standard
    }

    /// Reads a job from text; a workflow of Pegasus, told by its key `pegasus`, is a job of what its jobs wait for.
    ///
    /// - Parameters:
    ///   - file: The name that errors mention.
    ///   - workingFolder: As for ``read(_:workingFolder:)``.
    /// - Throws: ``JobFileError``.
    public static func parse(
        _ text: String, file: String = "job", workingFolder: String = "."
    ) throws(JobFileError) -> JobFile {
        let reader = YAMLReader(file: file, paths: PathSpelling(workingFolder: workingFolder))
        let document = try reader.document(text)
        let stem = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
        if reader.isPegasus(document) {
            let (name, tasks) = try reader.pegasus(document)
            return JobFile(name: name ?? stem, tasks: tasks)
        }
        let root = try reader.fields(
            document,
            keys: [
                "name", "objective", "deadline", "budget", "tenant", "weight", "quota", "tasks", "pool", "network",
                "policy",
            ],
            required: ["tasks"], of: "the job"
        )
        let usesSlurm = root["pool"]?.scalar?.string == "slurm"
        let pool = usesSlurm ? nil : try reader.pool(root["pool"])
        let objectives = Goal.Objective.allCases.map(\.rawValue)
        let objective = try reader.choice(root["objective"], of: objectives, for: "objective")
        let tasks = try reader.tasks(root["tasks"], pool: pool)
        var job = JobFile(
            name: try reader.text(root["name"]) ?? stem, tasks: tasks, pool: pool,
            network: try reader.network(root["network"]),
            goal: Goal(
                objective.flatMap(Goal.Objective.init) ?? .balanced,
                deadlineSeconds: try reader.seconds(root["deadline"], for: "deadline"),
                budget: try reader.number(root["budget"], for: "budget", in: 0...1e15)),
            policy: try reader.policy(root["policy"]), account: try reader.account(root, tasks))
        job.usesSlurm = usesSlurm
        return job
    }
}

extension Data {
    /// Line and column of the first byte that is not UTF-8, or of a NUL byte.
    fileprivate var firstInvalidUTF8: (line: Int, column: Int)? {
        if String(validating: self, as: UTF8.self) != nil, !contains(0) { return nil }
        var line = 1
        for text in split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if text.contains(0) || String(validating: text, as: UTF8.self) == nil {
                var column = 1
                var rest = text
                while let first = rest.first, first != 0 {
                    let length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
                    guard String(validating: rest.prefix(length), as: UTF8.self) != nil else { break }
                    rest = rest.dropFirst(length)
                    column += 1
                }
                return (line, column)
            }
            line += 1
        }
        return (line, 1)
    }
}
