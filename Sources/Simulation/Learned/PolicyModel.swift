public import Allocation
internal import Foundation
public import ModelFiles
public import Scheduling
public import Workloads

/// A learnt rule with where it comes from, what it was good at, and whether it is worth following.
public struct PolicyModel: Sendable {
    /// What model files of policies are called, and the newest layout.
    public static let kind = "scheduling policy"
    public static let schemaVersion = 1

    /// How a policy came about, and how it did in episodes that it was not trained on.
    public struct Origin: Sendable, Codable, Hashable {
        /// What it should be good at.
        public var objective: PolicyWorkload.Objective
        /// The jobs that it was trained on, and a digest of jobs and pool.
        public var jobs: [String]
        public var digest: String
        public var seed: UInt64
        public var generations: Int
        /// How long it took: it depends on the machine, and is not written down.
        public var seconds = 0.0
        /// Beside the rules that need no learning, on held-out episodes; its own row first.
        public var heldOut: [PolicyComparison.Row]
        public var heldOutEpisodes: Int
        /// Whether it was better than each of them, the intervals excluding equality.
        public var isAdopted: Bool

        enum CodingKeys: String, CodingKey {
            case objective, jobs, digest, seed, generations, heldOut, heldOutEpisodes, isAdopted
        }

        /// Makes one.
        public init(
            objective: PolicyWorkload.Objective, jobs: [String], digest: String, seed: UInt64, generations: Int,
            seconds: Double, heldOut: [PolicyComparison.Row], heldOutEpisodes: Int, isAdopted: Bool
        ) {
            (self.objective, self.jobs, self.digest, self.seed) = (objective, jobs, digest, seed)
            (self.generations, self.seconds, self.heldOut) = (generations, seconds, heldOut)
            (self.heldOutEpisodes, self.isAdopted) = (heldOutEpisodes, isAdopted)
        }
    }

    /// The rule.
    public var rule: PairRule
    /// Where it comes from.
    public var origin: Origin

    /// Makes a model.
    public init(rule: PairRule, origin: Origin) { (self.rule, self.origin) = (rule, origin) }

    /// What should decide: the rule if it was better than all others, else the best of those.
    public var policy: SchedulingPolicy {
        if origin.isAdopted { return .learned(rule) }
        let best = origin.heldOut.dropFirst().min { $0.ratio < $1.ratio }
        return SchedulingPolicy.rules.first { $0.name == best?.name } ?? .rescheduling
    }

    /// Writes it.
    public func write(to path: String) throws {
        var file = ModelFile(kind: Self.kind, schemaVersion: Self.schemaVersion)
        try file.setJSON("features", PairFeatures.names)
        try file.setJSON("feature_schema", PairFeatures.schema)
        try file.setJSON("origin", origin)
        try file.set("weights", rule.weights)
        try file.set("skew", [rule.skew, rule.skewByLoad])
        try file.set("low", rule.low)
        try file.set("high", rule.high)
        try file.write(to: path)
    }

    /// Reads one.
    ///
    /// - Throws: ``ModelFileError`` for a file that is none, is damaged, or whose features this program does not know.
    public init(contentsOf path: String) throws(ModelFileError) {
        let file = try ModelFile(contentsOf: path, kind: Self.kind, schemaVersion: Self.schemaVersion)
        let names = try file.json("features", as: [String].self)
        let schema = try file.json("feature_schema", as: Int.self)
        let foreign = names.first { !PairFeatures.names.contains($0) }
        let others = foreign.map { ", and does not know '\($0)'" } ?? ""
        guard names == PairFeatures.names, schema == PairFeatures.schema else {
            throw .invalidMetadata(
                "features",
                reason:
                    "\(path) has \(names.count) of version \(schema), this program \(PairFeatures.count) of version "
                    + "\(PairFeatures.schema)\(others); train the policy anew with 'almanac train policy'")
        }
        let (weights, skew): ([Float], [Float]) = (try file.values("weights"), try file.values("skew"))
        guard weights.count == PairFeatures.count, skew.count == 2 else {
            throw .invalidMetadata(
                "weights", reason: "expected \(PairFeatures.count) and 2, found \(weights.count) and \(skew.count)")
        }
        rule = PairRule(weights: weights, skew: skew[0], skewByLoad: skew[1])
        (rule.low, rule.high) = (try file.values("low"), try file.values("high"))
        guard rule.isFinite else { throw .invalidMetadata("weights", reason: "they hold what is no number") }
        origin = try file.json("origin", as: Origin.self)
    }
}

extension PolicyModel {
    /// The plans that the rule would make of a job, whether it is followed or not: what a ``Planner`` may start from.
    public func plans(
        _ graph: TaskGraph, on pool: ResourcePool, costs: CostModel, samples: Int = 8, seed: UInt64, threads: Int
    ) -> [Planner.Proposal] {
        policyPlans(rule, graph, on: pool, costs: costs, samples: samples, seed: seed, threads: threads)
    }
}
