/// The network on a batch of graphs, with the memory that it computes in. Not for two threads at once.
///
/// Nodes are embedded and hear of their parents and children; groups pool their nodes, the graph its groups; every
/// candidate is scored from its own embedding, its group's and its graph's.
///
///     h₀ = rect(x·W)                                    u = norm(h)
///     h ← h + rect([u | Σ children u | Σ parents u]·W)  each hop; sums over m neighbours are divided by √m
///     q = rect([attention over nodes | g]·W)            each group, g its features
///     p = rect([attention over groups | f]·W)           each graph, f its features
///     score = rect([u | q | p]·W)·w + e^s·(rule's score)
package final class GraphNetwork<S: NetworkScalar> {
    package typealias Values = UnsafeMutableBufferPointer<S>

    let layout: NetworkLayout
    /// What the last ``forward(_:_:)`` found, one value a candidate and one a graph.
    private(set) var candidateLogits = Values(start: nil, count: 0)
    private(set) var idleLogits = Values(start: nil, count: 0)
    private(set) var values = Values(start: nil, count: 0)
    /// *rows* × *levels*, of the last ``levels(_:of:_:)``.
    private(set) var levelLogits = Values(start: nil, count: 0)

    /// The candidates, counted through the batch, whose levels are decided.
    var chosen: [Int32] = []

    // Activations, from the input to the output, and their derivatives.
    private var memory: [Buffer<S>] = []
    private var used = 0
    var nodeInput = Values(start: nil, count: 0), groupInput = Values(start: nil, count: 0)
    var globalInput = Values(start: nil, count: 0)
    /// The embedding of nodes before each hop and after the last.
    var embeddings: [Values] = []
    /// What is added to it in each hop.
    var messages: [Values] = []
    /// Before each hop *nodes* × 3·*width*: normalised, from the children, from the parents. After the last × *width*.
    var normals: [Values] = []
    var inverses: [Values] = [], means: [Values] = []
    var childFactors = Values(start: nil, count: 0), parentFactors = Values(start: nil, count: 0)
    var nodeShares = Values(start: nil, count: 0), groupShares = Values(start: nil, count: 0)
    var groups = Values(start: nil, count: 0), global = Values(start: nil, count: 0)
    var headInput = Values(start: nil, count: 0), choiceHidden = Values(start: nil, count: 0)
    var idleHidden = Values(start: nil, count: 0), valueHidden = Values(start: nil, count: 0)
    var levelInput = Values(start: nil, count: 0), levelHidden = Values(start: nil, count: 0)

    package init(_ layout: NetworkLayout) { self.layout = layout }

    /// Memory for one array of this pass.
    func take(_ count: Int) -> Values {
        if used == memory.count { memory.append(Buffer()) }
        used += 1
        return memory[used - 1].take(count)
    }

    func takeZeros(_ count: Int) -> Values {
        let values = take(count)
        values.update(repeating: 0)
        return values
    }

    /// Computes ``candidateLogits``, ``idleLogits`` and, where there is a head for it, ``values``.
    func forward(_ batch: borrowing GraphBatch, _ weights: UnsafePointer<S>) {
        used = 0
        embedNodes(batch, weights)
        pool(batch, weights)
        let (width, rows) = (layout.width, batch.candidates.count)
        headInput = take(rows * 3 * width)
        let last = normals[normals.count - 1]
        for row in 0..<rows {
            let node = Int(batch.candidates[row])
            let (group, graph, to) = (Int(batch.groupOfNode[node]), Int(batch.graphOfCandidate[row]), row * 3 * width)
            for k in 0..<width {
                headInput[to + k] = last[node * width + k]
                headInput[to + width + k] = groups[group * width + k]
                headInput[to + 2 * width + k] = global[graph * width + k]
            }
        }
        let sharpness = S.exponential(weights[layout.sharpness])
        (choiceHidden, candidateLogits) = head(layout.choice, rows: rows, headInput, weights)
        for row in 0..<rows { candidateLogits[row] += sharpness * S(batch.candidateScores[row]) }
        (idleHidden, idleLogits) = head(layout.idle, rows: batch.count, global, weights)
        for row in 0..<batch.count { idleLogits[row] += sharpness * S(batch.idleScores[row]) }
        if layout.hasValue { (valueHidden, values) = head(layout.value, rows: batch.count, global, weights) }
    }

    /// Computes ``levelLogits`` of some candidates, after ``forward(_:_:)`` of the same batch.
    func levels(_ batch: borrowing GraphBatch, of chosen: [Int32], _ weights: UnsafePointer<S>) {
        let (width, levels) = (3 * layout.width, layout.levels)
        levelInput = take(chosen.count * width)
        for row in chosen.indices {
            for k in 0..<width { levelInput[row * width + k] = headInput[Int(chosen[row]) * width + k] }
        }
        (levelHidden, levelLogits) = head(layout.level, rows: chosen.count, levelInput, weights)
        let sharpness = S.exponential(weights[layout.sharpness + 1])
        for row in chosen.indices {
            for k in 0..<levels {
                levelLogits[row * levels + k] += sharpness * S(batch.levelScores[Int(chosen[row]) * levels + k])
            }
        }
    }

    private func head(
        _ layers: [NetworkLayout.Dense], rows: Int, _ input: Values, _ weights: UnsafePointer<S>
    ) -> (hidden: Values, output: Values) {
        let (hidden, output) = (take(rows * layers[0].outputs), take(rows * layers[1].outputs))
        layers[0].forward(rows: rows, input, weights, to: hidden)
        rectify(hidden)
        layers[1].forward(rows: rows, hidden, weights, to: output)
        return (hidden, output)
    }

    private func embedNodes(_ batch: borrowing GraphBatch, _ weights: UnsafePointer<S>) {
        let (nodes, width, hops) = (batch.nodes, layout.width, layout.hops.count)
        nodeInput = take(nodes * layout.nodeFeatures)
        convert(batch.nodeFeatures, to: nodeInput)
        (childFactors, parentFactors) = (take(nodes), take(nodes))
        inverseRootCounts(batch.parents, to: childFactors)
        inverseRootCounts(batch.children, to: parentFactors)
        resize(&embeddings, hops + 1)
        resize(&normals, hops + 1)
        resize(&inverses, hops + 1)
        resize(&means, hops + 1)
        resize(&messages, hops)
        embeddings[0] = take(nodes * width)
        layout.input.forward(rows: nodes, nodeInput, weights, to: embeddings[0])
        rectify(embeddings[0])
        for hop in 0...hops {
            let stride = hop < hops ? 3 * width : width
            let normal = hop < hops ? takeZeros(nodes * stride) : take(nodes * stride)
            (normals[hop], inverses[hop], means[hop]) = (normal, take(nodes), take(nodes))
            normalize(
                rows: nodes, width: width, embeddings[hop], weights + layout.norms[hop], to: normal, stride: stride,
                inverses: inverses[hop], means: means[hop])
            guard hop < hops else { return }
            addRows(
                normal, from: batch.children, column: 0, stride: stride, width: width, to: normal,
                rows: batch.parents, column: width, resultStride: stride, factors: childFactors, factorOfSender: false)
            addRows(
                normal, from: batch.parents, column: 0, stride: stride, width: width, to: normal,
                rows: batch.children, column: 2 * width, resultStride: stride, factors: parentFactors,
                factorOfSender: false)
            messages[hop] = take(nodes * width)
            layout.hops[hop].forward(rows: nodes, normal, weights, to: messages[hop])
            rectify(messages[hop])
            let (next, before, message) = (take(nodes * width), embeddings[hop], messages[hop])
            for k in next.indices { next[k] = before[k] + message[k] }
            embeddings[hop + 1] = next
        }
    }

    /// From nodes to groups and on to the graph.
    private func pool(_ batch: borrowing GraphBatch, _ weights: UnsafePointer<S>) {
        let (width, count) = (layout.width, batch.groups)
        (nodeShares, groupInput, groups) = (take(batch.nodes), take(count * layout.group.inputs), take(count * width))
        attend(
            rows: batch.nodes, width: width, normals[normals.count - 1], batch.groupOfNode, count: count,
            weights + layout.nodeAttention, shares: nodeShares, largest: take(count), to: groupInput,
            resultStride: layout.group.inputs)
        place(batch.groupFeatures, features: layout.groupFeatures, rows: count, in: groupInput)
        layout.group.forward(rows: count, groupInput, weights, to: groups)
        rectify(groups)
        (groupShares, globalInput) = (take(count), take(batch.count * layout.global.inputs))
        global = take(batch.count * width)
        attend(
            rows: count, width: width, groups, batch.graphOfGroup, count: batch.count,
            weights + layout.groupAttention, shares: groupShares, largest: take(batch.count), to: globalInput,
            resultStride: layout.global.inputs)
        place(batch.globalFeatures, features: layout.globalFeatures, rows: batch.count, in: globalInput)
        layout.global.forward(rows: batch.count, globalInput, weights, to: global)
        rectify(global)
    }

    /// Writes features behind the embedding of each row.
    private func place(_ features: [Float], features count: Int, rows: Int, in input: Values) {
        let (width, stride) = (layout.width, layout.width + count)
        for row in 0..<rows {
            for k in 0..<count { input[row * stride + width + k] = S(features[row * count + k]) }
        }
    }

    private func convert(_ features: [Float], to input: Values) {
        features.withUnsafeBufferPointer { features in
            for k in features.indices { input[k] = S(features[k]) }
        }
    }

    private func resize(_ arrays: inout [Values], _ count: Int) {
        if arrays.count != count { arrays = Array(repeating: Values(start: nil, count: 0), count: count) }
    }
}
