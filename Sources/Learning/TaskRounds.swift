public import Prediction

/// A trace replayed in time order: how the error of a model develops with and without retraining.
///
/// The first runs of every task type are learnt from. What comes after is cut into rounds; each is predicted by the model
/// of the beginning, and by one trained anew on all runs before the round.
public struct TaskRounds: Sendable, Encodable {
    public struct Round: Sendable, Encodable {
        public let runs: Int
        /// By the model of the first runs, by the retrained one, and by the median of all runs before.
        public let kept: TaskEvaluation.Errors
        public let retrained: TaskEvaluation.Errors
        public let median: TaskEvaluation.Errors
        /// The share of runs above the 99 % quantile of the retrained model: of harmless runs, one in a hundred should be.
        public let above99: Double

        enum CodingKeys: String, CodingKey {
            case runs, kept, retrained, median
            case above99 = "above_99"
        }
    }

    public let workflow: String
    public let target: TaskTarget
    public let firstRuns: Int
    public let rounds: [Round]

    enum CodingKeys: String, CodingKey {
        case workflow, target, rounds
        case firstRuns = "first_runs"
    }

    /// The share of each type's runs that is learnt from before the first round.
    static let firstShare = 0.3

    /// - Parameter count: The number of rounds.
    /// - Throws: ``PredictionError/noRows(_:)`` if no task type has `minimumRows` runs.
    /// - Complexity: *count* + 1 fits.
    public init(
        _ samples: TaskSamples, workflow: String, rounds count: Int, options: TaskModelOptions = .init(), seed: UInt64,
        minimumRows: Int = 20
    ) throws {
        precondition(count > 0, "at least one round")
        let first = samples.inTime(from: 0, to: Self.firstShare, minimumRows: minimumRows)
        guard first.count > 0 else { throw PredictionError.noRows(samples.target) }
        let kept = try TaskModel.fit(first, options: options, seed: seed)
        var rounds: [Round] = []
        for round in 0..<count {
            func share(_ index: Int) -> Double {
                index == count ? 1 : Self.firstShare + (1 - Self.firstShare) * Double(index) / Double(count)
            }
            let before = samples.inTime(from: 0, to: share(round), minimumRows: minimumRows)
            let now = samples.inTime(from: share(round), to: share(round + 1), minimumRows: minimumRows)
            guard now.count > 0 else { continue }
            let retrained = try TaskModel.fit(before, options: options, seed: seed)
            let old = try TaskEvaluation(kept, test: now, workflow: workflow)
            let new = try TaskEvaluation(retrained, test: now, workflow: workflow)
            let above = (0..<now.count).count { row in
                let features = retrained.arranged(now.features(row), named: now.featureNames)
                return now.values[row]
                    > retrained.quantile(
                        type: now.typeNames[now.types[row]], features: features, machine: now.machines[row], 0.99)
            }
            rounds.append(
                Round(
                    runs: now.count, kept: old.chosen, retrained: new.chosen,
                    median: new.candidates[.median] ?? new.chosen, above99: Double(above) / Double(now.count)))
        }
        (self.workflow, target, firstRuns, self.rounds) = (workflow, samples.target, first.count, rounds)
    }
}
