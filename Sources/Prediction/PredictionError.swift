/// Why a task model could not be made or used.
public enum PredictionError: Error, Hashable, CustomStringConvertible {
    case noRows(TaskTarget)
    case badValue(row: Int, value: Double, target: TaskTarget)
    case noPrices
    case noModels(String)
    case unknownMarket(String, known: [String])
    case unreadable(String, reason: String)
    case badScores(String, line: Int, reason: String)
    case wrongTarget(String, found: TaskTarget, expected: TaskTarget)

    public var description: String {
        switch self {
        case .noRows(let target):
            "No successful run with '\(target.rawValue)' was found. Import a trace that records it: "
                + "'almanac import auto FILE'; 'almanac import --help' shows what to ask sacct or Nextflow for."
        case .badValue(let row, let value, let target):
            "Row \(row): '\(target.rawValue)' is \(value), expected a positive number. Leave such rows out."
        case .noPrices:
            "No spot prices were found. Import some: 'almanac import auto prices.json'."
        case .noModels(let folder):
            "\(folder): no model files. Train them with 'almanac train', or name another folder with --models."
        case .unknownMarket(let name, let known):
            "The price model does not know '\(name)'. It knows: \(known.prefix(8).joined(separator: ", "))"
                + "\(known.count > 8 ? ", …" : ""). Import its prices and train again."
        case .badScores(let name, let line, let reason):
            "\(name), line \(line): \(reason). 'almanac doctor --benchmark' writes such a table of this machine."
        case .wrongTarget(let path, let found, let expected):
            "\(path): a model of '\(found.rawValue)', expected one of '\(expected.rawValue)'. "
                + "Give the file its own name back, or train anew with 'almanac train'."
        case .unreadable(let path, let reason):
            "\(path): not a task model that this version reads: \(reason). Train it anew with 'almanac train'."
        }
    }
}
