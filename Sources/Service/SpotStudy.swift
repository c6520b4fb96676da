public import Allocation
internal import Forecasting
internal import Markets
internal import Reading
public import Simulation
internal import Workloads

/// How a job under a deadline would have fared on recorded spot markets, by our plan and by rules.
///
/// Of several traces each one is met by a plan that has learnt from the others alone. Of one trace the plan learns from the
/// first half, and the job starts in the second.
public struct SpotStudy: Sendable {
    /// What is compared, in ticks of the first trace.
    public let job: SpotJob
    public let comparison: SpotComparison
    /// Traces that are too short for the deadline, or learnt from only.
    public let remarks: [String]

    /// Reads the traces and runs the job from evenly spaced starts on each.
    ///
    /// - Parameters:
    ///   - starts: How many starts on each trace.
    ///   - instances: How many instances must be there; all that a trace asked for by default.
    /// - Throws: ``ServiceError/infeasible(_:)`` if the deadline cannot be met even on demand, ``ServiceError/input(_:)`` if no
    ///   trace is long enough, and what is wrong with a file.
    public init(
        traces paths: [String], work: Int, deadline: Int, changeover: Int, onDemandRatio: Double, starts: Int,
        instances: Int? = nil, threads: Int = 1
    ) throws {
        var remarks: [String] = []
        var traces: [SpotTrace] = []
        for path in paths {
            guard case .availability(let trace) = try MarketImport.read(path).content else {
                throw ServiceError.input(
                    "\(path): it holds no availability. Give counts of instances at regular times, as "
                        + "{\"metadata\": {\"gap_seconds\": 600}, \"data\": [0, 1]}.")
            }
            guard trace.stepSeconds >= 1, trace.stepSeconds < 86400, trace.counts.count > 1 else {
                throw ServiceError.input(
                    "\(path): \(Units.count(trace.counts.count, "tick")) of \(Units.formatSeconds(trace.stepSeconds)), "
                        + "expected several of 1 s to 1 day.")
            }
            traces.append(SpotTrace(trace, atLeast: instances))
        }
        guard changeover + work <= deadline else {
            let cost = onDemandRatio * Double(work + changeover) / 3600
            throw ServiceError.infeasible(
                "the deadline of \(Units.formatSeconds(Double(deadline))) cannot be met: on demand from the start the job takes "
                    + "\(Units.formatSeconds(Double(changeover + work))), and costs as much as \(Units.format(cost, digits: 1)) "
                    + "hours of spot. Nothing is earlier for sure.")
        }
        // A plan is to take seconds: fewer and longer ticks where there would be too many.
        let slack = deadline - work
        traces = traces.map { trace in
            var ticks = 1
            while trace.tick * ticks < changeover / 64
                || Double(deadline) / Double(trace.tick * ticks) * Double(slack) / Double(trace.tick * ticks) > 8e6
            {
                ticks += 1
            }
            if ticks > 1 {
                remarks.append(
                    "\(trace.name): decisions every \(Units.formatSeconds(Double(trace.tick * ticks))), for so long a job"
                )
            }
            return trace.coarsened(by: ticks)
        }
        let job = SpotJob(
            work: work, deadline: deadline, changeover: changeover, tick: traces[0].tick, onDemandRatio: onDemandRatio)
        var zones: [SpotComparison.Zone] = []
        for (index, trace) in traces.enumerated() {
            let bins = SpellBins(stepSeconds: Double(trace.tick), perOctave: 2)
            var counts = SpellCounts(bins)
            let half = traces.count == 1 ? trace.isUp.count / 2 : 0
            if traces.count == 1 { counts.add(Array(trace.isUp.prefix(half))) }
            for (other, sister) in traces.enumerated() where other != index {
                counts.add(sister.sampled(every: trace.tick))
            }
            var own = job
            own.tick = trace.tick
            let last = trace.isUp.count - own.tickCount - 1
            guard last >= half else {
                remarks.append(
                    "\(trace.name): \(traces.count == 1 ? "its second half is" : "it is") shorter than the deadline"
                        + (traces.count == 1 ? "" : ", and only learnt from"))
                continue
            }
            let from = (0..<starts).map { starts == 1 ? half : half + $0 * (last - half) / (starts - 1) }
            let hazards = SpellHazards.fit(counts)
            zones.append(
                .init(
                    trace,
                    chain: SpotChain(
                        upperAges: bins.upperAges, loss: hazards.loss, return: hazards.return,
                        lossSinceArrival: hazards.lossSinceArrival, returnSinceArrival: hazards.returnSinceArrival),
                    starts: from))
        }
        guard !zones.isEmpty else {
            throw ServiceError.input(
                "no trace is long enough for a deadline of \(Units.formatSeconds(Double(deadline)))\(traces.count == 1 ? " in its second half (the plan learns from the first)" : ""). "
                    + "Give longer ones, or several.")
        }
        self.job = job
        self.remarks = remarks
        comparison = SpotComparison.run(job, on: zones, threads: threads)
    }
}
