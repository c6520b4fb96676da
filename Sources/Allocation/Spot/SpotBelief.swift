import Glibc

/// What has been seen of a market so far: the state of the chain, and how much sooner than in the chain spot is lost and
/// returns here. O(log classes) for each tick.
///
/// The factors are gamma posteriors: a prior worth so many ends of spells says 1, and what was seen counts half after each
/// half-life.
public struct SpotBelief: Sendable, Hashable {
    /// How fast the past is forgotten and how far a zone is trusted.
    public struct Options: Sendable, Hashable, Codable {
        /// Ticks after which what was seen counts half.
        public var halfLifeTicks: Double
        /// Ends of spells that the chain's own hazards are worth.
        public var priorEvents: Double

        /// Makes options.
        public init(halfLifeTicks: Double, priorEvents: Double = 4) {
            (self.halfLifeTicks, self.priorEvents) = (halfLifeTicks, priorEvents)
        }
    }

    public let chain: SpotChain
    public let options: Options
    /// Whether spot is there.
    public private(set) var isUp: Bool
    /// Ticks of the spell so far, from 1; since arrival if its beginning was not seen.
    public private(set) var age: Int
    /// Whether its beginning was seen.
    public private(set) var ageIsKnown: Bool

    private var losses = 0.0
    private var expectedLosses = 0.0
    private var returns = 0.0
    private var expectedReturns = 0.0
    private let keep: Double

    /// The belief of someone who comes now, or who knows for how many ticks, the present one included, it has been so.
    public init(_ chain: SpotChain, isUp: Bool, age: Int? = nil, options: Options) {
        (self.chain, self.options, self.isUp) = (chain, options, isUp)
        (self.age, ageIsKnown) = (max(1, age ?? 1), age != nil)
        keep = exp2(-1 / max(options.halfLifeTicks, 1e-9))
    }

    /// Sees the next tick.
    public mutating func observe(isUp next: Bool) {
        let hazard = chain.hazard(state)
        if isUp {
            losses = keep * losses + (next ? 0 : 1)
            expectedLosses = keep * expectedLosses + hazard
        } else {
            returns = keep * returns + (next ? 1 : 0)
            expectedReturns = keep * expectedReturns + hazard
        }
        if next == isUp { age += 1 } else { (isUp, age, ageIsKnown) = (next, 1, true) }
    }

    /// The state of the chain.
    public var state: Int { chain.state(isUp: isUp, age: age, ageIsKnown: ageIsKnown) }

    /// How many times as often as in the chain spot is lost here.
    public var lossFactor: Double { (losses + options.priorEvents) / (expectedLosses + options.priorEvents) }

    /// How many times as often it returns.
    public var returnFactor: Double { (returns + options.priorEvents) / (expectedReturns + options.priorEvents) }
}
