internal import Allocation
internal import JobFiles
internal import LinearAlgebra
internal import Prediction
internal import Scheduling
public import Simulation
public import Workloads

/// Runs a job many times in a world of chance, as `run` would run it, under one or several assumptions with the same luck.
///
/// Several jobs share the pool of the first: then all of it is there from the first to the last, and whose turn it is follows
/// from what each tenant had in proportion to its weight.
public struct SimulationStudy: Sendable {
    /// What somebody wants to know.
    public struct Question: Sendable {
        /// The job file, and the folder of models that know it.
        public var job: String
        public var models: String?
        /// Job files that come later and share its pool, and when, in seconds after it.
        public var others: [(job: String, arrivalSeconds: Double)] = []
        /// The folder of the store, for what was recorded.
        public var store: String?
        /// What was fitted to recorded runs: the start-up of this machine, and the network of jobs that say none.
        public var calibration: Calibration?
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

    /// What came of one set of assumptions.
    public struct Scenario: Sendable, Encodable {
        /// `as asked`, or the text of the what-if.
        public let name: String
        /// What the plan promises; `nil` if there is none, because several jobs share the pool.
        public let plannedSeconds: Double?
        public let plannedCost: Double?
        /// What the runs say.
        public let statistics: Statistics
        /// By how much it differs from each scenario before it, run by run.
        public let differences: [Difference]
        /// Of several jobs, what became of each, and what every tenant got.
        public let jobs: [JobSummary]?
        public let tenants: [TenantSummary]?

        /// One job of several.
        public struct JobSummary: Sendable, Encodable {
            public let job: String
            public let tenant: String
            /// When it comes, in seconds after the first.
            public let arrivalSeconds: Double
            /// How long its tasks waited for room on average, and how long it took from its arrival to its end, in seconds.
            public let waitSeconds: Statistics.Spread
            public let turnaroundSeconds: Statistics.Spread
            /// The share of runs in which it kept its deadline, and those of its tasks; `nil` if there is none.
            public let withinDeadline: Double?
            public let succeeded: Double

            enum CodingKeys: String, CodingKey {
                case job, tenant, succeeded
                case arrivalSeconds = "arrival_seconds"
                case waitSeconds = "wait_seconds"
                case turnaroundSeconds = "turnaround_seconds"
                case withinDeadline = "within_deadline"
            }
        }

        /// One tenant of those whose jobs share the pool.
        public struct TenantSummary: Sendable, Encodable {
            public let tenant: String
            /// What it should get in proportion to the others.
            public let weight: Double
            /// What it got of all that was used while every tenant had something to do, on average; `nil` if that never was.
            public let share: Double?
        }

        /// By how much the pairs of two scenarios differ in which both succeeded.
        public struct Difference: Sendable, Encodable {
            /// The other scenario.
            public let from: String
            /// In seconds, and in US dollars.
            public let longer: PairedDifference
            public let dearer: PairedDifference
            /// Of several jobs, by how much longer their tasks wait for room on average, in seconds.
            public let waits: PairedDifference?

            enum CodingKeys: String, CodingKey {
                case from
                case longer = "longer_seconds"
                case dearer
                case waits = "waits_longer_seconds"
            }
        }

        enum CodingKeys: String, CodingKey {
            case name, statistics, differences, jobs, tenants
            case plannedSeconds = "planned_seconds"
            case plannedCost = "planned_cost"
        }
    }

    /// The names of the jobs.
    public let jobs: [String]
    /// As asked, then the what-ifs.
    public let scenarios: [Scenario]
    /// The tasks of each job.
    public let graphs: [TaskGraph]
    private var history: SimulatedHistory?

