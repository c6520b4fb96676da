internal import LinearAlgebra
internal import ReinforcementLearning

/// Adapts a rule to one episode whose arrivals are known: its parameters, and for each job what is added to its score and share.
///
/// Candidates are tried in the simulator with luck of the search's own, never that of the run that follows: what is found holds
/// for other durations of the same jobs.
public struct SparkRuleSearch: Sendable {
    public var rule: SparkRule
    /// Runs that each candidate is judged by.
    public var runs = 2
    public var population = 16
    /// How far the first candidates are from the rule, in units in which it was tuned, and in scores and logarithms of shares.
    public var parameterStep = 0.1
    public var scoreStep = 0.7
    public var shareStep = 0.3

    public init(_ rule: SparkRule) { self.rule = rule }

    /// The best rule after so many generations, by the mean of the distribution. Equal seeds give equal rules on any number of threads.
    ///
    /// - Parameter isOver: Asked after each generation whether to stop early, for instance because time is up.
    /// - Complexity: Generations · population · runs simulations of the episode.
    public func adapted(
        to episode: SparkEpisode, generations: Int, seed: UInt64, threads: Int, isOver: () -> Bool = { false }
    ) throws -> SparkRule {
        let jobs = episode.arrivals.count
        let scales =
            SparkRuleParameters.coordinates.map { $0.scale * parameterStep }
            + (0..<jobs).flatMap { _ in [scoreStep, shareStep] }
        let start =
            rule.parameters.vector
            + (rule.adjustments.isEmpty ? Array(repeating: 0, count: 2 * jobs) : rule.adjustments)
        var search = try CMAES(start: start, scales: scales, step: 1, population: population, seed: seed)
        func made(_ vector: [Double]) -> SparkRule {
            var made = rule
            let count = vector.count - 2 * jobs
            made.parameters.vector = Array(vector[..<count])
            made.adjustments = Array(vector[count...])
            return made
        }
        var generator = SeededGenerator(seed: seed, stream: .max)
        for _ in 0..<generations {
            if isOver() { break }
            let trials = (0..<runs).map { _ in SparkTrial(episode: episode, seed: generator.next()) }
            let means = SparkTrial.means(of: search.candidates.map(made), in: trials, threads: threads)
            try search.update(values: means.map { $0.reduce(0) { $0 + ($1 ?? .infinity) } })
        }
        return made(search.mean)
    }
}
