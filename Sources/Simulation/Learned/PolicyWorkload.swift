internal import Allocation
internal import LinearAlgebra
public import Scheduling
public import Workloads

/// Jobs, a pool and what may happen: where a scheduling policy is trained and judged.
///
/// An episode is one job, or several that come to the pool one after the other, drawn by a seed: which jobs, when, and what
/// luck they meet. Episodes of one seed are the same for every policy.
public struct PolicyWorkload: Sendable {
    /// What a policy is to be good at; the less, the better.
    public enum Objective: String, Sendable, Codable, CaseIterable {
        /// When all is done.
        case makespan
        /// The mean time from a job's coming to its end, weighted by the jobs' weights.
        case completion
        /// What the instances cost while tasks occupied them.
        case cost
    }

    /// A kind of job that comes.
    public struct Template: Sendable {
        public var name: String
        public var graph: TaskGraph
        public var estimates: Estimates
        public var weight: Double

        /// Makes a kind of job.
        public init(name: String, graph: TaskGraph, estimates: Estimates, weight: Double = 1) {
            (self.name, self.graph, self.estimates, self.weight) = (name, graph, estimates, weight)
        }
    }

    public let templates: [Template]
    public var offers: [Offer]
    public let network: Network
    public var objective: Objective
    /// The standard deviation of the logarithm of run times that have no quantiles.
    public var noise = 0.3
    /// The probability that an instance of each offer is taken back within an hour.
    public var reclaimsPerHour: [Double]
    /// How many jobs come in an episode at most, and what part of the pool they keep busy, drawn between the two.
    public var mostJobs = 12
    public var load = 0.5...1.2

    /// The urgency of the tasks of each template, and what they bring to each other: the same in every episode.
    private let ranks: [[Double]]
    private let flows: [DataFlow]

    /// Makes a workload; of spot instances a few are taken back.
    public init(
        _ templates: [Template], offers: [Offer], network: Network = .free, objective: Objective,
        reclaimsPerHour: [Double]? = nil
    ) {
        (self.templates, self.offers, self.network, self.objective) = (templates, offers, network, objective)
        self.reclaimsPerHour = reclaimsPerHour ?? offers.map { $0.purchase == .spot ? 0.05 : 0 }
        ranks = templates.map { upwardRanks($0.graph, seconds: $0.estimates.expectedSeconds) }
        flows = network.isFree ? [] : templates.map { DataFlow($0.graph, over: network) }
        if objective == .makespan { mostJobs = 1 }
    }
}

extension PolicyWorkload {
    /// The jobs of an episode, with when they come; the same for every policy.
    public func jobs(seed: UInt64) -> [(template: Int, arrivalSeconds: Double)] {
        var luck = SeededGenerator(seed: seed, stream: 0x6A6F_6273)
        guard mostJobs > 1 else {
            return [(min(templates.count - 1, Int(luck.nextUniform() * Double(templates.count))), 0)]
        }
        let count = max(2, Int((luck.nextUniform() * Double(mostJobs)).rounded(.up)))
        let load = self.load.lowerBound + luck.nextUniform() * (self.load.upperBound - self.load.lowerBound)
        let power = offers.reduce(0) { $0 + Double(max(0, $1.maximumCount)) * $1.capacity.cpus * $1.type.speed }
        var (jobs, now): ([(Int, Double)], Double) = ([], 0)
        for _ in 0..<count {
            let template = min(templates.count - 1, Int(luck.nextUniform() * Double(templates.count)))
            jobs.append((template, now))
            now += luck.nextExponential() * work(template) / max(1e-9, power * load)
        }
        return jobs
    }

    /// Processor-seconds of a job on speed 1.
    private func work(_ template: Int) -> Double {
        let item = templates[template]
        return item.graph.tasks.indices.reduce(0) { sum, task in
            let seconds = item.estimates.expectedSeconds[task]
            return sum + (seconds.isFinite ? seconds : 1) * max(1, item.graph.tasks[task].request.cpus)
        }
    }

    /// A simulator of an episode.
    public func simulator(seed: UInt64, _ policy: SchedulingPolicy) -> Simulator {
        simulator(seed: seed, policy, policy.policies(reclaimsPerHour: reclaimsPerHour))
    }

    func simulator(seed: UInt64, _ policy: SchedulingPolicy, _ policies: Policies) -> Simulator {
        let jobs = jobs(seed: seed).enumerated().map { index, item in
            let template = templates[item.template]
            var ranks = ranks[item.template]
            if policy == .firstCome {
                let most = ranks.max() ?? 0
                ranks = ranks.map { $0 / max(most, 1e-300) - Double(index) }
            }
            return SimulatedJob(
                Job(
                    template.graph, name: "\(template.name) \(index)",
                    tenant: policy == .fairShare ? "job \(index)" : "default", weight: template.weight),
                arrivalSeconds: item.arrivalSeconds, estimates: template.estimates, ranks: ranks,
                flow: flows.isEmpty ? nil : flows[item.template])
        }
        var world = World(
            Estimates(joining: jobs.map(\.estimates)), noise: noise, reclaimsPerHour: reclaimsPerHour)
        if !network.isFree { world.flow = DataFlow(joining: jobs.compactMap(\.flow), over: network) }
        let allocator = Allocator(offers: offers, policies: policies)
        var simulator = Simulator(
            jobs[0].job, estimates: jobs[0].estimates, allocator: allocator, world: world, ranks: jobs[0].ranks)
        simulator.flow = jobs[0].flow
        simulator.others = Array(jobs.dropFirst())
        return simulator
    }

    /// What came of an episode under a policy: the less, the better. Infinite if a job did not succeed.
    public func value(seed: UInt64, _ policy: SchedulingPolicy) -> Double {
        value(of: simulator(seed: seed, policy).run(seed: seed), seed: seed)
    }

    func value(of run: SimulatedRun, seed: UInt64) -> Double {
        guard run.ending == .succeeded else { return .infinity }
        switch objective {
        case .makespan: return run.makespanSeconds
        case .cost: return run.occupiedCost
        case .completion:
            let items = jobs(seed: seed)
            guard run.jobs.count == items.count else { return run.makespanSeconds }
            var (sum, weights) = (0.0, 0.0)
            for (item, course) in zip(items, run.jobs) {
                let weight = templates[item.template].weight
                sum += weight * (course.endSeconds - course.arrivalSeconds)
                weights += weight
            }
            return sum / max(1e-300, weights)
        }
    }
}
