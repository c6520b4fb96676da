internal import Allocation
internal import Execution
internal import Foundation
internal import Scheduling
internal import Simulation
internal import Workloads

/// A policy that goes on learning from the runs of a store, and is replaced only by one that is better.
///
/// The older runs are what is learnt from, with the times that their tasks took; on the newest, which the new policy has not seen,
/// both are compared.
public struct PolicyRetraining: Sendable, Encodable {
    /// How many runs there were, and how many of the newest both were judged by.
    public let runs: Int
    public let judgedRuns: Int
    /// What the policy before takes by what the new one takes, with a 95 % interval; `nil` where too few runs were there.
    public private(set) var ratio: Double?
    public private(set) var low: Double?
    public private(set) var high: Double?
    /// Whether the new one is in its place, and why, or why not.
    public private(set) var isAdopted = false
    public private(set) var reason: String

    enum CodingKeys: String, CodingKey {
        case runs, ratio, low, high, reason
        case judgedRuns = "judged_runs"
        case isAdopted = "is_adopted"
    }

    /// Fewer runs are too few.
    public static let leastRuns = 6

    /// Trains on the runs of a store.
    ///
    /// - Parameters:
    ///   - path: The policy; where the new one is better it takes its place, and the old one is kept as `.previous`.
    ///   - seconds: How long to train.
    public init(
        _ path: String, store: String, seconds: Double, generations: Int = .max, seed: UInt64, threads: Int
    ) throws {
        let model = try PolicyModel(contentsOf: path)
        let found = try Self.recorded(store)
        let judged = max(2, found.count * 3 / 10)
        (runs, judgedRuns) = (found.count, found.count < Self.leastRuns ? 0 : judged)
        guard found.count >= Self.leastRuns, let newest = found.last else {
            reason = "\(found.count) of at least \(Self.leastRuns) runs are there"
            return
        }
        func workload(_ runs: ArraySlice<Recorded>) -> PolicyWorkload {
            var workload = PolicyWorkload(
                runs.map(\.template), offers: newest.offers, objective: model.origin.objective)
            // The times are those that occurred.
            workload.noise = 0.05
            return workload
        }
        var training = try PolicyTraining(workload(found.dropLast(judged)), from: model.rule, seed: seed)
        let begin = ContinuousClock.now
        repeat {
            try training.step(threads: threads)
        } while begin.duration(to: .now) / .seconds(1) < seconds
            && training.generations < generations
        let comparison = PolicyComparison(
            .learned(training.rule), against: [.learned(model.rule)], on: workload(found.suffix(judged)),
            seeds: (0..<40).map { seed &* 31 &+ $0 }, threads: threads)
        let row = comparison.rows[1]
        (ratio, low, high) = (row.ratio, row.low, row.high)
        isAdopted = row.low > 1
        let loss = row.high < 1 ? "worse on the newest runs" : "no certain gain on the newest runs"
        reason = isAdopted ? "better on the newest runs" : loss
        guard isAdopted else { return }
        var next = model
        next.rule = training.rule
        next.origin.generations += training.generations
        next.origin.seconds += seconds
        try Data(contentsOf: URL(filePath: path)).write(to: URL(filePath: path + ".previous"), options: .atomic)
        try next.write(to: path)
    }

    private struct Recorded {
        var template: PolicyWorkload.Template
        var offers: [Offer]
        var begin: Double
    }

    /// The runs of which all is known, the oldest first.
    private static func recorded(_ store: String) throws -> [Recorded] {
        let files = FileManager.default
        let root = store + "/runs"
        var found: [Recorded] = []
        for name in try files.contentsOfDirectory(atPath: root).sorted() {
            for number in (try? files.contentsOfDirectory(atPath: "\(root)/\(name)").sorted()) ?? [] {
                let folder = "\(root)/\(name)/\(number)"
                guard Int(number) != nil, let run = recorded(folder, name) else { continue }
                found.append(run)
            }
        }
        return found.sorted { $0.begin < $1.begin }
    }

    private static func recorded(_ folder: String, _ name: String) -> Recorded? {
        guard let setup = try? RunSetup.latest(inRunFolder: folder), let graph = try? TaskGraph(setup.tasks),
            var journal = try? RunJournal(reading: RunJournal.path(in: folder)), let begin = journal.header?.timeSeconds
        else { return nil }
        var seconds = [Double](repeating: .nan, count: graph.count)
        for entry in journal.entries() {
            guard let outcome = entry.outcome, outcome.status == .completed, let task = outcome.task,
                let place = graph.index(of: TaskID(task)), let took = outcome.runtimeSeconds
            else { continue }
            let offer = setup.offers.first { $0.type.name == outcome.instanceType }
            seconds[place] = max(1e-3, took * (offer?.type.speed ?? 1))
        }
        guard graph.count > 0, seconds.allSatisfy(\.isFinite) else { return nil }
        var estimates = Estimates(claimedBy: graph)
        estimates.expectedSeconds = seconds
        return Recorded(
            template: PolicyWorkload.Template(name: name, graph: graph, estimates: estimates), offers: setup.offers,
            begin: begin)
    }
}
