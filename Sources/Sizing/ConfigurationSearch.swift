internal import Foundation
internal import LinearAlgebra
public import Workloads

/// Finds a cheap or fast cluster for a job in a few trial runs: Bayesian optimisation with a model of how clusters behave.
///
///     let search = try ConfigurationSearch(configurations)
///     var probes: [ConfigurationSearch.Probe] = []
///     while probes.count < 6, let next = search.proposal(after: probes) {
///         probes.append(.init(configuration: next.configuration, seconds: run(configurations[next.configuration])))
///     }
///     search.best(of: probes)      // the cheapest that ran, within the deadline
///
/// The logarithm of the run time is a line in the logarithms of processors, machine size and memory per processor, with
/// smooth deviations (a Gaussian process). Jobs that keep their data in memory run several times slower where these do
/// not fit, in the total of the machines: hypotheses of where this limit lies, and that there is none, are weighed by
/// the trial runs. The next trial is where the expected improvement is greatest, as CherryPick does it (Alipourfard et
/// al., 2017); prices are known, so that only run times are learnt.
public struct ConfigurationSearch: Sendable {
    public struct Options: Sendable, Hashable {
        public var objective = Goal.Objective.cost
        /// No run may take longer; the time after which trials are given up, if that is shorter.
        public var deadlineSeconds = Double.infinity

        public init() {}
    }

    /// A trial run, or one that was recorded.
    public struct Probe: Sendable, Hashable, Codable {
        /// Its place in the list of configurations.
        public let configuration: Int
        /// How long it ran; of a run that did not complete, until it was given up.
        public let seconds: Double
        public let completed: Bool

        public init(configuration: Int, seconds: Double, completed: Bool = true) {
            (self.configuration, self.seconds, self.completed) = (configuration, seconds, completed)
        }
    }

    /// What to try next.
    public struct Proposal: Sendable, Hashable, Codable {
        public let configuration: Int
        /// The median of what the model expects.
        public let expectedSeconds: Double
        public let expectedCost: Double
        /// By how much it is expected to be better than the best so far, as a share; 1 before the first trial.
        public let expectedImprovement: Double

        enum CodingKeys: String, CodingKey {
            case configuration
            case expectedSeconds = "expected_seconds"
            case expectedCost = "expected_cost"
            case expectedImprovement = "expected_improvement"
        }
    }

    public let configurations: [CloudConfiguration]
    public let options: Options
    /// Centred logarithms of all processors, of processors per machine and of memory per processor.
    private let features: [[Double]]
    /// Logarithms of the memory of all machines.
    private let memory: [Double]
    private let limits: [Double]
    private let prior: Prior

    /// - Throws: ``ConfigurationError`` for fewer than two configurations, or one with a number that is not positive.
    public init(_ configurations: [CloudConfiguration], options: Options = .init()) throws(ConfigurationError) {
        try self.init(configurations, options: options, prior: .init())
    }

    /// What is believed before the first trial. Chosen on recorded jobs of the c3o and CherryPick collections.
    package struct Prior: Sendable {
        /// Run times fall with this power of the number of processors, give or take its deviation.
        package var scaling = 0.6
        package var scalingDeviation = 0.25
        package var machineSizeDeviation = 0.15
        package var memoryDeviation = 0.15
        /// Deviations from the line, and over which distance in the logarithms they hold.
        package var smoothDeviation = 0.1
        package var reach = 1.2
        /// Repeated runs differ by this.
        package var noise = 0.1
        /// A run that was given up would have taken so many times as long, give or take this in the logarithm.
        package var unfinishedFactor = 2.0
        package var unfinishedNoise = 0.7
        /// The probability that memory is a limit somewhere; and the logarithm of how much slower runs are beyond it.
        package var limitProbability = 0.8
        package var limitEffect = 1.0
        package var limitDeviation = 0.7
        package init() {}
    }

