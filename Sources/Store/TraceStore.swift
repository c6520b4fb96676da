internal import CSQLite
internal import Foundation
internal import Traces
internal import Workloads

/// The durable store of imported traces and of the outcomes of runs: one SQLite file, one schema for both.
///
///     let store = try TraceStore(folder: ".almanac")
///     let report = try store.importFile("trace.txt")
///     let table = try store.executions()
///
/// An import is one transaction: it is stored whole or not at all, also after `kill -9` or on a full disk. A row that the
/// store already holds is not stored twice, so importing a file again, or the same file after it has grown, adds only
/// what is new. Several processes may use one store; writers wait for each other.
public final class TraceStore: Sendable {
    /// The SQLite file.
    public let path: String
    let queue: DatabaseQueue
    /// Which file was opened.
    let identity: FileIdentity?

    static let schemaVersion = 5
    static let busySeconds = 60.0

    /// Opens the store in `folder`, which is made if it does not exist.
    public init(folder: String) throws(StoreError) {
        path = (folder as NSString).appendingPathComponent("traces.sqlite")
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw .cannotOpen(folder, reason: "the folder cannot be made: \((error as NSError).localizedDescription)")
        }
        queue = try Self.open(path)
        identity = FileIdentity(path)
        let found = try version()
        if found < Self.schemaVersion { try transaction { try Self.makeSchema($0) } }
    }

    /// Opens a store that exists, to read it; one that this user may not write, too.
    ///
    /// - Throws: ``StoreError/damaged(_:reason:)`` also for a file without any bytes.
    public init(reading folder: String) throws(StoreError) {
        path = (folder as NSString).appendingPathComponent("traces.sqlite")
        guard let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber else {
            throw .cannotOpen(path, reason: "there is no such file")
        }
        guard size.intValue > 0 else { throw .damaged(path, reason: "the file has no bytes") }
        let files = FileManager.default
        let mayWrite = files.isWritableFile(atPath: path) && files.isWritableFile(atPath: folder.isEmpty ? "." : folder)
        var mayMigrate = mayWrite
        do {
            queue = try Self.open(path, mayWrite ? .shared : .readOnly)
        } catch {
            // A full disk has no room for what readers and writers share beside the file.
            guard mayWrite, Self.freeBytes(path) < 1 << 20, let alone = try? Self.open(path, .alone) else {
                throw error
            }
            (queue, mayMigrate) = (alone, false)
        }
        identity = FileIdentity(path)
        let found = try version()
        if mayMigrate, found < Self.schemaVersion { try transaction { try Self.makeSchema($0) } }
    }

    /// Whether SQLite finds the file sound: `nil`, or what it complains of. O(size of the file).
    public func fault() throws(StoreError) -> String? {
        try access { database in
            let words = try database.rows(sql: "PRAGMA quick_check(3)").map { $0[0] as String }
            return words == ["ok"] ? nil : words.joined(separator: "; ")
        }
    }

    private enum Mode {
        /// Together with other readers and writers.
        case shared
        /// As long as nobody else has it open; needs no room on the disk.
        case alone
        /// A file that nobody changes.
        case readOnly
    }

    private static func open(_ path: String, _ mode: Mode = .shared) throws(StoreError) -> DatabaseQueue {
        var name = path
        if mode == .readOnly {
            // Readers of WAL, too, want to write beside the file; unless told that nobody changes it.
            let allowed = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: "?#%"))
            name = "file:\(path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path)?immutable=1"
        }
        // Nobody waits for the change to WAL: SQLite refuses it at once where several open a new store together.
        let end = ContinuousClock.now + .seconds(busySeconds)
        while true {
            do {
                return try DatabaseQueue(path: name, readOnly: mode == .readOnly, busySeconds: busySeconds) {
                    database in
                    // WAL lets readers go on while one process writes; FULL makes every commit survive a power cut.
                    // Large pages (of a new store) and a cache of 64 MB make bulk imports a third faster.
                    if mode == .alone {
                        // First of all: whatever reads the schema would look for the room that others share.
                        try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
                        _ = try database.number(sql: "SELECT COUNT(*) FROM sqlite_master")
                    } else if mode == .shared {
                        try database.execute(
                            sql: "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
                    }
                    try database.execute(sql: "PRAGMA cache_size = -65536; PRAGMA foreign_keys = ON")
                }
            } catch {
                let error = explained(error, path, opening: true)
                guard case .busy = error, .now < end else { throw error }
                usleep(20_000)
            }
        }
    }

    /// The version of the schema.
    private func version() throws(StoreError) -> Int {
        let found = try access { database in Int(try database.number(sql: "PRAGMA user_version") ?? 0) }
        guard found <= Self.schemaVersion else { throw .newer(path, found: found, supported: Self.schemaVersion) }
        return found
    }

    /// How many rows of each kind the store holds.
    public func summary() throws(StoreError) -> StoreSummary {
        try access { database in
            func count(_ sql: String) throws -> Int { Int(try database.number(sql: sql) ?? 0) }
            return StoreSummary(
                executions: try count("SELECT COUNT(*) FROM executions"),
                spotMarkets: try count("SELECT COUNT(*) FROM spot_markets"),
                spotPrices: try count("SELECT COUNT(*) FROM spot_prices"),
                availabilityTraces: try count("SELECT COUNT(*) FROM availability"),
                lifetimes: try count("SELECT COUNT(*) FROM lifetimes"))
        }
    }

    func access<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do { return try queue.use(body) } catch { throw Self.explained(error, path) }
    }

    func transaction<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try queue.use { database in try database.inTransaction { try body(database) } }
        } catch { throw Self.explained(error, path) }
    }

    private static func explained(_ error: any Error, _ path: String, opening: Bool = false) -> StoreError {
        if let error = error as? StoreError { return error }
        guard let error = error as? DatabaseError else { return .failed(path, reason: "\(error)") }
        let reason = error.message ?? "SQLite error \(error.code)"
        switch error.code {
        case SQLITE_FULL: return .full(path)
        case SQLITE_BUSY, SQLITE_LOCKED: return .busy(path)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return .damaged(path, reason: reason)
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: return .cannotOpen(path, reason: reason)
        case SQLITE_IOERR where opening: return .cannotOpen(path, reason: reason)
        // On a full disk the write-ahead log fails with an input/output error, not with SQLITE_FULL.
        case SQLITE_IOERR where freeBytes(path) < 1 << 20: return .full(path)
        default: return .failed(path, reason: reason)
        }
    }

    private static func freeBytes(_ path: String) -> Int {
        let folder = (path as NSString).deletingLastPathComponent
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.isEmpty ? "." : folder)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue ?? .max
    }

    /// Brings a store of an earlier release to the schema of this one, one version after the other.
    private static func migrate(_ database: Database, from version: Int) throws {
        if version < 2 { try database.execute(sql: "ALTER TABLE imports ADD COLUMN digest TEXT") }
        if version < 3 { try database.execute(sql: demandTable) }
        if version < 4 { try mendOutcomes(database) }
        if version < 5 { try addColumns(database) }
        try database.execute(sql: "PRAGMA user_version = \(schemaVersion)")
    }

    private static let demandTable = """
        CREATE TABLE demand (execution_id INTEGER PRIMARY KEY REFERENCES executions, series BLOB NOT NULL);
        """

    /// Every run of our own has a name, and every life is one row.
    private static let runTables = """
        CREATE TABLE IF NOT EXISTS runs (
            workflow TEXT NOT NULL, job TEXT NOT NULL, PRIMARY KEY (workflow, job)) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS instance_lives (
            workflow TEXT NOT NULL, job TEXT NOT NULL, number INTEGER NOT NULL, instance TEXT NOT NULL,
            instance_type TEXT NOT NULL, purchase TEXT NOT NULL, zone TEXT, requested_time_seconds REAL NOT NULL,
            opened_time_seconds REAL, closed_time_seconds REAL NOT NULL, ending TEXT NOT NULL,
            price_per_hour REAL NOT NULL, cost REAL NOT NULL, PRIMARY KEY (workflow, job, number)) WITHOUT ROWID;
        """

    private static func declaration(_ column: AttemptColumn) -> String {
        "\(column.name) \(column.isText ? "TEXT" : "REAL")"
    }

    static func columnNames(_ database: Database) throws -> Set<String> {
        Set(try database.rows(sql: "SELECT name FROM pragma_table_info('executions')").map { $0[0] as String })
    }

    /// Columns that are new; what earlier releases wrote of our own runs as parameters goes where it belongs.
    private static func addColumns(_ database: Database) throws {
        let known = try columnNames(database)
        for column in AttemptColumn.allCases where !known.contains(column.name) {
            try database.execute(sql: "ALTER TABLE executions ADD COLUMN \(declaration(column))")
        }
        let moved = [
            ("instance", "instance", "TRUE"), ("failure", "failure_message", "status <> 'completed'"),
            ("alert", "alert", "json_extract(parameters, '$.alert') LIKE '%above the predicted%'"),
        ]
        for (parameter, column, condition) in moved {
            try database.execute(
                sql: """
                    UPDATE executions SET \(column) = json_extract(parameters, '$.\(parameter)'),
                        parameters = NULLIF(json_remove(parameters, '$.\(parameter)'), '{}')
                    WHERE import_id IS NULL AND json_type(parameters, '$.\(parameter)') = 'text' AND \(condition)
                    """)
        }
        try database.execute(sql: runTables)
    }

    /// An attempt of our own runs is one row.
    private static let outcomeIndex = """
        CREATE UNIQUE INDEX outcomes ON executions (workflow, job, task, attempt) WHERE import_id IS NULL;
        """

    /// Earlier releases stored an outcome again where a run was interrupted at the wrong moment: those go. Different
    /// attempts of one name, which a run has whose folder was removed before the next one, get names of their own.
    private static func mendOutcomes(_ database: Database) throws {
        func repeated(_ columns: String) -> String {
            """
            SELECT id, number FROM (
                SELECT id, ROW_NUMBER() OVER (PARTITION BY \(columns) ORDER BY id) AS number FROM executions
                WHERE import_id IS NULL AND workflow || job || task || attempt IS NOT NULL)
            WHERE number > 1
            """
        }
        let equal = repeated("workflow, job, task, attempt, row_hash")
        try database.execute(
            sql: """
                CREATE TEMPORARY TABLE repeated AS \(equal);
                DELETE FROM demand WHERE execution_id IN (SELECT id FROM repeated);
                DELETE FROM executions WHERE id IN (SELECT id FROM repeated);
                DROP TABLE repeated;
                """)
        // A new name may be taken, too.
        repeat {
            try database.execute(
                sql: """
                    UPDATE executions SET job = executions.job || '#' || named.number
                    FROM (\(repeated("workflow, job, task, attempt"))) AS named WHERE executions.id = named.id
                    """)
        } while database.changesCount > 0
        try database.execute(sql: outcomeIndex)
    }

    private static func makeSchema(_ database: Database) throws {
        // Another process may have made it while this one waited.
        let found = Int(try database.number(sql: "PRAGMA user_version") ?? 0)
        guard found < schemaVersion else { return }
        if found > 0 { return try migrate(database, from: found) }
        let columns = AttemptColumn.allCases.map(declaration)
        try database.execute(
            sql: """
                CREATE TABLE imports (
                    id INTEGER PRIMARY KEY, source TEXT NOT NULL, format TEXT NOT NULL, imported_at REAL NOT NULL,
                    rows INTEGER NOT NULL, digest TEXT);
                CREATE TABLE executions (
                    id INTEGER PRIMARY KEY, import_id INTEGER REFERENCES imports, row_hash INTEGER NOT NULL,
                    \(columns.joined(separator: ", ")), parameters TEXT);
                CREATE TABLE spot_markets (
                    id INTEGER PRIMARY KEY, instance_type TEXT NOT NULL, zone TEXT NOT NULL, product TEXT NOT NULL,
                    UNIQUE (instance_type, zone, product));
                CREATE TABLE spot_prices (
                    market_id INTEGER NOT NULL REFERENCES spot_markets, time_seconds REAL NOT NULL,
                    price_per_hour REAL NOT NULL, PRIMARY KEY (market_id, time_seconds)) WITHOUT ROWID;
                CREATE TABLE availability (
                    name TEXT PRIMARY KEY, start_seconds REAL NOT NULL, step_seconds REAL NOT NULL,
                    capacity INTEGER NOT NULL, counts BLOB NOT NULL, prices BLOB);
                CREATE TABLE lifetimes (
                    vm TEXT NOT NULL, zone TEXT NOT NULL, instance_type TEXT NOT NULL, start_seconds REAL NOT NULL,
                    lifetime_seconds REAL NOT NULL, reclaimed INTEGER NOT NULL, PRIMARY KEY (vm, start_seconds));
                \(demandTable)
                \(runTables)
                \(outcomeIndex)
                PRAGMA user_version = \(schemaVersion);
                """)
    }
}

/// How much a store holds.
public struct StoreSummary: Sendable, Hashable, Codable {
    /// Attempts at tasks, imported or of our own runs.
    public var executions: Int
    /// Series of spot prices.
    public var spotMarkets: Int
    /// Observations in them.
    public var spotPrices: Int
    /// Traces of spot availability.
    public var availabilityTraces: Int
    /// Recorded lives of spot machines.
    public var lifetimes: Int

    enum CodingKeys: String, CodingKey {
        case executions, lifetimes
        case spotMarkets = "spot_markets"
        case spotPrices = "spot_prices"
        case availabilityTraces = "availability_traces"
    }
}

/// Which file a path names.
struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let node: UInt64

    /// `nil` if there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, node) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
}
