public import Prediction
internal import LinearAlgebra

/// How well a task model predicts the later runs of a workflow from its earlier ones, beside simple models.
///
/// Protocol "history → next": of every task type with at least `minimumRows` runs the first 70 % by submission are
/// learnt from, the last 30 % are predicted.
///
/// Of a test run that was killed only a bound is known: a prediction beyond it counts as no error and inside its
/// interval, one below as the least error that it can be.
public struct TaskEvaluation: Sendable, Encodable {
    public let workflow: String
    public let target: TaskTarget
    public let trainingRows: Int
    public let testRows: Int
    /// Test rows that were killed before they had all they needed.
    public let killedRows: Int
    /// The model as it would be used: per task type the candidate chosen on the training rows alone.
    public let chosen: Errors
    /// Every candidate used for all types alike; `median` and `linear` are the baselines.
    public let candidates: [TaskModel.Candidate: Errors]
    /// How many task types chose each candidate.
    public let choices: [TaskModel.Candidate: Int]
    /// The share of test rows inside their 90 % interval.
    public let coverage90: Double
    /// Observed share of test rows inside their central interval, for the probabilities in `levels`.
    public let coverage: [Double]
    /// The test rows for the picture of predicted against actual.
    public let points: [Point]

    private enum CodingKeys: String, CodingKey {
        case workflow, target, chosen, candidates, choices, coverage
        case trainingRows = "training_rows"
        case testRows = "test_rows"
        case killedRows = "killed_rows"
        case coverage90 = "coverage_90"
    }

    public static let levels = [0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99]

    public struct Errors: Sendable, Codable, Hashable {
        /// Median absolute percentage error, as a fraction.
        public let mdape: Double
        /// Sum of absolute errors over the sum of actual values.
        public let wape: Double

        init(actual: [Double], isBound: [Bool], predicted: [Double]) {
            let predicted = predicted.indices.map { isBound[$0] ? min(predicted[$0], actual[$0]) : predicted[$0] }
            mdape = ErrorMeasures.mdape(actual: actual, predicted: predicted)
            wape = ErrorMeasures.wape(actual: actual, predicted: predicted)
        }
    }

    public struct Point: Sendable, Codable, Hashable {
        public let type: String
        public let actual: Double
        /// Whether it is known to be more.
        public let isBound: Bool
        public let predicted: Double
    }

    /// Whether the chosen model loses to the plain median of the type, by the median error.
    public var losesToMedian: Bool { chosen.mdape > (candidates[.median]?.mdape ?? .infinity) }

    /// Splits, fits and predicts.
    ///
    /// - Throws: ``PredictionError/noRows(_:)`` if no task type has `minimumRows` runs.
    public init(
        _ samples: TaskSamples, workflow: String, options: TaskModelOptions = .init(), seed: UInt64,
        share: Double = 0.7, minimumRows: Int = 20
    ) throws {
        let (training, test) = samples.splitInTime(share: share, minimumRows: minimumRows)
        guard training.count > 0, test.count > 0 else { throw PredictionError.noRows(samples.target) }
        var options = options
        options.fitsAllForests = true
        let model = try TaskModel.fit(training, options: options, seed: seed)
        try self.init(model, test: test, workflow: workflow)
    }

    /// Judges a fitted model by rows that it has not seen.
    public init(_ model: TaskModel, test: TaskSamples, workflow: String) throws {
        guard test.count > 0 else { throw PredictionError.noRows(test.target) }
        let (actual, isBound) = (test.values, test.isBound)
        let types = test.types.map { test.typeNames[$0] }
        let features = (0..<test.count).map { model.arranged(test.features($0), named: test.featureNames) }
        let machines = test.machines
        let predictions = actual.indices.map {
            model.predict(type: types[$0], features: features[$0], machine: machines[$0])
        }

        self.workflow = workflow
        target = model.target
        trainingRows = model.trainingRows
        testRows = test.count
        killedRows = isBound.count { $0 }
        chosen = Errors(actual: actual, isBound: isBound, predicted: predictions.map(\.value))
        var candidates: [TaskModel.Candidate: Errors] = [:]
        for candidate in TaskModel.Candidate.allCases where model.has(candidate) {
            let values = actual.indices.map {
                model.value(of: candidate, type: types[$0], features: features[$0], machine: machines[$0])
            }
            candidates[candidate] = Errors(actual: actual, isBound: isBound, predicted: values)
        }
        self.candidates = candidates
        choices = Dictionary(
            Set(types).compactMap { type in model.choice(for: type).map { ($0.model, 1) } }, uniquingKeysWith: +)
        coverage = Self.levels.map { level in
            let inside = actual.indices.count { row in
                func quantile(_ p: Double) -> Double {
                    model.quantile(type: types[row], features: features[row], machine: machines[row], p)
                }
                return actual[row] <= quantile((1 + level) / 2)
                    && (isBound[row] || actual[row] >= quantile((1 - level) / 2))
            }
            return Double(inside) / Double(actual.count)
        }
        coverage90 =
            Double(
                actual.indices.count { row in
                    actual[row] <= predictions[row].upper && (isBound[row] || actual[row] >= predictions[row].lower)
                }) / Double(actual.count)
        points = actual.indices.map {
            Point(type: types[$0], actual: actual[$0], isBound: isBound[$0], predicted: predictions[$0].value)
        }
    }
}
