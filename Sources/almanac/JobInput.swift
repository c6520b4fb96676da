public import ArgumentParser
import Foundation
import JobFiles
import Prediction
public import Scheduling
import Traces
import Workloads

/// The job that a command works on, and the models that know it.
struct JobOptions: ParsableArguments {
    @Argument(help: "A job file (YAML), or a recorded workflow in WfFormat (.json, .json.gz).")
    var job: String

    @Option(name: .long, help: "Folder of models that 'almanac train' wrote; without it, times are those in the job.")
    var models: String?

    /// Reads the models and the job. Sizes of files that the job does not state are those on disk in `folder`, or predicted.
    func read(folder: String) throws -> (JobFile, ModelSet) {
        let models = try models.map { try ModelSet(folder: $0) } ?? ModelSet()
        if job.hasSuffix(".json") || job.hasSuffix(".json.gz") {
            let recorded = try WorkflowInstance.read(job)
            // As a job, a recorded workflow claims what was measured of it.
            return (JobFile(name: recorded.name, tasks: recorded.recorded.claimed(by: recorded.graph)), models)
        }
        var file = try JobFile.read(job, workingFolder: folder)
        file.tasks = try models.fillingSizes(of: file.tasks) { path in
            var status = stat()
            guard stat(path.hasPrefix("/") ? path : "\(folder)/\(path)", &status) == 0 else { return nil }
            return status.st_mode & S_IFMT == S_IFREG ? Double(status.st_size) : nil
        }
        return (file, models)
    }
}

/// A size as people write it, for instance `8 GB`.
struct ByteCount: ExpressibleByArgument {
    let bytes: Double
    init?(argument: String) {
        guard let bytes = Units.parseBytes(argument), bytes >= 0 else { return nil }
        self.bytes = bytes
    }
}

/// A time as people write it, for instance `1h 30m`.
struct TimeSpan: ExpressibleByArgument {
    let seconds: Double
    var defaultValueDescription: String { Units.formatSeconds(seconds) }
    init(seconds: Double) { self.seconds = seconds }
    init?(argument: String) {
        guard let seconds = Units.parseSeconds(argument) else { return nil }
        self.seconds = seconds
    }
}

extension Goal.Objective: ExpressibleByArgument {}
