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
        // A beam that holds everything has proved it.
        #expect(found.gap <= 1e-9)
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
        // And of tasks of different size that share them.
        let sharing = seed % 3 == 0
        if sharing {
            small.graph = try randomGraph(60, seed: seed)
            small.pool = testPool(types: 4, count: 2)
            small.costs = .claimed(by: small.graph)
            small.costs.network = Network(bytesPerSecond: 1, latencySeconds: Double(seed))
        }
        let problem = try PlanningProblem(small.graph, on: small.pool, costs: small.costs)
        let model = try #require(LaneModel(problem, most: small.pool.entries.map { _ in 2 }, sharing: sharing))
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

    @Test("where tasks share instances, the search finds the optimum too", arguments: UInt64(0)..<100)
    func sharedOptimum(seed: UInt64) throws {
        let graph = try randomGraph(5, edgesPerTask: 2, seed: seed)
        let pool = ResourcePool(
            entries: [1, 1.5].map { speed in
                Offer(
                    type: InstanceType(
                        name: "m\(speed)", cpus: 5, memoryBytes: 12e9, speed: speed, onDemandPrice: Price(perHour: 1)),
                    maximumCount: 1)
            })
        let least = leastMakespan(graph, pool)
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
        let found = try planner.search(Goal(.time), limit: .tries(20_000), seed: seed)
        try found.plan.validate(graph, on: pool)
        #expect(abs(found.plan.makespanSeconds - least) <= 1e-9 * least)
        #expect(found.lowerBound.makespanSeconds <= least)
        #expect(found.gap <= 1e-9)
    }

    @Test("every method finds most optima of small problems alone", arguments: PlanSearch.Method.allCases)
    func methods(method: PlanSearch.Method) throws {
        var optima = 0
        for seed in UInt64(1000)..<1050 {
            let small = try SmallProblem(tasks: 6, machines: 3, seed: seed)
            let found = try Planner(small.graph, on: small.pool, costs: small.costs)
                .search(Goal(.time), limit: .tries(4000), method: method, seed: seed)
            #expect(small.fault(of: found.plan) == nil)
            let least = small.leastMakespan
            #expect(found.plan.makespanSeconds >= least * (1 - 1e-9))
            if found.plan.makespanSeconds <= least * (1 + 1e-9) { optima += 1 }
        }
        #expect(optima >= 45)
    }

    @Test("a bound that a beam proves is below every schedule, however narrow it is", arguments: UInt64(0)..<200)
    func beamBound(seed: UInt64) throws {
        let small = try SmallProblem(tasks: 6, machines: 3, seed: seed)
        let problem = try PlanningProblem(small.graph, on: small.pool, costs: small.costs)
        let model = try #require(LaneModel(problem, most: small.pool.entries.map { _ in small.graph.count }))
        let least = small.leastMakespan
        for width in [1, 3, 10, 10_000] {
            let (found, bound) = BeamSearch.shortest(model, width: width)
            #expect(bound <= least * (1 + 1e-9))
            #expect(found >= least * (1 - 1e-9))
            if width == 10_000 { #expect(abs(found - least) <= 1e-9 * least && bound >= least * (1 - 1e-9)) }
        }
    }

    @Test("the same seed finds the same plan on one thread and on two", arguments: [true, false])
    func deterministic(wide: Bool) throws {
        let graph = try randomGraph(60, wide: wide, seed: 5)
        let planner = Planner(graph, on: testPool(), costs: .claimed(by: graph))
        for goal in [Goal(.time), Goal(.cost, deadlineSeconds: 4000), Goal(.balanced)] {
            for method in [nil] + PlanSearch.Method.allCases {
                let one = try planner.search(goal, limit: .tries(2000), method: method, threads: 1, seed: 3)
                let two = try planner.search(goal, limit: .tries(2000), method: method, threads: 2, seed: 3)
                #expect(one.plan == two.plan && one.tries == two.tries)
            }
        }
    }

    @Test("a search is never worse than the lists, keeps its limits, and is valid", arguments: UInt64(0)..<20)
    func neverWorse(seed: UInt64) throws {
        let graph = try randomGraph(40, wide: seed % 2 == 0, seed: seed)
        var pool = testPool(types: 1 + Int(seed % 5), count: 3)
        // So many tasks at once on an instance that schedules are decoded.
        if seed % 4 == 3 { for index in pool.entries.indices { pool.entries[index].type.cpus *= 32 } }
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
        let fastest = try planner.plan(Goal(.time))
        for goal in [
            Goal(.time), Goal(.cost), Goal(.balanced), Goal(.cost, deadlineSeconds: fastest.makespanSeconds * 1.3),
            Goal(.time, budget: fastest.cost * 0.9),
        ] {
            let method = PlanSearch.Method.allCases[Int(seed % 4)]
            guard
                let found = try? planner.search(goal, limit: .tries(1000), method: seed < 8 ? method : nil, seed: seed)
            else { continue }
            try found.plan.validate(graph, on: pool)
            #expect(found.plan.makespanSeconds >= found.lowerBound.makespanSeconds)
            func value(_ plan: Plan) -> Double {
                switch goal.objective {
                case .time: plan.makespanSeconds
                case .cost: plan.cost
                case .balanced: plan.makespanSeconds * plan.cost
                }
            }
            for plan in try planner.lists(goal)
            where plan.makespanSeconds <= goal.deadlineSeconds ?? .infinity && plan.cost <= goal.budget ?? .infinity {
                #expect(value(found.plan) <= value(plan) * (1 + 1e-9))
            }
            #expect(found.plan.makespanSeconds <= (goal.deadlineSeconds ?? .infinity) * (1 + 1e-9))
            #expect(found.plan.cost <= (goal.budget ?? .infinity) * (1 + 1e-9))
        }
    }

    @Test("a front has no plan that another beats, its ends are the best, and it is the same on two threads")
    func front() throws {
        for seed in UInt64(0)..<6 {
            let graph = try randomGraph(30, wide: seed % 2 == 0, seed: seed)
            let pool = testPool(types: 4, count: 2)
            let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
            let front = try planner.paretoFront(limit: .tries(3000), threads: 1, seed: seed)
            #expect(try planner.paretoFront(limit: .tries(3000), threads: 2, seed: seed) == front)
            for plan in front { try plan.validate(graph, on: pool) }
            for (plan, next) in zip(front, front.dropFirst()) {
                #expect(plan.makespanSeconds < next.makespanSeconds && plan.cost > next.cost)
            }
            // The best that lists find.
            #expect(front[0].makespanSeconds <= (try planner.heft().makespanSeconds))
            let few = try planner.paretoFront(limit: .tries(3000), most: 3, seed: seed)
            #expect(few.count <= 3 && few.first == front.first && few.last == front.last)
        }
    }
}
