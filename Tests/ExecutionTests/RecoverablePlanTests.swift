import Allocation
import Execution
import Scheduling
import Simulation
import TestSupport
import Testing
import Workloads

/// Jobs with a deadline on instances that may be taken back.
@Suite("A deadline on the spot market") struct RecoverablePlanTests {
    private static let pool: ResourcePool = {
        let type = InstanceType(
            name: "m", cpus: 2, memoryBytes: 8e9, onDemandPrice: Price(perHour: 0.1), spotPrice: Price(perHour: 0.03))
        return ResourcePool(
            entries: [PurchaseOption.onDemand, .spot].map {
                Offer(type: type, purchase: $0, maximumCount: 12, openSeconds: 60)
            })
    }()

    /// A simulator that runs and plans anew as a run does.
    private func simulator(_ graph: TaskGraph, _ goal: Goal, reclaimsPerHour: Double) throws -> Simulator {
        let (pool, costs) = (Self.pool, CostModel.claimed(by: graph))
        let plan = try Planner(graph, on: pool, costs: costs).plan(goal)
        #expect(plan.isRecoverable == true)
        let setup = RunSetup(
            graph, offers: pool.entries, policy: .standard, keepsGoing: true, goal: goal, ranks: nil,
            estimates: costs.estimates, plan: plan, startSeconds: 0, account: Account())
        var job = setup.job(graph, name: "w")
        job.goal = goal
        var simulator = Simulator(
            job, estimates: costs.estimates, allocator: setup.allocator,
            world: World(costs.estimates, reclaimsPerHour: [0, reclaimsPerHour], warningSeconds: 120), plan: setup.plan)
        simulator.replan = { state, reason in
            guard let rest = try? RemainingJob(graph, 0, reason, goal, state) else { return nil }
            var costs = CostModel.claimed(by: rest.graph)
            costs.estimates = rest.adjusted(costs.estimates)
            var pool = pool
            for place in pool.entries.indices { pool.entries[place].openSeconds = 0 }
            let plan = try? Planner(rest.graph, on: pool, costs: costs).plan(rest.goal)
            return plan.map { rest.assignments($0, graph, offers: pool.entries, state) }
        }
        return simulator
    }

    @Test(
        "is kept whatever is taken back, and what there is time for runs on the spot market",
        arguments: [7200.0, 10_800, 14_400], [0.1, 0.5, 0.9])
    func fan(deadline: Double, reclaimsPerHour: Double) throws {
        let request = Requirements(cpus: 2, memoryBytes: 4e9)
        let works = (1...8).map { TaskID("work-\($0)") }
        let graph = try TaskGraph(
            [TaskSpec(id: "prep", request: request, claimedSeconds: 600)]
                + works.map {
                    TaskSpec(id: $0, type: "work", predecessors: ["prep"], request: request, claimedSeconds: 3600)
                } + [TaskSpec(id: "merge", predecessors: works, request: request, claimedSeconds: 1800)])
        let goal = Goal(.cost, deadlineSeconds: deadline)
        let runs = try simulator(graph, goal, reclaimsPerHour: reclaimsPerHour).runs(40, seed: 1, threads: 2)
        #expect(runs.allSatisfy { $0.ending == .succeeded && $0.makespanSeconds <= deadline * (1 + 1e-9) })
        let onDemand = 0.1 * (600 + 8 * 3600 + 1800) / 3600
        let mean = runs.reduce(0) { $0 + $1.cost } / Double(runs.count)
        if deadline >= 10_800, reclaimsPerHour == 0.1 { #expect(mean < 0.5 * onDemand, "\(mean)") }
        if deadline >= 10_800, reclaimsPerHour > 0.1 { #expect(runs.contains { $0.reclaims > 0 }) }
    }

    @Test("is kept by jobs of all shapes", arguments: UInt64(0)..<12)
    func random(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let count = Int.random(in: 3...12, using: &generator)
        let graph = try TaskGraph(
            (0..<count).map { index in
                let before = (0..<index).filter { _ in Double.random(in: 0..<1, using: &generator) < 0.25 }
                return TaskSpec(
                    id: TaskID("t\(index)"), predecessors: before.map { TaskID("t\($0)") },
                    request: Requirements(cpus: 2, memoryBytes: 4e9),
                    claimedSeconds: Double.random(in: 60...3600, using: &generator))
            })
        let onDemand = ResourcePool(entries: [Self.pool.entries[0]])
        let least = try Planner(graph, on: onDemand, costs: .claimed(by: graph)).plan(Goal(.time)).makespanSeconds
        let deadline = least * Double.random(in: 1.05...3, using: &generator) + 120
        let runs = try simulator(graph, Goal(.cost, deadlineSeconds: deadline), reclaimsPerHour: 0.6).runs(
            20, seed: seed, threads: 2)
        for run in runs {
            #expect(run.ending == .succeeded && run.makespanSeconds <= deadline * (1 + 1e-9), "\(run.makespanSeconds)")
        }
    }

    @Test("is planned for as well as it can be where nothing can run on demand in time")
    func hopeless() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", request: Requirements(cpus: 2), claimedSeconds: 3600)])
        var pool = Self.pool
        // What is on demand is slow.
        pool.entries[0].type.speed = 0.1
        let plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.cost, deadlineSeconds: 4000))
        #expect(plan.isRecoverable == false && plan.makespanSeconds <= 4000)
        #expect(throws: PlanError.self) {
            try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.cost, deadlineSeconds: 3000))
        }
    }
}
