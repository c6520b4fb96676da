internal import Glibc
internal import LinearAlgebra
public import Workloads

/// How sure a plan is: what becomes of its makespan when run times are drawn from what is believed of them, every task waiting
/// for what it waits for in the plan, and how likely a spot instance is reclaimed while it is used.
///
/// Draws are independent, and a reclaim moves nothing: `simulate` runs the job itself.
public struct PlanRisk: Hashable, Sendable, Encodable {
    /// Half of the draws end by this time, and 95 %, in seconds; `nil` if times have no spread.
    public private(set) var medianSeconds: Double?
    public private(set) var p95Seconds: Double?
    /// The share of draws that end by the deadline; `nil` if there is none, or times have no spread.
    public private(set) var withinDeadline: Double?
    /// The probability that at least one instance is reclaimed before its last task ends.
    public private(set) var reclaimProbability = 0.0

    /// - Parameters:
    ///   - quota: The quota that the plan keeps.
    ///   - draws: How many times the job is played.
    ///   - seed: Equal seeds give equal risks.
    /// - Throws: ``PlanError`` as a plan would.
    /// - Complexity: O(*draws* · (*V* + *E*)).
    public init(
        _ plan: Plan, of graph: TaskGraph, on pool: ResourcePool, costs: CostModel, goal: Goal, quota: Quota? = nil,
        draws: Int = 200, seed: UInt64 = 0
    ) throws(PlanError) {
        let outlook = costs.outlook ?? MarketOutlook(listedIn: pool)
        var stays = 1.0
        for instance in plan.instances {
            guard let place = pool.entries.firstIndex(of: instance.entry), place < outlook.reclaimsPerHour.count else {
                continue
            }
            let hours = (instance.endSeconds - instance.startSeconds) / 3600
            stays *= pow(1 - min(1, max(0, outlook.reclaimsPerHour[place])), hours)
        }
        reclaimProbability = 1 - stays
        let estimates = costs.estimates
        guard !plan.assignments.isEmpty, estimates.secondsQuantiles.contains(where: { $0.values[0] < $0.values[7] })
        else { return }
        let types = Dictionary(
            plan.instances.map { ($0.id, $0.entry.type) }, uniquingKeysWith: { first, _ in first })
        let tasks = plan.assignments.map { graph.index(of: $0.task) ?? 0 }
        // By predecessor, task, and whether that is in another zone.
        var transfers: [SIMD3<Int>: Double] = [:]
        if !costs.network.isFree {
            let problem = try PlanningProblem(graph, on: pool, costs: costs)
            for task in 0..<graph.count {
                for edge in problem.edges(of: task) {
                    let predecessor = Int(problem.predecessors[edge])
                    transfers[SIMD3(predecessor, task, 0)] = problem.transfers[edge]
                    if problem.hasZones { transfers[SIMD3(predecessor, task, 1)] = problem.farTransfers[edge] }
                }
            }
        }
        let isZoned = costs.network.betweenZones != nil
        let waits = plan.waits(graph, quota: quota) { transfers[SIMD3($0, $1, $2 && isZoned ? 1 : 0)] ?? 0 }
        var ends: [Double] = []
        for draw in 0..<draws {
            var random = SeededGenerator(seed: seed, stream: UInt64(draw))
            let durations = plan.assignments.enumerated().map { place, own in
                guard let type = types[own.instance] else { return own.endSeconds - own.startSeconds }
                return estimates.seconds(of: tasks[place], on: type, p: random.nextUniform())
            }
            ends.append(waits.end(durations: durations))
        }
        ends.sort()
        medianSeconds = quantile(sorted: ends, 0.5)
        p95Seconds = quantile(sorted: ends, 0.95)
        withinDeadline = goal.deadlineSeconds.map { limit in Double(ends.count { $0 <= limit }) / Double(draws) }
    }

    /// For instance `half of all draws end by 1h 2m, 95 % by 1h 20m; an instance is reclaimed with probability 12 %`; `nil` if
    /// nothing is uncertain.
    public var text: String? {
        var parts: [String] = []
        if let medianSeconds, let p95Seconds {
            var part =
                "half of all draws end by \(Units.formatSeconds(medianSeconds)), 95 % by \(Units.formatSeconds(p95Seconds))"
            if let withinDeadline { part += ", \(Units.formatPercent(withinDeadline)) by the deadline" }
            parts.append(part)
        }
        if reclaimProbability > 0 {
            parts.append("an instance is reclaimed with probability \(Units.formatPercent(reclaimProbability))")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
