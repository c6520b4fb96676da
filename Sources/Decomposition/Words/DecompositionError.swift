/// What can be wrong with a text, a library of breakdowns or a model of them.
public enum DecompositionError: Error, Hashable, Sendable, CustomStringConvertible {
    case emptyText
    /// No word of the text occurs anywhere in the library.
    case nothingKnown(text: String, nearest: String?)
    case noBreakdowns(path: String)
    case edgeOutside(breakdown: String, edge: Breakdown.Edge, steps: Int)
    case cycle(breakdown: String)
    /// A model file that contradicts itself.
    case inconsistent(path: String, what: String)

    /// What was found, what was expected and what to do.
    public var description: String {
        switch self {
        case .emptyText:
            "Found an empty text, expected a description of the work. Say in a sentence what is to be done."
        case .nothingKnown(let text, let nearest):
            "Found no known word in \(quote(text)), expected words of the library"
                + (nearest.map { " (did you mean '\($0)'?)" } ?? "")
                + ". Describe the work in its language, or add breakdowns or a glossary that use yours."
        case .noBreakdowns(let path):
            "\(path): found no breakdown, expected at least one JSON object on a line of its own. Check the file, or "
                + "name another library."
        case .edgeOutside(let breakdown, let edge, let steps):
            "Breakdown \(quote(breakdown)): found the edge \(edge.from) → \(edge.to), expected steps from 0 to "
                + "\(steps - 1). Correct 'edges'."
        case .cycle(let breakdown):
            "Breakdown \(quote(breakdown)): found steps that wait for one another in a circle, expected an order. "
                + "Remove one of these edges."
        case .inconsistent(let path, let what):
            "\(path): found \(what), expected a model that 'almanac train decomposition' wrote. Train it again."
        }
    }

    private func quote(_ text: String) -> String { "'" + text.prefix(60) + (text.count > 60 ? "…'" : "'") }
}
