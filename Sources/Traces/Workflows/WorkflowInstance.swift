public import Reading
public import Workloads

/// One recorded run of a workflow in WfFormat: its tasks, their order, and what each took.
///
///     let instance = try WorkflowInstance.read("montage-chameleon-2mass-05d-001.json.gz")
///     CriticalPath(instance.graph, durations: instance.recorded.seconds.map { $0 ?? 0 })
///
/// Schema 1.5 is read (specification and execution apart), and 1.0 to 1.4 (everything in one list, called `jobs` up to
/// 1.2, parents by name). WfFormat records no start or end times of tasks: a schedule cannot be replayed from it.
///
/// Units are taken as the field names say (`memoryInBytes`, `sizeInBytes`) and never rescaled. Some published files have
/// kilobytes there: ``report`` then warns.
public struct WorkflowInstance: Sendable {
    /// The name in the file.
    public let name: String
    /// For instance `1.5`.
    public let schemaVersion: String
    /// For instance `Nextflow`; empty if not stated.
    public let runtimeSystem: String
    /// From the start of the run to its end, if recorded.
    public let makespanSeconds: Double?
    /// When it ran, Unix seconds, if recorded.
    public let executedAt: Double?
    /// The machines that it ran on.
    public let machines: [Machine]
    /// The tasks and their order. Types are names without serial numbers.
    public let graph: TaskGraph
    /// What was measured of the tasks of ``graph``.
    public let recorded: Recorded
    /// One row for each task that was executed.
    public let executions: ExecutionTable
    /// Tasks read, rows kept and skipped, and warnings.
    public let report: ImportReport

    /// A machine as WfFormat describes it.
    public struct Machine: Sendable, Hashable {
        public var name = ""
        /// Processor cores as recorded; Nextflow instances say 1 whatever the machine has.
        public var cpus: Double?
        public var memoryBytes: Double?
        public var clockMegahertz: Double?
    }

    /// Reads a file, `.gz` among it, or standard input for `-`.
    ///
    /// - Throws: ``TraceError`` if it is no WfFormat, or its tasks are no graph: a duplicate id, a parent that does not
    ///   exist, a cycle.
    public static func read(_ path: String) throws(TraceError) -> WorkflowInstance {
        try read(try ByteSource(path))
    }

    /// Reads a source.
    public static func read(_ source: ByteSource) throws(TraceError) -> WorkflowInstance {
        let start = ContinuousClock.now
        var document = WorkflowDocument(file: source.name)
        try document.read(source)
        let graph = try document.graph()
        let (executions, report) = document.executions(graph)
        return WorkflowInstance(document, graph, executions, report, elapsed: ContinuousClock.now - start)
    }

    private init(
        _ document: WorkflowDocument, _ graph: TaskGraph, _ executions: ExecutionTable, _ report: ImportReport,
        elapsed: Duration
    ) {
        name = document.name
        schemaVersion = document.schemaVersion
        runtimeSystem = document.runtimeSystem
        makespanSeconds = document.makespan
        executedAt = document.executedAt
        machines = document.machines
        self.graph = graph
        recorded = document.recorded(graph)
        self.executions = executions
        var report = report
        report.seconds = elapsed / .seconds(1)
        self.report = report
    }

    /// Whether a file that begins with these bytes looks like WfFormat.
    public static func recognise(_ head: some Collection<UInt8>) -> Bool {
        let text = String(decoding: head, as: UTF8.self)
        return text.first { !$0.isWhitespace } == "{"
            && (text.contains("\"schemaVersion\"") || text.contains("\"workflow\""))
    }

    /// What kind of task a name means: the name without the serial number that workflow systems append, as in
    /// `individuals_ID0000004` and `blast_4`.
    public static func taskType(ofName name: String) -> String {
        var rest = name.utf8[...]
        let digits = rest.reversed().prefix { 48...57 ~= $0 }.count
        guard digits > 0 else { return name }
        rest = rest.dropLast(digits)
        if rest.suffix(2).elementsEqual("ID".utf8), rest.dropLast(2).last == UInt8(ascii: "_") {
            rest = rest.dropLast(2)
        }
        guard rest.last == UInt8(ascii: "_"), rest.count > 1 else { return name }
        return String(rest.dropLast()) ?? name
    }
}
