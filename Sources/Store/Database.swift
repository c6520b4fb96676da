internal import CSQLite
internal import Foundation

/// One connection to an SQLite file, used by one thread at a time.
final class DatabaseQueue: @unchecked Sendable {
    private let database: Database
    private let lock = NSLock()

    /// Opens or makes the file, waits so long for other writers, and lets `prepare` set it up.
    init(
        path: String, readOnly: Bool, busySeconds: Double, prepare: (Database) throws -> Void
    ) throws {
        database = try Database(path: path, readOnly: readOnly)
        sqlite3_busy_timeout(database.connection, Int32(min(busySeconds * 1000, 1e9)))
        try prepare(database)
    }

    /// Runs `body` alone; nested calls are an error of ours and never end.
    func use<Value>(_ body: (Database) throws -> Value) rethrows -> Value {
        lock.lock()
        defer { lock.unlock() }
        return try body(database)
    }
}

/// The connection. Its methods throw ``DatabaseError``.
final class Database {
    let connection: OpaquePointer
    private var cache: [String: Statement] = [:]

    fileprivate init(path: String, readOnly: Bool) throws(DatabaseError) {
        var handle: OpaquePointer?
        let flags = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let handle else {
            defer { sqlite3_close_v2(handle) }
            throw DatabaseError(code: code, message: handle.map { String(cString: sqlite3_errmsg($0)) })
        }
        connection = handle
    }

    deinit {
        cache.removeAll()
        sqlite3_close_v2(connection)
    }

    /// The key of the row that was inserted last.
    var lastInsertedRowID: Int64 { sqlite3_last_insert_rowid(connection) }
    /// Rows that the last statement changed.
    var changesCount: Int { Int(sqlite3_changes(connection)) }
    /// Rows that all statements changed so far.
    var totalChangesCount: Int { Int(sqlite3_total_changes(connection)) }

    /// What went wrong last.
    func error(_ code: Int32) -> DatabaseError {
        DatabaseError(code: code, message: String(cString: sqlite3_errmsg(connection)))
    }

    /// Compiles the first statement of a text.
    func makeStatement(sql: String) throws(DatabaseError) -> Statement {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v2(connection, sql, -1, &handle, nil)
        guard code == SQLITE_OK, let handle else { throw error(code) }
        return Statement(handle, self)
    }

    /// A statement that is kept for the next time.
    func cachedStatement(sql: String) throws(DatabaseError) -> Statement {
        if let known = cache[sql] { return known }
        let statement = try makeStatement(sql: sql)
        cache[sql] = statement
        return statement
    }

    /// Runs all statements of a text; `arguments` are those of the first.
    func execute(sql: String, arguments: [(any DatabaseValue)?] = []) throws(DatabaseError) {
        if !arguments.isEmpty { return try makeStatement(sql: sql).execute(arguments: arguments) }
        let code = sqlite3_exec(connection, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// All rows of a query.
    func rows(sql: String, arguments: [(any DatabaseValue)?] = []) throws(DatabaseError) -> [Row] {
        let statement = try makeStatement(sql: sql)
        statement.bind(arguments)
        var rows: [Row] = []
        while try statement.step() { rows.append(Row(statement)) }
        return rows
    }

    /// The first value of the first row as a whole number; `nil` without a row, or if it is null.
    func number(sql: String, arguments: [(any DatabaseValue)?] = []) throws(DatabaseError) -> Int64? {
        let statement = try makeStatement(sql: sql)
        statement.bind(arguments)
        guard try statement.step(), sqlite3_column_type(statement.handle, 0) != SQLITE_NULL else { return nil }
        return sqlite3_column_int64(statement.handle, 0)
    }

    /// Whether there is a table of this name.
    func tableExists(_ name: String) throws(DatabaseError) -> Bool {
        try number(sql: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", arguments: [name]) != nil
    }

    /// Runs `body` in a transaction that has the right to write from its start; an error takes everything back.
    func inTransaction<Value>(_ body: () throws -> Value) throws -> Value {
        try execute(sql: "BEGIN IMMEDIATE")
        do {
            let value = try body()
            try execute(sql: "COMMIT")
            return value
        } catch {
            // Some errors, a full disk for instance, have ended it already.
            if sqlite3_get_autocommit(connection) == 0 { try? execute(sql: "ROLLBACK") }
            throw error
        }
    }
}

/// A compiled statement.
final class Statement {
    let handle: OpaquePointer
    private unowned let database: Database

    fileprivate init(_ handle: OpaquePointer, _ database: Database) {
        (self.handle, self.database) = (handle, database)
    }

    deinit { sqlite3_finalize(handle) }

    /// Starts anew with other arguments.
    func bind(_ arguments: [(any DatabaseValue)?]) {
        sqlite3_reset(handle)
        for (index, argument) in arguments.enumerated() {
            let position = Int32(truncatingIfNeeded: index + 1)
            if let argument { argument.bind(handle, position) } else { sqlite3_bind_null(handle, position) }
        }
    }

    /// Moves to the next row of the result; false at its end.
    func step() throws(DatabaseError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw database.error(code)
        }
    }

    /// Runs it once.
    func execute(arguments: [(any DatabaseValue)?]) throws(DatabaseError) {
        bind(arguments)
        defer { sqlite3_reset(handle) }
        while try step() {}
    }
}

/// One row of a result, by place from 0 or by name. A value of another type than the one asked for is converted as SQLite
/// does; where no optional is asked for, null is 0 or empty.
struct Row {
    private let values: [Value]
    private let names: [String]

    private enum Value {
        case null, integer(Int64), real(Double), text(String), blob(Data)
    }

    fileprivate init(_ statement: Statement) {
        let handle = statement.handle
        let columns = 0..<sqlite3_column_count(handle)
        names = columns.map { String(cString: sqlite3_column_name(handle, $0)) }
        values = columns.map { column in
            switch sqlite3_column_type(handle, column) {
            case SQLITE_INTEGER: return .integer(sqlite3_column_int64(handle, column))
            case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, column))
            case SQLITE_TEXT: return .text(sqlite3_column_text(handle, column).map { String(cString: $0) } ?? "")
            case SQLITE_BLOB:
                let count = Int(sqlite3_column_bytes(handle, column))
                return .blob(sqlite3_column_blob(handle, column).map { Data(bytes: $0, count: count) } ?? Data())
            default: return .null
            }
        }
    }

