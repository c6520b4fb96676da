public import LinearAlgebra

/// A table of features: named numeric and categorical columns, one row per observation.
///
///     let data = try ForestData([
///         .numeric("input_bytes", [1e6, 2e9, .nan]),
///         .categorical("task", ["align", "sort", nil]),
///     ])
///
/// Missing values are NaN in numeric columns and `nil` (code −1) in categorical ones.
public struct ForestData: Sendable {
    /// One column of the table.
    public struct Column: Sendable {
        public let name: String
        public let values: Values

        /// Numbers; NaN where missing. Infinite values are ordinary values at the ends.
        public static func numeric(_ name: String, _ values: [Double]) -> Column {
            Column(name: name, values: .numeric(values))
        }

        /// Names of levels, `nil` where missing. Levels get codes in the order of their names.
        public static func categorical(_ name: String, _ values: [String?]) -> Column {
            let levels = Set(values.lazy.compactMap { $0 }).sorted()
            var codes: [String: Int32] = [:]
            for (code, level) in levels.enumerated() { codes[level] = Int32(clamping: code) }
            return Column(
                name: name,
                values: .categorical(codes: values.map { $0.flatMap { codes[$0] } ?? -1 }, levels: levels))
        }

        /// Codes into `levels`; −1 where missing.
        public static func categorical(_ name: String, codes: [Int32], levels: [String]) -> Column {
            Column(name: name, values: .categorical(codes: codes, levels: levels))
        }
    }

    /// What a column holds.
    public enum Values: Sendable {
        case numeric([Double])
        case categorical(codes: [Int32], levels: [String])

        var count: Int {
            switch self {
            case .numeric(let values): values.count
            case .categorical(let codes, _): codes.count
            }
        }
        var kind: String {
            switch self {
            case .numeric: "numeric"
            case .categorical: "categorical"
            }
        }
    }

    public let columns: [Column]
    public let rowCount: Int

    /// - Throws: ``ForestError`` if there is no column, the lengths differ, two names are equal or a code is out of
    ///   range.
    public init(_ columns: [Column]) throws(ForestError) {
        guard let first = columns.first else { throw .empty(what: "table of features") }
        rowCount = first.values.count
        var names: Set<String> = []
        for column in columns {
            guard column.values.count == rowCount else {
                throw .lengthsDiffer(
                    what: "Column '\(column.name)'", expected: rowCount, found: column.values.count)
            }
            guard names.insert(column.name).inserted else { throw .duplicateColumn(column.name) }
            guard case .categorical(let codes, let levels) = column.values else { continue }
            for (row, code) in codes.enumerated() where code < -1 || Int(code) >= levels.count {
                throw .invalidCode(column: column.name, row: row, code: Int(code), levels: levels.count)
            }
        }
        self.columns = columns
    }

    /// Numeric columns from a matrix, one row per observation.
    ///
    /// - Parameter names: One per column; `x0`, `x1`, … by default.
    public init(_ matrix: Matrix, names: [String]? = nil) throws(ForestError) {
        let names = names ?? (0..<matrix.columns).map { "x\($0)" }
        guard names.count == matrix.columns else {
            throw .lengthsDiffer(what: "Column names", expected: matrix.columns, found: names.count)
        }
        try self.init(names.enumerated().map { .numeric($1, Array(matrix.column($0))) })
    }

    /// The rows at `indices`, in that order. Indices outside the table are a programming error.
    public func rows(_ indices: [Int]) -> ForestData {
        ForestData(
            unchecked: columns.map { column in
                switch column.values {
                case .numeric(let values): .numeric(column.name, indices.map { values[$0] })
                case .categorical(let codes, let levels):
                    .categorical(column.name, codes: indices.map { codes[$0] }, levels: levels)
                }
            }, rowCount: indices.count)
    }

    package init(unchecked columns: [Column], rowCount: Int) { (self.columns, self.rowCount) = (columns, rowCount) }
}
