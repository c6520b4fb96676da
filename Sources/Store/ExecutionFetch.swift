internal import CSQLite
internal import Traces
internal import Workloads

/// Reads the rows of a query over all columns of the schema, and `parameters` last, straight into columns.
struct ExecutionFetch {
    private let statement: Statement
    private let path: String

    init(_ statement: Statement, path: String) { (self.statement, self.path) = (statement, path) }

    func fetch() throws -> ExecutionTable {
        let handle = statement.handle
        let columns = AttemptColumn.allCases
        let parametersIndex = Int32(truncatingIfNeeded: columns.count)
        var table = ExecutionTable()
        var numbers = table.numberColumns
        var texts = table.textColumns
        while try statement.step() {
            for column in columns {
                let (index, position) = (column.rawValue, Int32(truncatingIfNeeded: column.rawValue))
                let isMissing = sqlite3_column_type(handle, position) == SQLITE_NULL
                if column.isText {
                    guard !isMissing || texts[index].count > 0 else { continue }
                    texts[index].pad(to: table.rowCount)
                    texts[index].codes.append(isMissing ? -1 : intern(handle, position, &texts[index].levels))
                } else {
                    guard !isMissing || !numbers[index].isEmpty else { continue }
                    numbers[index].pad(to: table.rowCount)
                    numbers[index].append(isMissing ? .nan : sqlite3_column_double(handle, position))
                }
            }
            let row = table.rowCount
            table.rowCount += 1
            if let text = sqlite3_column_text(handle, parametersIndex) {
                table.setParameters(try StoredParameters.decode(String(cString: text), path: path), row: row)
            }
        }
        (table.numberColumns, table.textColumns) = (numbers, texts)
        table.padParameters()
        return table
    }

    private func intern(_ handle: OpaquePointer, _ position: Int32, _ levels: inout TextLevels) -> Int32 {
        guard let text = sqlite3_column_text(handle, position) else { return -1 }
        let letters = UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(handle, position)))
        return levels.intern(letters.span, 0..<letters.count)
    }
}