    private func value(_ name: String) -> Value { names.firstIndex(of: name).map { values[$0] } ?? .null }

    private func text(_ value: Value) -> String? {
        switch value {
        case .text(let text): text
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .null, .blob: nil
        }
    }

    private func real(_ value: Value) -> Double? {
        switch value {
        case .real(let number): number
        case .integer(let number): Double(number)
        case .text(let text): Double(text)
        case .null, .blob: nil
        }
    }

    private func data(_ value: Value) -> Data? {
        if case .blob(let data) = value { data } else { text(value).map { Data($0.utf8) } }
    }

    subscript(_ column: Int) -> String { text(values[column]) ?? "" }
    subscript(_ column: Int) -> Double { real(values[column]) ?? 0 }
    subscript(_ column: Int) -> Data { data(values[column]) ?? Data() }
    subscript(_ column: Int) -> Data? { data(values[column]) }
    subscript(_ column: Int) -> Int { Int(self[column] as Int64) }
    subscript(_ column: Int) -> Bool { (self[column] as Int64) != 0 }
    subscript(_ column: Int) -> Int64 {
        if case .integer(let number) = values[column] { return number }
        return real(values[column]).flatMap { Int64(exactly: $0.rounded(.towardZero)) } ?? 0
    }
    subscript(_ name: String) -> String? { text(value(name)) }
    subscript(_ name: String) -> Double? { real(value(name)) }
    subscript(_ name: String) -> Data? { data(value(name)) }
}

/// What a statement can be given.
protocol DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32)
}

/// Makes SQLite copy the bytes.
private var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

extension Int: DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32) { sqlite3_bind_int64(handle, position, Int64(self)) }
}

extension Int64: DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32) { sqlite3_bind_int64(handle, position, self) }
}

extension Bool: DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32) { sqlite3_bind_int64(handle, position, self ? 1 : 0) }
}

extension Double: DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32) { sqlite3_bind_double(handle, position, self) }
}

extension String: DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32) {
        withCString { _ = sqlite3_bind_text(handle, position, $0, Int32(clamping: utf8.count), transient) }
    }
}

extension Data: DatabaseValue {
    func bind(_ handle: OpaquePointer, _ position: Int32) {
        // Without bytes there is no address, and SQLite would take that for null.
        guard !isEmpty else {
            sqlite3_bind_zeroblob(handle, position, 0)
            return
        }
        withUnsafeBytes { bytes in
            _ = sqlite3_bind_blob(handle, position, bytes.baseAddress, Int32(clamping: bytes.count), transient)
        }
    }
}

/// What SQLite says of a call that did not succeed.
struct DatabaseError: Error {
    /// One of SQLite's primary result codes.
    var code: Int32
    var message: String?

    init(code: Int32, message: String?) { (self.code, self.message) = (code & 0xff, message) }
}
