public import Allocation

/// The least that a job could have cost if all of the trace had been known: what regret is measured by.
public enum SpotOptimum {
    /// About how many steps it takes.
    static func work(of job: SpotJob) -> Double {
        Double(job.tickCount) * Double((job.deadline - job.work) / unit(of: job))
    }

    /// Whatever is lost to waiting and changeovers is a multiple of it.
    private static func unit(of job: SpotJob) -> Int {
        greatestCommonDivisor(greatestCommonDivisor(job.tick, job.changeover), job.deadline - job.work)
    }

    /// The least cost, in seconds of spot, of a job that starts in tick `start` of the trace.
    ///
    /// Exact, by dynamic programming over ticks, seconds lost to waiting and changeovers (in units of the greatest common
    /// divisor of tick, changeover and slack) and what is held. A spot machine that would be lost within its changeover is
    /// never started.
    ///
    /// - Precondition: The trace covers the deadline, the tick of the job is that of the trace, the deadline can be met.
    /// - Complexity: O(ticks · slack ÷ unit) time, O(changeover ÷ tick · slack ÷ unit) space.
    public static func cost(of job: SpotJob, on trace: SpotTrace, from start: Int) -> Double {
        precondition(job.tick == trace.tick && job.isFeasible, "A job in ticks of the trace, with time enough.")
        precondition(start >= 0 && start + job.tickCount <= trace.isUp.count, "The trace covers the deadline.")
        let (size, ratio) = (job.tick, job.onDemandRatio)
        let unit = unit(of: job)
        let most = (job.deadline - job.work) / unit
        let (idle, changeover) = (size / unit, job.changeover / unit)
        // Ticks until a machine that is started has nothing left of its changeover at their end.
        let begun = max(1, (job.changeover + size - 1) / size)
        let layers = begun + 1
        let row = most + 1
        // For each of the next ticks: the least cost from there on by what was lost, holding nothing, spot, on demand.
        let costs = UnsafeMutableBufferPointer<Double>.allocate(capacity: layers * 3 * row)
        defer { costs.deallocate() }
        costs.initialize(repeating: .infinity)
        for tick in stride(from: job.tickCount, through: 0, by: -1) {
            let here = tick % layers * 3 * row
            for index in here..<here + 3 * row { costs[index] = .infinity }
            guard tick < job.tickCount else { continue }
            let next = (tick + 1) % layers * 3 * row
            let later = (tick + begun) % layers * 3 * row
            let alive = Int(trace.life[start + tick])
            for lost in max(0, (tick * size - job.work) / unit)...max(0, min(most, tick * idle)) {
                let left = job.work - tick * size + lost * unit
                guard left > 0 else { continue }
                var least = Double.infinity
                if lost + idle <= most { least = costs[next + lost + idle] }
                if lost + changeover <= most {
                    let total = left + job.changeover
                    if total <= begun * size {
                        least = min(least, ratio * Double(total))
                        if alive * size >= total { least = min(least, Double(total)) }
                    } else {
                        let full = Double(begun * size)
                        least = min(least, ratio * full + costs[later + 2 * row + lost + changeover])
                        if alive >= begun { least = min(least, full + costs[later + row + lost + changeover]) }
                    }
                }
                costs[here + lost] = least
                let ends = left <= size
                let onSpot = ends ? Double(left) : Double(size) + costs[next + row + lost]
                costs[here + row + lost] = alive > 0 ? min(least, onSpot) : least
                let onDemand = ratio * Double(ends ? left : size) + (ends ? 0 : costs[next + 2 * row + lost])
                costs[here + 2 * row + lost] = min(least, onDemand)
            }
        }
        return costs[0]
    }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
