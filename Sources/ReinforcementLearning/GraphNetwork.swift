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
    typealias Values = UnsafeMutablePointer<S>

    let layout: NetworkLayout
    /// The candidates, counted through the batch, whose levels are decided.
    var chosen: [Int32] = []
    /// Grows to the largest batch and is kept.
    private let memory = Buffer<S>()
    private let levelMemory = Buffer<S>()
    private let backwardMemory = Buffer<S>()

    package init(_ layout: NetworkLayout) { self.layout = layout }

    /// What one pass found, from the input to the output; rows follow each other without gaps.
    struct Activations {
        let nodeInput, groupInput, globalInput: Values
        /// The embedding of nodes before each hop and after the last, *hops* + 1 times *nodes* × *width*.
        let embeddings: Values
        /// What is added to it, *hops* times *nodes* × *width*.
        let messages: Values
        /// What each hop sees, *hops* times *nodes* × 3·*width*: normalised, of the children, of the parents.
        let heard: Values
        /// The last embedding, normalised: *nodes* × *width*.
        let nodes: Values
        /// For the way back from each normalisation, *hops* + 1 times *nodes* × *width* and *nodes*.
        let normals, inverses: Values
        let childFactors, parentFactors: Values
        let nodeShares, groupShares: Values
        let groups, global: Values
        /// *candidates* × 3·*width*: node, group, graph.
        let headInput: Values
        let choiceHidden, idleHidden, valueHidden: Values
        /// One number a candidate; one a graph; one a graph, if the shape has a value.
        let candidateLogits, idleLogits, values: Values
    }

    /// What ``levels(_:_:_:)`` found, one row each of ``chosen``.
    struct LevelActivations {
        let input, hidden, logits: Values
    }

    func forward(_ batch: borrowing GraphBatch, _ weights: Values) -> Activations {
        let found = activations(batch)
        embedNodes(batch, weights, found)
        pool(batch, weights, found)
        let (width, rows) = (layout.width, batch.candidates.count)
        for row in 0..<rows {
            let node = Int(batch.candidates[row])
            let (group, graph) = (Int(batch.groupOfNode[node]), Int(batch.graphOfCandidate[row]))
            let to = found.headInput + row &* 3 &* width
            to.copy(found.nodes + node &* width, width)
            (to + width).copy(found.groups + group &* width, width)
            (to + 2 &* width).copy(found.global + graph &* width, width)
        }
        let sharpness = S.exponential(weights[layout.sharpness])
        head(layout.choice, rows: rows, found.headInput, weights, found.choiceHidden, found.candidateLogits)
        for row in 0..<rows { found.candidateLogits[row] += sharpness * S(batch.candidateScores[row]) }
        head(layout.idle, rows: batch.count, found.global, weights, found.idleHidden, found.idleLogits)
        for row in 0..<batch.count { found.idleLogits[row] += sharpness * S(batch.idleScores[row]) }
        if layout.hasValue {
            head(layout.value, rows: batch.count, found.global, weights, found.valueHidden, found.values)
        }
        return found
    }

    /// The logits of the levels of the ``chosen`` candidates.
    func levels(_ batch: borrowing GraphBatch, _ found: Activations, _ weights: Values) -> LevelActivations {
        let (width, levels, rows) = (3 * layout.width, layout.levels, chosen.count)
        var next = levelMemory.take(rows * (width + layout.headWidth + levels))
        let input = take(rows * width, from: &next)
        let hidden = take(rows * layout.headWidth, from: &next)
        let logits = take(rows * levels, from: &next)
        for row in 0..<rows { (input + row &* width).copy(found.headInput + Int(chosen[row]) &* width, width) }
        head(layout.level, rows: rows, input, weights, hidden, logits)
        let sharpness = S.exponential(weights[layout.sharpness + 1])
        for row in 0..<rows {
            for k in 0..<levels {
                logits[row * levels + k] += sharpness * S(batch.levelScores[Int(chosen[row]) * levels + k])
            }
        }
        return LevelActivations(input: input, hidden: hidden, logits: logits)
    }

    /// Memory for the way back; its content is unknown.
    func takeForBackward(_ count: Int) -> Values { backwardMemory.take(count) }

    /// The next `count` numbers of memory that was taken.
    func take(_ count: Int, from next: inout Values) -> Values {
        defer { next += count }
        return next
    }

    private func activations(_ batch: borrowing GraphBatch) -> Activations {
        let (n, g, e, c) = (batch.nodes, batch.groups, batch.count, batch.candidates.count)
        let (d, hops, hidden) = (layout.width, layout.hops.count, layout.headWidth)
        let perNode = layout.nodeFeatures + d * (2 * (hops + 1) + 4 * hops + 1) + hops + 1 + 3
        let perGroup = layout.group.inputs + d + 1
        let perGraph = layout.global.inputs + d + 2 * hidden + 2
        var next = memory.take(n * perNode + g * perGroup + e * perGraph + c * (3 * d + hidden + 1))
        func take(_ count: Int) -> Values { self.take(count, from: &next) }
        return Activations(
            nodeInput: take(n * layout.nodeFeatures), groupInput: take(g * layout.group.inputs),
            globalInput: take(e * layout.global.inputs), embeddings: take((hops + 1) * n * d),
            messages: take(hops * n * d), heard: take(hops * n * 3 * d), nodes: take(n * d),
            normals: take((hops + 1) * n * d), inverses: take((hops + 1) * n), childFactors: take(n),
            parentFactors: take(n), nodeShares: take(n), groupShares: take(g), groups: take(g * d),
            global: take(e * d), headInput: take(c * 3 * d), choiceHidden: take(c * hidden),
            idleHidden: take(e * hidden), valueHidden: take(e * hidden), candidateLogits: take(c),
            idleLogits: take(e), values: take(e))
    }

    private func head(
        _ layers: [NetworkLayout.Dense], rows: Int, _ input: Values, _ weights: Values, _ hidden: Values,
        _ output: Values
    ) {
        layers[0].forward(rows: rows, input, weights, to: hidden)
        hidden.rectify(rows * layers[0].outputs)
        layers[1].forward(rows: rows, hidden, weights, to: output)
    }

    private func embedNodes(_ batch: borrowing GraphBatch, _ weights: Values, _ found: Activations) {
        let (nodes, width, hops) = (batch.nodes, layout.width, layout.hops.count)
        batch.nodeFeatures.withUnsafeBufferPointer { features in
            for k in 0..<features.count { found.nodeInput[k] = S(features[k]) }
        }
        inverseRootCounts(batch.parents, count: nodes, to: found.childFactors)
        inverseRootCounts(batch.children, count: nodes, to: found.parentFactors)
        layout.input.forward(rows: nodes, found.nodeInput, weights, to: found.embeddings)
        found.embeddings.rectify(nodes * width)
        for hop in 0...hops {
            let embedding = found.embeddings + hop * nodes * width
            let (normals, inverses) = (found.normals + hop * nodes * width, found.inverses + hop * nodes)
            let isLast = hop == hops
            let heard = isLast ? found.nodes : found.heard + hop * nodes * 3 * width
            if !isLast { heard.update(repeating: 0, count: nodes * 3 * width) }
            normalize(
                rows: nodes, width: width, embedding, weights + layout.norms[hop], to: heard,
                stride: isLast ? width : 3 * width, normals: normals, inverses: inverses)
            guard !isLast else { return }
            addRows(
                heard, from: batch.children, to: heard + width, rows: batch.parents, stride: 3 * width, width: width,
                factors: found.childFactors, factorOf: batch.parents)
            addRows(
                heard, from: batch.parents, to: heard + 2 * width, rows: batch.children, stride: 3 * width,
                width: width, factors: found.parentFactors, factorOf: batch.children)
            let (message, next) = (found.messages + hop * nodes * width, embedding + nodes * width)
            layout.hops[hop].forward(rows: nodes, heard, weights, to: message)
            message.rectify(nodes * width)
            next.copy(embedding, nodes * width)
            next.add(1, message, nodes * width)
        }
    }

    /// From nodes to groups and on to the graph.
    private func pool(_ batch: borrowing GraphBatch, _ weights: Values, _ found: Activations) {
        let (width, groups, graphs) = (layout.width, batch.groups, batch.count)
        // The logits are written later: until then there is room for one number a segment.
        attend(
            rows: batch.nodes, width: width, found.nodes, batch.groupOfNode, count: groups,
            weights + layout.nodeAttention, shares: found.nodeShares, room: found.groupShares, to: found.groupInput,
            stride: layout.group.inputs)
        place(batch.groupFeatures, layout.groupFeatures, rows: groups, in: found.groupInput)
        layout.group.forward(rows: groups, found.groupInput, weights, to: found.groups)
        found.groups.rectify(groups * width)
        attend(
            rows: groups, width: width, found.groups, batch.graphOfGroup, count: graphs,
            weights + layout.groupAttention, shares: found.groupShares, room: found.idleLogits, to: found.globalInput,
            stride: layout.global.inputs)
        place(batch.globalFeatures, layout.globalFeatures, rows: graphs, in: found.globalInput)
        layout.global.forward(rows: graphs, found.globalInput, weights, to: found.global)
        found.global.rectify(graphs * width)
    }

    /// Writes features behind the embedding of each row.
    private func place(_ features: [Float], _ count: Int, rows: Int, in input: Values) {
        let (width, stride) = (layout.width, layout.width + count)
        features.withUnsafeBufferPointer { features in
            for row in 0..<rows {
                for k in 0..<count { input[row &* stride &+ width &+ k] = S(features[row &* count &+ k]) }
            }
        }
    }
}
