import Foundation
import Scheduling
import Testing
import Workloads

@Suite("Risk of a plan") struct PlanRiskTests {
    /// Two tasks one after the other, each uniform between 0 and 100 seconds but for the outermost percents.
    private func chain(pool: ResourcePool) throws -> (TaskGraph, CostModel) {
        let graph = try TaskGraph([
            TaskSpec(id: "a", claimedSeconds: 50), TaskSpec(id: "b", predecessors: ["a"], claimedSeconds: 50),
        ])
        var estimates = Estimates(claimedBy: graph)
        estimates.secondsQuantiles = Array(repeating: Estimates.Quantiles { 100 * $0 }, count: 2)
        return (graph, CostModel(estimates))
    }

    @Test("the sum of two uniform times has the quantiles of its triangle, and as much luck as the deadline leaves")
    func triangle() throws {
        let pool = ResourcePool(entries: [Offer(type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9))])
        let (graph, costs) = try chain(pool: pool)
        let plan = try Planner(graph, on: pool, costs: costs).plan(Goal(.time))
        let risk = try PlanRisk(
            plan, of: graph, on: pool, costs: costs, goal: Goal(.time, deadlineSeconds: 50), draws: 20_000, seed: 1)
        // P(sum ≤ s) = s² / 2 · 10⁻⁴ up to 100, and 1 − (200 − s)² / 2 · 10⁻⁴ from there.
        #expect(abs(try #require(risk.medianSeconds) - 100) < 1.5)
        #expect(abs(try #require(risk.p95Seconds) - (200 - 100 * 0.1.squareRoot())) < 1.5)
        #expect(abs(try #require(risk.withinDeadline) - 0.125) < 0.01)
        #expect(risk.reclaimProbability == 0)
    }

    @Test("a spot instance that is used for two hours is reclaimed with the probability of two hours")
    func reclaims() throws {
        let type = InstanceType(name: "m", cpus: 1, memoryBytes: 1e9, spotPrice: Price(perHour: 1))
        let pool = ResourcePool(entries: [Offer(type: type, purchase: .spot)])
        let graph = try TaskGraph([TaskSpec(id: "a", claimedSeconds: 7200)])
        var costs = CostModel.claimed(by: graph)
        let plan = try Planner(graph, on: pool, costs: costs).plan(Goal(.time))
        costs.outlook = MarketOutlook(pricesPerHour: [[1]], reclaimsPerHour: [0.1])
        let risk = try PlanRisk(plan, of: graph, on: pool, costs: costs, goal: Goal(.time))
        #expect(abs(risk.reclaimProbability - 0.19) < 1e-12)
        #expect(risk.medianSeconds == nil)
    }
}
