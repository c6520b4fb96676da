/// The parameters of a ``SparkRule``. *Load* is the logarithm of active jobs per executor.
public struct SparkRuleParameters: Sendable, Hashable {
    /// The logarithm of what the exponent of the shares has above 1, and its slopes by load and by the logarithm of the minutes
    /// of work per executor.
    public var skew = 0.0
    public var skewLoad = 0.0
    public var skewBacklog = 0.0
    /// The power of a job's relative size in its share, and its slope by load.
    public var sizePower = 0.0
    public var sizePowerLoad = 0.0
    /// The logarithm of how many executors are shared for each that there is, and its slope by load.
    public var slack = 0.1
    public var slackLoad = 0.0
    /// The bonus of a stage of the job that the executors are at, its slope by load, and what is taken off if the job has more
    /// than its target.
    public var local = 1.0
    public var localLoad = 0.0
    public var surplus = 0.0
    /// What a job loses for its size, and the slope by load.
    public var smallness = 0.2
    public var smallnessLoad = 0.0
    /// The part of the longest path in what counts as size.
    public var pathSize = 0.0
    /// The part of running tasks in the work that is left.
    public var running = 0.5
    /// The part of what finished tasks say about the work that is left of their stages.
    public var observed = 0.0
    /// The bonus of a stage at the beginning of its job's longest path.
    public var criticalPath = 0.5
    /// The bonus of a job whose longest path takes long beside its work.
    public var pathShare = 0.0
    /// The bonus of a stage whose tasks can start at once.
    public var runnable = 1.0
    /// What is taken off for the rough time until the tasks of the stage can start.
    public var waiting = 0.0
    /// What is taken off for supply over the sum of supply and target, and the bonus of a job that has no executor.
    public var filled = 0.0
    public var empty = 0.0
    /// What is taken off if a job has its target already.
    public var overTarget = 1.0
    /// What is taken off if the job, or the stage, would be done soon without the executors, and how soon is soon.
    public var ending = 0.5
    public var stageEnding = 0.0
    public var logEndingMilliseconds = 8.5
    /// The bonus for tasks that nobody is meant for, by their work in minutes up to one.
    public var stageWork = 0.0
    /// How many executors are given beyond the target, and how many of those that are there already.
    public var chunk = 0.5
    public var localChunk = 0.5

    public init() {}
}

extension SparkRuleParameters {
    /// A parameter of the search: its name, and how far the search looks at first.
    struct Coordinate: Sendable {
        let name: String
        let scale: Double
        let path: any WritableKeyPath<SparkRuleParameters, Double> & Sendable
    }

    static let coordinates: [Coordinate] = [
        .init(name: "skew", scale: 1, path: \.skew),
        .init(name: "skew by load", scale: 0.7, path: \.skewLoad),
        .init(name: "skew by backlog", scale: 0.5, path: \.skewBacklog),
        .init(name: "size power", scale: 0.7, path: \.sizePower),
        .init(name: "size power by load", scale: 0.3, path: \.sizePowerLoad),
        .init(name: "slack", scale: 0.4, path: \.slack),
        .init(name: "slack by load", scale: 0.2, path: \.slackLoad),
        .init(name: "local", scale: 1.5, path: \.local),
        .init(name: "local by load", scale: 0.7, path: \.localLoad),
        .init(name: "surplus", scale: 0.7, path: \.surplus),
        .init(name: "smallness", scale: 0.5, path: \.smallness),
        .init(name: "smallness by load", scale: 0.3, path: \.smallnessLoad),
        .init(name: "path size", scale: 0.3, path: \.pathSize),
        .init(name: "running", scale: 0.5, path: \.running),
        .init(name: "observed", scale: 0.5, path: \.observed),
        .init(name: "critical path", scale: 1, path: \.criticalPath),
        .init(name: "path share", scale: 1, path: \.pathShare),
        .init(name: "runnable", scale: 1.5, path: \.runnable),
        .init(name: "waiting", scale: 1, path: \.waiting),
        .init(name: "filled", scale: 1, path: \.filled),
        .init(name: "empty", scale: 1, path: \.empty),
        .init(name: "over target", scale: 1.5, path: \.overTarget),
        .init(name: "ending", scale: 1.5, path: \.ending),
        .init(name: "stage ending", scale: 1, path: \.stageEnding),
        .init(name: "log of ending milliseconds", scale: 0.5, path: \.logEndingMilliseconds),
        .init(name: "stage work", scale: 0.7, path: \.stageWork),
        .init(name: "chunk", scale: 1.5, path: \.chunk),
        .init(name: "local chunk", scale: 1.5, path: \.localChunk),
    ]

    /// The names of the numbers in ``vector``.
    public static var names: [String] { coordinates.map(\.name) }

    /// All parameters as numbers of any size.
    public var vector: [Double] {
        get { Self.coordinates.map { self[keyPath: $0.path] } }
        set { for (coordinate, value) in zip(Self.coordinates, newValue) { self[keyPath: coordinate.path] = value } }
    }
}
