internal import Foundation
public import JobFiles
public import Prediction
internal import Traces
internal import Workloads

/// A job, and the models that know it.
public struct KnownJob: Sendable {
    /// The job.
    public var job: JobFile
    /// Models of its tasks; none where none were given.
    public let models: ModelSet

    /// Reads a job file (YAML) or a recorded workflow (WfFormat) and a folder of models.
    ///
    /// Sizes of files that the job does not state are those on disk in `workingFolder`, or predicted.
    /// - Throws: `JobFileError`, `TraceError`, `ModelFileError` and the like for what cannot be read.
    public init(_ path: String, models folder: String? = nil, workingFolder: String = ".") throws {
        models = try folder.map { try ModelSet(folder: $0) } ?? ModelSet()
        if path.hasSuffix(".json") || path.hasSuffix(".json.gz") {
            let recorded = try WorkflowInstance.read(path)
            // As a job, a recorded workflow claims what was measured of it.
            job = JobFile(name: recorded.name, tasks: recorded.recorded.claimed(by: recorded.graph))
            return
        }
        job = try JobFile.read(path, workingFolder: workingFolder)
        job.tasks = try models.fillingSizes(of: job.tasks) { path in
            let url = URL(
                fileURLWithPath: path, relativeTo: URL(fileURLWithPath: workingFolder, isDirectory: true))
            let values = try? url.resourceValues(forKeys: [.fileSizeKey, .isRegularFileKey])
            return values?.isRegularFile == true ? values?.fileSize.map(Double.init) : nil
        }
    }
}
