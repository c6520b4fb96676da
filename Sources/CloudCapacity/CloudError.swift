public import Workloads

/// What can go wrong with rented capacity. The description says what was done, what was found and what to do.
public enum CloudError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no AWS CLI.
    case noProgram(searched: String)
    /// The AWS CLI cannot be started.
    case notStarted(command: String, reason: String)
    /// The AWS CLI did not answer in time, and was ended.
    case timedOut(command: String, seconds: Double)
    /// AWS, or the AWS CLI, said no.
    case refused(command: String, code: String, message: String)
    /// The answer of the AWS CLI is not what it should be.
    case notUnderstood(command: String, found: String, expected: String)
    /// What was asked for makes no sense.
    case badRequest(found: String, expected: String, remedy: String)
    /// A launch would go beyond the spend limit.
    case beyondLimit(worst: Money, committed: Money, limit: Money, reservedSeconds: Double, count: Int)
    /// The ledger of what was launched has a line that is none.
    case damagedLedger(path: String, line: Int, found: String)
    /// A file cannot be read or written.
    case file(path: String, reason: String)
    /// Instances that almanac did not launch.
    case notOurs([String])
    /// Something is still open, and costs money.
    case stillOpen([String], reason: String)
    /// The metadata service of the instance does not answer.
    case noMetadata(address: String, reason: String)

    /// Whether the request was fine and the world was not.
    public var isOfWorld: Bool {
        switch self {
        case .noProgram, .badRequest, .damagedLedger, .notOurs, .beyondLimit: false
        case .refused(_, let code, _): !AWSRefusal(code: code).isOfUser
        case .notStarted, .timedOut, .notUnderstood, .file, .stillOpen, .noMetadata: true
        }
    }

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .noProgram(let searched):
            return
                "there is no AWS CLI: found no 'aws' in \(searched). Install it (version 2 from aws.amazon.com/cli, or 'pip install "
                + "awscli'), or put it on the PATH."
        case .notStarted(let command, let reason):
            return "\(command)\ncannot be started: \(reason). Check that 'aws --version' works."
        case .timedOut(let command, let seconds):
            return
                "\(command)\ndid not answer within \(Units.formatSeconds(seconds)) and was ended. Check the network and "
                + "the proxy settings, or allow it more (--aws-timeout)."
        case .refused(let command, let code, let message):
            let said = code.isEmpty ? message : "\(code): \(message)"
            return "\(command)\nfailed. AWS says: \(said)\n\(AWSRefusal(code: code, message: message).remedy)"
        case .notUnderstood(let command, let found, let expected):
            return
                "\(command)\nanswered \(found), expected \(expected). Run it by hand: is another program called 'aws', or "
                + "does ~/.aws/config change its output?"
        case .badRequest(let found, let expected, let remedy):
            return "found \(found), expected \(expected). \(remedy)"
        case .beyondLimit(let worst, let committed, let limit, let seconds, let count):
            let left = limit > committed ? limit - committed : .zero
            let share = worst > .zero ? left.dollars / worst.dollars : 0
            return
                "this may cost \(worst), and \(committed) of the spend limit of \(limit) is spent or set aside: \(left) is "
                + "left, enough for \(Units.formatSeconds((seconds * share).rounded(.down))) of "
                + "\(Units.count(count, "instance")). Ask for less, close what is open ('almanac pool list'), or raise "
                + "--spend-limit."
        case .damagedLedger(let path, let line, let found):
            return
                "\(path):\(line): found \(found), expected a line of the ledger of launches. Nothing is launched without it: close "
                + "by name what 'almanac pool list' shows, and move the file away."
        case .file(let path, let reason): return "\(path): \(reason)."
        case .notOurs(let instances):
            return
                "\(instances.joined(separator: ", ")): almanac did not launch \(instances.count == 1 ? "this" : "these"), "
                + "by its tags. Only what carries the tag '\(LaunchTags.ledgerKey)' is closed; 'almanac pool list' shows that."
        case .stillOpen(let instances, let reason):
            return
                "\(instances.joined(separator: ", ")) may still be open and cost money: \(reason)\nClose with: almanac "
                + "pool close --all --yes"
        case .noMetadata(let address, let reason):
            return
                "\(address) does not answer: \(reason). This works on an EC2 instance only; in a container on one, raise its "
                + "hop limit (aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2). Another address "
                + "is taken from AWS_EC2_METADATA_SERVICE_ENDPOINT."
        }
    }
}
