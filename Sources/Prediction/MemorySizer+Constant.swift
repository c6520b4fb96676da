internal import Foundation
internal import LinearAlgebra

extension MemorySizer {
    /// One request for all tasks of a type, whatever their inputs: for configurations that hold one number per type.
    ///
    /// Either the request of least expected wastage, or a little above the most seen: whichever wasted less on later
    /// runs when it was learnt from the earlier ones. The first suits types whose peaks are a matter of chance, the
    /// second those whose peaks drift.
    ///
    /// - Parameters:
    ///   - peaks: What each run held at most, in bytes, positive; oldest first.
    ///   - isBound: Whether a run was killed, so that it needed more than its peak; `nil` if none was.
    ///   - seconds: How long each ran; NaN where not known.
    ///   - limitBytes: What the machine has.
    /// - Returns: `nil` for no runs. O(*n* log *n*).
    public static func constantRequest(
        peaks: [Double], isBound: [Bool]? = nil, seconds: [Double], limitBytes: Double = .infinity,
        options: MemorySizingOptions = .init()
    ) -> MemoryRequest? {
        precondition(peaks.count == seconds.count, "a time per peak")
        precondition(isBound == nil || isBound?.count == peaks.count, "a mark per peak")
        guard let most = peaks.max() else { return nil }
        let newest = max(0, peaks.count - mostRuns)..<peaks.count
        let runs = Runs(
            peaks: Array(peaks[newest]), isBound: isBound.map { Array($0[newest]) } ?? newest.map { _ in false },
            weights: weights(Array(seconds[newest])))
        let count = newest.count
        var rule = Runs.Rule.mostSeen
        if CensoredSample(runs.logPeaks, isBound: runs.isBound).isUnknown(risk: options.maximumFailureShare) {
            rule = .leastWastage
        } else if count >= fewestToChoose {
            let cuts = [0.4, 0.55, 0.7, 0.85, 1].map { Int($0 * Double(count)) }
            func wastage(_ rule: Runs.Rule) -> Double {
                zip(cuts, cuts.dropFirst()).reduce(0) { sum, fold in
                    sum + runs.wasted(by: runs.prefix(fold.0).offset(rule, options).bytes, on: fold.0..<fold.1)
                }
            }
            if wastage(.leastWastage) <= wastage(.mostSeen) { rule = .leastWastage }
        }
        let (bytes, offset) = runs.offset(rule, options)
        return MemoryRequest(
            bytes: min(limitBytes, bytes), retryBytes: min(limitBytes, bytes * exp(offset.second - offset.first)),
            failureShare: offset.failureShare, maximumSeenBytes: most, runs: peaks.count,
            killed: runs.isBound.count { $0 },
            atLeastBytes: offset.unknownBeyond.map { bytes * exp($0 - offset.first) },
            rule: rule == .mostSeen ? .mostSeen : .constant, limitBytes: limitBytes)
    }

    /// With fewer runs there is nothing to choose by: a little above the most seen.
    private static let fewestToChoose = 14
}

/// Peaks and what each counts, oldest first.
private struct Runs {
    var peaks: [Double]
    /// Whether the run was killed there.
    var isBound: [Bool]
    var weights: [Double]

    enum Rule { case leastWastage, mostSeen }

    func prefix(_ count: Int) -> Runs {
        Runs(
            peaks: Array(peaks.prefix(count)), isBound: Array(isBound.prefix(count)),
            weights: Array(weights.prefix(count)))
    }

    var logPeaks: [Double] { peaks.map { log($0) } }

    /// The request by a rule, and what is expected of it.
    func offset(_ rule: Rule, _ options: MemorySizingOptions) -> (bytes: Double, expected: RequestOffset) {
        let logPeaks = logPeaks
        let center = median(logPeaks)
        let predicted = [Double](repeating: center, count: peaks.count)
        let expected: RequestOffset =
            switch rule {
            case .leastWastage:
                RequestOffset(predicted: predicted, actual: logPeaks, isBound: isBound, weights: weights, options)
            case .mostSeen:
                // Of n runs the largest is exceeded by the next once in n + 1 times: the fewer, the more room.
                RequestOffset(
                    lift: (logPeaks.max() ?? center) - center + log(1 + max(0.05, 0.5 / Double(peaks.count))),
                    predicted: predicted, actual: logPeaks, isBound: isBound, weights: weights, options)
            }
        return (exp(center + expected.first), expected)
    }

    /// What a request holds in vain, doubled after each failure. A killed run is taken to need hardly more than it had.
    func wasted(by request: Double, on rows: Range<Int>) -> Double {
        rows.reduce(0) { sum, row in
            var (held, failed) = (request, 0.0)
            while held < peaks[row] || (isBound[row] && held == peaks[row]) {
                failed += held
                held *= 2
            }
            return sum + (failed + held - peaks[row]) * weights[row]
        }
    }
}
