public import Forests

/// What to learn from a table: which column, from which others.
public struct TableQuestion: Sendable {
    public var target: String
    /// The features; empty for all columns but those below.
    public var features: [String] = []
    public var dropped: [String] = []
    /// Columns that are only known after what is predicted; no features unless they are named as such.
    public var results: Set<String> = []
    public var weight: String?
    /// Learn the logarithm of the target, so that errors count in proportion.
    public var isLogarithmic = false
    /// Columns that say how rows belong together or when they were; no features unless they are named as such.
    public var group: String?
    public var time: String?

    public init(target: String) { self.target = target }
}

/// The rows of a table that have a target, ready to learn from.
public struct TableSamples: Sendable {
    public let path: String
    public let data: ForestData
    /// On the scale that is learnt: logarithms, where these were asked for; of words their places in ``classes``.
    public let target: [Double]
    /// The different words of the target, ascending; `nil` if it holds numbers.
    public let classes: [String]?
    public let isLogarithmic: Bool
    public let weights: [Double]?
    public let groups: [String]?
    public let times: [Double]?
    /// The line of every row in the file.
    public let lines: [Int]
    /// What people should know about what was left out.
    public let remarks: [String]

    public var count: Int { target.count }

    /// - Throws: ``TableError`` for columns that do not exist or cannot be used.
    public init(_ table: TableFile, _ question: TableQuestion) throws {
        let (raw, classes) = try table.target(question)
        var remarks: [String] = []
        if let row = raw.firstIndex(where: \.isInfinite) {
            throw TableError.infinite(table.path, line: table.lines[row], column: question.target, found: raw[row])
        }
        let rows = raw.indices.filter { raw[$0].isFinite }
        guard !rows.isEmpty else { throw TableError.noTarget(table.path, question.target) }
        if rows.count < raw.count {
            remarks.append("\(raw.count - rows.count) of \(raw.count) rows have no '\(question.target)': left out")
        }
        if question.isLogarithmic, let row = rows.first(where: { raw[$0] <= 0 }) {
            throw TableError.notPositive(
                table.path, line: table.lines[row], column: question.target, found: raw[row])
        }
        for name in question.dropped + question.features { _ = try table.column(name) }
        if question.features.contains(question.target) {
            throw TableError.contradiction(
                "'\(question.target)' is the target and a feature", remedy: "Leave it out of --features.")
        }
        let excluded = Set(
            [question.target] + question.dropped + [question.weight, question.group, question.time].compactMap(\.self))
        var columns: [ForestData.Column] = []
        var (results, names) = ([String](), [String]())
        for column in table.columns {
            if question.features.isEmpty {
                let isGroupOnly = column.name == question.group && !Self.isWords(column)
                guard column.name == question.group ? !isGroupOnly : !excluded.contains(column.name) else { continue }
                if question.results.contains(column.name) {
                    results.append(column.name)
                    continue
                }
                if case .words(let words) = column.values {
                    let known = rows.compactMap { words[$0] }
                    if known.count > 20, Double(Set(known).count) > 0.9 * Double(known.count) {
                        names.append(column.name)
                        continue
                    }
                }
            } else if !question.features.contains(column.name) {
                continue
            }
            switch column.values {
            case .numbers(let numbers):
                guard rows.contains(where: { !numbers[$0].isNaN }) || !question.features.isEmpty else { continue }
                if let row = rows.first(where: { numbers[$0].isInfinite }) {
                    throw TableError.infinite(
                        table.path, line: table.lines[row], column: column.name, found: numbers[row])
                }
                let own = rows.map { numbers[$0] }
                columns.append(.numeric(column.name, own))
                remarks += Self.precisionRemark(column.name, own).map { [$0] } ?? []
            case .words(let words): columns.append(.categorical(column.name, rows.map { words[$0] }))
            }
        }
        if !results.isEmpty {
            remarks.append("not used, as only known after or during a run: \(results.joined(separator: ", "))")
        }
        if !names.isEmpty {
            remarks.append("not used, as other in nearly every row: \(names.joined(separator: ", "))")
        }
        guard !columns.isEmpty else { throw TableError.noFeatures(table.path) }
        data = try ForestData(columns)
        (path, self.classes) = (table.path, classes)
        target = rows.map { question.isLogarithmic ? logarithm(raw[$0]) : raw[$0] }
        isLogarithmic = question.isLogarithmic
        weights = try question.weight.map { name in
            let weights = try table.numbers(name)
            return rows.map { weights[$0] }
        }
        groups = try question.group.map { name in
            let words = try table.words(name)
            return rows.map { words[$0] ?? "(none)" }
        }
        times = try question.time.map { name in
            let times = try table.times(name)
            return try rows.map { row in
                guard !times[row].isNaN else {
                    throw TableError.noTime(table.path, line: table.lines[row], column: name, found: "")
                }
                return times[row]
            }
        }
        lines = rows.map { table.lines[$0] }
        self.remarks = remarks
    }

