internal import CSQLite
internal import Foundation
public import Reading
public import Traces
public import Workloads

extension TraceStore {
    /// Stores the rows of a table that was read from a file.
    ///
    /// - Parameter digest: Of the content of the file and how it was read; a file that was imported so before adds
    ///   nothing, whatever its name.
    public func store(
        _ table: ExecutionTable, report: ImportReport, digest: String? = nil
    ) throws(StoreError) -> ImportReport {
        let start = ContinuousClock.now
        let hashes = RowHashes(table)
        var report = report
        let (added, isKnown) = try transaction { database -> (Int, Bool) in
            if let digest,
                try database.number(sql: "SELECT 1 FROM imports WHERE digest = ?", arguments: [digest]) != nil
            {
                return (0, true)
            }
            var known = try HashSet(storedHashes(database), spare: table.rowCount)
            let rows = (0..<table.rowCount).filter { row in
                !known.contains(hashes.earlier[row]) && known.insert(hashes.values[row])
            }
            guard !rows.isEmpty else { return (0, false) }
            try database.execute(
                sql: "INSERT INTO imports (source, format, imported_at, rows, digest) VALUES (?, ?, ?, ?, ?)",
                arguments: [report.file, report.format, Date().timeIntervalSince1970, rows.count, digest])
            try ExecutionInsert(database, table).insert(rows, hashes, importID: database.lastInsertedRowID)
            return (rows.count, false)
        }
        if added < table.rowCount {
            let reason = isKnown ? "the store already holds this file" : "the store already holds this row"
            report.skip(reason, line: 0, rows: table.rowCount - added)
            report.rowsStored -= table.rowCount - added
        }
        report.seconds += (ContinuousClock.now - start) / .seconds(1)
        return report
    }

    private func storedHashes(_ database: Database) throws -> [UInt64] {
        let statement = try database.makeStatement(sql: "SELECT row_hash FROM executions")
        var hashes: [UInt64] = []
        while try statement.step() { hashes.append(UInt64(bitPattern: sqlite3_column_int64(statement.handle, 0))) }
        return hashes
    }

    /// Stores the outcomes of attempts, and what they used over time. They are durable when this returns.
    ///
    /// An attempt that the store holds, by workflow, job, task and number, is left as it is: outcomes may be handed on
    /// again after an interruption.
    /// - Throws: ``StoreError/removed(_:)`` if the file is not there any more.
    public func append(_ records: [AttemptRecord]) throws(StoreError) {
        let table = ExecutionTable(records)
        try transaction { database in
            let series = try database.cachedStatement(sql: "INSERT INTO demand (execution_id, series) VALUES (?, ?)")
            try ExecutionInsert(database, table, ignoringKnown: true)
                .insert(0..<table.rowCount, RowHashes(table), importID: nil) { row in
                    guard let demand = records[row].demand else { return }
                    try series.execute(arguments: [database.lastInsertedRowID, Data(demand.encoded)])
                }
        }
        guard FileIdentity(path) == identity else { throw .removed(path) }
    }

    /// Stores the lives of instances. They are durable when this returns; one that the store holds, by workflow, job and
    /// number, is left as it is.
    /// - Throws: ``StoreError/removed(_:)`` if the file is not there any more.
    public func append(_ lives: [InstanceLife]) throws(StoreError) {
        try transaction { database in
            let names = Self.lifeColumns.joined(separator: ", ")
            let marks = Self.lifeColumns.map { _ in "?" }.joined(separator: ", ")
            let insert = try database.cachedStatement(
                sql: "INSERT OR IGNORE INTO instance_lives (\(names)) VALUES (\(marks))")
            for life in lives {
                try insert.execute(arguments: [
                    life.workflow, life.job, life.number, life.instance.rawValue, life.instanceType,
                    life.purchase.rawValue, life.zone, life.requestedTimeSeconds, life.openedTimeSeconds,
                    life.closedTimeSeconds, life.end.rawValue, life.pricePerHour, life.cost,
                ])
            }
        }
        guard FileIdentity(path) == identity else { throw .removed(path) }
    }

    /// The lives of instances of our own runs, in the order of runs and of their numbers.
    public func instanceLives(workflow: String? = nil) throws(StoreError) -> [InstanceLife] {
        try access { database in
            // A store of an earlier release that may not be written has no such table.
            guard try database.tableExists("instance_lives") else { return [] }
            return try database.rows(
                sql: """
                    SELECT \(Self.lifeColumns.joined(separator: ", ")) FROM instance_lives
                    WHERE workflow = COALESCE(?, workflow) ORDER BY requested_time_seconds, workflow, job, number
                    """, arguments: [workflow]
            ).map { row in
                guard let purchase = PurchaseOption(rawValue: row[5]), let end = InstanceLife.End(rawValue: row[10])
                else {
                    throw StoreError.damaged(path, reason: "the life of an instance is not as we write it")
                }
                return InstanceLife(
                    workflow: row[0], job: row[1], number: row[2], instance: InstanceID(row[3] as String),
                    instanceType: row[4], purchase: purchase, zone: row["zone"], requestedTimeSeconds: row[7],
                    openedTimeSeconds: row["opened_time_seconds"], closedTimeSeconds: row[9], end: end,
                    pricePerHour: row[11],
                    cost: row[12])
            }
        }
    }

