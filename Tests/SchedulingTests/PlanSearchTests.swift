import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Search for plans") struct PlanSearchTests {
    @Test("of small problems the search finds the optimum, and nothing beats it", arguments: UInt64(0)..<300)
    func optimum(seed: UInt64) throws {
        let problem = try SmallProblem(tasks: 6, machines: 3, seed: seed)
        let least = problem.leastMakespan
        let planner = Planner(problem.graph, on: problem.pool, costs: problem.costs)
        let found = try planner.search(Goal(.time), limit: .tries(20_000), seed: seed)
        #expect(problem.fault(of: found.plan) == nil)
        #expect(abs(found.plan.makespanSeconds - least) <= 1e-9 * least)
        #expect(found.lowerBound.makespanSeconds <= least)
        for objective in Goal.Objective.allCases {
            let plan = try planner.plan(Goal(objective))
            #expect(problem.fault(of: plan) == nil)
            #expect(plan.makespanSeconds >= least * (1 - 1e-9))
        }
    }

    @Test("after every move all that is kept is as if computed anew", arguments: UInt64(0)..<40)
    func moves(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        var small = try SmallProblem(tasks: 40, machines: 4, seed: seed)
        // Instances of several lanes, too.
        if seed % 2 == 0 {
            small.pool = ResourcePool(
                entries: small.pool.entries.map { offer in
                    var offer = offer
                    offer.type.cpus = Double(1 + seed % 3)
                    offer.maximumCount = 2
                    return offer
                })
        }
        let problem = try PlanningProblem(small.graph, on: small.pool, costs: small.costs)
        let model = try #require(LaneModel(problem, most: small.pool.entries.map { _ in 2 }))
        var schedule = LaneSchedule(model)
        schedule.set(
            order: small.graph.topologicalOrder.map { Int32($0) },
            lanes: small.graph.tasks.indices.map { Int32($0 % model.host.count) })
        for step in 0..<300 {
            let before = schedule.makespan
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let task = Int.random(in: 0..<schedule.count, using: &generator)
                let place = Int.random(in: schedule.window(task), using: &generator)
                schedule.move(task, to: Int.random(in: model.host.indices, using: &generator), at: place)
            }
            let limit = before * Double.random(in: 0.8...1.6, using: &generator)
            if schedule.settle(upTo: limit) {
                schedule.keep()
                #expect(schedule.makespan <= limit)
            } else {
                schedule.undo()
                #expect(schedule.makespan == before)
            }
            if step % 50 == 0 { schedule.sort() }
            let fault = schedule.fault()
            #expect(fault == nil)
            if fault != nil { return }
        }
    }

    @Test("the same seed finds the same plan on one thread and on two", arguments: [true, false])
    func deterministic(wide: Bool) throws {
        let graph = try randomGraph(60, wide: wide, seed: 5)
        let planner = Planner(graph, on: testPool(), costs: .claimed(by: graph))
        for goal in [Goal(.time), Goal(.cost, deadlineSeconds: 4000), Goal(.balanced)] {
            let one = try planner.search(goal, limit: .tries(2000), threads: 1, seed: 3)
            let two = try planner.search(goal, limit: .tries(2000), threads: 2, seed: 3)
            #expect(one.plan == two.plan && one.tries == two.tries)
        }
    }

    @Test("a search is never worse than the lists, keeps its limits, and is valid", arguments: UInt64(0)..<20)
    func neverWorse(seed: UInt64) throws {
        let graph = try randomGraph(40, wide: seed % 2 == 0, seed: seed)
        let pool = testPool(types: 1 + Int(seed % 5), count: 3)
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
        let lists = try planner.paretoFront()
        let fastest = lists[0]
        for goal in [
            Goal(.time), Goal(.cost), Goal(.balanced), Goal(.cost, deadlineSeconds: fastest.makespanSeconds * 1.3),
            Goal(.time, budget: fastest.cost * 0.9),
        ] {
            guard let found = try? planner.search(goal, limit: .tries(1000), seed: seed) else { continue }
            try found.plan.validate(graph, on: pool)
            #expect(found.plan.makespanSeconds >= found.lowerBound.makespanSeconds)
            func value(_ plan: Plan) -> Double {
                switch goal.objective {
                case .time: plan.makespanSeconds
                case .cost: plan.cost
                case .balanced: plan.makespanSeconds * plan.cost
                }
            }
            for plan in lists
            where plan.makespanSeconds <= goal.deadlineSeconds ?? .infinity && plan.cost <= goal.budget ?? .infinity {
                #expect(value(found.plan) <= value(plan) * (1 + 1e-9))
            }
            #expect(found.plan.makespanSeconds <= (goal.deadlineSeconds ?? .infinity) * (1 + 1e-9))
            #expect(found.plan.cost <= (goal.budget ?? .infinity) * (1 + 1e-9))
        }
    }
}
