/// The jobs that episodes are made of.
public struct SparkCatalogue: Sendable {
    public let jobs: [SparkJob]
    /// What the simulator reads.
    let tables: SparkTables
    private let positions: [String: Int]

    /// - Throws: ``SparkError`` if there is no job or two share a name.
    public init(_ jobs: [SparkJob], source: String = "generated") throws(SparkError) {
        guard !jobs.isEmpty else { throw .noJobs(source) }
        var positions: [String: Int] = [:]
        for (index, job) in jobs.enumerated() where positions.updateValue(index, forKey: job.name) != nil {
            throw .invalidJob(source: source, job: job.name, reason: "another job has this name")
        }
        (self.jobs, self.positions, tables) = (jobs, positions, SparkTables(jobs))
    }

    /// The place in ``jobs`` of a job by name.
    public func position(of name: String) -> Int? { positions[name] }

    /// A digest of names, stages, edges and durations: what was trained on.
    public var digest: UInt64 { tables.digest }
}
