import Reading
import Workloads

/// Which field of a delimited line goes where, and in which unit, as the header says.
struct ColumnHeader: Sendable {
    /// What a field is.
    enum Target: Hashable, Sendable {
        case column(AttemptColumn)
        case parameter(String)

        var name: String {
            switch self {
            case .column(let column): column.name
            case .parameter(let name): "param.\(name)"
            }
        }
    }

    struct Field: Sendable {
        let target: Target
        let unit: FieldUnit
    }

    /// One per field of a line; `nil` is passed over.
    var fields: [Field?] = []
    /// Names that mean nothing to us.
    var ignored: [String] = []

    /// Understands the names of the trace schema (`runtime_seconds`), the same with another unit (`runtime_ms`,
    /// `runtime_seconds[ms]`), and `param.NAME`.
    ///
    /// - Throws: ``TraceError`` for a column that occurs twice, or whose name is a misspelt one of ours.
    init(_ names: [String], file: String) throws(TraceError) {
        var seen: [Target: Int] = [:]
        for (index, name) in names.enumerated() {
            let field = Self.field(named: name)
            if let field, let first = seen.updateValue(index, forKey: field.target) {
                throw .malformed(
                    at: TextPosition(file: file, line: 1, column: index + 1),
                    found: "'\(name)', which is the same as column \(first + 1)", expected: "every column once",
                    remedy: "Remove or rename one of the two.")
            }
            if field == nil, let near = nearestName(to: name, among: AttemptColumn.allCases.map(\.name)) {
                throw .malformed(
                    at: TextPosition(file: file, line: 1, column: index + 1), found: "the column '\(name)'",
                    expected: "'\(near)'",
                    remedy: "Rename it, or call it 'param.\(name)' if it is something else.")
            }
            if field == nil { ignored.append(name) }
            fields.append(field)
        }
    }

    static func field(named name: String) -> Field? {
        if name.hasPrefix("param."), name.utf8.count > 6 {
            return Field(target: .parameter(String(name.dropFirst(6))), unit: .asWritten)
        }
        if let column = AttemptColumn(name: name) { return Field(target: .column(column), unit: .asWritten) }
        return unitVariants[name].map { Field(target: .column($0.0), unit: $0.1) }
    }

    /// `runtime_ms`, `runtime[ms]`, `runtime_seconds[ms]` and so on for every column and unit that fit.
    private static let unitVariants: [String: (AttemptColumn, FieldUnit)] = {
        var variants: [String: (AttemptColumn, FieldUnit)] = [:]
        for column in AttemptColumn.allCases {
            for unit in FieldUnit.units(for: column.unit) {
                let stem = column.name.hasSuffix("_seconds") ? column.name.dropLast(8) : column.name.dropLast(6)
                for name in ["\(stem)_\(unit.name)", "\(stem)_\(unit.name.lowercased())", "\(stem)[\(unit.name)]"] {
                    variants[name] = (column, unit)
                }
                variants["\(column.name)[\(unit.name)]"] = (column, unit)
            }
        }
        return variants
    }()
}

/// The unit of the numbers in a foreign column: a value in ours is `value * multiplier / divisor`.
public struct FieldUnit: Hashable, Sendable {
    /// For instance `ms`; empty for ``asWritten``.
    public let name: String
    let dimension: AttemptColumn.Unit?
    let multiplier: Double
    let divisor: Double

    /// Bare numbers are in the unit of the schema; texts such as `4.5 GB` or `1h 3m` carry their own.
    public static let asWritten = FieldUnit("", nil)
    /// Percent of one core during the run: with the run time it gives CPU seconds.
    public static let percentOfCore = FieldUnit("percent", .seconds, times: 1, over: 100)

    /// The unit of that name (`ms`, `min`, `MB`, `GiB`, `percent` …).
    public init?(name: String) {
        guard let unit = Self.all.first(where: { $0.name == name || $0.name.lowercased() == name }) else { return nil }
        self = unit
    }

    static func units(for dimension: AttemptColumn.Unit) -> [FieldUnit] {
        let wanted: AttemptColumn.Unit = dimension == .unixSeconds ? .seconds : dimension
        return all.filter { $0.dimension == wanted && $0 != percentOfCore }
    }

    static let all = [
        FieldUnit("ns", .seconds, over: 1e9), FieldUnit("us", .seconds, over: 1e6),
        FieldUnit("ms", .seconds, over: 1e3),
        FieldUnit("s", .seconds), FieldUnit("seconds", .seconds), FieldUnit("min", .seconds, times: 60),
        FieldUnit("minutes", .seconds, times: 60), FieldUnit("h", .seconds, times: 3600),
        FieldUnit("hours", .seconds, times: 3600), FieldUnit("d", .seconds, times: 86400),
        FieldUnit("days", .seconds, times: 86400),
        FieldUnit("B", .bytes), FieldUnit("bytes", .bytes), FieldUnit("kB", .bytes, times: 1e3),
        FieldUnit("MB", .bytes, times: 1e6), FieldUnit("GB", .bytes, times: 1e9), FieldUnit("TB", .bytes, times: 1e12),
        FieldUnit("KiB", .bytes, times: 1024), FieldUnit("MiB", .bytes, times: 1_048_576),
        FieldUnit("GiB", .bytes, times: 1_073_741_824), FieldUnit("TiB", .bytes, times: 1_099_511_627_776),
        percentOfCore,
    ]

    private init(
        _ name: String, _ dimension: AttemptColumn.Unit?, times multiplier: Double = 1, over divisor: Double = 1
    ) {
        (self.name, self.dimension, self.multiplier, self.divisor) = (name, dimension, multiplier, divisor)
    }

    @inline(__always) func convert(_ value: Double) -> Double { value * multiplier / divisor }
}