    /// What is lost of a feature in single precision, in which forests compare numbers; `nil` if that is little.
    private static func precisionRemark(_ name: String, _ values: [Double]) -> String? {
        let offset = ForestFeature.offset(of: values)
        let all = Set(values.lazy.filter { !$0.isNaN }).count
        let left = Set(values.lazy.filter { !$0.isNaN }.map { Float($0 - offset) }).count
        guard 10 * left < 9 * all else { return nil }
        return "the \(all) values of '\(name)' are only \(left) in single precision, in which forests compare numbers: "
            + "subtract a constant, or say that they are names (--categorical \(name))"
    }

    private static func isWords(_ column: TableFile.Column) -> Bool {
        if case .words = column.values { true } else { false }
    }

    /// Some of the rows.
    public func rows(_ indices: [Int]) -> TableSamples {
        TableSamples(self, indices)
    }

    private init(_ all: TableSamples, _ indices: [Int]) {
        (path, isLogarithmic, classes, remarks) = (all.path, all.isLogarithmic, all.classes, all.remarks)
        data = all.data.rows(indices)
        target = indices.map { all.target[$0] }
        weights = all.weights.map { weights in indices.map { weights[$0] } }
        groups = all.groups.map { groups in indices.map { groups[$0] } }
        times = all.times.map { times in indices.map { times[$0] } }
        lines = indices.map { all.lines[$0] }
    }

    /// From the scale that is learnt to that of the target.
    public func scale(_ score: Double) -> Double { isLogarithmic ? exponential(score) : score }
}

extension TableFile {
    /// The numbers of a target; of words their places among the different ones.
    fileprivate func target(_ question: TableQuestion) throws(TableError) -> (values: [Double], classes: [String]?) {
        guard case .words(let words) = try column(question.target).values else {
            return (try numbers(question.target), nil)
        }
        let classes = Set(words.compactMap(\.self)).sorted()
        let numeric = classes.count { Double($0) != nil }
        // Numbers among words are a damaged column of numbers, unless somebody says that they are names.
        if numeric > 0, numeric < classes.count, !(try column(question.target).isCategorical) {
            _ = try numbers(question.target)
        }
        guard 2...ForestClassifier.largestClassCount ~= classes.count else {
            throw .contradiction(
                "\(path): '\(question.target)' holds \(classes.count) different words",
                remedy:
                    "Classes can be 2 to \(ForestClassifier.largestClassCount); choose another column, or one of numbers."
            )
        }
        if question.isLogarithmic {
            throw .contradiction(
                "'\(question.target)' holds words, which have no logarithms", remedy: "Leave out --log.")
        }
        var places: [String: Double] = [:]
        for (place, name) in classes.enumerated() { places[name] = Double(place) }
        return (words.map { $0.flatMap { places[$0] } ?? .nan }, classes)
    }

    /// A table for a model: what it knows as levels is read as it is written, as the training table was.
    public init(_ path: String, for features: [ForestFeature]) throws {
        try self.init(path, categorical: Set(features.filter { $0.levels != nil }.map(\.name)))
    }

    /// The columns that a model asks for; one that the table does not have is an error.
    public func data(for features: [ForestFeature]) throws -> ForestData {
        try ForestData(
            features.map { feature in
                guard feature.levels != nil else {
                    return .numeric(feature.name, try truths(feature.name) ?? numbers(feature.name))
                }
                return .categorical(feature.name, try words(feature.name).map { $0.map(feature.level) })
            })
    }

    /// A column of true and false as 1 and 0, as other programs count them; `nil` for any other column.
    private func truths(_ name: String) throws(TableError) -> [Double]? {
        guard case .words(let words) = try column(name).values else { return nil }
        let known: [String?: Double] = ["true": 1, "false": 0, nil: .nan]
        let values = words.compactMap { known[$0?.lowercased()] }
        return values.count == words.count ? values : nil
    }
}
