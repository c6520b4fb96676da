/// Jobs that arrive at identical executors.
public struct SparkEpisode: Sendable {
    /// One arrival.
    public struct Arrival: Sendable, Hashable {
        public var milliseconds: Int
        /// The place of the job in ``SparkCatalogue/jobs``.
        public var job: Int

        public init(milliseconds: Int, job: Int) { (self.milliseconds, self.job) = (milliseconds, job) }
    }

    public let name: String
    public let catalogue: SparkCatalogue
    public let executors: Int
    /// What an executor that changes its job is under way.
    public let movingMilliseconds: Int
    /// What is added to the first task of an executor that has just come, where no such task was recorded.
    public let warmUpMilliseconds: Int
    /// By time.
    public let arrivals: [Arrival]
    /// For each arrival the place of its first stage among those of the episode; one more at the end.
    let firstStage: [Int32]

    /// Checks an episode, and sorts its arrivals by time; of equal times the first in the list comes first.
    /// - Throws: ``SparkError`` that says what is out of range.
    public init(
        name: String, catalogue: SparkCatalogue, executors: Int, arrivals: [Arrival], movingMilliseconds: Int = 2000,
        warmUpMilliseconds: Int = 1000
    ) throws(SparkError) {
        guard 1...Self.maximalExecutors ~= executors else {
            throw .invalidEpisode(
                name, reason: "the number of executors is \(executors), expected 1…\(Self.maximalExecutors)")
        }
        guard !arrivals.isEmpty else { throw .invalidEpisode(name, reason: "no job arrives, expected at least one") }
        for (what, value) in [("moving delay", movingMilliseconds), ("warm-up delay", warmUpMilliseconds)]
        where !(0...1_000_000_000 ~= value) {
            throw .invalidEpisode(name, reason: "the \(what) is \(value) ms, expected 0…1000000000")
        }
        for (position, arrival) in arrivals.enumerated() {
            guard 0...Self.longestMilliseconds / 2 ~= arrival.milliseconds else {
                throw .invalidEpisode(
                    name,
                    reason:
                        "job \(position) arrives at \(arrival.milliseconds) ms, expected 0…\(Self.longestMilliseconds / 2)"
                )
            }
            guard catalogue.jobs.indices.contains(arrival.job) else {
                throw .invalidEpisode(
                    name, reason: "job \(position) is number \(arrival.job) of a catalogue of \(catalogue.jobs.count)")
            }
        }
        (self.name, self.catalogue, self.executors) = (name, catalogue, executors)
        (self.movingMilliseconds, self.warmUpMilliseconds) = (movingMilliseconds, warmUpMilliseconds)
        // `sorted` keeps the order of equal elements.
        self.arrivals = arrivals.sorted { $0.milliseconds < $1.milliseconds }
        var firstStage: [Int32] = [0]
        for arrival in self.arrivals {
            firstStage.append(firstStage[firstStage.count - 1] + Int32(catalogue.jobs[arrival.job].stages.count))
        }
        self.firstStage = firstStage
    }

    /// Rough milliseconds of all tasks.
    var work: Double { arrivals.reduce(0) { $0 + catalogue.tables.work[$1.job] } }

    /// The key of an event has ten bits for its executor, and 36 for its time: two years.
    static let maximalExecutors = 1 << 10
    static let longestMilliseconds = 1 << 36
}
