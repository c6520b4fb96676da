internal import Foundation
internal import Prediction

/// How memory, time and processors are requested for a task type.
public struct RequestOptions: Sendable, Hashable, Codable {
    /// What a request is about.
    public enum Part: String, Sendable, Hashable, Codable, CaseIterable { case cpus, memory, time }

    /// What is left as it is: no request of it is made.
    public var kept: Set<Part> = []
    /// The greatest probability, by the model, that a first attempt needs more memory than requested.
    public var memoryRisk = 0.05
    /// The greatest probability, by the model, that a first attempt needs more time than requested.
    public var timeRisk = 0.01
    /// How often a failed attempt is repeated.
    public var retries = 3
    /// What the request of an attempt is multiplied with after one that failed for want of it.
    public var growth = 2
    /// The least memory that is ever requested.
    public var leastMemoryBytes = 134_217_728.0
    /// The memory of the largest machine; no request is greater.
    public var largestMemoryBytes = Double.infinity
    /// The least time that is ever requested: staging files and a busy machine need some.
    public var leastSeconds = 300.0
    /// The longest time that may be requested.
    public var longestSeconds = Double.infinity

    public init() {}

    /// How memory is weighed.
    var sizing: MemorySizingOptions {
        var sizing = MemorySizingOptions()
        sizing.maximumFailureShare = memoryRisk
        return sizing
    }

    /// A request as it is written: round, and within what is allowed.
    func written(_ bytes: Double) -> Double {
        min(roundedUpMemory(max(bytes, leastMemoryBytes)), largestMemoryBytes)
    }

    /// The memory of an attempt, 1 for the first.
    func memory(_ first: Double, attempt: Int) -> Double {
        min(first * grown(attempt), max(first, largestMemoryBytes))
    }

    /// The time limit of a first attempt: the longest run, or what all but the allowed share of many runs took, and as much
    /// more as two standard deviations of their logarithms are, at most twice that and a run's length divided by their
    /// number; where more than the risk were killed, twice what killed them.
    ///
    /// Later batches differ: runs took up to twice as long as the longest before, in types whose runs differed in the first
    /// place. Of the last 30 % of the runs of five public workflows 0 to 1.2 % took longer than the limit from the first
    /// 70 %, and 0 to 0.7 % where little was known, with three quarters of the slack that doubling gives.
    func seconds(_ times: NeedDistribution) -> Double {
        let wanted =
            times.unknownBeyond(risk: timeRisk).map { 2 * $0 }
            ?? times.quantile(exceeded: timeRisk) * min(exp(2 * times.logSpread), 2)
        return writtenTime(wanted)
    }

    /// A time limit as it is written: round, and within what is allowed.
    func writtenTime(_ seconds: Double) -> Double { min(roundedUpTime(max(seconds, leastSeconds)), longestSeconds) }

    /// How many repeated attempts would get more than the one before.
    func usefulRetries(_ first: Double?, most: Double) -> Int {
        guard var size = first else { return 0 }
        var count = 0
        while count < retries, size < most, growth > 1 { (count, size) = (count + 1, size * Double(growth)) }
        return count
    }

    /// The factor of an attempt, 1 for the first.
    func grown(_ attempt: Int) -> Double { (1..<max(1, attempt)).reduce(1) { factor, _ in factor * Double(growth) } }

    /// What becomes of a task that needs `need` bytes for `hours` when `first` bytes are requested at first: the
    /// byte-hours reserved without use, the tries that failed, and whether one succeeded. A try that fails is charged
    /// whole, for the full run time.
    func replay(_ first: Double, need: Double, hours: Double) -> (wasted: Double, failures: Int, succeeded: Bool) {
        var wasted = 0.0
        for attempt in 1...(retries + 1) {
            let reserved = memory(first, attempt: attempt)
            if reserved >= need { return (wasted + (reserved - need) * hours, attempt - 1, true) }
            wasted += reserved * hours
            // The next would be no larger.
            if reserved >= largestMemoryBytes { return (wasted, attempt, false) }
        }
        return (wasted, retries + 1, false)
    }
}

/// Up to a round number of MiB: 128 steps between two powers of two, so that less than one percent is given away.
func roundedUpMemory(_ bytes: Double) -> Double {
    guard bytes.isFinite, bytes > 0 else { return bytes }
    let mebibytes = bytes / 1_048_576
    let step = max(1, mebibytes.binade / 128)
    return (mebibytes / step).rounded(.up) * step * 1_048_576
}

/// Up to five minutes, quarters of an hour below four hours, or whole hours.
func roundedUpTime(_ seconds: Double) -> Double {
    let step = seconds <= 3600 ? 300.0 : seconds <= 14400 ? 900 : 3600
    // What is a round number but for its last bits is one.
    return (seconds / step * (1 - 1e-12)).rounded(.up) * step
}
