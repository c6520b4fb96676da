internal import Foundation
internal import LinearAlgebra

/// Sizes the memory requests of one task type: the request that is expected to waste the least memory·time.
///
/// Several curves of the input size are fitted to the peaks. On the predictions of every run by the others, each
/// curve is lifted by the factor of least expected wastage: what a successful try holds beyond its peak, and all that a
/// failed one holds, over the whole run time. The runs only show what was; that the next one needs more than all of
/// them, once in *n* + 1 times, is counted as an exponential tail beyond the largest residual.
///
/// A run that was killed for want of memory needed more than it had, and counts so (``CensoredSample``). Where more
/// were killed than may fail, the need is not known: the request is what the others' spread suggests, above the limit
/// that killed and at most twice that, and ``MemoryRequest/atLeastBytes`` says so.
///
///     let sizer = MemorySizer(sizes: inputBytes, peaks: peakBytes, seconds: runtimes)
///     let request = sizer?.request(size: 2e9, limitBytes: 64e9)
///     request?.bytes                                 // ask for this
///     request?.bytes(afterFailing: request!.bytes)   // and for this if it was too little
///
/// The idea of an offset of least expected wastage is that of Tovar et al., *A Job Sizing Strategy for High-Throughput
/// Scientific Workflows* (2018), and of Bader et al., *Sizey* (2024).
public struct MemorySizer: Sendable, Hashable {
    public let runs: Int
    public let maximumSeenBytes: Double
    let curve: RequestCurve
    let offset: RequestOffset
    /// For a task whose input size is not known.
    let constant: RequestCurve
    let constantOffset: RequestOffset
    let isPredicted: Bool
    /// The runs that were killed before they had all they needed.
    public let killed: Int

    /// More runs are not looked at: the newest are.
    static let mostRuns = 3000

    /// - Parameters:
    ///   - sizes: Input sizes, NaN where not known; oldest first.
    ///   - peaks: What each run held at most, in bytes, positive; of a killed one what it was allowed.
    ///   - isBound: Whether the run was killed, so that it needed more than its peak; `nil` if none was.
    ///   - seconds: How long each ran; NaN where not known.
    /// - Returns: `nil` for no runs. O(*n* log *n*).
    public init?(
        sizes: [Double], peaks: [Double], isBound: [Bool]? = nil, seconds: [Double],
        options: MemorySizingOptions = .init()
    ) {
        precondition(sizes.count == peaks.count && peaks.count == seconds.count, "a size and a time per peak")
        precondition(isBound == nil || isBound?.count == peaks.count, "a mark per peak")
        guard let most = peaks.max() else { return nil }
        (runs, maximumSeenBytes) = (peaks.count, most)
        let newest = max(0, peaks.count - Self.mostRuns)..<peaks.count
        let sizes = Array(sizes[newest])
        let logPeaks = peaks[newest].map { log($0) }
        let isBound = isBound.map { Array($0[newest]) } ?? logPeaks.map { _ in false }
        killed = isBound.count { $0 }
        let weights = Self.weights(Array(seconds[newest]))
        let center = median(logPeaks)
        let plain = RequestCurve.constant(center)
        constant = plain
        let predicted = [Double](repeating: center, count: logPeaks.count)
        constantOffset = RequestOffset(
            predicted: predicted, actual: logPeaks, isBound: isBound, weights: weights, options)
        isPredicted = peaks.count >= options.minimumRuns
        guard isPredicted else {
            let sample = CensoredSample(logPeaks, isBound: isBound)
            (curve, offset) = (plain, .wide(beyond: sample, center: center))
            return
        }
        var best = (curve: plain, offset: constantOffset)
        let known = sizes.indices.filter { sizes[$0].isFinite && sizes[$0] >= 0 }
        // A curve must rest on nearly all runs, or its wastage would not compare with the constant's.
        if known.count >= options.minimumRuns, known.count * 10 >= logPeaks.count * 9 {
            let (x, y, marks) = (known.map { sizes[$0] }, known.map { logPeaks[$0] }, known.map { isBound[$0] })
            for (curve, predicted) in RequestCurve.fits(sizes: x, logPeaks: completed(y, isBound: marks, sizes: x)) {
                let offset = RequestOffset(
                    predicted: predicted, actual: y, isBound: marks, weights: known.map { weights[$0] }, options)
                // What is known goes before what is not.
                let isBetter =
                    (offset.unknownBeyond == nil) == (best.offset.unknownBeyond == nil)
                    ? offset.wastage < best.offset.wastage : offset.unknownBeyond == nil
                if isBetter { best = (curve, offset) }
            }
        }
        (curve, offset) = best
    }

    init(
        runs: Int, maximumSeenBytes: Double, curve: RequestCurve, offset: RequestOffset, constant: RequestCurve,
        constantOffset: RequestOffset, isPredicted: Bool, killed: Int
    ) {
        (self.runs, self.maximumSeenBytes, self.curve, self.offset) = (runs, maximumSeenBytes, curve, offset)
        (self.constant, self.constantOffset, self.isPredicted) = (constant, constantOffset, isPredicted)
        self.killed = killed
    }

    /// - Parameters:
    ///   - size: The size of the inputs; NaN if it is not known.
    ///   - limitBytes: What the machine has.
    public func request(size: Double, limitBytes: Double = .infinity) -> MemoryRequest {
        let known = curve.logBytes(size: size)
        let (center, lift) = known.map { ($0, offset) } ?? (constant.logBytes(size: .nan) ?? 0, constantOffset)
        let rule = !isPredicted ? .tooFewRuns : known == nil ? .constant : curve.rule
        return MemoryRequest(
            bytes: min(limitBytes, exp(center + lift.first)), retryBytes: min(limitBytes, exp(center + lift.second)),
            failureShare: lift.failureShare, maximumSeenBytes: maximumSeenBytes, runs: runs, killed: killed,
            atLeastBytes: lift.unknownBeyond.map { exp(center + $0) }, rule: rule, limitBytes: limitBytes)
    }

    /// What ``request(size:limitBytes:)`` asks for, alone.
    func bytes(size: Double) -> Double {
        if let known = curve.logBytes(size: size) { return exp(known + offset.first) }
        return exp((constant.logBytes(size: .nan) ?? 0) + constantOffset.first)
    }

    /// Run times as weights; the median where one is not known.
    static func weights(_ seconds: [Double]) -> [Double] {
        let typical = median(seconds.filter { $0 > 0 && $0.isFinite })
        return seconds.map { $0 > 0 && $0.isFinite ? $0 : typical.isNaN ? 1 : typical }
    }
}
