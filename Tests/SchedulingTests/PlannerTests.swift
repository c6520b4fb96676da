import Foundation
import Scheduling
import Testing
import Workloads

@Suite("Planner") struct PlannerTests {
    @Test("every plan is valid and keeps its limits", arguments: UInt64(0)..<12)
    func valid(seed: UInt64) throws {
        let graph = try randomGraph(80, seed: seed)
        let pool = testPool()
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
        let fast = try planner.plan(Goal(.time))
        let cheap = try planner.plan(Goal(.cost))
        let balanced = try planner.plan(Goal(.balanced))
        for plan in [fast, cheap, balanced] { try plan.validate(graph, on: pool) }
        #expect(fast.makespanSeconds <= balanced.makespanSeconds && cheap.cost <= balanced.cost)
        // One plan may be both, up to rounding.
        #expect(cheap.cost <= fast.cost && fast.makespanSeconds <= cheap.makespanSeconds * (1 + 1e-9))
        let product = balanced.makespanSeconds * balanced.cost
        #expect(product <= fast.makespanSeconds * fast.cost && product <= cheap.makespanSeconds * cheap.cost)

        let deadline = 1.5 * fast.makespanSeconds
        let timely = try planner.plan(Goal(.cost, deadlineSeconds: deadline))
        try timely.validate(graph, on: pool)
        #expect(timely.makespanSeconds <= deadline && timely.cost <= fast.cost)
        let frugal = try planner.plan(Goal(.time, budget: (cheap.cost + fast.cost) / 2))
        try frugal.validate(graph, on: pool)
        #expect(frugal.cost <= (cheap.cost + fast.cost) / 2 && frugal.makespanSeconds <= cheap.makespanSeconds)
    }

