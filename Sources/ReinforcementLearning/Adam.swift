/// The optimiser's memory: running means of gradients and of their squares.
///
/// Source: Kingma, Ba, *Adam: A Method for Stochastic Optimization* (2015), with ε = 1e-5 as is usual for policies.
struct Adam: Sendable, Hashable {
    var means: [Float]
    var squares: [Float]
    var steps = 0

    init(count: Int) {
        means = Array(repeating: 0, count: count)
        squares = means
    }

    /// Moves the weights against the gradient.
    mutating func update(_ weights: inout [Float], _ gradient: [Float], rate: Double) {
        steps += 1
        let (meanBias, squareBias) = (1 - power(0.9, steps), 1 - power(0.999, steps))
        let (scale, rootBias) = (Float(rate / meanBias), Float(squareBias.squareRoot()))
        for k in weights.indices {
            means[k] += 0.1 * (gradient[k] - means[k])
            squares[k] += 0.001 * (gradient[k] * gradient[k] - squares[k])
            weights[k] -= scale * means[k] / (squares[k].squareRoot() / rootBias + 1e-5)
        }
    }

    /// By multiplication: the same digits on every machine.
    private func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, factor, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= factor }
            factor *= factor
            rest >>= 1
        }
        return result
    }
}
