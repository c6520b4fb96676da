internal import Foundation
internal import LinearAlgebra

/// How often the tasks of one type need more than a given amount of memory or time, as their runs show it.
///
/// Of runs that were killed only a bound is known; one run more, not seen yet, is counted beyond the largest. See
/// `CensoredSample` for what is assumed.
public struct NeedDistribution: Sendable, Hashable {
    private let sample: CensoredSample
    /// The runs behind it, and those of them that were killed.
    public let runs: Int
    public let killed: Int
    /// Of what is known; `nil` where every run was killed.
    public let median: Double?
    public let greatest: Double?
    /// The most that was seen to be needed, or not to be enough.
    public let greatestSeen: Double
    /// The standard deviation of the logarithms, bounds taken for needs, as if one run more had lain 0.5 from the mean, which
    /// is what the middle task type of public workflows does: few runs that are alike do not show that all will be.
    public let logSpread: Double

    /// - Parameters:
    ///   - needs: Positive; what a killed run had.
    ///   - isBound: Whether the run needed more.
    /// - Returns: `nil` for no runs.
    public init?(_ needs: [Double], isBound: [Bool]) {
        guard let most = needs.max() else { return nil }
        let logarithms = needs.map { log($0) }
        sample = CensoredSample(logarithms, isBound: isBound)
        let centre = mean(logarithms)
        logSpread = (logarithms.reduce(0.25) { $0 + ($1 - centre) * ($1 - centre) } / Double(needs.count)).squareRoot()
        (runs, killed, greatestSeen) = (needs.count, isBound.count { $0 }, most)
        let known = zip(needs, isBound).filter { !$1 }.map(\.0)
        (median, greatest) = (known.isEmpty ? nil : LinearAlgebra.median(known), known.max())
    }

    /// The probability that the next task needs more than `amount`.
    public func risk(of amount: Double) -> Double { amount > 0 ? sample.share(above: log(amount)) : 1 }

    /// Where more than `risk` was killed beyond all that is known: the need is more than this. `nil` if it is known.
    public func unknownBeyond(risk: Double) -> Double? {
        guard sample.isUnknown(risk: risk) else { return nil }
        return greatestSeen
    }

    /// The least of what was seen that is exceeded with at most this probability; the greatest if none is.
    public func quantile(exceeded risk: Double) -> Double { exp(sample.quantile(exceeded: risk)) }
}
