public import Reading

/// The price of one spot market over time, as a step function.
///
/// A price holds until the next one. Prices are US dollars per instance-hour, times are Unix seconds.
///
///     let history = try SpotPriceHistory(times: [0, 3600], prices: [0.031, 0.047])
///     history.price(at: 1800)   // 0.031
///
/// - Invariant: `times` is strictly increasing and has as many elements as `prices`; all are finite, prices positive.
public struct SpotPriceHistory: Sendable, Hashable {
    /// When each price came into force, Unix seconds.
    public let times: [Double]
    /// US dollars per instance-hour.
    public let prices: [Double]

    /// - Throws: ``TraceError`` that names the first offending row.
    public init(times: [Double], prices: [Double]) throws(TraceError) {
        guard times.count == prices.count else {
            throw .lengthsDiffer(what: "Times and prices", times.count, prices.count)
        }
        for row in times.indices {
            guard times[row].isFinite, prices[row].isFinite, prices[row] > 0 else {
                throw .badRequest(
                    found: "the price \(prices[row]) at the time \(times[row]) in row \(row)",
                    expected: "a positive price and a finite time", remedy: "Remove the row.")
            }
            guard row == 0 || times[row] > times[row - 1] else {
                throw .notIncreasing(column: "time", row: row, previous: times[row - 1], found: times[row])
            }
        }
        (self.times, self.prices) = (times, prices)
    }

    /// The price in force at `time`, or `nil` before the first observation. O(log *n*).
    public func price(at time: Double) -> Double? {
        let next = firstIndex(after: time)
        return next == 0 ? nil : prices[next - 1]
    }

    /// The time-weighted mean price from `start` to `end`, the part before the first observation left out.
    ///
    /// This is what an instance-hour cost on average to someone who ran all that time. `nil` if nothing is known of
    /// that time or it is empty. O(log *n* + prices inside).
    public func mean(from start: Double, to end: Double) -> Double? {
        guard let first = times.first, end > max(start, first) else { return nil }
        let start = max(start, first)
        var row = firstIndex(after: start) - 1
        var (from, sum) = (start, 0.0)
        while row < times.count, from < end {
            let to = row + 1 < times.count ? min(end, times[row + 1]) : end
            sum += (to - from) * prices[row]
            (from, row) = (to, row + 1)
        }
        return sum / (end - start)
    }

    /// The price in force at `count` regular times from `start` on; `nan` before the first observation.
    public func sampled(from start: Double, every step: Double, count: Int) -> [Double] {
        precondition(step > 0 && count >= 0, "the step must be positive")
        var row = firstIndex(after: start)
        return (0..<count).map { tick in
            let time = start + Double(tick) * step
            while row < times.count, times[row] <= time { row += 1 }
            return row == 0 ? .nan : prices[row - 1]
        }
    }

    /// The time-weighted means of `count` regular intervals from `start` on; `nan` where nothing is known.
    public func means(from start: Double, every step: Double, count: Int) -> [Double] {
        precondition(step > 0 && count >= 0, "the step must be positive")
        return (0..<count).map { tick in
            mean(from: start + Double(tick) * step, to: start + Double(tick + 1) * step) ?? .nan
        }
    }

    /// The prices at every full hour from the first observation to the last: a regular series for forecasting.
    ///
    /// - Returns: The time of the first element and the prices; no prices if no full hour lies inside.
    public func hourly() -> (start: Double, prices: [Double]) {
        guard let first = times.first, let last = times.last else { return (0, []) }
        let start = (first / 3600).rounded(.up) * 3600
        guard last >= start, (last - start) / 3600 < 1e7 else { return (start, []) }
        return (start, sampled(from: start, every: 3600, count: Int((last - start) / 3600) + 1))
    }

    /// How many observations differ from the one before; the others repeat it (a heartbeat about once a day).
    public var changeCount: Int {
        prices.indices.dropFirst().count { prices[$0] != prices[$0 - 1] }
    }

    private func firstIndex(after time: Double) -> Int {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] > time { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
