/// How a task model is fitted.
public struct TaskModelOptions: Sendable, Hashable {
    /// The candidates to choose from. The median is always one.
    public var candidates: [TaskModel.Candidate] = TaskModel.Candidate.allCases
    /// Trees of the random forest.
    public var trees = 100
    /// A type with fewer runs gets the median; there is nothing to choose by.
    public var minimumRunsToChoose = 6
    /// A more complex candidate must lower the error by this share of the simpler one's to be chosen.
    public var minimumGain = 0.05
    /// Whether to fit forests even if no type chose them, to show their errors beside the others.
    public var fitsAllForests = false
    /// How memory requests are sized.
    public var request = MemorySizingOptions()
    /// Speeds of machines, those of the recorded runs among them: a run time is then predicted for all of them.
    public var machineScores = MachineScores()
    /// Threads to use. The model does not depend on it.
    public var threads = 1

    public init() {}
}
