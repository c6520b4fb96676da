extension GraphNetwork {
    /// Decides about every graph of a batch.
    ///
    /// - Parameter uniforms: Two numbers in [0, 1) a graph, for the candidate and the level; `nil` takes the likeliest.
    func decide(
        _ batch: borrowing GraphBatch, _ weights: UnsafePointer<S>, uniforms: [(Double, Double)]?,
        into decisions: inout [Decision]
    ) {
        let weights = Values(mutating: weights)
        let found = forward(batch, weights)
        decisions.removeAll(keepingCapacity: true)
        for graph in 0..<batch.count {
            let choice = Softmax(found.candidateLogits, batch.candidates(of: graph), other: found.idleLogits[graph])
            let position = uniforms.map { choice.sample($0[graph].0) } ?? choice.best
            var decision = Decision()
            decision.candidate = Int32(position)
            decision.logProbability = Float(choice.logProbability(position))
            if layout.hasValue { decision.value = Float(found.values[graph]) }
            decisions.append(decision)
        }
        guard layout.levels > 0 else { return }
        chooseRows(batch, decisions)
        let logits = levels(batch, found, weights).logits
        var row = 0
        for graph in decisions.indices where decisions[graph].candidate >= 0 {
            let choice = Softmax(logits, (row * layout.levels)..<((row + 1) * layout.levels))
            let position = max(0, uniforms.map { choice.sample($0[graph].1) } ?? choice.best)
            decisions[graph].level = Int32(position)
            decisions[graph].logProbability += Float(choice.logProbability(position))
            row += 1
        }
    }

    /// How a loss changes with what the network says of one decision.
    package struct LossGradient {
        let byLogProbability: S, byEntropy: S, byValue: S

        package init(byLogProbability: S, byEntropy: S, byValue: S) {
            (self.byLogProbability, self.byEntropy, self.byValue) = (byLogProbability, byEntropy, byValue)
        }
    }

    /// Adds the gradient of a sum of losses, one a graph, to `gradient`.
    ///
    /// - Parameter loss: Is told the graph, the log-probability of its decision, the entropy of all decisions about it
    ///   and the estimate of its return.
    package func accumulate(
        _ batch: borrowing GraphBatch, _ decisions: [Decision], _ weights: UnsafePointer<S>,
        to gradient: UnsafeMutablePointer<S>,
        loss: (_ graph: Int, _ logProbability: S, _ entropy: S, _ value: S) -> LossGradient
    ) {
        let weights = Values(mutating: weights)
        let found = forward(batch, weights)
        chosen.removeAll(keepingCapacity: true)
        var (levelsFound, row): (LevelActivations?, Int) = (nil, 0)
        if layout.levels > 0 {
            chooseRows(batch, decisions)
            levelsFound = levels(batch, found, weights)
        }
        let derivatives = derivatives(batch)
        for graph in decisions.indices {
            let position = Int(decisions[graph].candidate)
            let choice = Softmax(found.candidateLogits, batch.candidates(of: graph), other: found.idleLogits[graph])
            var (logProbability, entropy) = (choice.logProbability(position), choice.entropy)
            var level: Softmax<S>?
            if let levelsFound, position >= 0 {
                let choice = Softmax(levelsFound.logits, (row * layout.levels)..<((row + 1) * layout.levels))
                logProbability += choice.logProbability(Int(decisions[graph].level))
                entropy += choice.entropy
                level = choice
                row += 1
            }
            let slope = loss(graph, logProbability, entropy, layout.hasValue ? found.values[graph] : 0)
            derivatives.idleLogits[graph] = choice.backward(
                position, byLogProbability: slope.byLogProbability, byEntropy: slope.byEntropy,
                to: derivatives.candidateLogits)
            _ = level?.backward(
                Int(decisions[graph].level), byLogProbability: slope.byLogProbability, byEntropy: slope.byEntropy,
                to: derivatives.levelLogits)
            if layout.hasValue { derivatives.values[graph] = slope.byValue }
        }
        backward(batch, found, levelsFound, derivatives, weights, to: gradient)
    }

    private func chooseRows(_ batch: borrowing GraphBatch, _ decisions: [Decision]) {
        chosen.removeAll(keepingCapacity: true)
        for graph in decisions.indices where decisions[graph].candidate >= 0 {
            chosen.append(Int32(batch.candidates(of: graph).lowerBound) + decisions[graph].candidate)
        }
    }
}