    /// Plans and simulates.
    ///
    /// - Parameter remark: Called with what a person should know of the assumptions.
    /// - Throws: ``ServiceError/input(_:)``, and what is wrong with the jobs or the models.
    public init(_ question: Question, remark: (String) -> Void = { _ in }) throws {
        let setting = try Setting(question)
        let files = setting.known.map(\.job)
        (jobs, graphs) = (files.map(\.name), files.map(\.tasks))
        if files.count > 1, files.dropFirst().contains(where: { $0.pool != nil && $0.pool != files[0].pool }) {
            remark("all jobs share the pool of \(files[0].name); those of the others are not used")
        }
        var (scenarios, all): ([Scenario], [[SimulatedRun]]) = ([], [])
        let asked =
            [("as asked", question.assumptions)]
            + question.whatIfs.map { ($0.text, $0.applied(to: question.assumptions)) }
        for (name, assumptions) in asked {
            let (simulator, plan) = try setting.simulator(assumptions)
            let runs = simulator.runs(question.runs, seed: question.seed, threads: question.threads)
            let goal = simulator.job.goal
            if scenarios.isEmpty, simulator.world.isCertain {
                remark("the times that the job claims have no spread: give --noise, or --models")
            }
            let differences = zip(scenarios, all).map { other, theirs in
                Scenario.Difference(
                    from: other.name, longer: Self.difference(theirs, runs, \.makespanSeconds),
                    dearer: Self.difference(theirs, runs, \.cost),
                    waits: files.count > 1 ? Self.difference(theirs, runs, \.meanWaitSeconds) : nil)
            }
            let isAlone = files.count == 1
            scenarios.append(
                Scenario(
                    name: name, plannedSeconds: plan?.makespanSeconds, plannedCost: plan?.cost,
                    statistics: Statistics(
                        runs, deadlineSeconds: isAlone ? goal.deadlineSeconds : nil,
                        hasTaskDeadlines: graphs.contains { $0.tasks.contains { $0.deadlineSeconds != nil } },
                        budget: isAlone ? goal.budget : nil),
                    differences: differences, jobs: isAlone ? nil : Self.jobs(files, question, runs),
                    tenants: isAlone ? nil : Self.tenants(files, runs)))
            all.append(runs)
            if scenarios.count == 1, question.wantsHistory { history = simulator.history(seed: question.seed) }
        }
        self.scenarios = scenarios
    }

    /// The attempts of the first run as asked, as a trace would record them.
    public var attempts: [AttemptRecord] { history?.records(graphs) ?? [] }

    /// What became of the instances of that run.
    public var lives: [InstanceLife] { history?.lives() ?? [] }

    /// Of the pairs in which both succeeded.
    private static func difference(
        _ a: [SimulatedRun], _ b: [SimulatedRun], _ value: KeyPath<SimulatedRun, Double>
    ) -> PairedDifference {
        let pairs = zip(a, b).filter { $0.ending == .succeeded && $1.ending == .succeeded }
        return PairedDifference(from: pairs.map { $0.0[keyPath: value] }, to: pairs.map { $0.1[keyPath: value] })
    }
}

extension SimulationStudy {
    private static func jobs(
        _ files: [JobFile], _ question: Question, _ runs: [SimulatedRun]
    ) -> [Scenario.JobSummary] {
        files.indices.map { index in
            let file = files[index]
            let own = runs.map { $0.jobs[index] }
            let good = own.filter { $0.ending == .succeeded }
            func share(_ count: Int) -> Double { Double(count) / Double(max(1, own.count)) }
            let deadline = file.goal.deadlineSeconds
            let isDated = deadline != nil || file.tasks.tasks.contains { $0.deadlineSeconds != nil }
            let inTime = good.count {
                $0.lateTasks == 0 && $0.endSeconds - $0.arrivalSeconds <= deadline ?? .infinity
            }
            return Scenario.JobSummary(
                job: file.name, tenant: file.account.tenant, arrivalSeconds: own.first?.arrivalSeconds ?? 0,
                waitSeconds: Statistics.Spread(good.map(\.meanWaitSeconds)),
                turnaroundSeconds: Statistics.Spread(good.map { $0.endSeconds - $0.arrivalSeconds }),
                withinDeadline: isDated ? share(inTime) : nil, succeeded: share(good.count))
        }
    }

    private static func tenants(_ files: [JobFile], _ runs: [SimulatedRun]) -> [Scenario.TenantSummary] {
        var names: [String] = []
        for file in files where !names.contains(file.account.tenant) { names.append(file.account.tenant) }
        return names.map { name in
            let shares = runs.compactMap { run -> Double? in
                let all = run.jobs.reduce(0) { $0 + $1.contendedUse }
                let own = zip(files, run.jobs).reduce(0) { $0 + ($1.0.account.tenant == name ? $1.1.contendedUse : 0) }
                return all > 0 ? own / all : nil
            }
            return Scenario.TenantSummary(
                tenant: name, weight: files.first { $0.account.tenant == name }?.account.weight ?? 1,
                share: shares.isEmpty ? nil : mean(shares))
        }
    }
}