    package init(_ configurations: [CloudConfiguration], options: Options, prior: Prior) throws(ConfigurationError) {
        guard configurations.count > 1 else { throw .tooFew(configurations.count) }
        for configuration in configurations {
            let numbers = [
                Double(configuration.machines), configuration.cpusPerMachine, configuration.memoryPerMachineBytes,
                configuration.pricePerHour,
            ]
            guard numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else { throw .badConfiguration(configuration.name) }
        }
        (self.configurations, self.options, self.prior) = (configurations, options, prior)
        let columns = [
            configurations.map { log(Double($0.machines) * $0.cpusPerMachine) },
            configurations.map { log($0.cpusPerMachine) },
            configurations.map { log($0.memoryPerMachineBytes / $0.cpusPerMachine) },
        ].map { column in column.map { [middle = mean(column)] in $0 - middle } }
        features = configurations.indices.map { row in columns.map { $0[row] } }
        let memory = configurations.map { log(Double($0.machines) * $0.memoryPerMachineBytes) }
        self.memory = memory
        let levels = memory.sorted().reduce(into: [Double]()) { levels, value in
            if levels.last.map({ value - $0 > 1e-6 }) ?? true { levels.append(value) }
        }
        let between = zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 }
        limits =
            between.count <= Self.mostLimits
            ? between : (0..<Self.mostLimits).map { between[$0 * (between.count - 1) / (Self.mostLimits - 1)] }
    }

    private static let mostLimits = 24

    /// What a run costs, or takes: what is to be small.
    private func logScore(_ configuration: Int, logSeconds: Double) -> Double {
        let logCost = logSeconds + log(configurations[configuration].pricePerHour / 3600)
        return switch options.objective {
        case .time: logSeconds
        case .cost: logCost
        case .balanced: logSeconds + logCost
        }
    }

    /// The best completed run within the deadline; `nil` if there is none.
    public func best(of probes: [Probe]) -> Probe? {
        probes.filter { $0.completed && $0.seconds <= options.deadlineSeconds && $0.seconds > 0 }.min {
            logScore($0.configuration, logSeconds: log($0.seconds))
                < logScore($1.configuration, logSeconds: log($1.seconds))
        }
    }

    /// Whether another trial is not worth its cost: after six a gain of less than a tenth is expected of the next, the rule
    /// of CherryPick; or all have been tried.
    public func isSettled(_ probes: [Probe], next: Proposal?) -> Bool {
        guard let next else { return true }
        return best(of: probes) != nil && Set(probes.map(\.configuration)).count >= 6 && next.expectedImprovement < 0.1
    }

    /// The configuration to try next; `nil` when all have been tried.
    ///
    /// - Complexity: O(*limits* · (*probes*³ + *configurations* · *probes*²)).
    public func proposal(after probes: [Probe]) -> Proposal? {
        let probes = probes.filter { configurations.indices.contains($0.configuration) && $0.seconds > 0 }
        let tried = Set(probes.map(\.configuration))
        let open = configurations.indices.filter { !tried.contains($0) }
        guard !open.isEmpty else { return nil }
        guard !probes.isEmpty else { return first(open) }
        // A run that was given up, or was too slow, is no mark to beat; it still says how slow that cluster is.
        let scores = probes.map { logScore($0.configuration, logSeconds: log($0.seconds)) }
        let mark = best(of: probes).map { logScore($0.configuration, logSeconds: log($0.seconds)) } ?? scores.min() ?? 0
        let beliefs = beliefs(probes, about: open)
        var best: Proposal?
        for (place, configuration) in open.enumerated() {
            var (improvement, center) = (0.0, 0.0)
            for belief in beliefs {
                let (expected, deviation) = (belief.means[place], belief.deviations[place])
                let score = logScore(configuration, logSeconds: expected)
                let inTime =
                    options.deadlineSeconds.isFinite
                    ? normalBelow((log(options.deadlineSeconds) - expected) / deviation) : 1
                improvement += belief.weight * inTime * Self.improvement(mark - score, deviation)
                center += belief.weight * expected
            }
            if improvement > best?.expectedImprovement ?? -1 {
                let seconds = exp(center)
                best = Proposal(
                    configuration: configuration, expectedSeconds: seconds,
                    expectedCost: seconds / 3600 * configurations[configuration].pricePerHour,
                    expectedImprovement: improvement)
            }
        }
        return best
    }

    /// Without a trial: the configuration most in the middle.
    private func first(_ open: [Int]) -> Proposal? {
        func distance(_ row: Int) -> Double { features[row].reduce(0) { $0 + $1 * $1 } }
        return open.min { (distance($0), $0) < (distance($1), $1) }.map {
            Proposal(configuration: $0, expectedSeconds: .nan, expectedCost: .nan, expectedImprovement: 1)
        }
    }

    /// E[max(0, gain + deviation · Z)] of a standard normal Z.
    private static func improvement(_ gain: Double, _ deviation: Double) -> Double {
        let z = gain / deviation
        return gain * normalBelow(z) + deviation * exp(-z * z / 2) / (2 * Double.pi).squareRoot()
    }

    /// One hypothesis after the trials: what it expects of the open configurations.
    private struct Belief {
        var weight: Double
        var means: [Double]
        var deviations: [Double]
    }

    private func beliefs(_ probes: [Probe], about open: [Int]) -> [Belief] {
        let rows = probes.map(\.configuration)
        let times = probes.map { log($0.completed ? $0.seconds : $0.seconds * prior.unfinishedFactor) }
        let noises = probes.map { $0.completed ? prior.noise : prior.unfinishedNoise }
        let level = mean(zip(times, rows).map { $0 - line($1) })
        var logWeights: [Double] = []
        var beliefs: [Belief] = []
        for limit in [nil] + limits.map(Optional.some) {
            func expected(_ row: Int) -> Double { level + line(row) + step(row, limit) * prior.limitEffect }
            func covariance(_ a: Int, _ b: Int) -> Double {
                common(a, b) + step(a, limit) * step(b, limit) * prior.limitDeviation * prior.limitDeviation
            }
            var matrix = Matrix(rows: rows.count, columns: rows.count)
            for i in rows.indices {
                for j in rows.indices { matrix[i, j] = covariance(rows[i], rows[j]) }
                matrix[i, i] += noises[i] * noises[i]
            }
            var right = Matrix(rows: rows.count, columns: open.count)
            for (j, row) in open.enumerated() { for i in rows.indices { right[i, j] = covariance(rows[i], row) } }
            let surprise = zip(times, rows).map { $0 - expected($1) }
            guard let factor = try? Cholesky(matrix), let solved = try? factor.solve(surprise),
                let gains = try? factor.solve(right)
            else { continue }
            var (means, deviations): ([Double], [Double]) = ([], [])
            for (j, row) in open.enumerated() {
                var (shift, known) = (0.0, 0.0)
                for i in rows.indices {
                    shift += right[i, j] * solved[i]
                    known += right[i, j] * gains[i, j]
                }
                means.append(expected(row) + shift)
                deviations.append(max(covariance(row, row) - known, 1e-9).squareRoot())
            }
            let fit = zip(surprise, solved).reduce(0) { $0 + $1.0 * $1.1 }
            let before =
                limit == nil ? 1 - prior.limitProbability : prior.limitProbability / Double(max(1, limits.count))
            logWeights.append(log(before) - fit / 2 - factor.logDeterminant / 2)
            beliefs.append(Belief(weight: 0, means: means, deviations: deviations))
        }
        let most = logWeights.max() ?? 0
        let total = logWeights.reduce(0) { $0 + exp($1 - most) }
        for index in beliefs.indices { beliefs[index].weight = exp(logWeights[index] - most) / total }
        return beliefs
    }

    private func line(_ row: Int) -> Double { -prior.scaling * features[row][0] }

    /// Whether the memory of all machines is below a limit.
    private func step(_ row: Int, _ limit: Double?) -> Double { limit.map { memory[row] < $0 ? 1 : 0 } ?? 0 }

    /// The covariance of the logarithms of two run times, but for the memory limit.
    private func common(_ a: Int, _ b: Int) -> Double {
        let (x, y) = (features[a], features[b])
        let deviations = [prior.scalingDeviation, prior.machineSizeDeviation, prior.memoryDeviation]
        var (linear, squares) = (0.0, 0.0)
        for i in x.indices {
            linear += x[i] * y[i] * deviations[i] * deviations[i]
            squares += (x[i] - y[i]) * (x[i] - y[i])
        }
        let r = (5 * squares).squareRoot() / prior.reach
        let smooth = prior.smoothDeviation * prior.smoothDeviation * (1 + r + r * r / 3) * exp(-r)
        // How long the job takes at all is not known: a factor of 50 either way.
        return 16 + linear + smooth
    }
}

private func normalBelow(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }
