public import Allocation
internal import Foundation
internal import JobFiles
internal import LocalExecution
internal import Prediction
internal import Scheduling
public import Simulation
internal import Workloads

/// Trains scheduling policies on jobs and a pool, and says how they compare.
public struct PolicyStudy: Sendable {
    /// The jobs, the pool and what may happen to them.
    public var workload: PolicyWorkload
    /// The names of the jobs.
    public let jobs: [String]
    private let digest: String

    /// Reads jobs (YAML or WfFormat) and the pool: that of a file, or of the first job, or this machine.
    ///
    /// - Throws: ``ServiceError/input(_:)``, and what is wrong with a job, a pool or the models.
    public init(
        jobs paths: [String], pool path: String? = nil, models folder: String? = nil,
        objective: PolicyWorkload.Objective, noise: Double? = nil
    ) throws {
        guard !paths.isEmpty else { throw ServiceError.input("there is no job: name one or several job files.") }
        let known = try paths.map { try KnownJob($0, models: folder, asksSlurm: true) }
        let other = try path.map { try JobFile.readPool($0) }
        let file = known[0].job
        let pool = (path == nil ? file.pool : other?.pool) ?? ResourcePool(entries: [Offer(type: .thisMachine())])
        let network = (path == nil ? file.network : other?.network) ?? file.network ?? .free
        var hash: [String] = []
        let templates = try zip(known, paths).map { known, path in
            guard known.job.tasks.count > 0 else { throw ServiceError.input("\(path): it has no tasks.") }
            let isTimed = known.models.knowsRuntime || known.job.tasks.tasks.contains { $0.claimedSeconds != nil }
            guard isTimed else {
                throw ServiceError.input("\(path): no task has a known time. Give --models, or 'seconds' to the tasks.")
            }
            let costs = try known.models.costModel(for: known.job.tasks, on: pool, host: nil, unknownSeconds: 60)
            // What fits nowhere would never run.
            _ = try PlanningProblem(known.job.tasks, on: pool, costs: costs)
            hash.append(costs.digest(of: known.job.tasks, on: pool))
            return PolicyWorkload.Template(
                name: known.job.name, graph: known.job.tasks, estimates: costs.estimates)
        }
        workload = PolicyWorkload(templates, offers: pool.entries, network: network, objective: objective)
        workload.reclaimsPerHour = known[0].models.outlook(of: pool).reclaimsPerHour
        workload.noise = noise ?? 0.3
        jobs = known.map(\.job.name)
        digest = hash.joined(separator: " ")
    }

    /// How far a training is.
    public struct Progress: Sendable {
        /// Generations so far, and seconds.
        public var generations: Int
        public var seconds: Double
        /// The mean value of the last generation's best by that of the longest path first.
        public var ratio: Double
    }

    /// Trains a rule, and compares it with all others on episodes of its own.
    ///
    /// - Parameters:
    ///   - seconds: For how long, by the clock; whole generations, at least one.
    ///   - generations: The most generations: with a number and time enough the result is the same every time.
    ///   - heldOut: Episodes to compare on.
    public func train(
        seconds: Double, generations: Int = .max, heldOut: Int = 40, seed: UInt64, threads: Int,
        report: (Progress) -> Void = { _ in }
    ) throws -> PolicyModel {
        let begin = ContinuousClock.now
        func passed() -> Double { begin.duration(to: .now) / .seconds(1) }
        let (rule, count) = try PolicyTraining.trained(
            workload, seconds: seconds, generations: generations, seed: seed, threads: threads
        ) { report(Progress(generations: $0, seconds: passed(), ratio: $1)) }
        let trained = passed()
        let comparison = compare(rule, episodes: heldOut, seed: seed, threads: threads)
        return PolicyModel(
            rule: rule,
            origin: PolicyModel.Origin(
                objective: workload.objective, jobs: jobs, digest: digest, seed: seed,
                generations: count, seconds: trained, heldOut: comparison.rows, heldOutEpisodes: heldOut,
                isAdopted: comparison.isBetterThanAll))
    }

    /// A rule beside all that need no learning, on episodes that no training of the seed sees.
    public func compare(_ rule: PairRule, episodes: Int, seed: UInt64, threads: Int) -> PolicyComparison {
        let seeds = (0..<UInt64(episodes)).map { 0x4865_6C64_0000_0000 &+ seed &* 1_000_003 &+ $0 }
        return PolicyComparison(.learned(rule), on: workload, seeds: seeds, threads: threads)
    }
}
