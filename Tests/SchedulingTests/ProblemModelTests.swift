import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Billing, start-up and zones") struct ProblemModelTests {
    /// What is billed for an instance, from its price, its billing and its use alone.
    private func billed(_ instance: Plan.Instance) -> Double {
        let (offer, used) = (instance.entry, instance.endSeconds - instance.startSeconds)
        let price = (offer.type.price(offer.purchase) ?? offer.type.onDemandPrice).perHour / 3600
        let billing = offer.billing
        guard billing.granularitySeconds > 1 || billing.minimumSeconds > 0 else { return price * used }
        let units = max(used, billing.minimumSeconds) / billing.granularitySeconds
        let near = units.rounded()
        return price * billing.granularitySeconds * (abs(units - near) < 1e-9 ? near : units.rounded(.up))
    }

    @Test(
        "plans bill whole units and a minimum, and start nothing before its instance has come",
        arguments: UInt64(0)..<16)
    func billingAndStartUp(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let graph = try randomGraph(40, wide: seed % 2 == 0, seed: seed)
        var pool = testPool()
        for place in pool.entries.indices {
            pool.entries[place].openSeconds = [0, 30, 90, 400].randomElement(using: &generator) ?? 0
            pool.entries[place].billing = Offer.Billing(
                granularitySeconds: [1, 60, 3600].randomElement(using: &generator) ?? 1,
                minimumSeconds: [0, 600].randomElement(using: &generator) ?? 0)
        }
        let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
        for goal in [Goal(.time), Goal(.cost), Goal(.balanced)] {
            let found = try planner.search(goal, limit: .tries(4000))
            let plan = found.plan
            try plan.validate(graph, on: pool)
            for instance in plan.instances {
                #expect(instance.startSeconds >= instance.entry.openSeconds)
                #expect(abs(instance.cost - billed(instance)) < 1e-9 * max(1, instance.cost))
                let request = try #require(instance.requestSeconds)
                #expect(abs(request + instance.entry.openSeconds - instance.startSeconds) < 1e-9)
            }
            #expect(plan.makespanSeconds >= found.lowerBound.makespanSeconds)
        }
        // A plan whose first task starts before its instance has come is none.
        var wrong = try planner.plan(Goal(.time))
        for place in pool.entries.indices { pool.entries[place].openSeconds += 1000 }
        for place in wrong.instances.indices { wrong.instances[place].entry.openSeconds += 1000 }
        #expect(throws: PlanError.self) { try wrong.validate(graph, on: pool) }
    }

    @Test(
        "of independent tasks on machines billed by the hour the search finds the cheapest packing",
        arguments: UInt64(0)..<20)
    func packing(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let count = Int.random(in: 2...6, using: &generator)
        let graph = try TaskGraph(
            (0..<count).map {
                TaskSpec(id: TaskID("t\($0)"), claimedSeconds: Double(Int.random(in: 5...55, using: &generator) * 60))
            })
        let prices = [1.0, 0.7]
        let pool = ResourcePool(
            entries: prices.enumerated().map { index, price in
                Offer(
                    type: InstanceType(
                        name: "m\(index)", cpus: 1, memoryBytes: 1e9, speed: index == 0 ? 2 : 1,
                        onDemandPrice: Price(perHour: price)),
                    maximumCount: 2, billing: .init(granularitySeconds: 3600, minimumSeconds: 7200 * Double(index)))
            })
        // Every way to put the tasks on four machines.
        var least = Double.infinity
        for code in 0..<(1 << (2 * count)) {
            var used = [0.0, 0, 0, 0]
            for task in 0..<count {
                let machine = code >> (2 * task) & 3
                used[machine] += (graph.tasks[task].claimedSeconds ?? 0) / (machine < 2 ? 2 : 1)
            }
            var cost = 0.0
            for machine in 0..<4 where used[machine] > 0 {
                let hours = (used[machine] / 3600 - 1e-9).rounded(.up)
                cost += machine < 2 ? prices[0] * hours : prices[1] * max(2, hours)
            }
            least = min(least, cost)
        }
        let plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).search(Goal(.cost), limit: .tries(8000))
            .plan
        try plan.validate(graph, on: pool)
        #expect(abs(plan.cost - least) < 1e-9, "\(plan.cost) instead of \(least)")
    }

    @Test("where machines come late the search finds the optimum, and nothing beats it", arguments: UInt64(0)..<30)
    func startUp(seed: UInt64) throws {
        var small = try SmallProblem(tasks: 6, machines: 3, seed: seed)
        var generator = TestGenerator(seed: seed &+ 99)
        for place in small.pool.entries.indices {
            small.pool.entries[place].openSeconds = Double(Int.random(in: 0...40, using: &generator))
        }
        let least = small.leastMakespan
        let planner = Planner(small.graph, on: small.pool, costs: small.costs)
        let found = try planner.search(Goal(.time), limit: .tries(8000))
        #expect(small.fault(of: found.plan) == nil)
        #expect(abs(found.plan.makespanSeconds - least) < 1e-9, "\(found.plan.makespanSeconds) instead of \(least)")
        #expect(found.lowerBound.makespanSeconds <= least)
        for plan in [try planner.heft(), try planner.plan(Goal(.cost))] {
            #expect(small.fault(of: plan) == nil)
            #expect(plan.makespanSeconds >= least - 1e-9)
        }
    }

    /// Tasks that may not start at once, and of some problems tasks that must end in time.
    private func timed(_ seed: UInt64, dated: Bool) throws -> SmallProblem {
        var small = try SmallProblem(tasks: 5, machines: 3, seed: seed)
        var generator = TestGenerator(seed: seed &+ 31)
        small.graph = small.graph.mapTasks { _, task in
            if Bool.random(using: &generator) {
                task.notBeforeSeconds = Double(Int.random(in: 0...60, using: &generator))
            }
            if dated, Bool.random(using: &generator) {
                task.deadlineSeconds =
                    (task.notBeforeSeconds ?? 0) + Double(Int.random(in: 5...80, using: &generator))
            }
        }
        for place in small.pool.entries.indices where seed % 3 == 0 {
            small.pool.entries[place].openSeconds = Double(Int.random(in: 0...40, using: &generator))
        }
        return small
    }

    @Test(
        "no task starts before its time, the search finds the optimum, and nothing beats it", arguments: UInt64(0)..<60)
    func releases(seed: UInt64) throws {
        let small = try timed(seed, dated: false)
        let least = small.leastMakespan
        let planner = Planner(small.graph, on: small.pool, costs: small.costs)
        let found = try planner.search(Goal(.time), limit: .tries(8000))
        #expect(small.fault(of: found.plan) == nil)
        #expect(abs(found.plan.makespanSeconds - least) < 1e-9, "\(found.plan.makespanSeconds) instead of \(least)")
        #expect(found.lowerBound.makespanSeconds <= least)
        for plan in try [planner.heft(), planner.plan(Goal(.cost)), planner.plan(Goal(.balanced))] {
            #expect(small.fault(of: plan) == nil)
            #expect(plan.makespanSeconds >= least - 1e-9)
        }
    }

    @Test(
        "deadlines of tasks are kept where they can be; where not, the nearest is named, and none is nearer",
        arguments: UInt64(0)..<60)
    func deadlines(seed: UInt64) throws {
        let small = try timed(seed, dated: true)
        let least = small.leastMakespan
        let planner = Planner(small.graph, on: small.pool, costs: small.costs)
        guard least.isFinite else {
            let error = #expect(throws: PlanError.self) { try planner.search(Goal(.time), limit: .tries(8000)) }
            guard case .late(let plan, let late) = error else { return #expect(Bool(false), "\(error as Any)") }
            let latest = try #require(late.first)
            let lateness = latest.endSeconds - latest.deadlineSeconds
            #expect(lateness >= small.leastLateness - 1e-9)
            #expect(lateness <= small.leastLateness + 1e-9, "\(lateness) instead of \(small.leastLateness)")
            // With what it names as deadlines, there is a plan.
            var eased = small
            eased.graph = small.graph.mapTasks { _, task in
                let end = late.first { $0.task == task.id }?.endSeconds
                task.deadlineSeconds = end ?? task.deadlineSeconds
            }
            #expect(eased.fault(of: plan) == nil)
            #expect(throws: PlanError.self) { try planner.paretoFront() }
            return
        }
        let found = try planner.search(Goal(.time), limit: .tries(8000)).plan
        #expect(small.fault(of: found) == nil)
        #expect(abs(found.makespanSeconds - least) < 1e-9, "\(found.makespanSeconds) instead of \(least)")
        let cheap = try planner.search(Goal(.cost), limit: .tries(4000)).plan
        #expect(small.fault(of: cheap) == nil)
        for plan in try planner.paretoFront() { #expect(small.fault(of: plan) == nil) }
    }

    @Test(
        "where tasks share instances, none starts before its time, and nothing beats the optimum",
        arguments: UInt64(0)..<20)
    func sharedReleases(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let graph = try randomGraph(5, seed: seed).mapTasks { index, task in
            task.notBeforeSeconds = index % 2 == 0 ? Double(Int.random(in: 0...900, using: &generator)) : nil
        }
        let pool = testPool(types: 2, count: 1)
        let least = leastMakespan(graph, pool)
        let found = try Planner(graph, on: pool, costs: .claimed(by: graph)).search(Goal(.time), limit: .tries(4000))
        try found.plan.validate(graph, on: pool)
        #expect(abs(found.plan.makespanSeconds - least) < 1e-9 * least)
        #expect(found.lowerBound.makespanSeconds <= least)
    }

    private func zoned(_ seed: UInt64) throws -> SmallProblem {
        var small = try SmallProblem(tasks: 6, machines: 3, seed: seed)
        var generator = TestGenerator(seed: seed &+ 7)
        for place in small.pool.entries.indices {
            small.pool.entries[place].zone = ["a", "b", nil].randomElement(using: &generator) ?? nil
        }
        small.costs.network.betweenZones = Network.Link(
            bytesPerSecond: [0.5, 1, 2].randomElement(using: &generator) ?? 1,
            latencySeconds: Double(Int.random(in: 0...9, using: &generator)), pricePerGigabyte: 1e9 * 0.001)
        return small
    }

    @Test(
        "between zones data takes its time: the search finds the optimum, and nothing beats it",
        arguments: UInt64(0)..<40)
    func zones(seed: UInt64) throws {
        let small = try zoned(seed)
        let least = small.leastMakespan
        let planner = Planner(small.graph, on: small.pool, costs: small.costs)
        let found = try planner.search(Goal(.time), limit: .tries(8000))
        #expect(small.fault(of: found.plan) == nil)
        #expect(abs(found.plan.makespanSeconds - least) < 1e-9, "\(found.plan.makespanSeconds) instead of \(least)")
        #expect(found.lowerBound.makespanSeconds <= least)
        for plan in try [planner.heft(), planner.plan(Goal(.cost)), planner.plan(Goal(.balanced))] {
            #expect(small.fault(of: plan) == nil)
            #expect(plan.makespanSeconds >= least - 1e-9)
        }
    }

    @Test(
        "what moves between zones is paid for, and nothing is cheaper than all at one place may be",
        arguments: UInt64(0)..<40)
    func moving(seed: UInt64) throws {
        let small = try zoned(seed)
        let zone = Dictionary(uniqueKeysWithValues: small.pool.entries.map { ($0.instanceID(0), $0.zone) })
        let planner = Planner(small.graph, on: small.pool, costs: small.costs)
        for goal in [Goal(.time), Goal(.cost)] {
            let plan = try planner.search(goal, limit: .tries(3000)).plan
            let places = Dictionary(uniqueKeysWithValues: plan.assignments.map { ($0.task, $0.instance) })
            var dollars = 0.0
            for (index, task) in small.graph.tasks.enumerated() {
                for other in small.graph.predecessors(of: index) {
                    let (from, to) = (places[small.graph.tasks[other].id], places[task.id])
                    guard let from, let to, Network.isFar(zone[from] ?? nil, zone[to] ?? nil) else { continue }
                    dollars += 0.001 * (small.graph.tasks[other].outputs[0].sizeBytes ?? 0)
                }
            }
            let rented = plan.instances.reduce(0) { $0 + $1.cost }
            #expect(abs(plan.cost - rented - dollars) < 1e-9)
            #expect(abs((plan.transfers ?? []).reduce(0) { $0 + ($1.cost ?? 0) } - dollars) < 1e-9)
        }
        // All on the machine with the least price for its speed moves nothing.
        let alone = small.pool.entries.map { $0.price.perHour / $0.type.speed }.min() ?? 0
        let work = small.graph.tasks.reduce(0) { $0 + ($1.claimedSeconds ?? 0) } / 3600
        #expect(try planner.plan(Goal(.cost)).cost <= alone * work * (1 + 1e-9))
    }

    @Test("on machines with room for several, data from other zones comes later too", arguments: UInt64(0)..<12)
    func wide(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let graph = try randomGraph(60, seed: seed).mapTasks { index, task in
            task.outputs = [FileSpec(path: "f\(index)", sizeBytes: Double((index % 7) * 1000))]
            task.inputs = task.predecessors.map { FileSpec(path: "f" + $0.rawValue.dropFirst()) }
        }
        var pool = testPool(count: 2)
        for place in pool.entries.indices {
            pool.entries[place].zone = ["a", "b"].randomElement(using: &generator)
        }
        var costs = CostModel.claimed(by: graph)
        costs.network = Network(
            bytesPerSecond: 1000, latencySeconds: 1,
            betweenZones: .init(bytesPerSecond: 50, latencySeconds: 3, pricePerGigabyte: 20))
        let planner = Planner(graph, on: pool, costs: costs)
        for goal in [Goal(.time), Goal(.cost), Goal(.balanced)] {
            let plan = try planner.plan(goal)
            try plan.validate(graph, on: pool, network: costs.network)
            var faster = plan
            faster.transfers = nil
            faster.cost = plan.instances.reduce(0) { $0 + $1.cost }
            try faster.validate(graph, on: pool, network: costs.network)
            #expect(plan.cost >= faster.cost * (1 - 1e-12))
        }
        try planner.heft().validate(graph, on: pool, network: costs.network)
    }
}
