public import Reading

/// Price histories of many markets in columns: what a price file holds once it is sorted.
///
/// Rows are sorted by market, then time; ``times`` and ``prices`` of market *i* are the rows `rows(of: i)`.
public struct SpotPriceTable: Sendable, Hashable {
    /// The markets in increasing order, without repetition.
    public let markets: [SpotMarket]
    /// When each price came into force, Unix seconds.
    public let times: [Double]
    /// US dollars per instance-hour.
    public let prices: [Double]
    private let offsets: [Int]

    /// The number of rows.
    public var count: Int { times.count }

    /// The rows of one market.
    public func rows(of market: Int) -> Range<Int> { offsets[market]..<offsets[market + 1] }

    /// For each row the index of its market, for storage in columns.
    public var marketOfRow: [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(count)
        for market in markets.indices {
            result.append(contentsOf: repeatElement(Int32(market), count: rows(of: market).count))
        }
        return result
    }

    /// The history of one market by its index.
    public func history(of market: Int) -> SpotPriceHistory {
        SpotPriceHistory(checked: Array(times[rows(of: market)]), Array(prices[rows(of: market)]))
    }

    /// The history of one market by its name, or `nil` if it is not in the table.
    public subscript(market: SpotMarket) -> SpotPriceHistory? {
        var (low, high) = (0, markets.count)
        while low < high {
            let middle = (low + high) / 2
            if markets[middle] < market { low = middle + 1 } else { high = middle }
        }
        return low < markets.count && markets[low] == market ? history(of: low) : nil
    }

    /// The markets of one product, for instance of ``SpotMarket/linux``.
    public func selecting(_ isIncluded: (SpotMarket) -> Bool) -> SpotPriceTable {
        var builder = Builder()
        for (index, market) in markets.enumerated() where isIncluded(market) {
            for row in rows(of: index) { builder.append(market, time: times[row], price: prices[row]) }
        }
        return builder.build().table
    }

    /// One table of several, whose histories may overlap, for instance dumps of different days.
    ///
    /// - Returns: The table and what was dropped: rows that several have, and other prices at the same second.
    public static func merging(_ tables: [SpotPriceTable]) -> (table: SpotPriceTable, dropped: Dropped) {
        var builder = Builder()
        for table in tables {
            for (index, market) in table.markets.enumerated() {
                for row in table.rows(of: index) {
                    builder.append(market, time: table.times[row], price: table.prices[row])
                }
            }
        }
        return builder.build()
    }

    /// How many rows a table left out when it was built.
    public struct Dropped: Sendable, Hashable {
        /// Rows that are there already, with the same market, second and price.
        public var repeated = 0
        /// Rows with another price at a second; the one that came into force last is kept.
        public var contradicting = 0
    }

    /// Collects rows in any order.
    struct Builder {
        private var indexes: [SpotMarket: Int] = [:]
        private var rows: [[(time: Double, price: Double)]] = []
        private var last: (market: SpotMarket, index: Int)?

        /// Adds a row. `time` must be finite, `price` finite and positive.
        mutating func append(_ market: SpotMarket, time: Double, price: Double) {
            if let last, last.market == market {
                rows[last.index].append((time, price))
                return
            }
            let index = indexes[market] ?? rows.count
            if index == rows.count {
                indexes[market] = index
                rows.append([])
            }
            last = (market, index)
            rows[index].append((time, price))
        }

        func build() -> (table: SpotPriceTable, dropped: Dropped) {
            let order = indexes.sorted { $0.key < $1.key }
            let capacity = rows.reduce(0) { $0 + $1.count }
            var (times, prices, offsets, dropped) = ([Double](), [Double](), [0], Dropped())
            times.reserveCapacity(capacity)
            prices.reserveCapacity(capacity)
            for (_, index) in order {
                let start = times.count
                for row in Self.sorted(rows[index]) {
                    if times.count > start, times[times.count - 1] == row.time {
                        if prices[prices.count - 1] == row.price {
                            dropped.repeated += 1
                        } else {
                            dropped.contradicting += 1
                            prices[prices.count - 1] = row.price
                        }
                    } else {
                        times.append(row.time)
                        prices.append(row.price)
                    }
                }
                offsets.append(times.count)
            }
            return (SpotPriceTable(order.map(\.key), times, prices, offsets), dropped)
        }

        /// By time; rows of the same second in the order in which they came into force.
        private static func sorted(_ rows: [(time: Double, price: Double)]) -> [(time: Double, price: Double)] {
            // The AWS command line prints the newest first, so its order is turned round before the stable sort.
            let isNewestFirst = (rows.first?.time ?? 0) > (rows.last?.time ?? 0)
            let forward = isNewestFirst ? rows.reversed() : rows
            let isSorted = !forward.indices.dropFirst().contains { forward[$0].time < forward[$0 - 1].time }
            return isSorted ? forward : forward.sorted { $0.time < $1.time }
        }
    }

    private init(_ markets: [SpotMarket], _ times: [Double], _ prices: [Double], _ offsets: [Int]) {
        (self.markets, self.times, self.prices, self.offsets) = (markets, times, prices, offsets)
    }
}

extension SpotPriceTable {
    /// A table of plain columns, rows in any order, for instance from a store.
    ///
    /// - Throws: ``TraceError`` if a column is shorter than another, or a time or price cannot be one.
    public init(markets: [SpotMarket], marketOfRow: [Int32], times: [Double], prices: [Double]) throws(TraceError) {
        guard times.count == prices.count, times.count == marketOfRow.count else {
            throw .lengthsDiffer(
                what: "The columns of the price table", times.count, min(prices.count, marketOfRow.count))
        }
        var builder = Builder()
        for row in times.indices {
            guard markets.indices.contains(Int(marketOfRow[row])), times[row].isFinite, prices[row].isFinite,
                prices[row] > 0
            else {
                throw .badRequest(
                    found: "market \(marketOfRow[row]), time \(times[row]), price \(prices[row]) in row \(row)",
                    expected: "a known market, a finite time and a positive price", remedy: "Import the prices again.")
            }
            builder.append(markets[Int(marketOfRow[row])], time: times[row], price: prices[row])
        }
        self = builder.build().table
    }
}

extension SpotPriceHistory {
    /// The columns of a table keep the invariant already.
    fileprivate init(checked times: [Double], _ prices: [Double]) {
        (self.times, self.prices) = (times, prices)
    }
}
