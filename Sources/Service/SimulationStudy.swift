public import Allocation
internal import Execution
internal import Foundation
internal import JobFiles
internal import LocalExecution
internal import Markets
internal import Prediction
internal import Scheduling
public import Simulation
public import Workloads

/// Runs a job many times in a world of chance, as `run` would run it, under one or several assumptions with the same luck.
public struct SimulationStudy: Sendable {
    /// What somebody wants to know.
    public struct Question: Sendable {
        /// The job file, and the folder of models that know it.
        public var job: String
        public var models: String?
        /// How many runs, of what luck, on how many threads.
        public var runs = 200
        public var seed: UInt64 = 0
        public var threads = 1
        /// What is assumed.
        public var assumptions = Assumptions()
        /// Other assumptions, each compared with those before it.
        public var whatIfs: [WhatIf] = []
        /// Whether the attempts of the first run are kept.
        public var wantsHistory = false

        /// Asks about a job.
        public init(job: String, models: String? = nil) { (self.job, self.models) = (job, models) }
    }

    /// What is assumed of the world, the pool and the goal.
    public struct Assumptions: Hashable, Sendable {
        /// The standard deviation of the logarithm of run times without quantiles.
        public var noise = 0.0
        /// The probability that a spot instance is taken back within an hour; `nil` is what the models say.
        public var reclaimsPerHour: Double?
        /// The probability that a spot instance is refused, and that an attempt fails by itself.
        public var refusals = 0.0
        public var failures = 0.0
        /// Seconds from asking for an instance until it takes tasks; the standard deviation of its logarithm.
        public var startUpSeconds = 0.0
        public var startUpNoise = 0.0
        /// Seconds between the notice of a reclaim and the reclaim; 0 is without notice.
        public var noticeSeconds = 120.0
        /// Seconds for which an attempt occupies its room besides its run time.
        public var dispatchSeconds = 0.0
        /// Bytes a second between two instances, and seconds until one hears of the other; `nil` is what the job says.
        public var bandwidth: Double?
        public var latencySeconds: Double?
        /// Whether transfers from or to one instance share its bandwidth.
        public var sharesLinks = false
        /// A file with another pool than the job's.
        public var pool: String?
        /// Recorded prices or availability, or `generated`: what happens to spot instances.
        public var market: String?
        /// Which tasks that run too long get a second attempt.
        public var speculation = Speculation.Scope.asked
        /// Ways of buying that are not used.
        public var withoutPurchases: Set<PurchaseOption> = []
        /// What the plan should be good at, if not what the job says.
        public var objective: Goal.Objective?
        public var deadlineSeconds: Double?
        public var budget: Double?

        /// The plainest world.
        public init() {}
    }

    /// One assumption that is changed, for instance `spot=off` or `noise=0.5`.
    public struct WhatIf: Hashable, Sendable {
        /// As it was written.
        public let text: String
        /// The names that are understood.
        public static let keys = [
            "spot=off", "on-demand=off", "noise=S", "reclaims=P", "notice=TIME|off", "refusals=P", "failures=P",
            "start-up=TIME", "start-up-noise=S", "dispatch=TIME", "bandwidth=BYTES", "latency=TIME",
            "links=shared|free", "speculate=asked|allowed|never",
            "pool=FILE", "market=FILE|generated", "objective=cost|time|balanced", "deadline=TIME", "budget=DOLLARS",
        ]
        /// `nil` if it is none of ``keys``; several are separated by commas.
        public init?(_ text: String) {
            self.text = text
            var nothing = Assumptions()
            guard apply(to: &nothing) else { return nil }
        }

        func applied(to assumptions: Assumptions) -> Assumptions {
            var changed = assumptions
            _ = apply(to: &changed)
            return changed
        }

        private func apply(to assumptions: inout Assumptions) -> Bool {
            let parts = text.split(separator: ",")
            return !parts.isEmpty
                && parts.allSatisfy { part in
                    let sides = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                    return sides.count == 2 && Self.apply(sides[0], sides[1], to: &assumptions)
                }
        }

