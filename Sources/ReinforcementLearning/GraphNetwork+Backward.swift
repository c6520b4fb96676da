extension GraphNetwork {
    /// Derivatives of a loss by what ``forward(_:_:)`` and ``levels(_:of:_:)`` found. All 0 at first.
    struct OutputGradients {
        let candidates: Values, idle: Values, values: Values, levels: Values
    }

    /// Room for the derivatives of the batch that was computed last.
    func outputGradients(_ batch: borrowing GraphBatch, levelRows: Int) -> OutputGradients {
        OutputGradients(
            candidates: takeZeros(batch.candidates.count), idle: takeZeros(batch.count),
            values: takeZeros(layout.hasValue ? batch.count : 0), levels: takeZeros(levelRows * layout.levels))
    }

    /// Adds the derivatives of the loss by the weights to `gradient`, after the other two functions for the same batch.
    func backward(
        _ batch: borrowing GraphBatch, _ outputs: OutputGradients, chosen: [Int32], _ weights: UnsafePointer<S>,
        to gradient: UnsafeMutablePointer<S>
    ) {
        let (width, rows) = (layout.width, batch.candidates.count)
        let headGradient = take(rows * 3 * width)
        headBackward(
            layout.choice, rows: rows, headInput, choiceHidden, outputs.candidates, weights, gradient,
            to: headGradient)
        if layout.levels > 0 { levelsBackward(batch, outputs, chosen, weights, gradient, to: headGradient) }
        var sharpness: S = 0
        for row in 0..<rows { sharpness += outputs.candidates[row] * S(batch.candidateScores[row]) }
        for row in 0..<batch.count where batch.idleScores[row] > -.infinity {
            sharpness += outputs.idle[row] * S(batch.idleScores[row])
        }
        gradient[layout.sharpness] += sharpness * S.exponential(weights[layout.sharpness])

        let globalGradient = take(batch.count * width)
        headBackward(
            layout.idle, rows: batch.count, global, idleHidden, outputs.idle, weights, gradient, to: globalGradient)
        if layout.hasValue {
            headBackward(
                layout.value, rows: batch.count, global, valueHidden, outputs.values, weights, gradient, adding: true,
                to: globalGradient)
        }
        let (groupGradient, nodeGradient) = (takeZeros(batch.groups * width), takeZeros(batch.nodes * width))
        for row in 0..<rows {
            let node = Int(batch.candidates[row])
            let (group, graph, from) = (Int(batch.groupOfNode[node]), Int(batch.graphOfCandidate[row]), row * 3 * width)
            for k in 0..<width {
                nodeGradient[node * width + k] += headGradient[from + k]
                groupGradient[group * width + k] += headGradient[from + width + k]
                globalGradient[graph * width + k] += headGradient[from + 2 * width + k]
            }
        }
        poolBackward(batch, globalGradient, groupGradient, weights, gradient, to: nodeGradient)
        nodesBackward(batch, nodeGradient, weights, gradient)
    }

    private func headBackward(
        _ layers: [NetworkLayout.Dense], rows: Int, _ input: Values, _ hidden: Values, _ output: Values,
        _ weights: UnsafePointer<S>, _ gradient: UnsafeMutablePointer<S>, adding: Bool = false, to result: Values
    ) {
        let hiddenGradient = take(rows * layers[0].outputs)
        layers[1].backward(rows: rows, hidden, output, weights, gradient, to: hiddenGradient)
        rectifyBackward(hidden, hiddenGradient)
        layers[0].backward(rows: rows, input, hiddenGradient, weights, gradient, adding: adding, to: result)
    }

    private func levelsBackward(
        _ batch: borrowing GraphBatch, _ outputs: OutputGradients, _ chosen: [Int32], _ weights: UnsafePointer<S>,
        _ gradient: UnsafeMutablePointer<S>, to headGradient: Values
    ) {
        let (width, levels) = (3 * layout.width, layout.levels)
        let inputGradient = take(chosen.count * width)
        headBackward(
            layout.level, rows: chosen.count, levelInput, levelHidden, outputs.levels, weights, gradient,
            to: inputGradient)
        var sharpness: S = 0
        for row in chosen.indices {
            let candidate = Int(chosen[row])
            for k in 0..<width { headGradient[candidate * width + k] += inputGradient[row * width + k] }
            for k in 0..<levels where batch.levelScores[candidate * levels + k] > -.infinity {
                sharpness += outputs.levels[row * levels + k] * S(batch.levelScores[candidate * levels + k])
            }
        }
        gradient[layout.sharpness + 1] += sharpness * S.exponential(weights[layout.sharpness + 1])
    }

    private func poolBackward(
        _ batch: borrowing GraphBatch, _ globalGradient: Values, _ groupGradient: Values,
        _ weights: UnsafePointer<S>, _ gradient: UnsafeMutablePointer<S>, to nodeGradient: Values
    ) {
        let width = layout.width
        let globalInputGradient = take(batch.count * layout.global.inputs)
        rectifyBackward(global, globalGradient)
        layout.global.backward(
            rows: batch.count, globalInput, globalGradient, weights, gradient, to: globalInputGradient)
        attendBackward(
            rows: batch.groups, width: width, groups, batch.graphOfGroup, weights + layout.groupAttention,
            shares: groupShares, globalInput, globalInputGradient, resultStride: layout.global.inputs,
            gradient + layout.groupAttention, to: groupGradient)
        let groupInputGradient = take(batch.groups * layout.group.inputs)
        rectifyBackward(groups, groupGradient)
        layout.group.backward(rows: batch.groups, groupInput, groupGradient, weights, gradient, to: groupInputGradient)
        attendBackward(
            rows: batch.nodes, width: width, normals[normals.count - 1], batch.groupOfNode,
            weights + layout.nodeAttention, shares: nodeShares, groupInput, groupInputGradient,
            resultStride: layout.group.inputs, gradient + layout.nodeAttention, to: nodeGradient)
    }

    /// From the derivative by the last normalised embedding back to the input.
    private func nodesBackward(
        _ batch: borrowing GraphBatch, _ lastGradient: Values, _ weights: UnsafePointer<S>,
        _ gradient: UnsafeMutablePointer<S>
    ) {
        let (nodes, width, hops) = (batch.nodes, layout.width, layout.hops.count)
        let (embedding, message, normal) = (takeZeros(nodes * width), take(nodes * width), take(nodes * 3 * width))
        func unnormalize(_ hop: Int, _ outputGradient: Values, stride: Int) {
            normalizeBackward(
                rows: nodes, width: width, embeddings[hop], weights + layout.norms[hop], outputGradient,
                stride: stride, inverses: inverses[hop], means: means[hop], gradient + layout.norms[hop],
                to: embedding)
        }
        unnormalize(hops, lastGradient, stride: width)
        for hop in (0..<hops).reversed() {
            _ = message.update(fromContentsOf: embedding)
            rectifyBackward(messages[hop], message)
            layout.hops[hop].backward(rows: nodes, normals[hop], message, weights, gradient, to: normal)
            addRows(
                normal, from: batch.parents, column: width, stride: 3 * width, width: width, to: normal,
                rows: batch.children, column: 0, resultStride: 3 * width, factors: childFactors, factorOfSender: true)
            addRows(
                normal, from: batch.children, column: 2 * width, stride: 3 * width, width: width, to: normal,
                rows: batch.parents, column: 0, resultStride: 3 * width, factors: parentFactors, factorOfSender: true)
            unnormalize(hop, normal, stride: 3 * width)
        }
        rectifyBackward(embeddings[0], embedding)
        layout.input.backward(rows: nodes, nodeInput, embedding, weights, gradient, to: nil)
    }
}
