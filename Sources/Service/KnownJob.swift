internal import Foundation
public import JobFiles
public import Prediction
internal import Reading
internal import SlurmExecution
internal import Traces
internal import Workloads

/// A job, and the models that know it.
public struct KnownJob: Sendable {
    /// The job.
    public var job: JobFile
    /// Models of its tasks; none where none were given.
    public let models: ModelSet

    /// Reads a job file (YAML), a recorded workflow (WfFormat) or the graph of another tool, and a folder of models.
    ///
    /// Sizes of files that the job does not state are those on disk in `workingFolder`, or predicted.
    /// - Parameters:
    ///   - pool: A pool file, in the place of the pool and the network of the job.
    ///   - asksSlurm: Fill in the pool of a job that may use what a Slurm cluster has.
    /// - Throws: `JobFileError`, `TraceError`, `ModelFileError` and the like for what cannot be read; `SlurmError`.
    public init(
        _ path: String, models folder: String? = nil, pool: String? = nil, workingFolder: String = ".",
        asksSlurm: Bool = false
    ) throws {
        try self.init(reading: path, models: folder, workingFolder: workingFolder)
        if asksSlurm, pool == nil, job.usesSlurm { job.pool = try SlurmPool.discover().pool }
        if let pool { (job.pool, job.network) = try JobFile.readPool(pool) }
    }

    private init(reading path: String, models folder: String?, workingFolder: String) throws {
        models = try folder.map { try ModelSet(folder: $0) } ?? ModelSet()
        let name = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        if let graph = try Self.graph(path, name: name) {
            job = JobFile(name: graph.name, tasks: graph.graph)
            return
        }
        if name.hasSuffix(".json") {
            let recorded = try WorkflowInstance.read(path)
            // As a job, a recorded workflow claims what was measured of it.
            job = JobFile(name: recorded.name, tasks: recorded.recorded.claimed(by: recorded.graph))
            return
        }
        job = try JobFile.read(path, workingFolder: workingFolder)
        job.tasks = try models.fillingSizes(of: job.tasks) { path in
            var status = stat()
            guard stat(path.hasPrefix("/") ? path : "\(workingFolder)/\(path)", &status) == 0 else { return nil }
            return status.st_mode & S_IFMT == S_IFREG ? Double(status.st_size) : nil
        }
    }

    /// The graph of another tool, if the file's name or, for JSON, its first bytes say that it is one.
    private static func graph(_ path: String, name: String) throws(TraceError) -> WorkflowGraph? {
        let isGraph = [".dot", ".gv", ".mmd", ".mermaid", ".ga", ".cwl"].contains { name.hasSuffix($0) }
        guard isGraph || name.hasSuffix(".json") else { return nil }
        if !isGraph {
            let head = try ByteSource(path).peek(4096)
            guard !WorkflowInstance.recognise(head), WorkflowGraph.recognise(head) != nil else { return nil }
        }
        return try WorkflowGraph.read(path)
    }
}
