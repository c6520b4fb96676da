/// What was decided about one graph.
package struct Decision: Sendable, Hashable {
    /// Its position among the graph's candidates, −1 for none of them.
    var candidate: Int32 = -1
    var level: Int32 = 0
    /// Of candidate and level together.
    var logProbability: Float = 0
    /// The network's estimate of the return, in units of the trainer's scale.
    var value: Float = 0

    init() {}
    package init(_ action: GraphAction) {
        if case .take(let candidate, let level) = action {
            (self.candidate, self.level) = (Int32(truncatingIfNeeded: candidate), Int32(truncatingIfNeeded: level))
        }
    }

    var action: GraphAction { candidate < 0 ? .idle : .take(candidate: Int(candidate), level: Int(level)) }
}

/// A softmax over a run of logits and perhaps one more; −∞ stands for what is not legal.
struct Softmax<S: NetworkScalar> {
    let logits: UnsafeMutablePointer<S>
    let range: Range<Int>
    /// The logit of none of them.
    let other: S
    private(set) var logNormalizer: S = 0

    init(_ logits: UnsafeMutablePointer<S>, _ range: Range<Int>, other: S = -.infinity) {
        (self.logits, self.range, self.other) = (logits, range, other)
        var largest = other
        for k in range { largest = max(largest, logits[k]) }
        var sum = S.exponential(other - largest)
        for k in range { sum += S.exponential(logits[k] - largest) }
        logNormalizer = largest + S.logarithm(sum)
    }

    /// The position in the range, −1 for none of them.
    func logProbability(_ position: Int) -> S {
        (position < 0 ? other : logits[range.lowerBound + position]) - logNormalizer
    }

    var entropy: S {
        var sum: S = 0
        for position in -1..<range.count {
            let logarithm = logProbability(position)
            if logarithm > -.infinity { sum -= S.exponential(logarithm) * logarithm }
        }
        return sum
    }

    /// The likeliest position, of equals the first, of all equals rather one than none.
    var best: Int {
        var (best, largest) = (-1, -S.infinity)
        for k in range where logits[k] > largest { (best, largest) = (k - range.lowerBound, logits[k]) }
        return best >= 0 && !(other > largest) ? best : -1
    }

    /// The position whose part of [0, 1), of a length equal to its probability, holds `uniform`.
    func sample(_ uniform: Double) -> Int {
        var (rest, last) = (uniform, -1)
        for k in range where logits[k] > -.infinity {
            last = k - range.lowerBound
            rest -= Double(S.exponential(logits[k] - logNormalizer))
            if rest < 0 { return last }
        }
        return other > -.infinity ? -1 : last
    }

    /// Adds the derivatives by the logits of `byLogProbability · log p(position) + byEntropy · entropy`.
    /// - Returns: The derivative by the logit of none of them.
    func backward(
        _ position: Int, byLogProbability: S, byEntropy: S, to gradient: UnsafeMutablePointer<S>
    ) -> S {
        let entropy = byEntropy == 0 ? 0 : self.entropy
        func derivative(_ index: Int) -> S {
            let logarithm = logProbability(index)
            guard logarithm > -.infinity else { return 0 }
            let probability = S.exponential(logarithm)
            return byLogProbability * ((index == position ? 1 : 0) - probability)
                - byEntropy * probability * (logarithm + entropy)
        }
        for index in 0..<range.count { gradient[range.lowerBound + index] += derivative(index) }
        return derivative(-1)
    }
}
