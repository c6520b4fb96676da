public import Allocation

/// One job on one trace, tick by tick, as a rule or a plan decides.
///
/// At the beginning of each tick a spot machine is lost if there is no spot in it; what was done before is kept. Then the
/// policy decides. Starting a machine takes the changeover, in the place of one that is still under way. The tick in which
/// the job ends is billed to the second, all others in full.
public enum SpotRun {
    /// What becomes of a job that starts in tick `start` of the trace and follows a rule.
    ///
    /// - Precondition: The trace covers the deadline, the tick of the job is that of the trace, the deadline can be met.
    /// - Complexity: O(spells on spot + other ticks).
    public static func outcome(
        of job: SpotJob, on trace: SpotTrace, from start: Int, rule: SpotRule,
        record: (SpotStretch) -> Void = { _ in }
    ) -> SpotOutcome {
        var memory = SpotRule.Memory()
        return outcome(
            of: job, on: trace, from: start, record: record, isCommitted: { memory.isCommitted },
            choose: { moment in rule.choice(moment, job, &memory) })
    }

    /// The same, whoever decides. A spot machine is kept until it is lost: `choose` is asked while none is held, and no more
    /// once it says on demand and `isCommitted`.
    @inline(__always)
    static func outcome(
        of job: SpotJob, on trace: SpotTrace, from start: Int, record: (SpotStretch) -> Void = { _ in },
        isCommitted: () -> Bool = { false }, choose: (SpotMoment) -> SpotMachine
    ) -> SpotOutcome {
        precondition(job.tick == trace.tick && job.isFeasible, "A job in ticks of the trace, with time enough.")
        precondition(start >= 0 && start + job.tickCount <= trace.isUp.count, "The trace covers the deadline.")
        let size = job.tick
        var outcome = SpotOutcome()
        var (held, changeoverLeft, workLeft, tick) = (SpotMachine.none, 0, job.work, 0)
        return trace.life.withUnsafeBufferPointer { life in
            while true {
                precondition(tick <= job.tickCount, "The safety net holds.")
                let alive = tick < job.tickCount ? Int(life[start + tick]) : 0
                if held == .spot, alive == 0 { (held, changeoverLeft) = (.none, 0) }
                if held == .spot {
                    // Kept until it is lost or the work is done: all of its ticks at once.
                    let needed = changeoverLeft + workLeft
                    let ticks = min(alive, job.tickCount - tick)
                    record(
                        SpotStretch(
                            machine: .spot, start: tick * size, end: tick * size + min(needed, ticks * size),
                            changeover: changeoverLeft, wasLost: needed > ticks * size))
                    if needed <= ticks * size {
                        outcome.spotSeconds += needed
                        outcome.spotWork += workLeft
                        outcome.end = tick * size + needed
                        return outcome
                    }
                    let done = max(0, ticks * size - changeoverLeft)
                    outcome.spotSeconds += ticks * size
                    outcome.spotWork += done
                    workLeft -= done
                    changeoverLeft = max(0, changeoverLeft - ticks * size)
                    tick += ticks
                    continue
                }
                let choice = choose(
                    SpotMoment(
                        tick: tick, isAvailable: alive > 0, held: held, changeoverLeft: changeoverLeft,
                        workLeft: workLeft))
                if choice == .none {
                    (held, changeoverLeft) = (.none, 0)
                    tick += 1
                    continue
                }
                if choice != held {
                    (held, changeoverLeft) = (choice, job.changeover)
                    outcome.starts += 1
                    if choice == .spot { continue }
                }
                let needed = changeoverLeft + workLeft
                // Who is committed stays on demand to the end.
                let isLast = needed <= size || isCommitted()
                record(
                    SpotStretch(
                        machine: .onDemand, start: tick * size, end: tick * size + (isLast ? needed : size),
                        changeover: changeoverLeft, wasLost: false))
                if isLast {
                    outcome.onDemandSeconds += needed
                    outcome.end = tick * size + needed
                    return outcome
                }
                outcome.onDemandSeconds += size
                workLeft -= max(0, size - changeoverLeft)
                changeoverLeft = max(0, changeoverLeft - size)
                tick += 1
            }
        }
    }
}

extension SpotRun {
    /// What becomes of a job that follows a plan and knows the state of the market at each tick of the trace.
    public static func outcome(
        of job: SpotJob, on trace: SpotTrace, from start: Int, plan: SpotPlan, beliefs: SpotBeliefs
    ) -> SpotOutcome {
        outcome(of: job, on: trace, from: start) { moment in
            plan.choice(moment, state: Int(beliefs.states[start + moment.tick]))
        }
    }
}

extension SpotRun {
    /// What becomes of a job that plans by what has been seen of the trace so far, and plans again as that changes.
    ///
    /// - Parameter record: Is told what is held when, in order; machines on demand tick by tick.
    public static func outcome(
        of job: SpotJob, on trace: SpotTrace, from start: Int, planner: inout SpotPlanner, beliefs: SpotBeliefs,
        record: (SpotStretch) -> Void = { _ in }
    ) -> SpotOutcome {
        let ticks = planner.ticksBetweenPlans
        var (plan, last): (SpotPlan?, Int) = (nil, 0)
        return outcome(of: job, on: trace, from: start, record: record) { moment in
            let now = start + moment.tick
            if plan == nil || moment.tick - last >= ticks {
                last = moment.tick
                plan = planner.plan(
                    state: Int(beliefs.states[now]), lossFactor: beliefs.lossFactors[now],
                    returnFactor: beliefs.returnFactors[now])
            }
            return plan?.choice(moment, state: Int(beliefs.states[now])) ?? .onDemand
        }
    }
}
