public import Allocation

/// What decides which task starts next, and where, on a pool that is all there.
public enum SchedulingPolicy: Hashable, Sendable {
    /// Jobs in the order in which they came, in each the longest path first.
    case firstCome
    /// The jobs by turns, whoever had least first.
    case fairShare
    /// The longest path of all jobs first, with a reservation for what finds no room.
    case longestPath
    /// HEFT, made anew whenever something happened.
    case rescheduling
    /// The job of which least is left, in it the longest path first.
    case shortestRemaining
    /// Shares of the pool by size, the smaller job the larger one, and in each job the longest path first.
    case weightedFair
    /// A rule that was learnt.
    case learned(PairRule)

    /// All that need not be learnt.
    public static let rules: [SchedulingPolicy] = [
        .firstCome, .fairShare, .weightedFair, .shortestRemaining, .longestPath, .rescheduling,
    ]

    /// Its name, for people.
    public var name: String {
        switch self {
        case .firstCome: "first come, first served"
        case .fairShare: "fair share"
        case .longestPath: "longest path"
        case .rescheduling: "HEFT, re-planned"
        case .shortestRemaining: "shortest remaining job"
        case .weightedFair: "weighted fair share"
        case .learned: "learned"
        }
    }

    /// The policies of an allocator.
    public func policies(reclaimsPerHour: [Double] = []) -> Policies {
        switch self {
        case .firstCome, .longestPath: Policies()
        case .fairShare: Policies(placement: Backfilling(.fairShare))
        case .rescheduling: Policies(placement: Rescheduling())
        case .shortestRemaining: Policies(placement: LearnedPlacement(Self.smallest, reclaimsPerHour: reclaimsPerHour))
        case .weightedFair: Policies(placement: LearnedPlacement(Self.weighted, reclaimsPerHour: reclaimsPerHour))
        case .learned(let rule): Policies(placement: LearnedPlacement(rule, reclaimsPerHour: reclaimsPerHour))
        }
    }

    private static let smallest = rule { rule in rule[.smallness] = 50 }

    private static let weighted = rule { rule in
        (rule[.underShare], rule[.overShare]) = (20, -20)
        rule.skew = 0
    }

    /// Never idle; the longest path of a job first, where it ends first.
    private static func rule(_ change: (inout PairRule) -> Void) -> PairRule {
        var rule = PairRule(weights: Array(repeating: 0, count: PairFeatures.count))
        (rule[.start], rule[.path], rule[.later], rule[.priority]) = (1000, 1, -1, 200)
        change(&rule)
        return rule
    }
}
