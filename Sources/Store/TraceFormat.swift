public import Markets
public import Reading
public import Traces
import Workloads

/// Every format that the store can import, by the name that the command line uses.
public enum TraceFormat: Hashable, Sendable, CaseIterable {
    /// Recognised by the first bytes.
    case auto
    case executions(ExecutionFormat)
    case market(MarketFormat)
    case workflow

    /// All names that the command line takes.
    public static var allCases: [TraceFormat] {
        [.auto] + ExecutionFormat.allCases.map { .executions($0) } + [.workflow]
            + MarketFormat.allCases.map { .market($0) }
    }

    /// The name, for instance `nextflow`.
    public var name: String {
        switch self {
        case .auto: "auto"
        case .executions(let format): format.rawValue
        case .market(let format): format.rawValue
        case .workflow: "wfformat"
        }
    }

    /// The format of that name.
    public init?(name: String) {
        guard let format = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = format
    }
}

extension TraceStore {
    /// Reads a file of any known format and stores what it holds: all of it or, after an error, nothing.
    ///
    /// - Parameters:
    ///   - path: A file, a gzip file, or `-` for standard input.
    ///   - mappings: Where the columns of executions come from, on top of what the format says.
    ///   - workflow: The workflow of all executions; the name of the file stands for a job that it does not name.
    /// - Returns: What was read, stored, and skipped and why; what the store already held counts as skipped.
    /// - Throws: ``TraceError`` for a file that cannot be read, ``StoreError`` for a store that cannot be written.
    public func importFile(
        _ path: String, as format: TraceFormat = .auto, mappings: [FieldMapping] = [], workflow: String? = nil,
        threads: Int = 2
    ) throws -> ImportReport {
        try importSource(try ByteSource(path), as: format, mappings: mappings, workflow: workflow, threads: threads)
    }

    /// As ``importFile(_:as:mappings:workflow:threads:)`` from bytes that somebody else supplies.
    public func importSource(
        _ source: ByteSource, as format: TraceFormat = .auto, mappings: [FieldMapping] = [], workflow: String? = nil,
        threads: Int = 2
    ) throws -> ImportReport {
        switch format == .auto && mappings.isEmpty ? try recognise(source) : format {
        case .workflow:
            let instance = try WorkflowInstance.read(source)
            var executions = instance.executions
            if let workflow { executions.setWorkflow(workflow, job: instance.name) }
            return try store(executions, report: instance.report)
        case .market(let format):
            if let workflow {
                throw TraceError.badRequest(
                    found: "--workflow \(workflow) for \(source.name)", expected: "recorded executions",
                    remedy: "Markets belong to no workflow: import them without it.")
            }
            let market = try MarketImport.read(source, format: format)
            return try store(market.content, report: market.report)
        case .executions(let format):
            return try importExecutions(source, format, mappings, workflow, threads)
        case .auto:
            return try importExecutions(source, nil, mappings, workflow, threads)
        }
    }

    private func importExecutions(
        _ source: ByteSource, _ format: ExecutionFormat?, _ mappings: [FieldMapping], _ workflow: String?,
        _ threads: Int
    ) throws -> ImportReport {
        var reader = ExecutionReader(format: format, mappings: mappings)
        (reader.threads, reader.workflow) = (threads, workflow)
        let (table, report) = try reader.read(source)
        let how = ([report.format] + mappings.map(\.text) + (workflow.map { ["workflow==\($0)"] } ?? []))
            .joined(separator: " ")
        return try store(table, report: report, digest: source.digest + " " + how)
    }

    /// Markets and workflows are told by their first bytes; executions have many headers, which their reader knows.
    private func recognise(_ source: ByteSource) throws(TraceError) -> TraceFormat {
        let head = try source.peek(1 << 12)
        if let format = MarketFormat.recognise(head) { return .market(format) }
        return WorkflowInstance.recognise(head) ? .workflow : .auto
    }
}
