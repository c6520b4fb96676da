/// Tasks over time on the instances or slots that run them; a plan and its run stand one above the other on the
/// same scale.
///
/// Bars that overlap in a row, as tasks do that share an instance, are stacked. Attempts that failed or were
/// reclaimed are hatched; the critical path is outlined.
public struct GanttChart: Chart, Hashable {
    /// How an attempt ended.
    public enum Outcome: String, Sendable, Hashable {
        case succeeded, failed
        /// The spot instance was taken back.
        case reclaimed
    }

    /// One attempt at one task.
    public struct Bar: Sendable, Hashable {
        public var name: String
        /// The colour follows the type.
        public var type: String
        /// The instance or slot.
        public var row: String
        public var start: Double
        public var end: Double
        public var outcome: Outcome
        public var isCritical: Bool

        /// A bar from `start` to `end` in units of the chart's axis.
        public init(
            _ name: String, type: String, row: String, start: Double, end: Double, outcome: Outcome = .succeeded,
            isCritical: Bool = false
        ) {
            (self.name, self.type, self.row, self.start, self.end) = (name, type, row, start, end)
            (self.outcome, self.isCritical) = (outcome, isCritical)
        }
    }

    /// Something that goes from one row to another, drawn as a line between the two.
    public struct Link: Sendable, Hashable {
        public var name: String
        public var from: String
        public var to: String
        public var start: Double
        public var end: Double

        /// A link that leaves the row `from` at `start` and comes to the row `to` at `end`.
        public init(_ name: String, from: String, to: String, start: Double, end: Double) {
            (self.name, self.from, self.to, self.start, self.end) = (name, from, to, start, end)
        }
    }

    /// Bars that belong together: the plan, or the run.
    public struct Panel: Sendable, Hashable {
        public var name: String
        public var bars: [Bar]
        public var links: [Link]

        /// Rows appear in the order in which `bars` first name them.
        public init(_ name: String, _ bars: [Bar], links: [Link] = []) {
            (self.name, self.bars, self.links) = (name, bars, links)
        }
    }

    public var title: String
    public var axis: Axis
    public var panels: [Panel]
    /// Drawn as a line across all panels.
    public var deadline: Double?

    /// A chart of `panels` on one time axis, by default seconds since the start.
    public init(
        _ title: String, panels: [Panel], axis: Axis = Axis("Time since start", .seconds), deadline: Double? = nil
    ) {
        (self.title, self.panels, self.deadline) = (title, panels, deadline)
        self.axis = Axis(axis.label, axis.quantity, includesZero: axis.quantity == .seconds)
    }

    public func picture() -> Picture { GanttDrawing(self).picture() }
}
