public import Scheduling
public import Workloads

/// How long the tasks of one job take, by what was believed before the run and by what the run has shown so far.
///
/// Believed times with a spread are moved to where the run's own attempts of that type lie; times without one get the spread
/// of those attempts around them; tasks of which nobody knew anything take as long as those of their type did.
public struct RunPace: Sendable {
    private let types: [String]
    private let estimates: Estimates?
    /// For each type, how much longer attempts took than was predicted, and how long they took on speed 1, both ascending.
    private var ratios: [String: [Double]] = [:]
    private var seconds: [String: [Double]] = [:]
    private var allRatios: [Double] = []

    /// So many attempts of a type tell enough.
    private static let limit = 500

    /// Makes a pace of a job of which nothing has run.
    public init(_ graph: TaskGraph, _ estimates: Estimates?) {
        types = graph.tasks.map(\.type)
        self.estimates = estimates?.count == graph.count ? estimates : nil
    }

    /// Learns from an attempt that ended.
    ///
    /// - Parameter speed: That of the instance type that it ran on.
    public mutating func note(_ outcome: AttemptRecord, speed: Double) {
        guard outcome.status == .completed, outcome.restoredShare ?? 0 == 0, let type = outcome.taskType,
            let took = outcome.runtimeSeconds, took > 0, took.isFinite
        else { return }
        func insert(_ value: Double, _ values: inout [Double]) {
            guard values.count < Self.limit else { return }
            values.insert(value, at: values.firstIndex { $0 > value } ?? values.count)
        }
        insert(took * speed, &seconds[type, default: []])
        guard let predicted = outcome.predictedSeconds, predicted > 0 else { return }
        insert(took / predicted, &ratios[type, default: []])
        insert(took / predicted, &allRatios)
    }

    /// The time that a task takes on a type of instance and does not exceed with probability `p`, in seconds; `nil` if
    /// nothing is known.
    public func seconds(of task: Int, on type: InstanceType, p: Double) -> Double? {
        let name = types[task]
        let own = ratios[name] ?? []
        guard let estimates, estimates.expectedSeconds[task].isFinite else {
            return seconds[name].map { Self.quantile($0, p) / type.speed }
        }
        if task < estimates.secondsQuantiles.count, case let spread = estimates.secondsQuantiles[task].values,
            spread[0] < spread[7]
        {
            return estimates.seconds(of: task, on: type, p: p) * (own.count >= 5 ? Self.quantile(own, 0.5) : 1)
        }
        let seen = own.count >= 3 ? own : allRatios.count >= 3 ? allRatios : [1]
        return estimates.seconds(of: task, on: type) * Self.quantile(seen, p)
    }

    /// Interpolated between the values.
    private static func quantile(_ values: [Double], _ p: Double) -> Double {
        let place = p * Double(values.count - 1)
        let below = min(values.count - 1, max(0, Int(place)))
        let above = min(values.count - 1, below + 1)
        return values[below] + (place - Double(below)) * (values[above] - values[below])
    }
}
