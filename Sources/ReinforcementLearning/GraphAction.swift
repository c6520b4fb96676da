/// A decision about one observation.
public enum GraphAction: Sendable, Hashable {
    /// Leave it: none of the candidates.
    case idle
    /// Take a candidate, by its position in ``GraphObservation/candidates``, at a level below
    /// ``PolicyShape/levels`` (0 where there are none).
    case take(candidate: Int, level: Int)
}
