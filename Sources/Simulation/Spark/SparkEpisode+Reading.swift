extension SparkEpisode {
    /// Reads an episode: `{"episode", "executors", "moving_delay_ms", "warmup_delay_ms", "jobs": [{"t_ms", "query", "size"}, …]}`.
    /// - Throws: ``SparkError`` that names the file and what is wrong in it.
    public init(contentsOf path: String, catalogue: SparkCatalogue) throws(SparkError) {
        let recorded = try readJSON(RecordedEpisode.self, path)
        var arrivals: [Arrival] = []
        for (position, job) in recorded.jobs.enumerated() {
            let name = "q\(job.query)-\(job.size)"
            guard let place = catalogue.position(of: name) else {
                throw .unknownJob(
                    episode: path, position: position, job: name, examples: catalogue.jobs.prefix(3).map(\.name))
            }
            arrivals.append(Arrival(milliseconds: job.t_ms, job: place))
        }
        do {
            try self.init(
                name: recorded.episode, catalogue: catalogue, executors: recorded.executors, arrivals: arrivals,
                movingMilliseconds: recorded.moving_delay_ms, warmUpMilliseconds: recorded.warmup_delay_ms)
        } catch .invalidEpisode(_, let reason) {
            throw .invalidEpisode(path, reason: reason)
        }
    }
}

private struct RecordedEpisode: Decodable {
    struct Job: Decodable {
        let t_ms: Int
        let query: Int
        let size: String
    }
    let episode: String
    let executors: Int
    let moving_delay_ms: Int
    let warmup_delay_ms: Int
    let jobs: [Job]
}
