// The inner loops of the likelihood, four numbers at a time. Each checks its ranges once and then goes through pointers:
// with checked subscripts the same loops do not vectorise and take three times as long.

private typealias Four = SIMD4<Double>

@inline(__always)
private func load(_ pointer: UnsafePointer<Double>, _ index: Int) -> Four {
    UnsafeRawPointer(pointer + index).loadUnaligned(as: Four.self)
}

@inline(__always)
private func store(_ value: Four, _ pointer: UnsafeMutablePointer<Double>, _ index: Int) {
    UnsafeMutableRawPointer(pointer + index).storeBytes(of: value, as: Four.self)
}

/// `Σ a[first + i] b[second + i]` over `count` elements.
func dot(_ a: Span<Double>, from first: Int, _ b: Span<Double>, from second: Int, count: Int) -> Double {
    guard count > 0 else { return 0 }
    precondition(first >= 0 && second >= 0 && first + count <= a.count && second + count <= b.count)
    return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
            guard let a = a.baseAddress.map({ $0 + first }), let b = b.baseAddress.map({ $0 + second }) else {
                return 0
            }
            var (even, odd) = (Four.zero, Four.zero)
            var i = 0
            while i &+ 8 <= count {
                even += load(a, i) * load(b, i)
                odd += load(a, i &+ 4) * load(b, i &+ 4)
                i &+= 8
            }
            if i &+ 4 <= count {
                even += load(a, i) * load(b, i)
                i &+= 4
            }
            var sum = (even + odd).sum()
            while i < count {
                sum += a[i] * b[i]
                i &+= 1
            }
            return sum
        }
    }
}

/// `y[second + i] += scale · x[first + i]` over `count` elements; `x` and `y` must not overlap.
func addScaled(
    _ x: Span<Double>, from first: Int, times scale: Double, to y: inout MutableSpan<Double>, from second: Int,
    count: Int
) {
    guard count > 0 else { return }
    precondition(first >= 0 && second >= 0 && first + count <= x.count && second + count <= y.count)
    x.withUnsafeBufferPointer { x in
        y.withUnsafeMutableBufferPointer { y in
            guard let x = x.baseAddress.map({ $0 + first }), let y = y.baseAddress.map({ $0 + second }) else { return }
            var i = 0
            while i &+ 4 <= count {
                store(load(y, i) + scale * load(x, i), y, i)
                i &+= 4
            }
            while i < count {
                y[i] += scale * x[i]
                i &+= 1
            }
        }
    }
}

/// `(κ, W) -> (κ - ρ W[+1], W[+1] - ρ κ)` over `length` elements, from the row at `base` to the one `width` later.
func schurStep(
    _ gains: inout [Double], _ generators: inout [Double], from base: Int, width: Int, length: Int, reflection: Double
) {
    let last = length - 1
    guard last >= 0 else { return }
    precondition(
        base >= 0 && length <= width && base + 2 * width <= gains.count && base + 2 * width <= generators.count)
    gains.withUnsafeMutableBufferPointer { gains in
        generators.withUnsafeMutableBufferPointer { generators in
            guard let gain = gains.baseAddress.map({ $0 + base }),
                let generator = generators.baseAddress.map({ $0 + base })
            else { return }
            let (nextGain, nextGenerator) = (gain + width, generator + width)
            var i = 0
            while i &+ 4 <= last {
                let (a, b) = (load(gain, i), load(generator, i &+ 1))
                store(a - reflection * b, nextGain, i)
                store(b - reflection * a, nextGenerator, i)
                i &+= 4
            }
            while i < last {
                let (a, b) = (gain[i], generator[i &+ 1])
                nextGain[i] = a - reflection * b
                nextGenerator[i] = b - reflection * a
                i &+= 1
            }
            nextGain[last] = gain[last]
            nextGenerator[last] = -reflection * gain[last]
        }
    }
}

/// The same step in place, which also takes `weight · κ` from the `length` numbers of `errors` from `first` on.
func schurStep(
    _ gains: inout [Double], _ generators: inout [Double], length: Int, reflection: Double,
    takingFrom errors: inout [Double], at first: Int, weight: Double
) {
    let last = length - 1
    guard last >= 0 else { return }
    precondition(
        first >= 0 && length <= gains.count && length <= generators.count && first + length <= errors.count)
    gains.withUnsafeMutableBufferPointer { gains in
        generators.withUnsafeMutableBufferPointer { generators in
            errors.withUnsafeMutableBufferPointer { errors in
                guard let gain = gains.baseAddress, let generator = generators.baseAddress,
                    let error = errors.baseAddress.map({ $0 + first })
                else { return }
                var i = 0
                while i &+ 4 <= last {
                    let (a, b) = (load(gain, i), load(generator, i &+ 1))
                    store(load(error, i) - weight * a, error, i)
                    store(a - reflection * b, gain, i)
                    store(b - reflection * a, generator, i)
                    i &+= 4
                }
                while i < last {
                    let (a, b) = (gain[i], generator[i &+ 1])
                    error[i] -= weight * a
                    gain[i] = a - reflection * b
                    generator[i] = b - reflection * a
                    i &+= 1
                }
                error[last] -= weight * gain[last]
                generator[last] = -reflection * gain[last]
            }
        }
    }
}

/// The reverse of ``schurStep``: slopes of the row at `base` from those of the row after. The slopes of the generators
/// lie at `place`. Returns the slope of the reflection.
func reverseSchurStep(
    _ gainSlopes: inout [Double], _ generatorSlopes: inout [Double], at place: Int, gains: [Double],
    generators: [Double], base: Int, length: Int, reflection: Double
) -> Double {
    let last = length - 1
    guard last >= 0 else { return 0 }
    precondition(
        base >= 0 && place >= 0 && base + length <= gains.count && base + length <= generators.count
            && length <= gainSlopes.count && place + length <= generatorSlopes.count)
    let sum = gainSlopes.withUnsafeMutableBufferPointer { gainSlopes in
        generatorSlopes.withUnsafeMutableBufferPointer { generatorSlopes in
            gains.withUnsafeBufferPointer { gains in
                generators.withUnsafeBufferPointer { generators in
                    guard let gain = gains.baseAddress.map({ $0 + base }),
                        let generator = generators.baseAddress.map({ $0 + base }),
                        let gainSlope = gainSlopes.baseAddress,
                        let generatorSlope = generatorSlopes.baseAddress.map({ $0 + place })
                    else { return 0.0 }
                    var sums = Four.zero
                    var i = 0
                    while i &+ 4 <= last {
                        let (a, b) = (load(gainSlope, i), load(generatorSlope, i))
                        sums += a * load(generator, i &+ 1) + b * load(gain, i)
                        store(a - reflection * b, gainSlope, i)
                        store(b - reflection * a, generatorSlope, i)
                        i &+= 4
                    }
                    var sum = sums.sum()
                    while i < last {
                        let (a, b) = (gainSlope[i], generatorSlope[i])
                        sum += a * generator[i &+ 1] + b * gain[i]
                        gainSlope[i] = a - reflection * b
                        generatorSlope[i] = b - reflection * a
                        i &+= 1
                    }
                    return sum
                }
            }
        }
    }
    let b = generatorSlopes[place + last]
    gainSlopes[last] -= reflection * b
    generatorSlopes[place + last] = 0  // belongs to the zero that was shifted in
    return -sum - b * gains[base + last]
}
