import Reading
public import Workloads

/// Executions column by column: what a model is fitted on.
///
/// Numbers are contiguous, `nan` where missing; texts are codes into distinct levels, -1 where missing. A column of
/// which nothing is known takes no memory.
///
///     let runtimes = table.numbers(.runtime)          // one per row
///     let types = table.texts(.taskType)              // types.codes[row], types.levels[code]
///
/// - Invariant: Every stored column has `rowCount` rows.
public struct ExecutionTable: Sendable {
    /// How many attempts the table holds.
    public package(set) var rowCount = 0
    /// The `param.` columns by name without that prefix, in the order of their first appearance.
    public internal(set) var parameters: [Parameter] = []

    /// By the raw value of ``AttemptColumn``; empty where every row is missing.
    package var numberColumns = [[Double]](repeating: [], count: AttemptColumn.allCases.count)
    package var textColumns = [TextColumn](repeating: TextColumn(), count: AttemptColumn.allCases.count)

    /// A table without rows.
    public init() {}

    /// The rows of `records`, in their order.
    public init(_ records: some Sequence<AttemptRecord>) { for record in records { append(record) } }

    /// A `param.` column.
    public struct Parameter: Sendable, Hashable {
        /// Without `param.`.
        public let name: String
        /// One per row.
        public internal(set) var values: Values

        /// Numbers, `nan` where missing, if every value is one; else texts.
        public enum Values: Sendable {
            case numbers([Double])
            case texts(TextColumn)
        }
    }

    /// Whether any row has a value in the column.
    public func has(_ column: AttemptColumn) -> Bool {
        column.isText ? textColumns[column.rawValue].count > 0 : !numberColumns[column.rawValue].isEmpty
    }

    /// The numbers of a column, one per row, `nan` where missing; of a text column all are missing.
    public func numbers(_ column: AttemptColumn) -> [Double] {
        has(column) && !column.isText ? numberColumns[column.rawValue] : [Double](repeating: .nan, count: rowCount)
    }

    /// The texts of a column, one per row; of a number column all are missing.
    public func texts(_ column: AttemptColumn) -> TextColumn {
        if has(column), column.isText { return textColumns[column.rawValue] }
        var missing = TextColumn()
        missing.codes = [Int32](repeating: -1, count: rowCount)
        return missing
    }

    /// A `param.` column by its name without that prefix.
    public func parameter(_ name: String) -> Parameter.Values? { parameters.first { $0.name == name }?.values }

    /// One row.
    public subscript(row: Int) -> AttemptRecord {
        var record = AttemptRecord()
        for column in AttemptColumn.allCases where has(column) {
            if column.isText {
                record[text: column] = textColumns[column.rawValue][row]
            } else if case let number = numberColumns[column.rawValue][row], !number.isNaN {
                record[number: column] = number
            }
        }
        for parameter in parameters { record.parameters[parameter.name] = parameter[row] }
        return record
    }

    /// Adds a row.
    public mutating func append(_ record: AttemptRecord) {
        for column in AttemptColumn.allCases {
            let index = column.rawValue
            if column.isText {
                let text = record[text: column]
                if text != nil || textColumns[index].count > 0 {
                    textColumns[index].pad(to: rowCount)
                    textColumns[index].append(text)
                }
            } else if let number = record[number: column], !number.isNaN {
                numberColumns[index].pad(to: rowCount)
                numberColumns[index].append(number)
            } else if !numberColumns[index].isEmpty {
                numberColumns[index].append(.nan)
            }
        }
        rowCount += 1
        setParameters(record.parameters, row: rowCount - 1)
        padParameters()
    }

