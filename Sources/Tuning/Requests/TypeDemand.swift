internal import Foundation
internal import LinearAlgebra
internal import Prediction
internal import Traces
internal import Workloads

/// What the tasks of one type may need, as a model sees it: a weighted sample of its predictive distribution over the
/// tasks of the type.
struct TypeDemand {
    /// Needs in the unit of the target, ascending, and what each counts.
    private let needs: [Double]
    private let weights: [Double]

    /// - Parameters:
    ///   - tasks: The features of the tasks of the type, as the model wants them.
    ///   - shares: What each task counts, for instance its hours.
    init(_ model: TaskModel, type: String, tasks: [[Double]], shares: [Double]) {
        let count = min(tasks.count, Self.tasks)
        var points: [(need: Double, weight: Double)] = []
        // The spread of a type is a matter of its model, not of the task: asked for once, the rest is a product.
        let middle = tasks.first.map { model.predict(type: type, features: $0).value } ?? .nan
        let factors = tasks.first.map { first in
            Self.levels.map { model.quantile(type: type, features: first, $0) / middle }
        }
        for index in 0..<count {
            // Spread evenly over the history.
            let task = index * tasks.count / count
            let value = model.predict(type: type, features: tasks[task]).value
            for factor in factors ?? [] where (value * factor).isFinite {
                points.append((value * factor, max(shares[task], .leastNormalMagnitude)))
            }
        }
        points.sort { $0.need < $1.need }
        (needs, weights) = (points.map(\.need), points.map(\.weight))
    }

    private static let tasks = 60
    private static let levels = (0..<50).map { (Double($0) + 0.5) / 50 }

    var isEmpty: Bool { needs.isEmpty }

    /// The probability that a task needs more; every task counts alike.
    func risk(_ request: Double) -> Double {
        needs.isEmpty ? 1 : Double(needs.count { $0 > request }) / Double(needs.count)
    }

    /// The least request of at most this risk.
    func request(risk: Double) -> Double { quantile(sorted: needs, 1 - risk) }

    /// The time that is exceeded with at most the allowed risk.
    func timeRequest(_ options: RequestOptions) -> Double {
        min(roundedUpTime(max(request(risk: options.timeRisk), options.leastSeconds)), options.longestSeconds)
    }
}

extension TypeDemand {
    /// The demand of the tasks of a job or, without any, of the recorded runs.
    init(_ model: TaskModel, type: String, recorded: RunHistory, rows: [Int], tasks: [TaskSpec] = []) {
        if tasks.isEmpty {
            self.init(
                model, type: type,
                tasks: rows.map { model.arranged(recorded.samples.features($0), named: recorded.samples.featureNames) },
                shares: rows.map { recorded.records[$0].runtimeSeconds ?? 1 })
        } else {
            self.init(
                model, type: type, tasks: tasks.map { TaskFeatures.values(of: $0, names: model.featureNames) },
                shares: tasks.map { _ in 1 })
        }
    }
}
