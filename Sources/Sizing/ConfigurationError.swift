/// Why a search for a configuration cannot begin.
public enum ConfigurationError: Error, Hashable, CustomStringConvertible {
    case tooFew(Int)
    case badConfiguration(String)
    case unknown(String, known: [String])
    case repeated(String, line: Int, name: String, first: Int)
    case badTime(String, line: Int, found: Double)

    public var description: String {
        switch self {
        case .tooFew(let found): "\(found) configurations are given, expected two or more to choose from."
        case .badConfiguration(let name):
            "Configuration '\(name)': machines, processors, memory and price must be numbers above 0. Correct its row."
        case .unknown(let name, let known):
            "A trial of '\(name)': there is no such configuration. There are: \(known.prefix(8).joined(separator: ", "))"
                + "\(known.count > 8 ? ", …" : "")."
        case .repeated(let path, let line, let name, let first):
            "\(path), line \(line): '\(name)' stands in line \(first) already, so that a trial of it could be of either. "
                + "Give each configuration a name of its own."
        case .badTime(let path, let line, let found):
            "\(path), line \(line): the run took \(found) seconds, expected more than 0. Of a run that was given up, "
                + "write when, and 'no' in a column 'completed'."
        }
    }
}
