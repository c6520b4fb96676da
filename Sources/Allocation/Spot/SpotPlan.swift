/// What a job should hold in each tick, by time, slack and the state of the market, so that it is expected to cost least.
///
/// By dynamic programming over ticks, slack and the states of a ``SpotChain``, under the safety net of ``SpotMoment``: no
/// deadline that can be met is missed, whatever the market does. A machine that is lost within its changeover gives back the
/// rest of it, and one that is held is kept until it is lost.
///
///     let plan = SpotPlan(job, in: chain)
///     plan.choice(tick: 0, slack: job.deadline - job.work, state: belief.state, holdsOnDemand: false)
public struct SpotPlan: Sendable {
    /// What it was made for.
    public let job: SpotJob
    /// What was believed of the market.
    public let chain: SpotChain
    /// Whether it knows states of which the beginning was not seen.
    public let coversArrival: Bool

    /// For each tick (the last one first), state and what is held: where its entries begin.
    let offsets: [UInt32]
    /// The least slack from which on each entry holds, in seconds, increasing; on demand below the first.
    let slacks: [Float]
    let choices: [SpotMachine]
    let stateCount: Int
    /// The expected cost at the start, by state, with all of the slack.
    let startCosts: [Double]

    /// What to hold: the move that is expected to cost least of those that the safety net allows. O(entries), a few.
    ///
    /// - Parameters:
    ///   - tick: From the start of the job.
    ///   - slack: ``SpotMoment/slack(of:)``, less what is left of a changeover that is under way.
    ///   - state: ``SpotBelief/state`` of the same classes of age.
    public func choice(tick: Int, slack: Int, state: Int, holdsOnDemand: Bool) -> SpotMachine {
        guard tick < job.tickCount, slack >= 2 * job.changeover else { return .onDemand }
        let row = ((job.tickCount - 1 - tick) * stateCount + state) * 2 + (holdsOnDemand ? 1 : 0)
        var choice = SpotMachine.onDemand
        var entry = Int(offsets[row])
        let end = Int(offsets[row + 1])
        while entry < end, slacks[entry] <= Float(slack) {
            choice = choices[entry]
            entry += 1
        }
        return choice
    }

    /// What to hold at a moment, with what is known of the market.
    public func choice(_ moment: SpotMoment, state: Int) -> SpotMachine {
        if moment.held == .spot { return .spot }
        let slack = moment.slack(of: job) - (moment.held == .onDemand ? moment.changeoverLeft : 0)
        return choice(tick: moment.tick, slack: slack, state: state, holdsOnDemand: moment.held == .onDemand)
    }

    /// What the job is expected to cost from its start, in seconds of spot, if the market is in this state then.
    public func expectedCost(from state: Int) -> Double { startCosts[state] }
}
