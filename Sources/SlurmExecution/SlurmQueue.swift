import Execution
import Glibc

/// What is known of the jobs of a run: one question for all of them from time to time, more rarely while nobody answers.
struct SlurmQueue {
    /// How the names of our jobs begin. Numbers of jobs are given out again after a crash of the controller.
    let prefix: String
    /// The jobs that are not over, as of ``askedSeconds``.
    private(set) var jobs: [Slurm.Job] = []
    /// When the question was asked that was answered last, in Unix seconds.
    private(set) var askedSeconds = -Double.infinity
    /// What was said in the place of the last answer; `nil` after an answer.
    private(set) var trouble: String?
    private let pollSeconds: Double
    private var question: (command: Command, seconds: Double)?
    private var nextSeconds = -Double.infinity
    private var patience: Double

    init(token: String, pollSeconds: Double) {
        (prefix, self.pollSeconds, patience) = ("almanac-\(token)-", pollSeconds, pollSeconds)
    }

    /// Readable when an answer comes.
    var output: Int32? { question?.command.output }

    /// When there is something to do next, in Unix seconds, if the answer does not come before.
    var wakeSeconds: Double { question == nil ? nextSeconds : unixSeconds() + 1 }

    /// Asks when it is time; true if there is a new answer, or trouble is new.
    mutating func look() throws -> Bool {
        let now = unixSeconds()
        if question == nil {
            guard now >= nextSeconds else { return false }
            question = (try Slurm.listing(), now)
        }
        guard let result = question?.command.result(), let asked = question?.seconds else { return false }
        question = nil
        guard result.succeeded else {
            let isNew = trouble == nil
            trouble = Slurm.lastWords(result)
            patience = min(30, patience * 2)
            nextSeconds = unixSeconds() + patience
            return isNew
        }
        (trouble, patience, askedSeconds) = (nil, pollSeconds, asked)
        jobs = Slurm.jobs(result.text, prefix: prefix)
        nextSeconds = unixSeconds() + patience
        return true
    }

    /// Asks until there is an answer.
    ///
    /// - Throws: ``SlurmError/noController(_:)`` after a minute without.
    mutating func lookNow() throws {
        let until = unixSeconds() + 60
        while true {
            if try look(), trouble == nil { return }
            guard unixSeconds() < until else { throw SlurmError.noController(trouble ?? "no answer") }
            usleep(question == nil ? 200_000 : 5_000)
        }
    }

    /// What is to be said of the trouble that there is; `nil` after an answer.
    var remark: Report? {
        trouble.map { .remark("Slurm's controller does not answer (\($0)); asked again until it does") }
    }

    /// What stands behind the prefix in the name of a job.
    func id(of job: Slurm.Job) -> String { String(job.name.dropFirst(prefix.count)) }
}
