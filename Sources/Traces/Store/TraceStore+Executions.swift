internal import Foundation
internal import GRDB
internal import GRDBSQLite

extension TraceStore {
    /// Reads a file and stores its executions: all of them or, after an error, none.
    ///
    /// - Returns: What was read, stored, and skipped and why; rows that the store already held count as skipped.
    /// - Throws: ``TraceError`` for a file that cannot be read, ``StoreError`` for a store that cannot be written.
    public func importExecutions(_ path: String, reader: ExecutionReader = ExecutionReader()) throws -> ImportReport {
        let (table, report) = try reader.read(path)
        return try store(table, report: report)
    }

    /// Stores the rows of a table that was read from a file.
    public func store(_ table: ExecutionTable, report: ImportReport) throws(StoreError) -> ImportReport {
        let start = ContinuousClock.now
        let hashes = RowHashes(table)
        var report = report
        let added = try transaction { database in
            let known = try Set(Int64.fetchAll(database, sql: "SELECT row_hash FROM executions"))
            let rows =
                known.isEmpty
                ? Array(0..<table.rowCount)
                : (0..<table.rowCount).filter { !known.contains(Int64(bitPattern: hashes.values[$0])) }
            guard !rows.isEmpty else { return 0 }
            try database.execute(
                sql: "INSERT INTO imports (source, format, imported_at, rows) VALUES (?, ?, ?, ?)",
                arguments: [report.file, report.format, Date().timeIntervalSince1970, rows.count])
            try ExecutionInsert(database, table).insert(rows, hashes, importID: database.lastInsertedRowID)
            return rows.count
        }
        if added < table.rowCount {
            report.skip("the store already holds this row", line: 0, rows: table.rowCount - added)
            report.rowsStored -= table.rowCount - added
        }
        report.seconds += (ContinuousClock.now - start) / .seconds(1)
        return report
    }

    /// Stores the outcome of one attempt. It is durable when this returns.
    public func append(_ record: ExecutionRecord) throws(StoreError) {
        let table = ExecutionTable([record])
        try transaction { database in
            try ExecutionInsert(database, table).insert([0], RowHashes(table), importID: nil)
        }
    }