    @Test("tasks run where they may: in their zones, bought as they say", arguments: UInt64(0)..<6)
    func particular(seed: UInt64) throws {
        let type = InstanceType(
            name: "m", cpus: 64, memoryBytes: 1e12, onDemandPrice: .init(perHour: 1), spotPrice: .init(perHour: 0.3),
            zones: ["a", "b"])
        let entries = PurchaseOption.allCases.flatMap { purchase in
            ["a", "b"].map { Offer(type: type, purchase: purchase, zone: $0, maximumCount: 3) }
        }
        let graph = try randomGraph(40, seed: seed).mapTasks { index, task in
            if index % 3 == 1 { task.request.purchase = .onDemand }
            if index % 2 == 1 { task.request.zones = ["b"] }
        }
        let pool = ResourcePool(entries: entries)
        for goal in [Goal(.time), Goal(.cost), Goal(.balanced)] {
            let plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(goal)
            try plan.validate(graph, on: pool)
            let places = Dictionary(uniqueKeysWithValues: plan.instances.map { ($0.id, $0.entry) })
            for assignment in plan.assignments {
                let index = try #require(graph.index(of: assignment.task))
                let entry = try #require(places[assignment.instance])
                #expect(index % 3 != 1 || entry.purchase == .onDemand)
                #expect(index % 2 != 1 || entry.zone == "b")
            }
        }
        // A plan that puts one elsewhere is none.
        var wrong = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.cost))
        for place in wrong.instances.indices { wrong.instances[place].entry = entries[2] }
        #expect(throws: PlanError.self) { try wrong.validate(graph, on: pool) }
    }

    @Test("the bill is the price from first to last use of each instance")
    func bill() throws {
        let graph = try randomGraph(60, seed: 3)
        let plan = try Planner(graph, on: testPool(), costs: .claimed(by: graph)).plan(Goal(.time))
        let byInstance = Dictionary(grouping: plan.assignments, by: \.instance)
        var total = 0.0
        for instance in plan.instances {
            let own = try #require(byInstance[instance.id])
            let first = try #require(own.map(\.startSeconds).min())
            let last = try #require(own.map(\.endSeconds).max())
            let price = try #require(instance.entry.type.price(instance.entry.purchase))
            #expect(abs(instance.cost - price.perHour * (last - first) / 3600) < 1e-9)
            total += instance.cost
        }
        #expect(abs(plan.cost - total) < 1e-9)
    }

    @Test("the hourly price in force is billed")
    func changingPrice() throws {
        let type = InstanceType(name: "a", cpus: 1, memoryBytes: 1e9)
        let graph = try TaskGraph([TaskSpec(id: "t", claimedSeconds: 2.5 * 3600)])
        var costs = CostModel.claimed(by: graph)
        costs.outlook = MarketOutlook(pricesPerHour: [[1, 2, 3]])
        let plan = try Planner(graph, on: .init(entries: [.init(type: type)]), costs: costs).plan(Goal(.time))
        #expect(abs(plan.cost - (1 + 2 + 1.5)) < 1e-12)
    }

    @Test("on tiny graphs the fastest plan is near the optimum, and never beats it", arguments: UInt64(0)..<30)
    func nearOptimum(seed: UInt64) throws {
        let graph = try randomGraph(6, edgesPerTask: 2, wide: false, seed: seed)
        let slow = InstanceType(name: "slow", cpus: 1, memoryBytes: 1e9)
        let quick = InstanceType(name: "quick", cpus: 1, memoryBytes: 1e9, speed: 3)
        let pool = ResourcePool(entries: [.init(type: slow), .init(type: quick)])
        let plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.time))
        try plan.validate(graph, on: pool)
        let optimum = bestMakespan(graph, speeds: [1, 3])
        #expect(plan.makespanSeconds >= optimum * (1 - 1e-12))
        #expect(plan.makespanSeconds <= optimum * 1.35, "\(plan.makespanSeconds / optimum)")
    }

    @Test("a chain costs least on the type with the least price for the work")
    func cheapestType() throws {
        let tasks = (0..<5).map {
            TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : [TaskID("t\($0 - 1)")], claimedSeconds: 3600)
        }
        let dear = InstanceType(name: "dear", cpus: 1, memoryBytes: 1e9, speed: 2, onDemandPrice: .init(perHour: 1))
        let fair = InstanceType(name: "fair", cpus: 1, memoryBytes: 1e9, onDemandPrice: .init(perHour: 0.4))
        let pool = ResourcePool(entries: [.init(type: dear), .init(type: fair)])
        let graph = try TaskGraph(tasks)
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
        #expect(abs(try planner.plan(Goal(.cost)).cost - 2) < 1e-9)
        #expect(abs(try planner.plan(Goal(.time)).makespanSeconds - 9000) < 1e-9)
        let mixed = try planner.plan(Goal(.cost, deadlineSeconds: 14400))
        #expect(mixed.makespanSeconds <= 14400 && mixed.cost < 2.5)
    }

    @Test("limits that cannot be kept are answered with the nearest plans that can be")
    func infeasible() throws {
        let graph = try randomGraph(40, seed: 1)
        let planner = Planner(graph, on: testPool(), costs: .claimed(by: graph))
        let fast = try planner.plan(Goal(.time))
        let cheap = try planner.plan(Goal(.cost))
        for objective in Goal.Objective.allCases {
            #expect {
                try planner.plan(Goal(objective, deadlineSeconds: fast.makespanSeconds / 2))
            } throws: { error in
                guard case .infeasible(_, let fastest, _, _, let withinDeadline) = error as? PlanError else {
                    return false
                }
                return fastest.makespanSeconds <= fast.makespanSeconds && withinDeadline == nil
                    && "\(error)".contains("Fastest of all")
            }
            #expect {
                try planner.plan(Goal(objective, budget: cheap.cost / 2))
            } throws: { error in
                guard case .infeasible(_, _, let cheapest, let withinBudget, _) = error as? PlanError else {
                    return false
                }
                return cheapest.cost <= cheap.cost && withinBudget == nil
            }
        }
        #expect {
            try planner.plan(Goal(.cost, deadlineSeconds: fast.makespanSeconds, budget: cheap.cost))
        } throws: { error in
            guard case .infeasible(_, _, _, let withinBudget?, let withinDeadline?) = error as? PlanError
            else { return false }
            return withinBudget.cost <= cheap.cost
                && withinDeadline.makespanSeconds <= fast.makespanSeconds * (1 + 1e-9)
        }
    }

    @Test("of plans that are equally fast the cheapest is taken, on no more instances than it needs")
    func cheapestOfFastest() throws {
        // What is short need not wait, but may.
        let graph = try TaskGraph(
            [TaskSpec(id: "first", claimedSeconds: 1000)]
                + [TaskSpec(id: "last", predecessors: ["first"], claimedSeconds: 500)]
                + (0..<30).map { TaskSpec(id: TaskID("t\($0)"), predecessors: ["first"], claimedSeconds: 0.001) })
        func offer(_ name: String, price: Double, count: Int) -> Offer {
            var offer = Offer(
                type: InstanceType(name: name, cpus: 4, memoryBytes: 1e9, onDemandPrice: Price(perHour: price)))
            offer.maximumCount = count
            return offer
        }
        let pool = ResourcePool(entries: [offer("dear", price: 5, count: 4), offer("cheap", price: 1, count: 4)])
        let plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.time))
        #expect(plan.instances.count == 1 && plan.instances.allSatisfy { $0.entry.type.name == "cheap" })
    }

    @Test("a task that fits nowhere and an impossible time are refused")
    func refused() throws {
        let big = try TaskGraph([TaskSpec(id: "big", request: .init(cpus: 1000))])
        #expect(throws: PlanError.impossible("big", Resources(cpus: 1000))) {
            try Planner(big, on: testPool(), costs: .claimed(by: big)).plan(Goal(.time))
        }
        let strange = try TaskGraph([TaskSpec(id: "nan", claimedSeconds: .nan)])
        #expect(throws: PlanError.self) {
            try Planner(strange, on: testPool(), costs: .claimed(by: strange)).plan(Goal(.time))
        }
        let nothing = try TaskGraph([])
        let empty = try Planner(nothing, on: testPool(), costs: .claimed(by: nothing)).plan(Goal(.cost))
        #expect(empty.makespanSeconds == 0 && empty.cost == 0)
    }

    @Test("a likely reclaim makes spot slower, a certain one rules it out")
    func reclaims() throws {
        let type = InstanceType(
            name: "a", cpus: 1, memoryBytes: 1e9, onDemandPrice: .init(perHour: 1), spotPrice: .init(perHour: 0.5))
        let pool = ResourcePool(entries: [.init(type: type), .init(type: type, purchase: .spot)])
        let graph = try TaskGraph([TaskSpec(id: "t", claimedSeconds: 3600)])
        var costs = CostModel.claimed(by: graph)
        costs.outlook = MarketOutlook(pricesPerHour: [[1], [0.5]], reclaimsPerHour: [0, 0.5])
        // (e^x − 1) / x with e^−x = 0.5 is 1 / ln 2.
        let risky = try Planner(graph, on: pool, costs: costs).plan(Goal(.cost))
        #expect(abs(risky.makespanSeconds - 3600 / 0.6931471805599453) < 1e-6)
        costs.outlook?.reclaimsPerHour = [0, 1]
        #expect(try Planner(graph, on: pool, costs: costs).plan(Goal(.cost)).cost == 1)
    }

    @Test("a transfer is paid between instances, not within one")
    func transfers() throws {
        let graph = try TaskGraph([
            TaskSpec(id: "a", outputs: [.init(path: "x", sizeBytes: 100)], claimedSeconds: 10),
            TaskSpec(id: "b", predecessors: ["a"], inputs: [.init(path: "x")], claimedSeconds: 10),
            TaskSpec(id: "c", predecessors: ["a"], inputs: [.init(path: "x")], claimedSeconds: 10),
        ])
        let type = InstanceType(name: "a", cpus: 1, memoryBytes: 1e9)
        let pool = ResourcePool(entries: [.init(type: type, maximumCount: 2)])
        var costs = CostModel.claimed(by: graph)
        costs.network = Network(bytesPerSecond: 50)
        #expect(try Planner(graph, on: pool, costs: costs).plan(Goal(.time)).makespanSeconds == 22)
        costs.network = Network(bytesPerSecond: 1)
        #expect(try Planner(graph, on: pool, costs: costs).plan(Goal(.time)).makespanSeconds == 30)
    }

    @Test("quantiles are planned with where confidence is asked for")
    func confidence() throws {
        let graph = try TaskGraph([TaskSpec(id: "t", claimedSeconds: 10)])
        var costs = CostModel.claimed(by: graph)
        costs.estimates.secondsQuantiles = [.init { 100 * $0 }]
        let planner = Planner(graph, on: testPool(types: 1), costs: costs)
        #expect(try planner.plan(Goal(.time, confidence: 0.9)).makespanSeconds == 90)
        #expect(try planner.plan(Goal(.time)).makespanSeconds == 10)
    }

    @Test("equal inputs give equal plans, and priority goes before rank")
    func deterministic() throws {
        let graph = try randomGraph(200, seed: 9)
        let plans = try (0..<2).map { _ in
            try Planner(graph, on: testPool(), costs: .claimed(by: graph)).plan(Goal(.balanced))
        }
        #expect(plans[0] == plans[1])
        let tasks = [
            TaskSpec(id: "long", claimedSeconds: 50), TaskSpec(id: "urgent", priority: 1, claimedSeconds: 1),
        ]
        let type = InstanceType(name: "a", cpus: 1, memoryBytes: 1e9)
        let two = try TaskGraph(tasks)
        let plan = try Planner(two, on: .init(entries: [.init(type: type)]), costs: .claimed(by: two)).plan(Goal(.time))
        #expect(plan.assignments.map(\.task) == ["urgent", "long"])
    }

    @Test("validation finds every kind of fault")
    func validation() throws {
        let graph = try randomGraph(20, seed: 5)
        let pool = testPool()
        let plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.time))
        let faults: [(inout Plan) -> Void] = [
            { $0.assignments.removeLast() },
            { $0.assignments.append($0.assignments[0]) },
            { $0.assignments[0].task = "nobody" },
            { $0.assignments[0].endSeconds = -1 },
            { $0.makespanSeconds /= 2 },
            { $0.instances.removeAll() },
            { plan in for i in plan.assignments.indices { plan.assignments[i].cpus = 1000 } },
            { plan in for i in plan.assignments.indices { plan.assignments[i].startSeconds = 0 } },
            { plan in plan.instances = (0..<9).map { _ in plan.instances[0] } + plan.instances },
        ]
        for fault in faults {
            var broken = plan
            fault(&broken)
            #expect(throws: PlanError.self) { try broken.validate(graph, on: pool) }
        }
    }

    @Test("what is saved with a plan gives the same plan again")
    func saved() throws {
        let graph = try randomGraph(60, seed: 4)
        let pool = testPool()
        var costs = CostModel.claimed(by: graph)
        costs.network = Network(bytesPerSecond: 3e7, latencySeconds: 0.1)
        costs.outlook = MarketOutlook(
            pricesPerHour: (0..<8).map { [0.1 * Double($0 + 1), 0.3] },
            reclaimsPerHour: (0..<8).map { Double($0) / 100 })
        costs.estimates.secondsQuantiles = costs.estimates.expectedSeconds.map { mean in .init { mean * (0.3 + $0) } }
        let goal = Goal(.balanced, confidence: 0.8)
        let saved = SavedPlan(try Planner(graph, on: pool, costs: costs).plan(goal), goal: goal, costs: costs)
        let data = try JSONEncoder().encode(saved)
        let read = try JSONDecoder().decode(SavedPlan.self, from: data)
        #expect(read == saved)
        #expect(try JSONDecoder().decode(Plan.self, from: data) == saved.plan)
        #expect(try Planner(graph, on: pool, costs: read.costs).plan(read.goal) == saved.plan)
    }
}
