import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Plans within a quota") struct QuotaPlanTests {
    /// A small problem whose account may have fewer machines, or cheaper ones, in use than there are.
    private func small(_ seed: UInt64) throws -> SmallProblem {
        var small = try SmallProblem(tasks: 6, machines: 3, seed: seed)
        var generator = TestGenerator(seed: seed &+ 5)
        let prices = small.pool.entries.map(\.price.perHour)
        if Bool.random(using: &generator) {
            small.quota = Quota(
                resources: Resources(lanes: [
                    Double(Int.random(in: 1...2, using: &generator)), .infinity, .infinity, .infinity,
                ]))
        } else {
            let least = prices.min() ?? 0
            small.quota = Quota(
                pricePerHour: Double.random(in: least...max(least, prices.reduce(0, +)), using: &generator))
        }
        return small
    }

    @Test("the search finds the optimum, no planner beats it, and no bound is above it", arguments: UInt64(0)..<120)
    func optimum(seed: UInt64) throws {
        let small = try small(seed)
        let least = small.leastMakespan
        let planner = Planner(small.graph, on: small.pool, costs: small.costs, quota: small.quota)
        let found = try planner.search(Goal(.time), limit: .tries(8000))
        #expect(small.fault(of: found.plan) == nil)
        #expect(abs(found.plan.makespanSeconds - least) < 1e-9, "\(found.plan.makespanSeconds) instead of \(least)")
        #expect(found.lowerBound.makespanSeconds <= least)
        let others = try [planner.heft(), planner.plan(Goal(.cost)), planner.plan(Goal(.balanced))]
        for plan in others + (try planner.paretoFront()) {
            #expect(small.fault(of: plan) == nil)
            #expect(plan.makespanSeconds >= least - 1e-9)
        }
    }

    @Test(
        "where tasks of different size share instances, no plan has more in use than allowed", arguments: UInt64(0)..<12
    )
    func shared(seed: UInt64) throws {
        let graph = try randomGraph(60, wide: seed % 2 == 0, seed: seed)
        let pool = testPool()
        let most = graph.tasks.reduce(Resources.zero) { $0.maxima($1.request.resources) }
        let quota = Quota(
            resources: Resources(lanes: SIMD4(most.cpus * 1.5, max(1, most.memoryBytes) * 3, .infinity, .infinity)),
            pricePerHour: pool.entries.map(\.price.perHour).max().map { $0 * 2 } ?? 0)
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph), quota: quota)
        let free = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.time))
        #expect(throws: PlanError.self) { try free.validate(graph, on: pool, quota: quota) }
        for goal in [
            Goal(.time), Goal(.cost), Goal(.balanced), Goal(.cost, deadlineSeconds: free.makespanSeconds * 20),
        ] {
            let found = try planner.search(goal, limit: .tries(2000))
            try found.plan.validate(graph, on: pool, quota: quota)
            #expect(found.plan.makespanSeconds >= found.lowerBound.makespanSeconds)
        }
    }

    @Test("a quota that does not limit changes nothing")
    func ample() throws {
        let graph = try randomGraph(40, seed: 3)
        let quota = Quota(
            resources: Resources(cpus: 1e6, memoryBytes: 1e18, gpus: 1e6, storageBytes: 1e21), pricePerHour: 1e9)
        let costs = CostModel.claimed(by: graph)
        let limited = try Planner(graph, on: testPool(), costs: costs, quota: quota).plan(Goal(.time))
        #expect(try limited == Planner(graph, on: testPool(), costs: costs).plan(Goal(.time)))
    }

    @Test("a task that is beyond the quota wherever it could run is named, and the others keep off what is too dear")
    func beyond() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", claimedSeconds: 60), TaskSpec(id: "b", claimedSeconds: 60)])
        let pool = ResourcePool(
            entries: [1.0, 4].map { price in
                Offer(
                    type: InstanceType(
                        name: "at\(Int(price))", cpus: 1, memoryBytes: 8e9, speed: price,
                        onDemandPrice: Price(perHour: price)))
            })
        func plan(_ price: Double) throws -> Plan {
            try Planner(graph, on: pool, costs: .claimed(by: graph), quota: Quota(pricePerHour: price)).plan(
                Goal(.time))
        }
        // One after the other on the slow one; side by side at 5 USD an hour, but 4 is faster alone.
        #expect(try plan(1).makespanSeconds == 120)
        #expect(try plan(4).makespanSeconds == 30)
        let error = #expect(throws: PlanError.self) { try plan(0.5) }
        #expect(error?.description.contains("beyond the quota of $0.50") == true, "\(error as Any)")
        let risk = try PlanRisk(
            plan(1), of: graph, on: pool, costs: .claimed(by: graph), goal: Goal(.time), quota: Quota(pricePerHour: 1))
        #expect(risk.reclaimProbability == 0)
        let problem = try PlanningProblem(
            graph, on: pool, costs: .claimed(by: graph), quota: Quota(pricePerHour: 4))
        let own = try plan(4)
        let second = try #require(own.assignments.last)
        let explanation = try PlanExplanation(second.task, in: own, problem)
        // On the slow one it would have to wait as long for the quota, and then take four times as long.
        let slow = try #require(explanation.alternatives.first { $0.offer == "at1" })
        #expect(slow.startSeconds == 15)
    }
}
