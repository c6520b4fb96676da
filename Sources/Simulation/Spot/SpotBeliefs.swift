public import Allocation

/// What someone believes at each tick of a trace who has watched it from its beginning.
public struct SpotBeliefs: Sendable, Hashable {
    /// States of the chain.
    public let states: [UInt16]
    /// How many times as often as in the chain spot is lost here, and returns.
    public let lossFactors: [Float]
    public let returnFactors: [Float]

    /// Watches a trace.
    public init(_ trace: SpotTrace, _ chain: SpotChain, _ options: SpotBelief.Options) {
        var states: [UInt16] = []
        var (lossFactors, returnFactors): ([Float], [Float]) = ([], [])
        var belief: SpotBelief?
        for isUp in trace.isUp {
            if belief == nil {
                belief = SpotBelief(chain, isUp: isUp, options: options)
            } else {
                belief?.observe(isUp: isUp)
            }
            states.append(UInt16(belief?.state ?? 0))
            lossFactors.append(Float(belief?.lossFactor ?? 1))
            returnFactors.append(Float(belief?.returnFactor ?? 1))
        }
        (self.states, self.lossFactors, self.returnFactors) = (states, lossFactors, returnFactors)
    }
}
