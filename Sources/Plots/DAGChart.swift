/// Tasks and what they wait for, drawn from left to right in layers.
///
/// Small graphs have boxes with names, crowded ones dots. Edges that cross several layers and leave or enter the same
/// task share one line. The colour follows the type; what is critical is outlined and joined by strong lines.
///
///     DAGChart(
///         "Two steps", nodes: [.init("sort", type: "sort", layer: 0), .init("count", type: "uniq", layer: 1)],
///         edges: [.init(0, 1)])
public struct DAGChart: Chart, Hashable {
    /// A task, or several that are drawn as one.
    public struct Node: Sendable, Hashable {
        public var name: String
        /// The colour follows the type.
        public var type: String
        /// Its place from left to right, from 0.
        public var layer: Int
        /// How many tasks it stands for.
        public var count: Int
        /// What a reader is told who points at it.
        public var detail: String
        public var isCritical: Bool

        /// A node of one task, unless it says otherwise.
        public init(
            _ name: String, type: String, layer: Int, count: Int = 1, detail: String = "", isCritical: Bool = false
        ) {
            (self.name, self.type, self.layer, self.count) = (name, type, layer, count)
            (self.detail, self.isCritical) = (detail, isCritical)
        }
    }

    /// One node waits for another, each by its place in ``DAGChart/nodes``.
    public struct Edge: Sendable, Hashable {
        public var from: Int
        public var to: Int
        public var isCritical: Bool

        /// An edge from the node that goes first.
        public init(_ from: Int, _ to: Int, isCritical: Bool = false) {
            (self.from, self.to, self.isCritical) = (from, to, isCritical)
        }
    }

    public var title: String
    public var nodes: [Node]
    public var edges: [Edge]
    /// Lines below the drawing.
    public var notes: [String]

    /// A chart of `nodes`; edges that do not lead to a later layer are not drawn.
    public init(_ title: String, nodes: [Node], edges: [Edge], notes: [String] = []) {
        (self.title, self.nodes, self.edges, self.notes) = (title, nodes, edges, notes)
    }

    public func picture() -> Picture { DAGDrawing(self).picture() }
}
