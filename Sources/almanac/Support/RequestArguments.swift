import ArgumentParser
import Foundation
import JobFiles
import Prediction
import Sizing
import Store
import Traces
import Workloads

/// What every command that makes requests is asked.
struct RequestArguments: ParsableArguments {
    static let discussion = """
        The memory of a first attempt is the one that wastes least in expectation, failed tries included, among those \
        that are too small with at most --risk. A check on later runs is printed with it: what was wasted and how often \
        a first try was too small, beside the requests recorded and the greatest peak seen. Runs that were killed for want of \
        memory or time needed more than they had, and count so: where more were killed than the risk allows, the need is not \
        known, and up to twice what killed is tried. A time limit is above the longest run, up to twice as long: the more, the \
        more runs differ and the fewer they are.
        """

    @Option(
        name: .long,
        help: "With --job: folder of models that 'almanac train' wrote; without it they are fitted to the store.")
    var models: String?

    @Option(name: .long, help: "Use the runs of this workflow only.")
    var workflow: String?

    @Option(name: .long, help: "Make requests for the tasks of this job file or recorded workflow.")
    var job: String?

    @Option(name: .long, help: "Greatest probability that a first attempt is short of memory.")
    var risk = 0.05

    @Option(name: .long, help: "Greatest probability that a first attempt is over its time limit.")
    var timeRisk = 0.01

    @Option(name: .long, help: "How often a failed attempt is repeated, each time with twice as much.")
    var retries = 3

    @Option(name: .long, help: "Memory of the largest machine, for instance 64GB; no request is greater.")
    var largestMemory: ByteCount?

    @Option(name: .long, help: "Longest time that the cluster allows, for instance 48h.")
    var longestTime: TimeSpan?

    @Option(name: .long, help: "Make no request of this: cpus, memory or time; may be repeated.")
    var keep: [Kept] = []

    enum Kept: String, ExpressibleByArgument, CaseIterable { case cpus, memory, time }

    @Option(name: .shortAndLong, help: "Write to this file instead of standard output.")
    var output: String?

    func validate() throws {
        for (name, value) in [("--risk", risk), ("--time-risk", timeRisk)] {
            guard value > 0, value < 1 else { throw ValidationError("\(name) is \(value), expected between 0 and 1.") }
        }
        guard 0...20 ~= retries else { throw ValidationError("--retries is \(retries), expected 0 to 20.") }
        if largestMemory?.bytes == 0 { throw ValidationError("--largest-memory is 0, expected more.") }
        if let longestTime, !(longestTime.seconds > 0) {
            throw ValidationError("--longest-time is 0, expected more.")
        }
    }

    /// The requests for what the store or the job holds.
    func requests(_ storage: StoreOptions, _ global: GlobalOptions) throws -> ResourceRequests {
        try requests(runs(in: storage.existing(), storage), global)
    }

    /// The runs to learn from; none is an error.
    func runs(in store: TraceStore, _ storage: StoreOptions) throws -> ExecutionTable {
        let table = try store.executions(workflow: workflow)
        guard table.rowCount > 0 else {
            throw Failure.input(
                "\(storage.store): no runs\(workflow.map { " of workflow '\($0)'" } ?? ""). "
                    + "Import traces: 'almanac import auto FILE'.")
        }
        return table
    }

    /// The requests that these runs suggest.
    func requests(_ table: ExecutionTable, _ global: GlobalOptions) throws -> ResourceRequests {
        var options = RequestOptions()
        options.memoryRisk = risk
        options.timeRisk = timeRisk
        options.retries = retries
        options.kept = Set(keep.compactMap { RequestOptions.Part(rawValue: $0.rawValue) })
        options.largestMemoryBytes = largestMemory?.bytes ?? .infinity
        options.longestSeconds = longestTime?.seconds ?? .infinity
        var modelOptions = TaskModelOptions()
        modelOptions.threads = global.threads
        return try ResourceRequests(
            table, models: try models.map { try ModelSet(folder: $0) } ?? ModelSet(), job: try job.map(tasks),
            options: options, modelOptions: modelOptions, seed: global.seed)
    }

    /// Prints the text or writes it to the file that was asked for.
    func write(_ requests: ResourceRequests, _ text: String, _ global: GlobalOptions) throws {
        if let output { try Console.write(Data(text.utf8), toFile: output) }
        warn(requests, global)
        let summary = requests.summary("almanac \(Almanac.version)").joined(separator: "\n")
        try global.console.result(
            requests, text: output.map { "\($0)\n\(summary)" } ?? String(text.dropLast(text.hasSuffix("\n") ? 1 : 0)))
    }

    /// Says on standard error what must be known before the requests are used.
    func warn(_ requests: ResourceRequests, _ global: GlobalOptions) {
        let warnings = requests.warnings
        for warning in warnings.prefix(8) { global.console.remark(warning) }
        if warnings.count > 8 { global.console.remark("and \(warnings.count - 8) remarks more, beside the requests") }
    }

    private func tasks(_ file: String) throws -> TaskGraph {
        file.hasSuffix(".json") || file.hasSuffix(".json.gz")
            ? try WorkflowInstance.read(file).graph : try JobFile.read(file).tasks
    }
}
