internal import LinearAlgebra
internal import Prediction
internal import Workloads

/// What the tasks of one type in a job may need, as a model sees it: a sample of its predictive distribution over them.
struct TypeDemand {
    /// Needs in the unit of the target, ascending.
    private let needs: [Double]
    /// Whether they depend on what is known of the tasks.
    let followsSize: Bool
    /// The largest that is expected of a task.
    private let largest: Double

    init(_ model: TaskModel, type: String, tasks: [TaskSpec]) {
        let features = tasks.map { TaskFeatures.values(of: $0, names: model.featureNames) }
        let count = min(tasks.count, Self.tasks)
        var points: [Double] = []
        // The spread of a type is a matter of its model, not of the task: asked for once, the rest is a product.
        let middle = features.first.map { model.predict(type: type, features: $0).value } ?? .nan
        let factors = features.first.map { first in
            Self.levels.map { model.quantile(type: type, features: first, $0) / middle }
        }
        for index in 0..<count {
            // Spread evenly over the job.
            let value = model.predict(type: type, features: features[index * tasks.count / count]).value
            points += (factors ?? []).map { value * $0 }.filter(\.isFinite)
        }
        needs = points.sorted()
        largest = features.map { model.predict(type: type, features: $0).value }.max() ?? .nan
        followsSize =
            model.choice(for: type).map { ![.median, .recent].contains($0.model) } == true
            && features.allSatisfy { $0.first?.isNaN == false }
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

    /// The time that is exceeded with at most the allowed risk, at most four times what is expected of the longest task.
    func timeRequest(_ options: RequestOptions) -> Double { min(request(risk: options.timeRisk), 4 * largest) }
}
