internal import Glibc
internal import LinearAlgebra

/// The statistics by which generated markets are compared with recorded ones, each with its name.
public struct MarketStatistics: Sendable, Hashable {
    /// Names and values, in the order of the report.
    public let values: [Value]

    /// One statistic.
    public struct Value: Sendable, Hashable {
        /// What it is, with its unit.
        public let name: String
        public let value: Double
    }

    /// A statistic by its name.
    public subscript(name: String) -> Double { values.first { $0.name == name }?.value ?? .nan }

    private init(_ values: [(String, Double)]) { self.values = values.map { Value(name: $0.0, value: $0.1) } }

    private static let levels = [("10 %", 0.1), ("50 %", 0.5), ("90 %", 0.9)]

    /// Of prices: one product, best of many markets over the same months.
    public static func prices(_ table: SpotPriceTable) -> MarketStatistics {
        var (gaps, sizes, changes, ranges, momenta) = ([Double](), [Double](), [Double](), [Double](), [Double]())
        var (repeats, unchanging) = (0, 0)
        var types: [String: [(level: Double, hourly: (start: Double, prices: [Double]))]] = [:]
        for index in table.markets.indices {
            let history = table.history(of: index)
            let (times, prices) = (history.times, history.prices)
            guard times.count > 1 else { continue }
            var moves: [Double] = []
            for row in times.indices.dropFirst() {
                gaps.append((times[row] - times[row - 1]) / 3600)
                if prices[row] == prices[row - 1] {
                    repeats += 1
                } else {
                    moves.append(prices[row] / prices[row - 1] - 1)
                }
            }
            sizes += moves.map { abs($0) * 100 }
            let days = (times[times.count - 1] - times[0]) / 86400
            changes.append(Double(moves.count) / max(1, days) * 90)
            if moves.isEmpty { unchanging += 1 }
            let average = mean(prices)
            ranges.append(((prices.max() ?? 0) - (prices.min() ?? 0)) / average * 100)
            if moves.count > 20 { momenta.append(correlation(Array(moves.dropFirst()), Array(moves.dropLast()))) }
            types[table.markets[index].instanceType, default: []].append((average, history.hourly()))
        }
        let zones = types.values.filter { $0.count > 1 }
        let ratios = zones.map { ($0.map(\.level).max() ?? 1) / ($0.map(\.level).min() ?? 1) }
        var common: [Double] = []
        for type in zones {
            for (position, a) in type.enumerated() {
                for b in type[(position + 1)...] {
                    let start = max(a.hourly.start, b.hourly.start)
                    let (x, y) = (hours(a.hourly, from: start), hours(b.hourly, from: start))
                    let count = min(x.count, y.count)
                    let value = count < 24 * 30 ? .nan : correlation(Array(x.prefix(count)), Array(y.prefix(count)))
                    if !value.isNaN { common.append(value) }
                }
            }
        }
        return MarketStatistics(
            [
                ("markets", Double(table.markets.count)), ("records", Double(table.count)),
                ("markets that never change, %", 100 * Double(unchanging) / Double(table.markets.count)),
                ("records that repeat the price, %", 100 * Double(repeats) / Double(gaps.count)),
            ] + quantiles("hours between records", gaps) + quantiles("changes per 90 days", changes)
                + quantiles("size of a change in %", sizes)
                + [
                    ("size of a change in %, 99 %", quantile(sizes, 0.99)),
                    ("size of a change in %, largest", sizes.max() ?? .nan),
                ]
                + quantiles("(max - min) / mean in %", ranges)
                + [
                    ("correlation of a change with the one before, median", median(momenta)),
                    ("dearest / cheapest zone of a type, median", median(ratios)),
                    ("correlation of two zones of a type, median", median(common)),
                ])
    }

    /// Of availability: traces of one region are correlated with each other, so give one region at a time.
    public static func availability(_ traces: [AvailabilityTrace]) -> MarketStatistics {
        var (on, off, shares, correlations) = ([Double](), [Double](), [Double](), [Double]())
        for (position, trace) in traces.enumerated() {
            shares.append(100 * trace.availability())
            for spell in trace.spells() {
                if spell.isAvailable {
                    on.append(spell.durationSeconds / 3600)
                } else {
                    off.append(spell.durationSeconds / 3600)
                }
            }
            for other in traces[(position + 1)...] where other.counts.count == trace.counts.count {
                correlations.append(correlation(trace.counts.map(Double.init), other.counts.map(Double.init)))
            }
        }
        return MarketStatistics(
            [("traces", Double(traces.count)), ("time with capacity, mean %", mean(shares))]
                + quantiles("hours with capacity", on) + [("hours with capacity, mean", mean(on))]
                + quantiles("hours without capacity", off) + [("hours without capacity, mean", mean(off))]
                + [("correlation of two zones of a region, median", median(correlations))])
    }

    private static func quantiles(_ name: String, _ values: [Double]) -> [(String, Double)] {
        let sorted = values.sorted()
        return levels.map { ("\(name), \($0.0)", quantile(sorted: sorted, $0.1)) }
    }

    private static func hours(_ hourly: (start: Double, prices: [Double]), from start: Double) -> ArraySlice<Double> {
        hourly.prices.dropFirst(max(0, Int(min(1e7, (start - hourly.start) / 3600))))
    }

    /// Pearson's correlation; `nan` if one of them is constant.
    private static func correlation(_ x: [Double], _ y: [Double]) -> Double {
        let (meanX, meanY) = (mean(x), mean(y))
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for i in x.indices {
            let (a, b) = (x[i] - meanX, y[i] - meanY)
            xx += a * a
            yy += b * b
            xy += a * b
        }
        return xx > 1e-12 * meanX * meanX && yy > 1e-12 * meanY * meanY ? xy / (xx * yy).squareRoot() : .nan
    }
}
