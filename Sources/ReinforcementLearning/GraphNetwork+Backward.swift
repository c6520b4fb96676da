extension GraphNetwork {
    /// Derivatives of a loss by logits and values, and those that they are traced back to.
    struct Derivatives {
        let candidateLogits, idleLogits, values, levelLogits: Values
        let headInput, hidden, levelInput: Values
        let nodes, groups, global: Values
        let groupInput, globalInput: Values
        let embedding, message, heard: Values
        let room: Values
    }

    /// Room for the derivatives of a batch of which ``chosen`` candidates take a level. Those by logits and values are 0.
    func derivatives(_ batch: borrowing GraphBatch) -> Derivatives {
        let (n, g, e, c, r) = (batch.nodes, batch.groups, batch.count, batch.candidates.count, chosen.count)
        let (d, hidden, levels) = (layout.width, layout.headWidth, layout.levels)
        let outputs = c + 2 * e + r * levels
        var next = takeForBackward(
            outputs + 3 * d * (c + r) + max(c, e) * hidden + d * (6 * n + g + e) + g * layout.group.inputs
                + e * layout.global.inputs + d)
        next.update(repeating: 0, count: outputs)
        func take(_ count: Int) -> Values { self.take(count, from: &next) }
        return Derivatives(
            candidateLogits: take(c), idleLogits: take(e), values: take(e), levelLogits: take(r * levels),
            headInput: take(c * 3 * d), hidden: take(max(c, e) * hidden), levelInput: take(r * 3 * d),
            nodes: take(n * d), groups: take(g * d), global: take(e * d), groupInput: take(g * layout.group.inputs),
            globalInput: take(e * layout.global.inputs), embedding: take(n * d), message: take(n * d),
            heard: take(n * 3 * d), room: take(d))
    }

    /// Adds the derivatives of the loss by the weights to `gradient`, from those by logits and values.
    func backward(
        _ batch: borrowing GraphBatch, _ found: Activations, _ levels: LevelActivations?, _ by: Derivatives,
        _ weights: Values, to gradient: Values
    ) {
        let (width, rows) = (layout.width, batch.candidates.count)
        headBackward(
            layout.choice, rows: rows, found.headInput, found.choiceHidden, by.candidateLogits, by, weights, gradient,
            to: by.headInput)
        if let levels { levelsBackward(batch, levels, by, weights, gradient) }
        var sharpness: S = 0
        for row in 0..<rows { sharpness += by.candidateLogits[row] * S(batch.candidateScores[row]) }
        for row in 0..<batch.count where batch.idleScores[row] > -.infinity {
            sharpness += by.idleLogits[row] * S(batch.idleScores[row])
        }
        gradient[layout.sharpness] += sharpness * S.exponential(weights[layout.sharpness])
        headBackward(
            layout.idle, rows: batch.count, found.global, found.idleHidden, by.idleLogits, by, weights, gradient,
            to: by.global)
        if layout.hasValue {
            headBackward(
                layout.value, rows: batch.count, found.global, found.valueHidden, by.values, by, weights, gradient,
                adding: true, to: by.global)
        }
        by.nodes.update(repeating: 0, count: batch.nodes * width)
        by.groups.update(repeating: 0, count: batch.groups * width)
        for row in 0..<rows {
            let node = Int(batch.candidates[row])
            let (group, graph) = (Int(batch.groupOfNode[node]), Int(batch.graphOfCandidate[row]))
            let from = by.headInput + row &* 3 &* width
            (by.nodes + node &* width).add(1, from, width)
            (by.groups + group &* width).add(1, from + width, width)
            (by.global + graph &* width).add(1, from + 2 &* width, width)
        }
        poolBackward(batch, found, by, weights, gradient)
        nodesBackward(batch, found, by, weights, gradient)
    }

    private func headBackward(
        _ layers: [NetworkLayout.Dense], rows: Int, _ input: Values, _ hidden: Values, _ output: Values,
        _ by: Derivatives, _ weights: Values, _ gradient: Values, adding: Bool = false, to result: Values
    ) {
        layers[1].backward(rows: rows, hidden, output, weights, gradient, to: by.hidden)
        by.hidden.rectifyBackward(hidden, rows * layers[0].outputs)
        layers[0].backward(rows: rows, input, by.hidden, weights, gradient, adding: adding, to: result)
    }

    private func levelsBackward(
        _ batch: borrowing GraphBatch, _ found: LevelActivations, _ by: Derivatives, _ weights: Values,
        _ gradient: Values
    ) {
        let (width, levels, rows) = (3 * layout.width, layout.levels, chosen.count)
        headBackward(
            layout.level, rows: rows, found.input, found.hidden, by.levelLogits, by, weights, gradient,
            to: by.levelInput)
        var sharpness: S = 0
        for row in 0..<rows {
            let candidate = Int(chosen[row])
            (by.headInput + candidate &* width).add(1, by.levelInput + row &* width, width)
            for k in 0..<levels where batch.levelScores[candidate * levels + k] > -.infinity {
                sharpness += by.levelLogits[row * levels + k] * S(batch.levelScores[candidate * levels + k])
            }
        }
        gradient[layout.sharpness + 1] += sharpness * S.exponential(weights[layout.sharpness + 1])
    }

    private func poolBackward(
        _ batch: borrowing GraphBatch, _ found: Activations, _ by: Derivatives, _ weights: Values, _ gradient: Values
    ) {
        let (width, groups, graphs) = (layout.width, batch.groups, batch.count)
        by.global.rectifyBackward(found.global, graphs * width)
        layout.global.backward(
            rows: graphs, found.globalInput, by.global, weights, gradient, to: by.globalInput)
        attendBackward(
            rows: groups, width: width, found.groups, batch.graphOfGroup, weights + layout.groupAttention,
            shares: found.groupShares, found.globalInput, by.globalInput, stride: layout.global.inputs,
            gradient + layout.groupAttention, to: by.groups)
        by.groups.rectifyBackward(found.groups, groups * width)
        layout.group.backward(rows: groups, found.groupInput, by.groups, weights, gradient, to: by.groupInput)
        attendBackward(
            rows: batch.nodes, width: width, found.nodes, batch.groupOfNode, weights + layout.nodeAttention,
            shares: found.nodeShares, found.groupInput, by.groupInput, stride: layout.group.inputs,
            gradient + layout.nodeAttention, to: by.nodes)
    }

    /// From the derivative by the last normalised embedding back to the input.
    private func nodesBackward(
        _ batch: borrowing GraphBatch, _ found: Activations, _ by: Derivatives, _ weights: Values, _ gradient: Values
    ) {
        let (nodes, width, hops) = (batch.nodes, layout.width, layout.hops.count)
        by.embedding.update(repeating: 0, count: nodes * width)
        func unnormalize(_ hop: Int, _ derivative: Values, stride: Int) {
            normalizeBackward(
                rows: nodes, width: width, weights + layout.norms[hop], derivative, stride: stride,
                normals: found.normals + hop * nodes * width, inverses: found.inverses + hop * nodes, room: by.room,
                gradient + layout.norms[hop], to: by.embedding)
        }
        unnormalize(hops, by.nodes, stride: width)
        for hop in (0..<hops).reversed() {
            by.message.copy(by.embedding, nodes * width)
            by.message.rectifyBackward(found.messages + hop * nodes * width, nodes * width)
            let (heard, stride) = (found.heard + hop * nodes * 3 * width, 3 * width)
            layout.hops[hop].backward(rows: nodes, heard, by.message, weights, gradient, to: by.heard)
            addRows(
                by.heard + width, from: batch.parents, to: by.heard, rows: batch.children, stride: stride,
                width: width, factors: found.childFactors, factorOf: batch.parents)
            addRows(
                by.heard + 2 * width, from: batch.children, to: by.heard, rows: batch.parents, stride: stride,
                width: width, factors: found.parentFactors, factorOf: batch.children)
            unnormalize(hop, by.heard, stride: stride)
        }
        by.embedding.rectifyBackward(found.embeddings, nodes * width)
        layout.input.backward(rows: nodes, found.nodeInput, by.embedding, weights, gradient, to: nil)
    }
}
