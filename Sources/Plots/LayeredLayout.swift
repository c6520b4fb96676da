/// Places of the nodes of a layered graph across the direction in which it is read, with few crossings.
///
/// An edge that crosses layers goes through a bend in each of them. Edges share their bends where they come from one node
/// or go to one, whichever has more of them: a hundred edges to one node far away are one line, not a hundred.
///
/// - Complexity: O(sweeps · *segments* · log *n*). Sources: Sugiyama, Tagawa and Toda (1981) for layers, bends and
///   barycentres; Barth, Jünger and Mutzel (2002) for counting crossings; places by isotonic regression.
package struct LayeredLayout {
    /// A piece of an edge between neighbouring layers.
    package struct Segment: Hashable {
        package var from: Int
        package var to: Int
    }

    /// The layer of every vertex: the nodes first, then the bends.
    package private(set) var layers: [Int]
    /// The vertices of every layer, from first to last place.
    package private(set) var rows: [[Int]]
    /// The place of every vertex; neighbours in a row are at least their mean size apart.
    package private(set) var places: [Double]
    /// All pieces of edges, each once.
    package private(set) var segments: [Segment] = []
    /// The pieces of each edge, as positions in ``segments``.
    package private(set) var pieces: [[Int]] = []

    private let nodeCount: Int
    private var before: [[Int]] = []
    private var after: [[Int]] = []

    /// How much room a bend takes, where a node takes 1.
    package static let bendSize = 0.4

    /// Lays a graph out.
    ///
    /// - Parameters:
    ///   - layers: The layer of every node, from 0.
    ///   - edges: Each from a node to one of a greater layer.
    package init(layers nodeLayers: [Int], edges: [(from: Int, to: Int)]) {
        nodeCount = nodeLayers.count
        layers = nodeLayers
        rows = Array(repeating: [], count: (nodeLayers.max() ?? -1) + 1)
        places = []
        bend(edges)
        for vertex in layers.indices { rows[layers[vertex]].append(vertex) }
        before = Array(repeating: [], count: layers.count)
        after = before
        for segment in segments {
            before[segment.to].append(segment.from)
            after[segment.from].append(segment.to)
        }
        order()
        place()
        close()
    }

    /// The size of a vertex.
    package func size(of vertex: Int) -> Double { vertex < nodeCount ? 1 : Self.bendSize }

    private mutating func bend(_ edges: [(from: Int, to: Int)]) {
        struct Bend: Hashable {
            var node: Int
            var layer: Int
            var leads: Bool
        }
        var (leaving, entering) = (layers.map { _ in 0 }, layers.map { _ in 0 })
        for edge in edges where layers[edge.to] > layers[edge.from] + 1 {
            leaving[edge.from] += 1
            entering[edge.to] += 1
        }
        var (bends, known): ([Bend: Int], [Segment: Int]) = ([:], [:])
        for edge in edges {
            let leads = entering[edge.to] > leaving[edge.from]
            let node = leads ? edge.to : edge.from
            var path = [edge.from]
            for layer in layers[edge.from] + 1..<layers[edge.to] {
                let bend = Bend(node: node, layer: layer, leads: leads)
                if bends[bend] == nil {
                    bends[bend] = layers.count
                    layers.append(layer)
                }
                path.append(bends[bend] ?? 0)
            }
            path.append(edge.to)
            pieces.append(
                zip(path, path.dropFirst()).map { from, to in
                    let segment = Segment(from: from, to: to)
                    if let place = known[segment] { return place }
                    known[segment] = segments.count
                    segments.append(segment)
                    return segments.count - 1
                })
        }
    }
}

extension LayeredLayout {
    /// Sorts rows by the mean place of their neighbours, to and fro, and keeps the order with the fewest crossings.
    private mutating func order() {
        var place = positions(rows)
        var (best, fewest) = (rows, crossings())
        var idle = 0
        for sweep in 0..<24 where fewest > 0 && idle < 6 {
            let isForward = sweep.isMultiple(of: 2)
            for row in isForward ? Array(rows.indices) : rows.indices.reversed() {
                let neighbours = isForward ? before : after
                let keys = rows[row].map { vertex -> Double in
                    let own = neighbours[vertex]
                    guard !own.isEmpty else { return place[vertex] }
                    return own.reduce(0) { $0 + place[$1] } / Double(own.count)
                }
                // Ties change sides every other time, or they would never be tried.
                let isFlipped = sweep % 4 >= 2
                let sorted = keys.indices.sorted { a, b in
                    keys[a] != keys[b] ? keys[a] < keys[b] : isFlipped ? a > b : a < b
                }
                rows[row] = sorted.map { rows[row][$0] }
                for (position, vertex) in rows[row].enumerated() { place[vertex] = spread(position, rows[row].count) }
            }
            let found = crossings()
            idle = found < fewest ? 0 : idle + 1
            if found < fewest { (best, fewest) = (rows, found) }
        }
        rows = best
    }

