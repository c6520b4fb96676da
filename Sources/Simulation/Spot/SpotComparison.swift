public import Allocation
internal import LinearAlgebra

/// The plan for one job beside rules that know nothing of the market, from many starts on recorded zones.
public struct SpotComparison: Sendable {
    /// One zone, what was learnt of others for it, and from which ticks the job starts there.
    public struct Zone: Sendable {
        public var trace: SpotTrace
        public var chain: SpotChain
        public var starts: [Int]

        /// Makes a zone.
        public init(_ trace: SpotTrace, chain: SpotChain, starts: [Int]) {
            (self.trace, self.chain, self.starts) = (trace, chain, starts)
        }
    }

    /// How a policy did. Costs are shares of running on demand from the first tick.
    public struct Row: Sendable, Hashable, Codable {
        public var policy: String
        public var meanCost: Double
        /// What one start in ten exceeds.
        public var p90Cost: Double
        public var missedDeadlines: Int
        /// The share of the work that is done on spot.
        public var spotShare: Double
        /// Machines started in a run, in the mean.
        public var starts: Double
        /// The mean over starts of the cost by the least there could have been with all known, less 1; `nil` if that was too
        /// much to compute.
        public var regret: Double?
        /// Seconds billed on spot and on demand, in the mean.
        public var spotSeconds: Double
        public var onDemandSeconds: Double
    }

    /// The plan first, then the rules, the cheapest first.
    public let rows: [Row]
    /// How many starts there were.
    public let starts: Int
    /// For the start at which the plan did as well as it mostly does: what it held, and what Uniform Progress held.
    public let example: [(policy: String, stretches: [SpotStretch], outcome: SpotOutcome)]
    /// Where that was.
    public let exampleZone: String

    /// Rules and what they are called.
    public static let rules: [(name: String, rule: SpotRule)] = [
        ("on demand", .onDemandOnly), ("greedy", .greedy), ("eager", .eager),
        ("uniform progress", .uniformProgress), ("uniform progress, eager", .uniformProgressEager),
        ("time-sliced", .timeSliced(8)), ("three attempts", .attempts(3)), ("wait an hour", .waiting(seconds: 3600)),
    ]

    /// Runs the job from every start, by the plan and by every rule.
    ///
    /// - Parameter job: Its tick is that of each zone's trace.
    /// - Precondition: There is a start, and the deadline can be met.
    public static func run(
        _ job: SpotJob, on zones: [Zone], options: SpotPlanner.Options = .init(), threads: Int = 1
    ) -> SpotComparison {
        precondition(zones.contains { !$0.starts.isEmpty }, "There is a start.")
        @Sendable func jobs(_ zone: Zone) -> SpotJob {
            var own = job
            own.tick = zone.trace.tick
            return own
        }
        // By zone: outcomes of the plan and of each rule, and the optimum.
        let found = Parallel.map(count: zones.count, threads: threads) { index -> ([[SpotOutcome]], [Double]?) in
            let zone = zones[index]
            let job = jobs(zone)
            var planner = SpotPlanner(job, in: zone.chain, options: options)
            let beliefs = SpotBeliefs(zone.trace, zone.chain, planner.beliefOptions)
            var outcomes = [
                zone.starts.map {
                    SpotRun.outcome(of: job, on: zone.trace, from: $0, planner: &planner, beliefs: beliefs)
                }
            ]
            for (_, rule) in rules {
                outcomes.append(
                    zone.starts.map { SpotRun.outcome(of: job, on: zone.trace, from: $0, rule: rule) })
            }
            guard SpotOptimum.work(of: job) * Double(zone.starts.count) < 4e9 else { return (outcomes, nil) }
            return (outcomes, zone.starts.map { SpotOptimum.cost(of: job, on: zone.trace, from: $0) })
        }
        let optima = found.contains { $0.1 == nil } ? nil : found.flatMap { $0.1 ?? [] }
        var rows: [Row] = []
        for (index, name) in (["plan"] + rules.map(\.name)).enumerated() {
            let outcomes = found.flatMap { $0.0[index] }
            let costs = outcomes.map { $0.costShare(job) }
            rows.append(
                Row(
                    policy: name, meanCost: mean(costs), p90Cost: quantile(costs, 0.9),
                    missedDeadlines: outcomes.count { !$0.isOnTime(job) },
                    spotShare: mean(outcomes.map { Double($0.spotWork) / Double(job.work) }),
                    starts: mean(outcomes.map { Double($0.starts) }),
                    regret: optima.map { optima in mean(zip(outcomes, optima).map { $0.cost(job) / $1 - 1 }) },
                    spotSeconds: mean(outcomes.map { Double($0.spotSeconds) }),
                    onDemandSeconds: mean(outcomes.map { Double($0.onDemandSeconds) })))
        }
        let places = zones.indices.flatMap { zone in zones[zone].starts.indices.map { (zone, $0) } }
        let byCost = places.sorted { a, b in
            let (x, y) = (found[a.0].0[0][a.1].cost(job), found[b.0].0[0][b.1].cost(job))
            return (x, a.0, a.1) < (y, b.0, b.1)
        }
        let (place, number) = byCost[byCost.count / 2]
        let zone = zones[place]
        let own = jobs(zone)
        var planner = SpotPlanner(own, in: zone.chain, options: options)
        let beliefs = SpotBeliefs(zone.trace, zone.chain, planner.beliefOptions)
        var (planned, ruled): ([SpotStretch], [SpotStretch]) = ([], [])
        let first = SpotRun.outcome(
            of: own, on: zone.trace, from: zone.starts[number], planner: &planner, beliefs: beliefs,
            record: { SpotStretch.append($0, to: &planned) })
        let second = SpotRun.outcome(
            of: own, on: zone.trace, from: zone.starts[number], rule: .uniformProgress,
            record: { SpotStretch.append($0, to: &ruled) })
        return SpotComparison(
            rows: [rows[0]] + rows.dropFirst().sorted { ($0.meanCost, $0.policy) < ($1.meanCost, $1.policy) },
            starts: places.count, example: [("plan", planned, first), ("uniform progress", ruled, second)],
            exampleZone: zone.trace.name)
    }
}
