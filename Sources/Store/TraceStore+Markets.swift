internal import CSQLite
internal import Foundation
public import Markets
public import Reading
internal import Workloads

extension TraceStore {
    /// Stores market data that was read from a file.
    public func store(_ content: MarketImport.Content, report: ImportReport) throws(StoreError) -> ImportReport {
        let start = ContinuousClock.now
        var report = report
        let (rows, added) = try transaction { database -> (Int, Int) in
            switch content {
            case .prices(let table): (table.count, try insert(table, database))
            case .availability(let trace): (trace.counts.count, try insert(trace, database))
            case .lifetimes(let records): (records.count, try insert(records, database))
            }
        }
        if added < rows {
            report.skip("the store already holds this record", line: 0, rows: rows - added)
            report.rowsStored -= rows - added
        }
        report.seconds += (ContinuousClock.now - start) / .seconds(1)
        return report
    }

    /// The stored spot prices.
    ///
    /// - Parameters: `nil` is any.
    public func spotPrices(
        instanceType: String? = nil, zone: String? = nil, product: String? = nil
    ) throws -> SpotPriceTable {
        let markets = try access { database in
            try database.rows(
                sql: """
                    SELECT id, instance_type, zone, product FROM spot_markets WHERE instance_type = COALESCE(?, instance_type)
                    AND zone = COALESCE(?, zone) AND product = COALESCE(?, product) ORDER BY instance_type, zone, product
                    """, arguments: [instanceType, zone, product])
        }
        var (rowMarkets, times, prices): ([Int32], [Double], [Double]) = ([], [], [])
        for (index, market) in markets.enumerated() {
            let id: Int64 = market[0]
            try access { database in
                let statement = try database.makeStatement(
                    sql:
                        "SELECT time_seconds, price_per_hour FROM spot_prices WHERE market_id = ? ORDER BY time_seconds"
                )
                statement.bind([id])
                while try statement.step() {
                    rowMarkets.append(Int32(clamping: index))
                    times.append(sqlite3_column_double(statement.handle, 0))
                    prices.append(sqlite3_column_double(statement.handle, 1))
                }
            }
        }
        return try SpotPriceTable(
            markets: markets.map { SpotMarket(instanceType: $0[1], zone: $0[2], product: $0[3]) },
            marketOfRow: rowMarkets, times: times, prices: prices)
    }

    /// The stored availability traces, by name.
    public func availabilityTraces() throws -> [AvailabilityTrace] {
        let rows = try access { database in
            try database.rows(
                sql: """
                    SELECT name, start_seconds, step_seconds, capacity, counts, prices FROM availability ORDER BY name
                    """)
        }
        return try rows.map { row in
            let counts: [Int32] = Self.elements(row[4] as Data)
            let prices: [Double]? = (row[5] as Data?).map { Self.elements($0) }
            return try AvailabilityTrace(
                name: row[0], startTime: row[1], stepSeconds: row[2], counts: counts.map(Int.init), capacity: row[3],
                prices: prices)
        }
    }

    /// The stored lifetimes of spot machines.
    public func lifetimes() throws(StoreError) -> [LifetimeRecord] {
        try access { database in
            try database.rows(
                sql: """
                    SELECT vm, zone, instance_type, start_seconds, lifetime_seconds, reclaimed FROM lifetimes ORDER BY rowid
                    """
            ).map { row in
                LifetimeRecord(
                    id: row[0], zone: row[1], machineType: row[2], startTime: row[3], lifetimeSeconds: row[4],
                    wasReclaimed: row[5])
            }
        }
    }

    private func insert(_ table: SpotPriceTable, _ database: Database) throws -> Int {
        let before = database.totalChangesCount
        let price = try database.makeStatement(
            sql: "INSERT OR IGNORE INTO spot_prices (market_id, time_seconds, price_per_hour) VALUES (?, ?, ?)")
        let handle = price.handle
        var newMarkets = 0
        for (index, market) in table.markets.enumerated() {
            let arguments: [(any DatabaseValue)?] = [market.instanceType, market.zone, market.product]
            let select = "SELECT id FROM spot_markets WHERE instance_type = ? AND zone = ? AND product = ?"
            var id = try database.number(sql: select, arguments: arguments)
            if id == nil {
                try database.execute(
                    sql: "INSERT INTO spot_markets (instance_type, zone, product) VALUES (?, ?, ?)",
                    arguments: arguments)
                id = database.lastInsertedRowID
                newMarkets += 1
            }
            for row in table.rows(of: index) {
                sqlite3_bind_int64(handle, 1, id ?? 0)
                sqlite3_bind_double(handle, 2, table.times[row])
                sqlite3_bind_double(handle, 3, table.prices[row])
                let code = sqlite3_step(handle)
                sqlite3_reset(handle)
                guard code == SQLITE_DONE else {
                    throw database.error(code)
                }
            }
        }
        return database.totalChangesCount - before - newMarkets
    }

    private func insert(_ trace: AvailabilityTrace, _ database: Database) throws -> Int {
        let counts = trace.counts.map { Int32(clamping: $0) }.withUnsafeBytes { Data($0) }
        let prices = trace.prices?.withUnsafeBytes { Data($0) }
        let known = try database.rows(
            sql: "SELECT counts, prices FROM availability WHERE name = ?", arguments: [trace.name])
        if let known = known.first {
            let (old, oldPrices): (Data, Data?) = (known[0], known[1])
            if old.starts(with: counts), oldPrices == nil || prices.map({ oldPrices?.starts(with: $0) == true }) ?? true
            {
                return 0
            }
            // A trace that has grown replaces its shorter self, never another one.
            guard counts.starts(with: old), (prices == nil) == (oldPrices == nil) else {
                throw StoreError.failed(
                    path, reason: "it holds another availability trace named '\(trace.name)': rename the file")
            }
        }
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO availability (name, start_seconds, step_seconds, capacity, counts, prices)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [trace.name, trace.startTime, trace.stepSeconds, trace.capacity, counts, prices])
        return trace.counts.count
    }

    private func insert(_ records: [LifetimeRecord], _ database: Database) throws -> Int {
        let before = database.totalChangesCount
        for record in records {
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO lifetimes (vm, zone, instance_type, start_seconds, lifetime_seconds, reclaimed)
                    VALUES (?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    record.id, record.zone, record.machineType, record.startTime, record.lifetimeSeconds,
                    record.wasReclaimed,
                ])
        }
        return database.totalChangesCount - before
    }

    private static func elements<Element: BitwiseCopyable>(_ data: Data) -> [Element] {
        let count = data.count / MemoryLayout<Element>.stride
        return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer), count: count * MemoryLayout<Element>.stride)
            initialized = count
        }
    }
}
