/// What keeps a use case from being done.
public enum ServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked for cannot be: bad input.
    case input(String)
    /// What was asked for is fine; the work was not.
    case work(String)

    /// What is wrong, and what to do.
    public var description: String {
        switch self {
        case .input(let text), .work(let text): text
        }
    }
}
