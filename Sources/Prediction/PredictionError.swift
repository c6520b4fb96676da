/// Why a task model could not be made or used.
public enum PredictionError: Error, Hashable, CustomStringConvertible {
    case noRows(TaskTarget)
    case badValue(row: Int, value: Double, target: TaskTarget)
    case unreadable(String, reason: String)

    public var description: String {
        switch self {
        case .noRows(let target):
            "No successful run with '\(target.rawValue)' was found. Import a trace that records it: "
                + "'almanac import auto FILE'."
        case .badValue(let row, let value, let target):
            "Row \(row): '\(target.rawValue)' is \(value), expected a positive number. Leave such rows out."
        case .unreadable(let path, let reason):
            "\(path): not a task model that this version reads: \(reason). Train it anew with 'almanac train'."
        }
    }
}
