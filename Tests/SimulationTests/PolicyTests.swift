import Allocation
import Foundation
import ModelFiles
import Scheduling
import Simulation
import TestSupport
import Testing
import Workloads

@Suite("Scheduling policies") struct PolicyTests {
    /// Jobs of a few long and many short tasks for a fast and some slow machines.
    static func workload(_ objective: PolicyWorkload.Objective = .completion) throws -> PolicyWorkload {
        let templates = try (0..<4).map { kind in
            var generator = TestGenerator(seed: UInt64(kind))
            let count = 8 + 6 * kind
            let tasks = (0..<count).map { index in
                TaskSpec(
                    id: TaskID("t\(index)"), predecessors: index < 4 ? [] : [TaskID("t\(index / 2 - 1)")],
                    claimedSeconds: Double.random(in: 5...60, using: &generator))
            }
            let graph = try TaskGraph(tasks)
            return PolicyWorkload.Template(name: "job \(kind)", graph: graph, estimates: Estimates(claimedBy: graph))
        }
        func offer(_ name: String, speed: Double, count: Int) -> Offer {
            var offer = Offer(type: InstanceType(name: name, cpus: 1, memoryBytes: 1e9, speed: speed))
            (offer.maximumCount, offer.price) = (count, Price(perHour: speed))
            return offer
        }
        var workload = PolicyWorkload(
            templates, offers: [offer("slow", speed: 1, count: 3), offer("fast", speed: 4, count: 1)],
            network: Network(latencySeconds: 1), objective: objective)
        workload.mostJobs = objective == .makespan ? 1 : 5
        return workload
    }

    @Test("every policy ends all jobs of every episode, twice the same", arguments: PolicyWorkload.Objective.allCases)
    func ends(objective: PolicyWorkload.Objective) throws {
        let workload = try Self.workload(objective)
        for policy in SchedulingPolicy.rules + [.learned(.untuned)] {
            for seed in UInt64(0)..<4 {
                let value = workload.value(seed: seed, policy)
                #expect(value.isFinite && value > 0, "\(policy.name)")
                #expect(workload.value(seed: seed, policy) == value)
            }
        }
    }

    @Test("a training makes rules better, and does not depend on the number of threads")
    func learns() throws {
        let workload = try Self.workload()
        // All that is ready has the same score: little is worse than that.
        var blank = PairRule(weights: Array(repeating: 0, count: PairFeatures.count))
        blank[.start] = 1
        var (one, two) = (
            try PolicyTraining(workload, from: blank, population: 8, seed: 3),
            try PolicyTraining(workload, from: blank, population: 8, seed: 3)
        )
        for _ in 0..<12 {
            try one.step(threads: 1)
            try two.step(threads: 2)
        }
        #expect(one.rule == two.rule)
        #expect(one.progress == two.progress)
        let seeds = (1000..<1030).map { UInt64($0) }
        let found = PolicyComparison(
            .learned(one.rule), against: [.learned(blank)], on: workload, seeds: seeds, threads: 2)
        #expect(found.rows[1].low > 1, "without training it takes \(found.rows[1].ratio) as long")
    }

    @Test("what is trained by generations comes out the same on any number of threads, and knows what it has seen")
    func trained() throws {
        let workload = try Self.workload()
        let one = try PolicyTraining.trained(workload, seconds: .infinity, generations: 4, seed: 2, threads: 1)
        let two = try PolicyTraining.trained(workload, seconds: .infinity, generations: 4, seed: 2, threads: 2)
        #expect(one.rule == two.rule && one.generations == 4)
        #expect(one.rule.low.count == PairFeatures.count && zip(one.rule.low, one.rule.high).allSatisfy { $0 <= $1 })
        #expect(one.rule.low[PairFeatures.Name.start.rawValue] == 1)
        // With that it still decides, where it was trained.
        #expect(workload.value(seed: 77, .learned(one.rule)).isFinite)
    }

