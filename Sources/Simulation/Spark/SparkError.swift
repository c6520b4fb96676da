/// What is wrong with recorded jobs, an episode, or the options of a generator.
public enum SparkError: Error, Hashable, CustomStringConvertible {
    case cannotRead(String, reason: String)
    case noJobs(String)
    case invalidStage(source: String, job: String, stage: Int, reason: String)
    case invalidJob(source: String, job: String, reason: String)
    case invalidEpisode(String, reason: String)
    case unknownJob(episode: String, position: Int, job: String, examples: [String])
    case otherJobs(found: UInt64, expected: UInt64)
    case otherParameters(expected: Int, found: Int)

    public var description: String {
        switch self {
        case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
        case .noJobs(let path):
            "\(path): no job found. Expected a folder of files named tpch_*.json, each of at least one job."
        case .invalidStage(let source, let job, let stage, let reason):
            "\(source): job '\(job)', stage \(stage): \(reason). Correct the file."
        case .invalidJob(let source, let job, let reason): "\(source): job '\(job)': \(reason). Correct the file."
        case .invalidEpisode(let source, let reason): "\(source): \(reason)."
        case .otherJobs(let found, let expected):
            "The jobs have the digest \(found), the tuning to go on with began with \(expected). Name the same jobs, or begin anew."
        case .otherParameters(let expected, let found):
            "The tuning to go on with has \(found) parameters, this program's rule has \(expected). Begin anew."
        case .unknownJob(let episode, let position, let job, let examples):
            "\(episode): job \(position) is '\(job)', which is not in the catalogue. "
                + "Known are \(examples.joined(separator: ", ")), …: read the catalogue that the episode was written for."
        }
    }
}
