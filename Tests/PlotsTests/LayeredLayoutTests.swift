import Plots
import TestSupport
import Testing

@Suite("Layered layout") struct LayeredLayoutTests {
    @Test("every edge is a path over neighbouring layers, and nothing touches in a row", arguments: UInt64(0)..<60)
    func isValid(seed: UInt64) {
        var generator = TestGenerator(seed: seed)
        let layers = (0..<40).map { _ in Int.random(in: 0...6, using: &generator) }
        let edges = (0..<70).map { _ in
            (from: Int.random(in: 0..<40, using: &generator), to: Int.random(in: 0..<40, using: &generator))
        }.filter { layers[$0.from] < layers[$0.to] }
        let layout = LayeredLayout(layers: layers, edges: edges)
        for (edge, pieces) in zip(edges, layout.pieces) {
            let path = pieces.map { layout.segments[$0] }
            #expect(path.first?.from == edge.from && path.last?.to == edge.to)
            for (a, b) in zip(path, path.dropFirst()) { #expect(a.to == b.from && a.to >= 40) }
            for piece in path { #expect(layout.layers[piece.to] == layout.layers[piece.from] + 1) }
        }
        for row in layout.rows {
            for (a, b) in zip(row, row.dropFirst()) {
                let gap = (layout.size(of: a) + layout.size(of: b)) / 2
                #expect(layout.places[b] - layout.places[a] >= gap - 1e-9)
            }
        }
        #expect(layout.rows.joined().sorted() == Array(layout.layers.indices))
        #expect(Set(layout.segments).count == layout.segments.count)
    }

    @Test("a tree whose leaves are given in any order has no crossings", arguments: UInt64(0)..<30)
    func tree(seed: UInt64) {
        // Three children each; the numbers of the nodes say nothing of where they belong.
        var generator = TestGenerator(seed: seed)
        let names = Array(0..<40).shuffled(using: &generator)
        var layers = [Int](repeating: 0, count: 40)
        var edges: [(from: Int, to: Int)] = []
        for node in 1..<40 {
            edges.append((names[(node - 1) / 3], names[node]))
            layers[names[node]] = layers[names[(node - 1) / 3]] + 1
        }
        #expect(LayeredLayout(layers: layers, edges: edges).crossings() == 0)
    }

    @Test("edges to one node far away share their bends")
    func bends() {
        let edges = (0..<100).map { (from: $0, to: 101) } + [(from: 0, to: 100)]
        let layers = Array(repeating: 0, count: 100) + [1, 4]
        let layout = LayeredLayout(layers: layers, edges: edges)
        #expect(layout.layers.count == 102 + 3)
        #expect(layout.segments.count == 100 + 3 + 1)
    }
}
