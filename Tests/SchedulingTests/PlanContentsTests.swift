import Foundation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("What a plan says") struct PlanContentsTests {
    @Test("every transfer is listed, with its bytes and its time", arguments: UInt64(0)..<60)
    func transfers(seed: UInt64) throws {
        let small = try SmallProblem(tasks: 8, machines: 3, seed: seed)
        let plan = try Planner(small.graph, on: small.pool, costs: small.costs).plan(Goal(.time))
        try plan.validate(small.graph, on: small.pool, network: small.costs.network)
        #expect(small.fault(of: plan) == nil)
        let places = Dictionary(uniqueKeysWithValues: plan.assignments.map { ($0.task, $0) })
        var wanted: Set<[String]> = []
        for (index, task) in small.graph.tasks.enumerated() {
            for other in small.graph.predecessors(of: index) {
                let from = try #require(places[small.graph.tasks[other].id])
                let bytes = small.graph.tasks[other].outputs[0].sizeBytes ?? 0
                guard from.instance != places[task.id]?.instance, small.costs.network.seconds(bytes) > 0 else {
                    continue
                }
                wanted.insert([from.task.rawValue, task.id.rawValue, "\(bytes)"])
            }
        }
        let listed = try #require(plan.transfers).map { [$0.from.rawValue, $0.to.rawValue, "\($0.bytes)"] }
        #expect(Set(listed) == wanted && listed.count == wanted.count)
    }

    @Test("validation finds every kind of fault of transfers")
    func faults() throws {
        // Two long chains on two machines, one of which needs what the other makes.
        let graph = try TaskGraph([
            TaskSpec(id: "a", outputs: [FileSpec(path: "f", sizeBytes: 10)], claimedSeconds: 100),
            TaskSpec(id: "b", claimedSeconds: 100),
            TaskSpec(id: "c", predecessors: ["a"], inputs: [FileSpec(path: "f")], claimedSeconds: 200),
            TaskSpec(id: "d", predecessors: ["a", "b"], inputs: [FileSpec(path: "f")], claimedSeconds: 200),
        ])
        let pool = ResourcePool(
            entries: [Offer(type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9), maximumCount: 2)])
        var costs = CostModel.claimed(by: graph)
        costs.network = Network(bytesPerSecond: 1, latencySeconds: 2)
        let plan = try Planner(graph, on: pool, costs: costs).plan(Goal(.time))
        try plan.validate(graph, on: pool, network: costs.network)
        let transfers = try #require(plan.transfers)
        let place = try #require(transfers.firstIndex { $0.bytes == 10 })
        #expect(transfers[place].endSeconds - transfers[place].startSeconds == 12)
        let faults: [(inout [Plan.Transfer]) -> Void] = [
            { $0[place].from = "b" },
            { $0[place].to = "nobody" },
            { $0[place].source = $0[place].destination },
            { $0[place].startSeconds -= 1 },
            { $0[place].endSeconds += 1000 },
            { $0[place].bytes = .nan },
            { $0[place].bytes = 9 },
            { $0[place].endSeconds -= 5 },
            { $0.append($0[place]) },
            { $0.remove(at: place) },
        ]
        for (number, fault) in faults.enumerated() {
            var broken = plan
            fault(&broken.transfers!)
            #expect(throws: PlanError.self, "fault \(number)") {
                try broken.validate(graph, on: pool, network: costs.network)
            }
        }
        // Too slow a network for the plan, even if it lists nothing.
        var silent = plan
        silent.transfers = nil
        try silent.validate(graph, on: pool, network: costs.network)
        #expect(throws: PlanError.self) {
            try silent.validate(graph, on: pool, network: Network(bytesPerSecond: 0.5, latencySeconds: 2))
        }
    }

    @Test("quantiles, the greatest price and the time to ask stand in the plan, and it is read back")
    func contents() throws {
        let graph = try randomGraph(30, seed: 2)
        let pool = testPool()
        var costs = CostModel.claimed(by: graph)
        costs.estimates.secondsQuantiles = costs.estimates.expectedSeconds.map { mean in .init { mean * (0.5 + $0) } }
        costs.network = Network(latencySeconds: 1)
        let plan = try Planner(graph, on: pool, costs: costs).plan(Goal(.cost))
        let entries = Dictionary(uniqueKeysWithValues: plan.instances.map { ($0.id, $0.entry) })
        for assignment in plan.assignments {
            let spread = try #require(assignment.spread)
            let index = try #require(graph.index(of: assignment.task))
            let speed = try #require(entries[assignment.instance]).type.speed
            let mean = costs.estimates.expectedSeconds[index]
            for (value, level) in [(spread.lowSeconds, 0.05), (spread.medianSeconds, 0.5), (spread.highSeconds, 0.95)] {
                #expect(abs(value - mean * (0.5 + level) / speed) < 1e-9)
            }
        }
        for instance in plan.instances {
            #expect(
                instance.maximumPricePerHour
                    == (instance.entry.purchase == .spot ? instance.entry.type.onDemandPrice.perHour : nil))
            #expect(instance.requestSeconds == instance.startSeconds)
        }
        #expect(plan.instances.contains { $0.maximumPricePerHour != nil })
        let data = try JSONEncoder().encode(plan)
        #expect(try JSONDecoder().decode(Plan.self, from: data) == plan)
        #expect(plan.digest == costs.digest(of: graph, on: pool))
    }

    @Test("plan files of earlier releases are read")
    func earlier() throws {
        let text = """
            {"assignments": [{"task": "a", "instance": "m#0", "startSeconds": 0, "endSeconds": 2, "cpus": 1, "memoryBytes": 0}],
             "instances": [{"id": "m#0", "entry": {"type": {"name": "m", "cpus": 1, "memoryBytes": 1e9, "gpus": 0, "speed": 1,
               "storageBytes": 1e12, "onDemandPrice": {"perHour": 1}, "zones": []}, "purchase": "on-demand",
               "maximumCount": 1}, "startSeconds": 0, "endSeconds": 2, "cost": 0.5}],
             "makespanSeconds": 2, "cost": 0.5}
            """
        let plan = try JSONDecoder().decode(Plan.self, from: Data(text.utf8))
        #expect(plan.transfers == nil && plan.digest == nil && plan.instances[0].requestSeconds == nil)
        let pool = ResourcePool(entries: plan.instances.map(\.entry))
        try plan.validate(TaskGraph([TaskSpec(id: "a")]), on: pool)
    }

    @Test("the digest changes with everything that a plan follows from, and with nothing else")
    func digest() throws {
        let graph = try randomGraph(12, seed: 1)
        let pool = testPool()
        let costs = CostModel.claimed(by: graph)
        let digest = costs.digest(of: graph, on: pool)
        #expect(digest.count == 16 && digest == CostModel.claimed(by: graph).digest(of: graph, on: pool))
        var digests: Set = [digest]
        for task in 0..<12 {
            var other = costs
            other.estimates.expectedSeconds[task] += 1e-9
            digests.insert(other.digest(of: graph, on: pool))
            let longer = graph.mapTasks { index, spec in if index == task { spec.request.cpus += 0.5 } }
            digests.insert(costs.digest(of: longer, on: pool))
        }
        var other = costs
        other.network = Network(latencySeconds: 1)
        digests.insert(other.digest(of: graph, on: pool))
        var offers = pool.entries
        offers[3].openSeconds = 9
        digests.insert(costs.digest(of: graph, on: ResourcePool(entries: offers)))
        #expect(digests.count == 27)
    }
}