    /// Sets the parameters of the last row; those that are new become columns.
    package mutating func setParameters(_ values: [String: ParameterValue], row: Int) {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            if let index = parameters.firstIndex(where: { $0.name == name }) {
                parameters[index].append(value, row: row)
            } else {
                var parameter = Parameter(name: name, values: .numbers([]))
                parameter.append(value, row: row)
                parameters.append(parameter)
            }
        }
    }

    /// Parameters whose words are all numbers become numbers, as they do in a CSV that says the same.
    mutating func settleParameters() {
        for index in parameters.indices {
            guard case .texts(let texts) = parameters[index].values, let numbers = texts.asNumbers() else { continue }
            parameters[index].values = .numbers(numbers)
        }
    }

    package mutating func padParameters() {
        for index in parameters.indices { parameters[index].pad(to: rowCount) }
    }

    /// Adds the rows of another table.
    public mutating func append(_ other: ExecutionTable) {
        for row in 0..<other.rowCount { append(other[row]) }
    }

    /// Puts all rows into one workflow; those without a job get this one.
    package mutating func setWorkflow(_ workflow: String, job: String?) {
        var workflows = TextColumn()
        var jobs = texts(.job)
        let code = rowCount > 0 ? workflows.levels.intern(workflow.utf8) : 0
        workflows.codes = [Int32](repeating: code, count: rowCount)
        if let job, jobs.codes.contains(-1) {
            let code = jobs.levels.intern(job.utf8)
            jobs.codes = jobs.codes.map { $0 < 0 ? code : $0 }
        }
        textColumns[AttemptColumn.workflow.rawValue] = workflows
        if jobs.levels.count > 0 { textColumns[AttemptColumn.job.rawValue] = jobs }
    }

    /// The rows for which `isIncluded` holds, in their order.
    public func filter(_ isIncluded: (AttemptRecord) -> Bool) -> ExecutionTable {
        ExecutionTable((0..<rowCount).lazy.map { self[$0] }.filter(isIncluded))
    }
}

extension ExecutionTable.Parameter {
    /// The value of a row, or `nil` if it is missing.
    public subscript(row: Int) -> ParameterValue? {
        switch values {
        case .numbers(let numbers): numbers[row].isNaN ? nil : .number(numbers[row])
        case .texts(let texts): texts[row].map { .text($0) }
        }
    }

    mutating func append(_ value: ParameterValue, row: Int) {
        pad(to: row)
        switch (values, value) {
        case (.numbers(var numbers), .number(let number)):
            values = .numbers([])
            numbers.append(number)
            values = .numbers(numbers)
        case (.numbers(let numbers), .text(let text)):
            // The first word makes the whole column one of words.
            var texts = TextColumn()
            for number in numbers { texts.append(number.isNaN ? nil : Units.shortest(number)) }
            texts.append(text)
            values = .texts(texts)
        case (.texts(var texts), _):
            values = .numbers([])
            texts.append(value.text)
            values = .texts(texts)
        }
    }

    mutating func pad(to count: Int) {
        switch values {
        case .numbers(var numbers):
            guard numbers.count < count else { return }
            values = .numbers([])
            numbers.pad(to: count)
            values = .numbers(numbers)
        case .texts(var texts):
            guard texts.count < count else { return }
            values = .numbers([])
            texts.pad(to: count)
            values = .texts(texts)
        }
    }
}

extension ExecutionTable.Parameter.Values: Hashable {
    /// Equal values in equal rows; missing equals missing.
    public static func == (a: Self, b: Self) -> Bool {
        switch (a, b) {
        case (.numbers(let a), .numbers(let b)): sameNumbers(a, b)
        case (.texts(let a), .texts(let b)): a == b
        default: false
        }
    }

    /// Constant: columns are compared, not looked up.
    public func hash(into hasher: inout Hasher) {}
}

extension ExecutionTable: Equatable {
    /// Equal values in equal rows; missing equals missing, whatever the codes of texts are.
    public static func == (a: Self, b: Self) -> Bool {
        a.rowCount == b.rowCount && a.textColumns == b.textColumns
            && zip(a.numberColumns, b.numberColumns).allSatisfy(sameNumbers)
            && a.parameters.sorted { $0.name < $1.name } == b.parameters.sorted { $0.name < $1.name }
    }
}

private func sameNumbers(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
}

extension [Double] {
    @inlinable package mutating func pad(to count: Int) {
        if self.count < count { append(contentsOf: repeatElement(.nan, count: count - self.count)) }
    }
}

extension TextColumn {
    package mutating func pad(to count: Int) {
        if codes.count < count { codes.append(contentsOf: repeatElement(-1, count: count - codes.count)) }
    }
}