    @Test("a comparison of a rule with itself finds no difference")
    func same() throws {
        let workload = try Self.workload()
        let found = PolicyComparison(
            .longestPath, against: [.longestPath], on: workload, seeds: [1, 2, 3], threads: 2)
        #expect(found.rows[1].ratio == 1 && found.rows[1].low == 1 && found.rows[1].high == 1)
        #expect(!found.isBetterThanAll)
    }

    @Test("a policy file comes back as it was, and what is wrong with one is said")
    func files() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/policy.safetensors"
        var rule = PairRule.untuned
        (rule.low, rule.high) = (rule.weights, rule.weights)
        let row = PolicyComparison.Row(name: "learned", mean: 1, p95: 2, ratio: 1, low: 1, high: 1, seconds: 0)
        let origin = PolicyModel.Origin(
            objective: .completion, jobs: ["a"], digest: "d", seed: 1, generations: 2, seconds: 0, heldOut: [row],
            heldOutEpisodes: 4, isAdopted: true)
        try PolicyModel(rule: rule, origin: origin).write(to: path)
        let back = try PolicyModel(contentsOf: path)
        #expect(back.rule == rule && back.origin == origin)
        #expect(back.policy == .learned(rule))

        var file = try ModelFile(contentsOf: path)
        try file.set("weights", [Float.nan] + rule.weights.dropFirst())
        try file.write(to: path)
        #expect(throws: ModelFileError.self) { try PolicyModel(contentsOf: path) }
        try file.setJSON("features", ["other"])
        try file.write(to: path)
        do {
            _ = try PolicyModel(contentsOf: path)
            Issue.record("features of another program are read")
        } catch { #expect("\(error)".contains("train the policy anew")) }
        try Data("no model".utf8).write(to: URL(filePath: path))
        #expect(throws: ModelFileError.self) { try PolicyModel(contentsOf: path) }
    }

    @Test("the bundled policy can be read, and won")
    func bundled() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("models/policy.safetensors").path
        let model = try PolicyModel(contentsOf: path)
        #expect(model.policy == .learned(model.rule))
        #expect(model.origin.heldOut.count == SchedulingPolicy.rules.count + 1)
        #expect(try Self.workload().value(seed: 1, model.policy).isFinite)
    }

    @Test("a policy that did not win is not followed")
    func notAdopted() {
        func row(_ name: String, _ ratio: Double) -> PolicyComparison.Row {
            PolicyComparison.Row(
                name: name, mean: 1, p95: 1, ratio: ratio, low: ratio - 0.1, high: ratio + 0.1, seconds: 0)
        }
        let origin = PolicyModel.Origin(
            objective: .completion, jobs: [], digest: "", seed: 0, generations: 1, seconds: 1,
            heldOut: [row("learned", 1), row("fair share", 1.2), row("longest path", 0.95)], heldOutEpisodes: 2,
            isAdopted: false)
        #expect(PolicyModel(rule: .untuned, origin: origin).policy == .longestPath)
    }

    @Test("plans of a policy are possible, and a search that starts from them is no worse")
    func plans() throws {
        let workload = try Self.workload(.makespan)
        let graph = workload.templates[3].graph
        let pool = ResourcePool(entries: workload.offers)
        var costs = CostModel.claimed(by: graph)
        costs.network = workload.network
        let one = policyPlans(.untuned, graph, on: pool, costs: costs, samples: 4, seed: 1, threads: 1)
        #expect(one.count == 4)
        #expect(one == policyPlans(.untuned, graph, on: pool, costs: costs, samples: 4, seed: 1, threads: 2))
        var planner = Planner(graph, on: pool, costs: costs)
        let plain = try planner.plan(Goal(.time))
        planner.proposals = one + [Planner.Proposal(order: [], entries: [])]
        let found = try planner.plan(Goal(.time))
        #expect(found.makespanSeconds <= plain.makespanSeconds * (1 + 1e-9))
    }
}
