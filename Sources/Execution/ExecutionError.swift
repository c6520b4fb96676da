public import Workloads

/// Why a run could not start, or could not go on.
public enum ExecutionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A task has no command.
    case noCommand(TaskID)
    /// A task asks for more than this machine, or what the run may use of it, has.
    case tooLarge(TaskID, cpus: Double, memoryBytes: Double, availableCPUs: Double, availableMemoryBytes: Double)
    /// The instances of a pool have together more than this machine, or what the run may use of it, has.
    case poolTooLarge(cpus: Double, memoryBytes: Double, availableCPUs: Double, availableMemoryBytes: Double)
    /// An input exists neither on disk nor as an output of another task.
    case missingInput(TaskID, path: String)
    /// A file that a finished task of this run made, and that another one still needs, is not there any more.
    case outputGone(TaskID, path: String, neededBy: TaskID)
    /// The run folder holds an earlier run, and resuming was not asked for.
    case runExists(folder: String, finished: Int, total: Int)
    /// There is no run in this folder to resume.
    case nothingToResume(folder: String)
    /// Another process runs in this folder.
    case inUse(folder: String)
    /// The job is not the one that the folder was started with.
    case jobChanged(folder: String)
    /// The journal holds a line that is not ours; the last line may be cut short, others not.
    case badJournal(path: String, line: Int, reason: String)
    /// A decision of the log, counted from 0, does not follow from what stands before it.
    case badFact(entry: Int)
    /// The folder of a run does not hold what its decisions follow from.
    case noSetup(folder: String)
    /// The operating system refused something.
    case system(operation: String, path: String, reason: String)

    /// What was found, what was expected, and what to do.
    public var description: String {
        switch self {
        case .noCommand(let task):
            "Task '\(task)' has no command, so there is nothing to run. Give it one, or only plan or simulate the job."
        case .tooLarge(let task, let cpus, let memory, let availableCPUs, let availableMemory):
            "Task '\(task)' asks for \(Units.format(cpus, digits: 1)) cpus and \(Units.formatBytes(memory)), but this run "
                + "may use \(Units.format(availableCPUs, digits: 1)) cpus and \(Units.formatBytes(availableMemory)). "
                + "Ask for less, or run on a larger machine."
        case .poolTooLarge(let cpus, let memory, let availableCPUs, let availableMemory):
            "The instances have together \(Units.format(cpus, digits: 1)) cpus and \(Units.formatBytes(memory)), but this "
                + "run may use \(Units.format(availableCPUs, digits: 1)) cpus and \(Units.formatBytes(availableMemory)). "
                + "Make them smaller or fewer, or allow more with --cpus and --memory."
        case .missingInput(let task, let path):
            "Task '\(task)' reads '\(path)', which does not exist and which no task writes. "
                + "Correct the path, or declare it as an output of the task that makes it."
        case .outputGone(let maker, let path, let task):
            "Task '\(task)' reads '\(path)', which task '\(maker)' of this run made and which is gone. "
                + "Put it back, or start the job anew without resuming."
        case .runExists(let folder, let finished, let total):
            "The folder '\(folder)' holds a run with \(finished) of \(total) tasks finished. "
                + "Resume it, or choose another folder."
        case .nothingToResume(let folder):
            "The folder '\(folder)' holds no run. Runs lie in STORE/runs/NAME/NUMBER; a new one starts without --resume."
        case .inUse(let folder):
            "Another process runs a job in '\(folder)'. Wait until it ends, or choose another folder."
        case .jobChanged(let folder):
            "The job is not the one that was started in '\(folder)': tasks, commands, order or files differ. "
                + "Resume with the unchanged job, or start in another folder."
        case .badJournal(let path, let line, let reason):
            "\(path):\(line): this is not a line of a run journal (\(reason)). "
                + "Restore the file, or start in another folder."
        case .badFact(let entry):
            "Entry \(entry + 1) of the log of this run does not follow from those before it. "
                + "Restore the log, or start another run."
        case .noSetup(let folder):
            "The run in '\(folder)' cannot be replayed: it does not hold what its decisions follow from, or was begun by "
                + "an earlier release. Runs that begin now keep it in setup-1.json."
        case .system(let operation, let path, let reason):
            "Cannot \(operation) '\(path)': \(reason). Check that the folder exists, is writable and has space left."
        }
    }
}
