public import Workloads

/// What is wrong with a job file, and where.
public struct JobFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of mistake.
    public enum Problem: Hashable, Sendable {
        /// The file cannot be read.
        case unreadable(reason: String)
        /// The file is not UTF-8 text.
        case notText
        /// The text is not YAML.
        case notYAML(reason: String)
        /// There is nothing in the file.
        case empty
        /// A key that means nothing here.
        case unknownKey(String, in: String, nearest: String?, allowed: [String])
        /// A key that must be there.
        case missingKey(String, in: String)
        /// A list where a text was expected, and the like.
        case wrongKind(of: String, found: String, expected: String)
        /// A value that cannot be understood or is out of range.
        case badValue(of: String, found: String, expected: String)
        /// `${name}` where no such variable is.
        case unknownVariable(String, known: [String])
        /// Two tasks with one name.
        case duplicateTask(TaskID, firstLine: Int)
        /// An output that is another one, in whatever spelling, or lies inside it or around it.
        case overlappingOutput(path: String, other: TaskID, otherPath: String, otherLine: Int, isSame: Bool)
        /// A task that waits for one that does not exist.
        case missingDependency(task: TaskID, dependency: String, nearest: String?)
        /// A `*` that stands for nothing.
        case emptyPattern(String, of: String)
        /// Tasks that wait for one another.
        case cycle([TaskID])
        /// A task that no instance of the pool can hold.
        case impossible(TaskID, Resources, largest: String)
        /// A task that asks for more than its tenant may have.
        case beyondQuota(TaskID, Resources)
        /// A `foreach` that makes more tasks than a job may have.
        case tooManyTasks(limit: Int)
        /// Tasks whose commands, files and names are together too long.
        case tooLarge(limitBytes: Int)
    }

    /// The file's name.
    public var file: String
    /// Line, from 1.
    public var line: Int
    /// Column, from 1, in Unicode scalars.
    public var column: Int
    /// What is wrong.
    public var problem: Problem

    /// Makes an error.
    public init(file: String, line: Int, column: Int, _ problem: Problem) {
        (self.file, self.line, self.column, self.problem) = (file, line, column, problem)
    }

    /// File, line and column, what was found, what was expected, and what to do.
    public var description: String { "\(file):\(line):\(column): \(message)" }

    private var message: String {
        switch problem {
        case .unreadable(let reason):
            return "the file cannot be read: \(reason). Check its name and permissions."
        case .notText:
            return "this is not UTF-8 text. A job file is YAML; is this the right file?"
        case .notYAML(let reason):
            return "this is not YAML: \(reason). Check indentation, quotes and brackets here and just before."
        case .empty:
            return "the file is empty, expected a job with 'tasks:'."
        case .unknownKey(let key, let place, let nearest, let allowed):
            let remedy = nearest.map { "Did you mean '\($0)'?" } ?? "Remove it."
            return "unknown key '\(key)' in \(place). \(remedy) Known keys: \(allowed.joined(separator: ", "))."
        case .missingKey(let key, let place):
            return "\(place) has no '\(key)'. Add one."
        case .wrongKind(let key, let found, let expected):
            return "\(key) is \(found), expected \(expected)."
        case .badValue(let key, let found, let expected):
            return "\(key) is '\(found)', expected \(expected)."
        case .unknownVariable(let name, let known):
            let remedy =
                known.isEmpty
                ? "The task has no 'foreach'; add one, or write the value." : "Known: \(known.joined(separator: ", "))."
            return "'${\(name)}' is no variable of 'foreach'. \(remedy)"
        case .duplicateTask(let id, let firstLine):
            return
                "task '\(id)' exists already (line \(firstLine)). Names must be unique: rename one of them, or put a "
                + "variable of its 'foreach' into its id."
        case .overlappingOutput(let path, let other, let otherPath, let otherLine, let isSame):
            return isSame
                ? "'\(path)' is an output of task '\(other)' already ('\(otherPath)', line \(otherLine)). Two tasks must "
                    + "not write one file."
                : "'\(path)' and '\(otherPath)', an output of task '\(other)' (line \(otherLine)), are one inside the "
                    + "other. Name the folder alone, or the files alone."
        case .missingDependency(let task, let dependency, let nearest):
            let remedy = nearest.map { "Did you mean '\($0)'?" } ?? "Add it, or remove it from 'needs'."
            return "task '\(task)' needs '\(dependency)', which does not exist. \(remedy)"
        case .emptyPattern(let pattern, let place):
            return "'\(pattern)' in \(place) matches nothing. Correct the pattern, or add what it should match."
        case .cycle(let tasks):
            return TaskGraphError.cycle(tasks).description
        case .impossible(let task, let request, let largest):
            return
                "task '\(task)' asks for \(request), but no "
                + "instance type of the pool has all of it; the largest are \(largest). Ask for less, or add a larger type."
        case .beyondQuota(let task, let request):
            return "task '\(task)' asks for \(request), which is beyond the quota. Ask for less, or raise the quota."
        case .tooManyTasks(let limit):
            return "the job has more than \(limit) tasks. Use fewer values in 'foreach', or split the job."
        case .tooLarge(let limit):
            return
                "with every 'foreach' replaced, the job has more than \(Units.formatBytes(Double(limit))) of text. Use "
                + "fewer values in 'foreach', shorter texts, or split the job."
        }
    }
}
