internal import Foundation
public import Markets

/// How a spot market went over a stretch of time, which simulated runs meet at moments of their own: what an hour cost, and how
/// many instances could be had at once. After its end it begins anew.
public struct RecordedMarket: Hashable, Sendable {
    /// Seconds from the beginning at which something changes, ascending, the first of them 0.
    public let times: [Double]
    /// US dollars per hour from each time on; empty if prices are not known.
    public let prices: [Double]
    /// How many instances can be had from each time on; empty if that is not known.
    public let counts: [Int]
    /// How long it is.
    public let durationSeconds: Double

    /// Prices alone.
    public init(_ history: SpotPriceHistory) {
        let first = history.times.first ?? 0
        times = history.times.map { $0 - first }
        (prices, counts) = (history.prices, [])
        durationSeconds = max(3600, (times.last ?? 0) + 3600)
    }

    /// Availability, with prices if they were recorded too.
    public init(_ trace: AvailabilityTrace) {
        var (times, counts, prices): ([Double], [Int], [Double]) = ([], [], [])
        for tick in trace.counts.indices {
            let price = trace.prices?[tick]
            if counts.last == trace.counts[tick], price == prices.last { continue }
            times.append(Double(tick) * trace.stepSeconds)
            counts.append(trace.counts[tick])
            if let price { prices.append(price) }
        }
        (self.times, self.counts, self.prices) = (times, counts, prices)
        durationSeconds = max(trace.stepSeconds, trace.durationSeconds)
    }

    /// The place of the step in force at a time, and when the next one begins.
    func step(at seconds: Double) -> (place: Int, next: Double) {
        guard !times.isEmpty else { return (0, .infinity) }
        let round = (seconds / durationSeconds).rounded(.down)
        let inside = seconds - round * durationSeconds
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= inside { low = middle + 1 } else { high = middle }
        }
        let end = low < times.count ? times[low] : durationSeconds
        return (max(0, low - 1), round * durationSeconds + end)
    }

    /// How many instances can be had at a time; `nil` if that is not known.
    func count(at seconds: Double) -> Int? { counts.isEmpty ? nil : counts[step(at: seconds).place] }

    /// US dollars for an instance from one time to another; `nil` if prices are not known.
    func dollars(from start: Double, to end: Double) -> Double? {
        guard !prices.isEmpty else { return nil }
        var (now, sum) = (start, 0.0)
        while now < end {
            let (place, next) = step(at: now)
            // A step that rounding has made empty is passed.
            let until = min(end, max(next, now.nextUp))
            sum += prices[place] * (until - now) / 3600
            now = until
        }
        return sum
    }
}