        private static func apply(_ key: String, _ value: String, to assumptions: inout Assumptions) -> Bool {
            func set<Value>(_ path: WritableKeyPath<Assumptions, Value>, _ found: Value?) -> Bool {
                guard let found else { return false }
                assumptions[keyPath: path] = found
                return true
            }
            func number(upTo most: Double) -> Double? { Double(value).flatMap { 0...most ~= $0 ? $0 : nil } }
            switch key {
            case "spot", "on-demand":
                guard value == "off", let purchase = PurchaseOption(rawValue: key) else { return false }
                return set(\.withoutPurchases, assumptions.withoutPurchases.union([purchase]))
            case "noise": return set(\.noise, number(upTo: 3))
            case "reclaims": return set(\.reclaimsPerHour, number(upTo: 0.999))
            case "refusals": return set(\.refusals, number(upTo: 0.999))
            case "failures": return set(\.failures, number(upTo: 0.999))
            case "notice": return set(\.noticeSeconds, value == "off" ? 0 : Units.parseSeconds(value))
            case "start-up": return set(\.startUpSeconds, Units.parseSeconds(value))
            case "start-up-noise": return set(\.startUpNoise, number(upTo: 3))
            case "dispatch": return set(\.dispatchSeconds, Units.parseSeconds(value))
            case "bandwidth":
                guard let bytes = Units.parseBytes(value), bytes > 0 else { return false }
                return set(\.bandwidth, bytes)
            case "latency": return set(\.latencySeconds, Units.parseSeconds(value))
            case "links":
                guard ["shared", "free"].contains(value) else { return false }
                return set(\.sharesLinks, value == "shared")
            case "speculate": return set(\.speculation, Speculation.Scope(rawValue: value))
            case "pool": return set(\.pool, value.isEmpty ? nil : value)
            case "market": return set(\.market, value.isEmpty ? nil : value)
            case "objective": return set(\.objective, Goal.Objective(rawValue: value))
            case "deadline": return set(\.deadlineSeconds, Units.parseSeconds(value))
            case "budget": return set(\.budget, number(upTo: 1e15))
            default: return false
            }
        }
    }

    /// What came of one set of assumptions.
    public struct Scenario: Sendable, Encodable {
        /// `as asked`, or the text of the what-if.
        public let name: String
        /// What the plan promises.
        public let plannedSeconds: Double
        public let plannedCost: Double
        /// What the runs say.
        public let statistics: Statistics
        /// By how much it differs from each scenario before it, run by run.
        public let differences: [Difference]

        /// By how much the pairs of two scenarios differ in which both succeeded.
        public struct Difference: Sendable, Encodable {
            /// The other scenario.
            public let from: String
            /// In seconds, and in US dollars.
            public let longer: PairedDifference
            public let dearer: PairedDifference

            enum CodingKeys: String, CodingKey {
                case from
                case longer = "longer_seconds"
                case dearer
            }
        }

        enum CodingKeys: String, CodingKey {
            case name, statistics, differences
            case plannedSeconds = "planned_seconds"
            case plannedCost = "planned_cost"
        }
    }

    /// The name of the job.
    public let job: String
    /// As asked, then the what-ifs.
    public let scenarios: [Scenario]
    /// The tasks of the job.
    public let graph: TaskGraph
    private var history: SimulatedHistory?

    /// Plans and simulates.
    ///
    /// - Parameter remark: Called with what a person should know of the assumptions.
    /// - Throws: ``ServiceError/input(_:)``, and what is wrong with the job or the models.
    public init(_ question: Question, remark: (String) -> Void = { _ in }) throws {
        let known = try KnownJob(question.job, models: question.models)
        job = known.job.name
        let isKnown = known.models.knowsRuntime || known.job.tasks.tasks.contains { $0.claimedSeconds != nil }
        guard isKnown else {
            throw ServiceError.input(
                "\(question.job): no task has a known time. Give --models, or 'seconds' to the tasks.")
        }
        var (scenarios, all): ([Scenario], [[SimulatedRun]]) = ([], [])
        let asked =
            [("as asked", question.assumptions)]
            + question.whatIfs.map { ($0.text, $0.applied(to: question.assumptions)) }
        for (name, assumptions) in asked {
            let (simulator, plan) = try Self.simulator(known, assumptions, question.seed)
            let runs = simulator.runs(question.runs, seed: question.seed, threads: question.threads)
            let goal = simulator.job.goal
            let plain = assumptions.noise == 0 && simulator.world.estimates.secondsQuantiles.isEmpty
            if scenarios.isEmpty, plain {
                remark("the times that the job claims have no spread: give --noise, or --models")
            }
            let differences = zip(scenarios, all).map { other, theirs in
                Scenario.Difference(
                    from: other.name, longer: Self.difference(theirs, runs, \.makespanSeconds),
                    dearer: Self.difference(theirs, runs, \.cost))
            }
            scenarios.append(
                Scenario(
                    name: name, plannedSeconds: plan.makespanSeconds,
                    plannedCost: plan.cost,
                    statistics: Statistics(runs, deadlineSeconds: goal.deadlineSeconds, budget: goal.budget),
                    differences: differences))
            all.append(runs)
            if scenarios.count == 1, question.wantsHistory { history = simulator.history(seed: question.seed) }
        }
        self.scenarios = scenarios
        graph = known.job.tasks
    }

    /// The attempts of the first run as asked, as a trace would record them.
    public var attempts: [AttemptRecord] { history?.records(job: job, graph) ?? [] }

    /// Of the pairs in which both succeeded.
    private static func difference(
        _ a: [SimulatedRun], _ b: [SimulatedRun], _ value: KeyPath<SimulatedRun, Double>
    ) -> PairedDifference {
        let pairs = zip(a, b).filter { $0.ending == .succeeded && $1.ending == .succeeded }
        return PairedDifference(from: pairs.map { $0.0[keyPath: value] }, to: pairs.map { $0.1[keyPath: value] })
    }

