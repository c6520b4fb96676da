/// What is wrong with recorded jobs, an episode, or the options of a generator.
public enum SparkError: Error, Hashable, CustomStringConvertible {
    case cannotRead(String, reason: String)
    case noJobs(String)
    case invalidStage(source: String, job: String, stage: Int, reason: String)
    case invalidJob(source: String, job: String, reason: String)
    case invalidEpisode(String, reason: String)
    case unknownJob(episode: String, position: Int, job: String, examples: [String])

    public var description: String {
        switch self {
        case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
        case .noJobs(let path):
            "\(path): no job found. Expected a folder of files named tpch_*.json, each of at least one job."
        case .invalidStage(let source, let job, let stage, let reason):
            "\(source): job '\(job)', stage \(stage): \(reason). Correct the file."
        case .invalidJob(let source, let job, let reason): "\(source): job '\(job)': \(reason). Correct the file."
        case .invalidEpisode(let source, let reason): "\(source): \(reason)."
        case .unknownJob(let episode, let position, let job, let examples):
            "\(episode): job \(position) is '\(job)', which is not in the catalogue. "
                + "Known are \(examples.joined(separator: ", ")), …: read the catalogue that the episode was written for."
        }
    }
}
