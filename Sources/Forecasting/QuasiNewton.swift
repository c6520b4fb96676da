/// Minimises a smooth function by the BFGS method.
///
/// - Parameters:
///   - tolerance: Stops once a step promises to gain less than this, in units of the function, twice in a row.
///   - function: Value and gradient; `nil` where the function is not defined. Steps stay where it is.
/// - Returns: The best point found, its value and how often the function was evaluated; `nil` if `start` has no value.
func quasiNewtonMinimum(
    from start: [Double], tolerance: Double, iterations: Int,
    _ function: ([Double]) -> (value: Double, gradient: [Double])?
) -> (point: [Double], value: Double, evaluations: Int)? {
    guard var (value, gradient) = function(start) else { return nil }
    let n = start.count
    var (point, evaluations, quiet, fresh) = (start, 1, 0, true)
    var inverse = [Double](repeating: 0, count: n * n)
    func reset() { for i in 0..<(n * n) { inverse[i] = i % (n + 1) == 0 ? 1 : 0 } }
    reset()
    guard n > 0 else { return (point, value, evaluations) }
    for _ in 0..<iterations {
        var direction = [Double](repeating: 0, count: n)
        for i in 0..<n { for j in 0..<n { direction[i] -= inverse[i * n + j] * gradient[j] } }
        var slope = zip(direction, gradient).reduce(0) { $0 + $1.0 * $1.1 }
        if !(slope < 0) {
            if fresh { break }
            reset()
            fresh = true
            direction = gradient.map { -$0 }
            slope = -gradient.reduce(0) { $0 + $1 * $1 }
            guard slope < 0 else { break }
        }
        // A first step has no scale yet, and tanh saturates: no parameter moves far at once.
        let longest = direction.reduce(0) { max($0, abs($1)) }
        let limit = fresh ? 0.3 : 1.5
        if longest > limit {
            for i in 0..<n { direction[i] *= limit / longest }
            slope *= limit / longest
        }
        var step = 1.0
        var accepted: (value: Double, gradient: [Double], point: [Double])?
        for _ in 0..<25 {
            let candidate = zip(point, direction).map { min(max($0 + step * $1, -12), 12) }
            evaluations += 1
            if let (next, nextGradient) = function(candidate) {
                if next <= value + 1e-4 * step * slope {
                    accepted = (next, nextGradient, candidate)
                    break
                }
                let quadratic = -slope * step / (2 * (next - value - step * slope)) * step
                step = min(max(quadratic, 0.1 * step), 0.5 * step)
            } else {
                step *= 0.25
            }
            if -slope * step < tolerance * 1e-3 { break }
        }
        guard let accepted else {
            if fresh { break }
            reset()
            fresh = true
            continue
        }
        let gain = value - accepted.value
        let moved = zip(accepted.point, point).map { $0 - $1 }
        let turned = zip(accepted.gradient, gradient).map { $0 - $1 }
        (value, gradient, point) = (accepted.value, accepted.gradient, accepted.point)
        quiet = gain < tolerance && -slope * step < 10 * tolerance ? quiet + 1 : 0
        if quiet >= 2 || gradient.allSatisfy({ $0 == 0 }) { break }
        updateInverse(&inverse, moved: moved, turned: turned, rescale: fresh)
        fresh = false
    }
    return (point, value, evaluations)
}

/// The BFGS update of an inverse Hessian; left alone where the curvature is not positive.
private func updateInverse(_ inverse: inout [Double], moved: [Double], turned: [Double], rescale: Bool) {
    let n = moved.count
    let curvature = zip(moved, turned).reduce(0) { $0 + $1.0 * $1.1 }
    let size = turned.reduce(0) { $0 + $1 * $1 }
    guard curvature > 1e-12 * size.squareRoot() * moved.reduce(0, { $0 + $1 * $1 }).squareRoot() else { return }
    if rescale { for i in 0..<(n * n) { inverse[i] *= curvature / size } }
    var image = [Double](repeating: 0, count: n)
    for i in 0..<n { for j in 0..<n { image[i] += inverse[i * n + j] * turned[j] } }
    let factor = (1 + zip(turned, image).reduce(0) { $0 + $1.0 * $1.1 } / curvature) / curvature
    for i in 0..<n {
        for j in 0..<n {
            inverse[i * n + j] += factor * moved[i] * moved[j] - (image[i] * moved[j] + moved[i] * image[j]) / curvature
        }
    }
}
