import Workloads

/// What an account has in use over planned time, within its quota.
struct AccountTimeline: Sendable {
    private let problem: PlanningProblem
    private let limit: Quota
    /// What is in use, lane by lane, and in dollars an hour.
    private var resources: InstanceTimeline
    private var prices: InstanceTimeline

    /// `nil` if the problem has no quota that matters.
    init?(_ problem: PlanningProblem) {
        guard let limit = problem.quota else { return nil }
        (self.problem, self.limit) = (problem, limit)
        (resources, prices) = Self.nothing(problem, limit)
    }

    private static func nothing(_ problem: PlanningProblem, _ limit: Quota) -> (InstanceTimeline, InstanceTimeline) {
        (
            InstanceTimeline(limit.resources, smallest: problem.smallest),
            InstanceTimeline(Resources(cpus: limit.pricePerHour), smallest: .zero)
        )
    }

    /// What all tasks of a plan but one have in use; `nil` without quota.
    init?(_ problem: PlanningProblem, of plan: Plan, but task: TaskID) {
        self.init(problem)
        let offers = Dictionary(plan.instances.map { ($0.id, $0.entry) }, uniquingKeysWith: { first, _ in first })
        for own in plan.assignments where own.task != task {
            guard let index = problem.graph.index(of: own.task), let offer = offers[own.instance],
                let entry = problem.entries.firstIndex(where: { $0.isSame(as: offer) })
            else { continue }
            reserve(index, on: entry, start: own.startSeconds, end: own.endSeconds)
        }
    }

    /// Starts anew.
    mutating func removeAll() { (resources, prices) = Self.nothing(problem, limit) }

    /// The earliest start of a task from `ready` on at which it is within the quota for as long as it takes on an entry, or `nil`
    /// if that is after `latest`.
    ///
    /// - Complexity: O(log *n* + steps looked at).
    func earliestStart(_ task: Int, on entry: Int, ready: Double, latest: Double = .infinity) -> Double? {
        let seconds = problem.seconds(of: task, on: entry)
        var start = ready
        while true {
            guard
                let first = resources.earliestStart(
                    problem.requests[task], ready: start, seconds: seconds, latest: latest),
                let both = prices.earliestStart(price(task, entry), ready: first, seconds: seconds, latest: latest)
            else { return nil }
            if both == first { return both }
            start = both
        }
    }

    /// Counts a task as in use.
    mutating func reserve(_ task: Int, on entry: Int, start: Double, end: Double) {
        resources.reserve(problem.requests[task], start: start, end: end)
        prices.reserve(price(task, entry), start: start, end: end)
    }

    private func price(_ task: Int, _ entry: Int) -> Resources {
        Resources(
            cpus: limit.pricePerHour < .infinity ? problem.entries[entry].pricePerHour(of: problem.requests[task]) : 0)
    }
}
