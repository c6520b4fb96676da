/// Why a forest could not be fitted, read or used. Every case says what was found and what to do about it.
public enum ForestError: Error, Hashable, CustomStringConvertible {
    /// A table without rows or without columns.
    case empty(what: String)
    case lengthsDiffer(what: String, expected: Int, found: Int)
    case duplicateColumn(String)
    case missingColumn(String, available: [String])
    case wrongKind(column: String, expected: String, found: String)
    /// A target or weight that is NaN, infinite or (where that matters) not positive.
    case invalidValue(what: String, row: Int, found: Double, expected: String)
    case invalidCode(column: String, row: Int, code: Int, levels: Int)
    case option(String, found: String, allowed: String)
    case notStored(what: String, remedy: String)
    case tooLarge(what: String, found: Int, allowed: Int, remedy: String)
    /// A foreign or damaged model file. `line` counts from 1; 0 where the format has no lines.
    case format(file: String, line: Int, found: String, expected: String)

    public var description: String {
        switch self {
        case .empty(let what):
            "The \(what) is empty. Give at least one row and one column."
        case .lengthsDiffer(let what, let expected, let found):
            "\(what): found \(found) values, expected \(expected), one per row."
        case .duplicateColumn(let name):
            "Two columns are named '\(name)'. Rename one of them."
        case .missingColumn(let name, let available):
            "The data have no column '\(name)', which the model was trained on. Found: "
                + "\(available.joined(separator: ", "))."
        case .wrongKind(let column, let expected, let found):
            "Column '\(column)' is \(found), but the model was trained on a \(expected) one. Convert the column."
        case .invalidValue(let what, let row, let found, let expected):
            "\(what), row \(row): found \(found), expected \(expected). Remove or correct the row."
        case .invalidCode(let column, let row, let code, let levels):
            "Column '\(column)', row \(row): code \(code) does not name one of \(levels) levels. "
                + "Use -1 for a missing value."
        case .option(let name, let found, let allowed):
            "Option '\(name)' is \(found); allowed: \(allowed)."
        case .notStored(let what, let remedy):
            "The model holds no \(what). \(remedy)"
        case .tooLarge(let what, let found, let allowed, let remedy):
            "\(what): \(found) exceeds \(allowed). \(remedy)"
        case .format(let file, let line, let found, let expected):
            "\(file)\(line > 0 ? ", line \(line)" : ""): found \(found), expected \(expected)."
        }
    }
}
