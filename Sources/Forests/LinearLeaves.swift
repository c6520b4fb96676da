/// The lines of the leaves of many trees.
///
/// Lines belong to nodes, and a node's line is about what the lines above it leave over: a leaf's line is the sum of
/// those on the way to it. So a leaf of few rows keeps the slopes that many rows agree on.
struct LinearLeaves: Sendable {
    /// For every node the last line on the way to it; −1 for none.
    var lineOfNode: [Int32] = []
    /// For every line the line above it; −1 for none.
    var lineAbove: [Int32] = []
    /// Where the terms of each line start, and the end.
    var starts: [UInt32] = [0]
    var terms: [RidgeLine.Term] = []

    /// Appends the lines of one tree, whose numbers start at 0.
    mutating func append(_ tree: LinearLeaves) {
        let (lines, first) = (Int32(lineAbove.count), UInt32(terms.count))
        lineOfNode += tree.lineOfNode.map { $0 < 0 ? $0 : $0 + lines }
        lineAbove += tree.lineAbove.map { $0 < 0 ? $0 : $0 + lines }
        starts += tree.starts.dropFirst().map { $0 + first }
        terms += tree.terms
    }

    /// Appends a line and returns its number.
    mutating func append(_ line: RidgeLine, above: Int32) -> Int32 {
        terms += line.terms
        starts.append(UInt32(terms.count))
        lineAbove.append(above)
        return Int32(lineAbove.count - 1)
    }

    /// Calls `body` with every term that counts at a node.
    @inline(__always)
    func forEachTerm(ofNode node: Int, _ body: (RidgeLine.Term) -> Void) {
        var line = Int(lineOfNode[node])
        while line >= 0 {
            for index in starts[line]..<starts[line + 1] { body(terms[Int(index)]) }
            line = Int(lineAbove[line])
        }
    }

    /// What the lines add at a node; `x` holds a value per linear column, `stride` apart.
    @inline(__always)
    func value(ofNode node: Int, _ x: UnsafePointer<Double>, stride: Int = 1) -> Double {
        var sum = 0.0
        forEachTerm(ofNode: node) { sum += $0.value(at: x[$0.column * stride]) }
        return sum
    }
}
