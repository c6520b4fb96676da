internal import Allocation
internal import Execution
internal import Foundation
internal import JobFiles
internal import LocalExecution
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
        /// Other assumptions, compared with the first.
        public var whatIfs: [WhatIf] = []

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
        /// Seconds from asking for an instance until it takes tasks.
        public var startUpSeconds = 0.0
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
            "spot=off", "on-demand=off", "noise=S", "reclaims=P", "refusals=P", "failures=P", "start-up=TIME",
            "objective=cost|time|balanced", "deadline=TIME", "budget=DOLLARS",
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
            case "start-up": return set(\.startUpSeconds, Units.parseSeconds(value))
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
        /// By how much it differs from the first scenario, run by run; `nil` for that.
        public let longer: PairedDifference?
        public let dearer: PairedDifference?

        enum CodingKeys: String, CodingKey {
            case name, statistics
            case plannedSeconds = "planned_seconds"
            case plannedCost = "planned_cost"
            case longer = "longer_seconds"
            case dearer = "dearer"
        }
    }

    /// The name of the job.
    public let job: String
    /// As asked, then the what-ifs.
    public let scenarios: [Scenario]

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
        var (scenarios, first): ([Scenario], [SimulatedRun]) = ([], [])
        let all =
            [("as asked", question.assumptions)]
            + question.whatIfs.map { ($0.text, $0.applied(to: question.assumptions)) }
        for (name, assumptions) in all {
            let (simulator, plan) = try Self.simulator(known, assumptions)
            let runs = simulator.runs(question.runs, seed: question.seed, threads: question.threads)
            let goal = simulator.job.goal
            scenarios.append(
                Scenario(
                    name: name, plannedSeconds: plan.makespanSeconds,
                    plannedCost: plan.cost,
                    statistics: Statistics(runs, deadlineSeconds: goal.deadlineSeconds, budget: goal.budget),
                    longer: scenarios.isEmpty ? nil : Self.difference(first, runs, \.makespanSeconds),
                    dearer: scenarios.isEmpty ? nil : Self.difference(first, runs, \.cost)))
            if scenarios.count == 1 {
                first = runs
                let plain = assumptions.noise == 0 && simulator.world.estimates.secondsQuantiles.isEmpty
                if plain { remark("the times that the job claims have no spread: give --noise, or --models") }
            }
        }
        self.scenarios = scenarios
    }

    /// Of the pairs in which both succeeded.
    private static func difference(
        _ a: [SimulatedRun], _ b: [SimulatedRun], _ value: KeyPath<SimulatedRun, Double>
    ) -> PairedDifference {
        let pairs = zip(a, b).filter { $0.ending == .succeeded && $1.ending == .succeeded }
        return PairedDifference(from: pairs.map { $0.0[keyPath: value] }, to: pairs.map { $0.1[keyPath: value] })
    }

    private static func simulator(_ known: KnownJob, _ assumptions: Assumptions) throws -> (Simulator, Plan) {
        let (file, models) = (known.job, known.models)
        var goal = file.goal
        goal.objective = assumptions.objective ?? goal.objective
        goal.deadlineSeconds = assumptions.deadlineSeconds ?? goal.deadlineSeconds
        goal.budget = assumptions.budget ?? goal.budget
        var offers = file.pool?.entries ?? [Offer(type: .thisMachine())]
        offers.removeAll { assumptions.withoutPurchases.contains($0.purchase) }
        guard !offers.isEmpty else { throw ServiceError.input("nothing of the pool is left to run on") }
        for index in offers.indices where file.pool != nil && assumptions.startUpSeconds > 0 {
            offers[index].openSeconds = assumptions.startUpSeconds
        }
        let pool = ResourcePool(entries: offers)
        let host = file.pool == nil ? InstanceType.hostName : nil
        let costs = try models.costModel(for: file.tasks, on: pool, host: host, unknownSeconds: 60)
        let plan = try Planner(file.tasks, on: pool, costs: costs).planOfRun(goal).plan
        let setup = RunSetup(
            file.tasks, offers: offers, policy: file.policy ?? .standard, keepsGoing: true, goal: goal, ranks: nil,
            estimates: costs.estimates, plan: plan, startSeconds: 0)
        let outlook = costs.outlook ?? models.outlook(of: pool)
        let hazard = offers.enumerated().map { place, offer in
            offer.purchase == .spot ? assumptions.reclaimsPerHour ?? outlook.reclaimsPerHour[place] : 0
        }
        let world = World(
            costs.estimates, noise: assumptions.noise, reclaimsPerHour: hazard, refusals: assumptions.refusals,
            failures: assumptions.failures)
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
}
