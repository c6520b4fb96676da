internal import Foundation

/// Predicts the run time or the peak memory of tasks from their type, input size and other features.
///
/// For every task type the best of several models was chosen on runs later than those it learnt from, and the errors
/// on these runs give the intervals. A type that was never seen gets the pooled answer with a pooled, wide interval.
///
///     let model = try TaskModel.fit(samples, seed: 1)
///     let prediction = model.predict(type: "sort", features: [1.2e9, 2])
///     print(prediction.value, prediction.lower, prediction.upper, prediction.runs)
public struct TaskModel: Sendable {
    /// The kinds of model to choose from, the simplest first.
    public enum Candidate: String, CaseIterable, Sendable, Codable, CodingKeyRepresentable {
        /// The median of the type's runs: the baseline to beat.
        case median
        /// The median of the last ten runs.
        case recent
        /// Least squares on the input size.
        case linear
        /// Least squares on the input size, longer runs counting less: what a few small runs say of large ones.
        case proportional
        /// A line of least absolute relative error on the input size.
        case relative
        /// Least squares of log(value) on log(input size).
        case logLog = "log-log"
        /// The median of the five runs of nearest input size.
        case neighbours
        /// The log-log line, corrected by a random forest over all types and features.
        case forest
        /// The log-log line, corrected by boosted trees over all types and features.
        case boosting
        /// A random forest over all types and features whose leaves are lines in their logarithms.
        case linearLeaves = "linear-leaves"
    }

    /// What is known of one task type.
    struct TypeModel: Sendable {
        var runs: Int
        var chosen: Candidate
        /// What the residuals are residuals of: the chosen model, or the median where that gives narrower intervals.
        var center: Candidate
        var models: TypeModels
        var residuals: ResidualQuantiles
    }

    public let target: TaskTarget
    /// The features in the order in which ``predict(type:features:level:)`` takes them. The first is the input size.
    public let featureNames: [String]
    /// The rows that it learnt from.
    public let trainingRows: Int
    public let seed: UInt64
    /// When the newest of them was submitted, in Unix seconds; NaN if no row had a time.
    public let trainedUntil: Double
    let machines: MachineFactors
    let types: [String: TypeModel]
    let unseen: TypeModel
    let forests: [Candidate: PooledForest]
    /// Of peak memory: what to request, per type.
    let sizers: [String: MemorySizer]

    public var typeNames: [String] { types.keys.sorted() }

    /// How much longer tasks take on machines that differ from the others, as factors.
    public var machineFactors: [String: Double] { machines.logarithms.mapValues { exp($0) } }

    /// Whether scores or recorded runs say how fast a machine is, beside the others.
    public func knowsSpeed(of machine: String) -> Bool {
        machines.logarithms[machine] != nil || (machines.reference != nil && machines.scores.speeds[machine] != nil)
    }

    /// The model chosen for a type, and the number of runs behind it; `nil` for a type never seen.
    public func choice(for type: String) -> (model: Candidate, runs: Int)? {
        types[type].map { ($0.chosen, $0.runs) }
    }

    /// Predicts one task.
    ///
    /// - Parameters:
    ///   - type: The task type; an unknown one is allowed.
    ///   - features: A value per name in `featureNames`; NaN where unknown.
    ///   - machine: The machine that will run it; its speed is taken into account if it is known.
    ///   - level: The probability of the interval, in (0, 1).
    public func predict(
        type: String, features: [Double], machine: String? = nil, level: Double = 0.9
    ) -> TaskPrediction {
        let model = types[type] ?? unseen
        let value = value(of: model.chosen, type: type, features: features, machine: machine)
        let center =
            model.center == model.chosen
            ? value : self.value(of: model.center, type: type, features: features, machine: machine)
        return TaskPrediction(
            value: value, lower: min(value, center * exp(model.residuals((1 - level) / 2))),
            upper: max(value, center * exp(model.residuals((1 + level) / 2))), level: level, runs: model.runs,
            model: model.chosen)
    }

    /// The value that is not exceeded with probability `p`.
    public func quantile(type: String, features: [Double], machine: String? = nil, _ p: Double) -> Double {
        let model = types[type] ?? unseen
        return value(of: model.center, type: type, features: features, machine: machine) * exp(model.residuals(p))
    }

    /// How much memory to request for one task; `nil` if nothing is known of its type, or this is no model of memory.
    ///
    /// - Parameter limitBytes: What the machine has.
    public func memoryRequest(type: String, features: [Double], limitBytes: Double = .infinity) -> MemoryRequest? {
        precondition(features.count == featureNames.count, "a value per feature")
        guard let sizer = sizers[type], let model = types[type] else { return nil }
        return sizer.request(size: features[model.models.sizeFeature], limitBytes: limitBytes)
    }

    /// What one of the candidates says, chosen or not: for tables that show them side by side.
    public func value(
        of candidate: Candidate, type: String, features: [Double], machine: String? = nil
    ) -> Double {
        precondition(features.count == featureNames.count, "a value per feature")
        let value = (types[type] ?? unseen).models.value(of: candidate, features: features) { base in
            forests[candidate]?.value(type: type, features: features, base: base)
        }
        return value * machines.factor(machine, type: type)
    }
}

extension TaskModel {
    /// Whether a candidate can predict: a forest was only fitted where some type chose it.
    public func has(_ candidate: Candidate) -> Bool {
        forests[candidate] != nil || !PooledForest.kinds.contains { $0.candidate == candidate }
    }

    /// Features given in another order, or with other columns, in the order of this model; NaN where not given.
    public func arranged(_ features: [Double], named names: [String]) -> [Double] {
        names == featureNames
            ? features : featureNames.map { name in names.firstIndex(of: name).map { features[$0] } ?? .nan }
    }
}
