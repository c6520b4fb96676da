/// One axis of a chart: what it shows and how its values are spaced.
public struct Axis: Sendable, Hashable {
    /// How distance along the axis follows from value.
    public enum Spacing: String, Sendable, Hashable {
        case linear
        /// Equal ratios are equally far apart. Values that are not positive cannot be drawn.
        case logarithmic
    }

    /// What the values are, for instance `Predicted run time`. Units stand at the ticks.
    public let label: String
    /// What the values measure.
    public let quantity: Quantity
    /// Linear by default.
    public let spacing: Spacing
    /// Whether a linear axis shows zero although all values lie away from it.
    public let includesZero: Bool

    /// An axis. Dates are always spaced linearly and never extended to zero.
    public init(
        _ label: String, _ quantity: Quantity = .number, spacing: Spacing = .linear, includesZero: Bool = false
    ) {
        self.label = label
        self.quantity = quantity
        self.spacing = quantity == .date ? .linear : spacing
        self.includesZero = includesZero && quantity != .date
    }

    /// Whether `value` has a place on this axis.
    func accepts(_ value: Double) -> Bool {
        quantity.accepts(value) && (spacing == .linear || value >= 1e-30)
    }

    /// The accepted values' range, or `nil` if there are none.
    func range(of values: some Sequence<Double>) -> (low: Double, high: Double)? {
        var range: (low: Double, high: Double)?
        for value in values where accepts(value) {
            range = (min(range?.low ?? value, value), max(range?.high ?? value, value))
        }
        return range
    }
}