    private static let lifeColumns = [
        "workflow", "job", "number", "instance", "instance_type", "purchase", "zone", "requested_time_seconds",
        "opened_time_seconds", "closed_time_seconds", "ending", "price_per_hour", "cost",
    ]

    /// Takes the name of a run of our own for a new one; false if another run has it.
    public func reserve(workflow: String, job: String) throws(StoreError) -> Bool {
        guard try !holdsOutcomes(workflow: workflow, job: job) else { return false }
        return try transaction { database in
            let known = try database.number(
                sql: "SELECT 1 FROM instance_lives WHERE workflow = ? AND job = ?", arguments: [workflow, job])
            guard known == nil else { return false }
            try database.execute(
                sql: "INSERT OR IGNORE INTO runs (workflow, job) VALUES (?, ?)", arguments: [workflow, job])
            return database.changesCount > 0
        }
    }

    /// Whether the store holds outcomes of this run of our own.
    public func holdsOutcomes(workflow: String, job: String) throws(StoreError) -> Bool {
        try access { database in
            try database.number(
                sql: "SELECT 1 FROM executions WHERE import_id IS NULL AND workflow = ? AND job = ? LIMIT 1",
                arguments: [workflow, job]) != nil
        }
    }

    /// What the attempts of our own runs used over time, in the order in which they ended.
    public func demands(workflow: String? = nil) throws(StoreError) -> [RecordedDemand] {
        try access { database in
            // A store of an earlier release that may not be written has no such table.
            guard try database.tableExists("demand") else { return [] }
            return try database.rows(
                sql: """
                    SELECT job, task, task_type, attempt, status, series FROM demand JOIN executions
                    ON executions.id = execution_id WHERE workflow = COALESCE(?, workflow) ORDER BY execution_id
                    """, arguments: [workflow]
            ).compactMap { row in
                guard let bytes = row["series"] as Data?, let series = DemandSeries(encoded: bytes) else { return nil }
                return RecordedDemand(
                    job: row["job"], task: row["task"], taskType: row["task_type"],
                    attempt: (row["attempt"] as Double?).flatMap { Int(exactly: $0) },
                    status: (row["status"] as String?).flatMap { AttemptStatus(rawValue: $0) }, series: series)
            }
        }
    }

    /// Inserts rows, calls `body` before they are committed, and takes them back. For tests of a crash at that moment.
    package func whileWriting(_ table: ExecutionTable, _ body: () throws -> Void) throws {
        struct TakeBack: Error {}
        do {
            try queue.use { database in
                try database.inTransaction {
                    try ExecutionInsert(database, table).insert(0..<table.rowCount, RowHashes(table), importID: nil)
                    try body()
                    throw TakeBack()
                }
            }
        } catch is TakeBack {}
    }

    /// Does what SQLite is told. For tests of what earlier releases left.
    package func execute(_ sql: String) throws { try queue.use { try $0.execute(sql: sql) } }

    /// The stored executions in the order in which they were stored.
    ///
    /// - Parameters:
    ///   - workflow: Those of this workflow only.
    ///   - job: Those of this run only.
    ///   - outcomesOnly: Those that our own executor logged, without imported ones.
    public func executions(
        workflow: String? = nil, job: String? = nil, outcomesOnly: Bool = false
    ) throws(StoreError) -> ExecutionTable {
        try access { database in
            var conditions: [String] = []
            // Rows without a workflow are those of the workflow without a name.
            if let workflow { conditions.append(workflow.isEmpty ? "COALESCE(workflow, '') = ?" : "workflow = ?") }
            if job != nil { conditions.append("job = ?") }
            if outcomesOnly { conditions.append("import_id IS NULL") }
            let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
            // A store of an earlier release that may not be written lacks some.
            let known = try Self.columnNames(database)
            let names = AttemptColumn.allCases.map(\.name).map { known.contains($0) ? $0 : "NULL AS \($0)" }
                .joined(separator: ", ")
            let statement = try database.makeStatement(
                sql: "SELECT \(names), parameters FROM executions\(filter) ORDER BY id")
            statement.bind([workflow, job].compactMap(\.self))
            return try ExecutionFetch(statement, path: path).fetch()
        }
    }

    /// The names of the stored workflows, and how many executions each has.
    public func workflows() throws(StoreError) -> [(name: String, executions: Int)] {
        try access { database in
            try database.rows(
                sql: """
                    SELECT COALESCE(workflow, ''), COUNT(*) FROM executions GROUP BY workflow ORDER BY MIN(id)
                    """
            ).map { (name: $0[0] as String, executions: $0[1] as Int) }
        }
    }
}