    /// Places in a row from 0 to 1, so that long and short rows can be compared.
    private func spread(_ position: Int, _ count: Int) -> Double { (Double(position) + 0.5) / Double(count) }

    private func positions(_ rows: [[Int]]) -> [Double] {
        var place = layers.map { _ in 0.0 }
        for row in rows { for (position, vertex) in row.enumerated() { place[vertex] = spread(position, row.count) } }
        return place
    }

    /// How many pairs of segments cross.
    package func crossings() -> Int {
        var position = layers.map { _ in 0 }
        for row in rows { for (at, vertex) in row.enumerated() { position[vertex] = at } }
        var total = 0
        for row in rows.dropLast() {
            // How many ends there are so far, by place in the next row, as a Fenwick tree.
            let width = rows[layers[row.first ?? 0] + 1].count
            var tree = [Int](repeating: 0, count: width + 1)
            var count = 0
            for vertex in row {
                let ends = after[vertex].map { position[$0] }
                for end in ends {
                    var (below, at) = (0, end + 1)
                    while at > 0 {
                        below += tree[at]
                        at &= at - 1
                    }
                    total += count - below
                }
                for end in ends {
                    var at = end + 1
                    while at <= width {
                        tree[at] += 1
                        at += at & -at
                    }
                    count += 1
                }
            }
        }
        return total
    }

    /// Moves every vertex as near to its neighbours as its row allows, to and fro.
    private mutating func place() {
        places = layers.map { _ in 0 }
        for row in rows { settle(row, wishes: row.map { _ in 0 }, weights: row.map { _ in 1 }) }
        for sweep in 0..<24 {
            let isForward = sweep.isMultiple(of: 2)
            for row in isForward ? rows : rows.reversed() where !row.isEmpty {
                var (wishes, weights): ([Double], [Double]) = ([], [])
                for vertex in row {
                    // In the end both sides count, so that nothing hangs to one.
                    let near = sweep >= 16 ? before[vertex] + after[vertex] : isForward ? before[vertex] : after[vertex]
                    wishes.append(
                        near.isEmpty ? places[vertex] : near.reduce(0) { $0 + places[$1] } / Double(near.count))
                    let isBend = vertex >= nodeCount && near.contains { $0 >= nodeCount }
                    weights.append(near.isEmpty ? 0.1 : isBend ? 4 : 1)
                }
                // What has no edges at all stays with the others.
                let center = row.reduce(0) { $0 + places[$1] } / Double(row.count)
                for (at, vertex) in row.enumerated() where before[vertex].isEmpty && after[vertex].isEmpty {
                    wishes[at] = center
                }
                settle(row, wishes: wishes, weights: weights)
            }
        }
    }

    /// Takes out what is empty in all rows.
    private mutating func close() {
        let order = places.indices.sorted { places[$0] < places[$1] }
        var (end, shift) = (-Double.infinity, 0.0)
        for vertex in order {
            let start = places[vertex] - size(of: vertex) / 2
            if end.isFinite, start > end + 0.5 { shift += start - end - 0.5 }
            end = max(end, places[vertex] + size(of: vertex) / 2)
            places[vertex] -= shift
        }
    }

    /// Gives a row the places of least squared distance from what is wished, in its order and with its gaps: isotonic
    /// regression by pooling neighbours that would be too near.
    private mutating func settle(_ row: [Int], wishes: [Double], weights: [Double]) {
        struct Pool {
            var sum: Double
            var weight: Double
            var count: Int
            var mean: Double { sum / weight }
        }
        var offsets: [Double] = []
        var offset = 0.0
        for (at, vertex) in row.enumerated() {
            if at > 0 { offset += (size(of: row[at - 1]) + size(of: vertex)) / 2 }
            offsets.append(offset)
        }
        var pools: [Pool] = []
        for at in row.indices {
            pools.append(Pool(sum: weights[at] * (wishes[at] - offsets[at]), weight: weights[at], count: 1))
            while pools.count > 1, pools[pools.count - 2].mean >= pools[pools.count - 1].mean {
                let last = pools.removeLast()
                pools[pools.count - 1].sum += last.sum
                pools[pools.count - 1].weight += last.weight
                pools[pools.count - 1].count += last.count
            }
        }
        var at = 0
        for pool in pools {
            for _ in 0..<pool.count {
                places[row[at]] = pool.mean + offsets[at]
                at += 1
            }
        }
    }
}
