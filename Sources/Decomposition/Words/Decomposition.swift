/// A text broken down: steps, what each waits for, and how sure each of this is.
public struct Decomposition: Sendable, Encodable {
    /// A step that the text asks for.
    public struct Step: Sendable, Encodable {
        public var tool: String
        /// What breakdowns of the library say that it does.
        public var text: String
        /// That the work needs it.
        public var probability: Double
        /// The words of the text that speak for it most.
        public var words: [String]
        public var inputs: [String]
        public var outputs: [String]
        public var command: String?
    }

    /// That a step waits for another.
    public struct Edge: Sendable, Encodable {
        public var from: Int
        public var to: Int
        /// That both are needed and the second must wait for the first.
        public var probability: Double
        /// How often the first fed the second in the library, of the times that both occur.
        public var seen: Int
        public var together: Int
    }

    /// A known breakdown of a similar text.
    public struct Neighbour: Sendable, Encodable {
        public var breakdown: Breakdown
        /// From 0 to 1, the same words.
        public var similarity: Double
    }

    public var steps: [Step]
    public var edges: [Edge]
    /// The most similar first.
    public var nearest: [Neighbour]
    /// Tools that were nearly chosen.
    public var others: [Step]
    /// Words of the text that the library does not have.
    public var unknownWords: [String]
}