    /// Inserts rows, calls `body` before they are committed, and takes them back. For tests of a crash at that moment.
    package func whileWriting(_ table: ExecutionTable, _ body: () throws -> Void) throws {
        struct TakeBack: Error {}
        do {
            try queue.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    try ExecutionInsert(database, table).insert(
                        Array(0..<table.rowCount), RowHashes(table), importID: nil)
                    try body()
                    throw TakeBack()
                }
            }
        } catch is TakeBack {}
    }

    /// The stored executions in the order in which they were stored.
    ///
    /// - Parameters:
    ///   - workflow: Those of this workflow only.
    ///   - outcomesOnly: Those that our own executor logged, without imported ones.
    public func executions(workflow: String? = nil, outcomesOnly: Bool = false) throws(StoreError) -> ExecutionTable {
        try access { database in
            var conditions: [String] = []
            if workflow != nil { conditions.append("workflow = ?") }
            if outcomesOnly { conditions.append("import_id IS NULL") }
            let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
            let names = ExecutionColumn.allCases.map(\.name).joined(separator: ", ")
            let statement = try database.makeStatement(
                sql: "SELECT \(names), parameters FROM executions\(filter) ORDER BY id")
            if let workflow { statement.arguments = [workflow] }
            return try fetch(statement)
        }
    }

    /// The names of the stored workflows, and how many executions each has.
    public func workflows() throws(StoreError) -> [(name: String, executions: Int)] {
        try access { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT COALESCE(workflow, ''), COUNT(*) FROM executions GROUP BY workflow ORDER BY MIN(id)
                    """
            ).map { (name: $0[0] as String, executions: $0[1] as Int) }
        }
    }

    private func fetch(_ statement: Statement) throws -> ExecutionTable {
        let columns = ExecutionColumn.allCases
        var table = ExecutionTable()
        let rows = try Row.fetchCursor(statement)
        while let row = try rows.next() {
            var record = ExecutionRecord()
            for (index, column) in columns.enumerated() {
                if column.isText {
                    record[text: column] = row[index] as String?
                } else {
                    record[number: column] = row[index] as Double?
                }
            }
            if let text = row[columns.count] as String? {
                record.parameters = try StoredParameters.decode(text, path: path)
            }
            table.append(record)
        }
        return table
    }
}

/// The `param.` columns of one row as JSON: numbers as numbers, words as strings.
private enum StoredParameters {
    static func encode(_ parameters: [(name: String, value: ParameterValue)]) throws -> String? {
        guard !parameters.isEmpty else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let values = Dictionary(
            parameters.map { ($0.name, JSONValue($0.value)) }, uniquingKeysWith: { _, last in last })
        return String(decoding: try encoder.encode(values), as: UTF8.self)
    }

    static func decode(_ text: String, path: String) throws -> [String: ParameterValue] {
        do {
            return try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8)).mapValues(\.value)
        } catch {
            throw StoreError.damaged(path, reason: "the parameters of an execution are not JSON")
        }
    }

    private struct JSONValue: Codable {
        let value: ParameterValue
        init(_ value: ParameterValue) { self.value = value }
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                value = .number(number)
            } else {
                value = .text(try container.decode(String.self))
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value {
            case .number(let number): try container.encode(number)
            case .text(let text): try container.encode(text)
            }
        }
    }
}

/// Inserts rows of one table. Values are bound through SQLite's own calls: five times faster than as boxed arguments.
private struct ExecutionInsert {
    private let database: Database
    private let table: ExecutionTable
    private let columns: [ExecutionColumn]
    private let statement: Statement

    init(_ database: Database, _ table: ExecutionTable) throws {
        (self.database, self.table) = (database, table)
        columns = ExecutionColumn.allCases.filter(table.has)
        let names = ["import_id", "row_hash"] + columns.map(\.name) + (table.parameters.isEmpty ? [] : ["parameters"])
        let marks = names.map { _ in "?" }.joined(separator: ", ")
        statement = try database.makeStatement(
            sql: "INSERT INTO executions (\(names.joined(separator: ", "))) VALUES (\(marks))")
    }

    func insert(_ rows: [Int], _ hashes: RowHashes, importID: Int64?) throws {
        let handle = statement.sqliteStatement
        let texts = columns.map { $0.isText ? table.texts($0) : TextColumn() }
        let numbers = columns.map { $0.isText ? [] : table.numbers($0) }
        defer { sqlite3_clear_bindings(handle) }
        for row in rows {
            if let importID { sqlite3_bind_int64(handle, 1, importID) } else { sqlite3_bind_null(handle, 1) }
            sqlite3_bind_int64(handle, 2, Int64(bitPattern: hashes.values[row]))
            for index in columns.indices {
                let position = Int32(truncatingIfNeeded: index + 3)
                if columns[index].isText {
                    let code = texts[index].codes[row]
                    if code < 0 {
                        sqlite3_bind_null(handle, position)
                    } else {
                        texts[index].levels.bytes(code).withUnsafeBytes { bytes in
                            // The transient destructor (−1) makes SQLite copy the bytes.
                            _ = sqlite3_bind_text(
                                handle, position, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                                Int32(truncatingIfNeeded: bytes.count),
                                unsafeBitCast(-1, to: sqlite3_destructor_type.self))
                        }
                    }
                } else {
                    let number = numbers[index][row]
                    if number.isNaN {
                        sqlite3_bind_null(handle, position)
                    } else {
                        sqlite3_bind_double(handle, position, number)
                    }
                }
            }
            if !table.parameters.isEmpty { try bindParameters(of: row, handle) }
            let code = sqlite3_step(handle)
            sqlite3_reset(handle)
            guard code == SQLITE_DONE else {
                throw DatabaseError(
                    resultCode: ResultCode(rawValue: code),
                    message: database.sqliteConnection.map { String(cString: sqlite3_errmsg($0)) })
            }
        }
    }

    private func bindParameters(of row: Int, _ handle: OpaquePointer) throws {
        let values = table.parameters.compactMap { parameter in
            parameter[row].map { (name: parameter.name, value: $0) }
        }
        let position = Int32(truncatingIfNeeded: columns.count + 3)
        guard let text = try StoredParameters.encode(values) else {
            sqlite3_bind_null(handle, position)
            return
        }
        sqlite3_bind_text(handle, position, text, -1, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
    }
}
