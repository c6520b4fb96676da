internal import Allocation
internal import LinearAlgebra

/// What many simulated runs of one job say together.
public struct Statistics: Hashable, Sendable, Codable {
    /// The spread of a quantity.
    public struct Spread: Hashable, Sendable, Codable {
        /// The arithmetic mean.
        public var mean: Double
        /// 5 % of runs are below.
        public var p5: Double
        /// Half of the runs are below.
        public var median: Double
        /// 95 % of runs are below.
        public var p95: Double
        /// 95 % confidence intervals of the mean and of the median.
        public var meanInterval: Interval
        public var medianInterval: Interval

        /// A range that holds what is looked for with a probability.
        public struct Interval: Hashable, Sendable, Codable {
            public var low: Double
            public var high: Double
        }

        enum CodingKeys: String, CodingKey {
            case mean, p5, median, p95
            case meanInterval = "mean_interval"
            case medianInterval = "median_interval"
        }

        /// The spread of values; all are NaN if there are none.
        public init(_ values: [Double]) {
            let sorted = values.sorted()
            mean = LinearAlgebra.mean(values)
            p5 = quantile(sorted: sorted, 0.05)
            median = quantile(sorted: sorted, 0.5)
            p95 = quantile(sorted: sorted, 0.95)
            let count = Double(values.count)
            let half = values.count > 1 ? 1.96 * (variance(values) / count).squareRoot() : .infinity
            meanInterval = Interval(low: mean - half, high: mean + half)
            // The number of values below the median is binomial: the order statistics that it exceeds with 2.5 %.
            let steps = 0.98 * count.squareRoot()
            let (first, last) = (Int((count / 2 - steps).rounded(.down)), Int((count / 2 + steps).rounded(.up)))
            medianInterval = Interval(
                low: first >= 0 && first < values.count ? sorted[first] : -.infinity,
                high: last >= 0 && last < values.count ? sorted[last] : .infinity)
        }
    }

    /// How many runs.
    public var runs: Int
    /// The share that succeeded.
    public var succeeded: Double
    /// When those that succeeded ended, in seconds after their start.
    public var makespanSeconds: Spread
    /// What they cost, in US dollars.
    public var cost: Spread
    /// The share of all runs that succeeded within the deadline, and those of its tasks; `nil` if there is none.
    public var withinDeadline: Double?
    /// The share of all runs that succeeded within the budget; `nil` if there is none.
    public var withinBudget: Double?
    /// Instances that were taken back, attempts, and plans made anew, per run.
    public var reclaims: Double
    public var attempts: Double
    public var plans: Double

    enum CodingKeys: String, CodingKey {
        case runs, succeeded, cost, reclaims, attempts, plans
        case makespanSeconds = "makespan_seconds"
        case withinDeadline = "within_deadline"
        case withinBudget = "within_budget"
    }

    /// Sums runs up.
    ///
    /// - Parameter hasTaskDeadlines: Whether tasks have deadlines of their own, which count as well.
    public init(
        _ runs: [SimulatedRun], deadlineSeconds: Double? = nil, hasTaskDeadlines: Bool = false, budget: Double? = nil
    ) {
        let good = runs.filter { $0.ending == .succeeded }
        let all = Double(max(1, runs.count))
        func share(_ holds: (SimulatedRun) -> Bool) -> Double { Double(good.count { holds($0) }) / all }
        func mean(_ value: (SimulatedRun) -> Int) -> Double { Double(runs.reduce(0) { $0 + value($1) }) / all }
        self.runs = runs.count
        succeeded = Double(good.count) / all
        makespanSeconds = Spread(good.map(\.makespanSeconds))
        cost = Spread(good.map(\.cost))
        if deadlineSeconds != nil || hasTaskDeadlines {
            withinDeadline = share { $0.makespanSeconds <= deadlineSeconds ?? .infinity && $0.lateTasks == 0 }
        }
        withinBudget = budget.map { limit in share { $0.cost <= limit } }
        (reclaims, attempts, plans) = (mean(\.reclaims), mean(\.attempts), mean(\.plans))
    }
}

/// By how much two policies differ that met the same luck.
public struct PairedDifference: Hashable, Sendable, Codable {
    /// The mean of the differences.
    public var mean: Double
    /// Half the width of its 95 % confidence interval.
    public var halfWidth: Double

    enum CodingKeys: String, CodingKey {
        case mean
        case halfWidth = "half_width"
    }

    /// The differences `b[i] - a[i]`; of none the mean is NaN.
    public init(from a: [Double], to b: [Double]) {
        let differences = zip(a, b).map { $1 - $0 }
        mean = LinearAlgebra.mean(differences)
        let error = (variance(differences) / Double(differences.count)).squareRoot()
        halfWidth = differences.count > 1 ? 1.96 * error : .infinity
    }
}