    private static func simulator(
        _ known: KnownJob, _ assumptions: Assumptions, _ seed: UInt64
    ) throws -> (Simulator, Plan) {
        let (file, models) = (known.job, known.models)
        var goal = file.goal
        goal.objective = assumptions.objective ?? goal.objective
        goal.deadlineSeconds = assumptions.deadlineSeconds ?? goal.deadlineSeconds
        goal.budget = assumptions.budget ?? goal.budget
        let other = try assumptions.pool.map { try JobFile.readPool($0) }
        let given = other?.pool ?? file.pool
        var offers = given?.entries ?? [Offer(type: .thisMachine())]
        offers.removeAll { assumptions.withoutPurchases.contains($0.purchase) }
        guard !offers.isEmpty else { throw ServiceError.input("nothing of the pool is left to run on") }
        for index in offers.indices where given != nil && assumptions.startUpSeconds > 0 {
            offers[index].openSeconds = assumptions.startUpSeconds
        }
        let pool = ResourcePool(entries: offers)
        let host = given == nil ? InstanceType.hostName : nil
        var costs = try models.costModel(for: file.tasks, on: pool, host: host, unknownSeconds: 60)
        var network = other?.network ?? file.network ?? .free
        network.bytesPerSecond = assumptions.bandwidth ?? network.bytesPerSecond
        network.latencySeconds = assumptions.latencySeconds ?? network.latencySeconds
        if !network.isFree { costs.network = network }
        let plan = try Planner(file.tasks, on: pool, costs: costs).planOfRun(goal).plan
        var setup = RunSetup(
            file.tasks, offers: offers, policy: file.policy ?? .standard, keepsGoing: true, goal: goal, ranks: nil,
            estimates: costs.estimates, plan: plan, startSeconds: 0)
        setup.speculation = assumptions.speculation
        let outlook = costs.outlook ?? models.outlook(of: pool)
        let hazard = offers.enumerated().map { place, offer in
            offer.purchase == .spot ? assumptions.reclaimsPerHour ?? outlook.reclaimsPerHour[place] : 0
        }
        var world = World(
            costs.estimates, noise: assumptions.noise, reclaimsPerHour: hazard,
            warningSeconds: assumptions.noticeSeconds, refusals: assumptions.refusals, failures: assumptions.failures)
        if !network.isFree { world.flow = DataFlow(file.tasks, over: network) }
        world.sharesLinks = assumptions.sharesLinks
        (world.dispatchSeconds, world.openNoise) = (assumptions.dispatchSeconds, assumptions.startUpNoise)
        if let path = assumptions.market { world.markets = try Self.markets(path, offers, seed) }
        var job = setup.job(file.tasks, name: file.name)
        job.goal = goal
        var simulator = Simulator(
            job, estimates: costs.estimates, allocator: setup.allocator, world: world, plan: setup.plan)
        let (graph, offered, wanted) = (file.tasks, offers, goal)
        simulator.replan = { state, reason in
            guard let rest = try? RemainingJob(graph, 0, reason, wanted, state),
                let plan = models.plan(for: rest, on: pool, host: host)
            else { return nil }
            return rest.assignments(plan, graph, offers: offered, state)
        }
        return (simulator, plan)
    }

    /// What happened to the spot offers of a pool: recorded prices of their types and zones, recorded availability (one trace
    /// after the other), or both generated.
    private static func markets(_ path: String, _ offers: [Offer], _ seed: UInt64) throws -> [RecordedMarket?] {
        let spot = offers.indices.filter { offers[$0].purchase == .spot }
        guard !spot.isEmpty else {
            throw ServiceError.input("--market: nothing of the pool is bought on the spot market")
        }
        var markets = [RecordedMarket?](repeating: nil, count: offers.count)
        if path == "generated" {
            let names = spot.map { offers[$0].instanceID(0).rawValue }
            let capacity = spot.map { offers[$0].maximumCount }.max() ?? 1
            let traces = try MarketGenerator(seed: seed).availability(
                names: names, region: "generated", capacity: max(1, capacity))
            for (offer, trace) in zip(spot, traces) { markets[offer] = RecordedMarket(trace) }
            return markets
        }
        switch try MarketImport.read(path).content {
        case .prices(let table):
            for offer in spot {
                let type = offers[offer].type.name
                let known = table.markets.indices.filter { table.markets[$0].instanceType == type }
                let place = known.first { table.markets[$0].zone == offers[offer].zone } ?? known.first
                markets[offer] = place.map { RecordedMarket(table.history(of: $0)) }
            }
            guard markets.contains(where: { $0 != nil }) else {
                let types = Set(spot.map { offers[$0].type.name }).sorted().joined(separator: ", ")
                throw ServiceError.input(
                    "\(path): it has no price of \(types). Give a file that has, or name the types of the pool as there."
                )
            }
        case .availability(let trace): for offer in spot { markets[offer] = RecordedMarket(trace) }
        case .lifetimes:
            throw ServiceError.input(
                "\(path): it holds lives of instances, expected prices or availability. Give --reclaims instead.")
        }
        return markets
    }
}
