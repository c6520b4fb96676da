public import ArgumentParser
public import Scheduling
import Service
public import Workloads

/// The job that a command works on, and the models that know it.
struct JobOptions: ParsableArguments {
    @Argument(
        help:
            "A job file (YAML), a recorded workflow in WfFormat (.json, .json.gz), or a graph (.dot, .mmd, .ga, CWL, …)."
    )
    var job: String

    @Option(name: .long, help: "Folder of models that 'almanac train' wrote; without it, times are those in the job.")
    var models: String?

    /// Reads the models and the job.
    func read(folder: String, pool: String? = nil) throws -> KnownJob {
        try KnownJob(job, models: models, pool: pool, workingFolder: folder, asksSlurm: true)
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

extension PlanSearch.Method: ExpressibleByArgument {}
