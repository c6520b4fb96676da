/// A series that is known for the past and the horizon and explains part of the one to be forecast.
public struct Regressor: Sendable, Hashable {
    /// Shown beside its coefficient.
    public let name: String
    /// One value for each observation; those of the horizon follow or are given to `forecast`.
    public let values: [Double]

    /// No values are checked here; `fit` does.
    public init(name: String, values: [Double]) {
        (self.name, self.values) = (name, values)
    }
}
