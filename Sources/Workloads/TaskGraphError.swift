/// Why a list of tasks is not a graph that can run.
public enum TaskGraphError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Two tasks have the same name.
    case duplicateID(TaskID)
    /// A task waits for one that does not exist; `nearest` is the most similar name that does.
    case missingDependency(task: TaskID, dependency: TaskID, nearest: TaskID?)
    /// The tasks wait for one another; the first is repeated at the end.
    case cycle([TaskID])

    /// What was found, what was expected, and what to do.
    public var description: String {
        switch self {
        case .duplicateID(let id):
            return "Two tasks are named '\(id)'. Names must be unique: rename one of them."
        case .missingDependency(let task, let dependency, let nearest):
            let remedy = nearest.map { "Did you mean '\($0)'?" } ?? "Add it, or remove the dependency."
            return "Task '\(task)' needs '\(dependency)', which does not exist. \(remedy)"
        case .cycle(let tasks):
            let shown = tasks.count <= 12 ? tasks : tasks.prefix(6) + ["…"] + tasks.suffix(5)
            let path = shown.map(\.rawValue).joined(separator: " → ")
            return "The tasks wait for one another: \(path). Remove one of these dependencies."
        }
    }
}
