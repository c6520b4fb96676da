// The inner loops of the likelihood. Each checks its ranges once, so that the loop itself runs without checks.

/// `Σ a[first + i] b[second + i]` over `count` elements.
func dot(_ a: Span<Double>, from first: Int, _ b: Span<Double>, from second: Int, count: Int) -> Double {
    guard count > 0 else { return 0 }
    precondition(first >= 0 && second >= 0 && first + count <= a.count && second + count <= b.count)
    var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0)
    var i = 0
    while i + 4 <= count {
        s0 += a[unchecked: first + i] * b[unchecked: second + i]
        s1 += a[unchecked: first + i + 1] * b[unchecked: second + i + 1]
        s2 += a[unchecked: first + i + 2] * b[unchecked: second + i + 2]
        s3 += a[unchecked: first + i + 3] * b[unchecked: second + i + 3]
        i += 4
    }
    while i < count {
        s0 += a[unchecked: first + i] * b[unchecked: second + i]
        i += 1
    }
    return (s0 + s2) + (s1 + s3)
}

/// `y[second + i] += scale · x[first + i]` over `count` elements.
func addScaled(
    _ x: Span<Double>, from first: Int, times scale: Double, to y: inout MutableSpan<Double>, from second: Int,
    count: Int
) {
    guard count > 0 else { return }
    precondition(first >= 0 && second >= 0 && first + count <= x.count && second + count <= y.count)
    for i in 0..<count { y[unchecked: second + i] += scale * x[unchecked: first + i] }
}

/// `(κ, W) -> (κ - ρ W[+1], W[+1] - ρ κ)` over `length` elements, from the row at `base` to the one `width` later.
func schurStep(
    _ gains: inout [Double], _ generators: inout [Double], from base: Int, width: Int, length: Int, reflection: Double
) {
    var gains = gains.mutableSpan
    var generators = generators.mutableSpan
    let last = length - 1
    guard last >= 0 else { return }
    precondition(
        base >= 0 && length <= width && base + 2 * width <= gains.count && base + 2 * width <= generators.count)
    for i in 0..<last {
        let (gain, generator) = (gains[unchecked: base + i], generators[unchecked: base + i + 1])
        gains[unchecked: base + width + i] = gain - reflection * generator
        generators[unchecked: base + width + i] = generator - reflection * gain
    }
    gains[base + width + last] = gains[base + last]
    generators[base + width + last] = -reflection * gains[base + last]
}

/// The reverse of ``schurStep``: slopes of the row at `base` from those of the row after. The slopes of the generators
/// lie at `place`. Returns the slope of the reflection.
func reverseSchurStep(
    _ gainSlopes: inout MutableSpan<Double>, _ generatorSlopes: inout MutableSpan<Double>, at place: Int,
    gains: Span<Double>, generators: Span<Double>, base: Int, length: Int, reflection: Double
) -> Double {
    let last = length - 1
    guard last >= 0 else { return 0 }
    precondition(
        base >= 0 && place >= 0 && base + length <= gains.count && base + length <= generators.count
            && length <= gainSlopes.count && place + length <= generatorSlopes.count)
    var (sum0, sum1) = (0.0, 0.0)
    for i in 0..<last {
        let (a, b) = (gainSlopes[unchecked: i], generatorSlopes[unchecked: place + i])
        sum0 += a * generators[unchecked: base + i + 1]
        sum1 += b * gains[unchecked: base + i]
        gainSlopes[unchecked: i] = a - reflection * b
        generatorSlopes[unchecked: place + i] = b - reflection * a
    }
    let b = generatorSlopes[place + last]
    sum1 += b * gains[base + last]
    gainSlopes[last] -= reflection * b
    generatorSlopes[place + last] = 0  // belongs to the zero that was shifted in
    return -sum0 - sum1
}
