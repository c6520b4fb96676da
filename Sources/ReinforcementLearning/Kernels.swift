internal import Foundation
package import LinearAlgebra

/// The numbers that networks compute with: `Float`, and `Double` to check gradients.
package protocol NetworkScalar: BLASScalar, SIMDScalar, Codable {
    static func exponential(_ x: Self) -> Self
    static func logarithm(_ x: Self) -> Self
}
extension Float: NetworkScalar {
    package static func exponential(_ x: Float) -> Float { expf(x) }
    package static func logarithm(_ x: Float) -> Float { logf(x) }
}
extension Double: NetworkScalar {
    package static func exponential(_ x: Double) -> Double { exp(x) }
    package static func logarithm(_ x: Double) -> Double { log(x) }
}

/// Memory that grows and is kept. What it held is lost when it grows.
final class Buffer<Element: BitwiseCopyable> {
    private var memory = UnsafeMutablePointer<Element>.allocate(capacity: 0)
    private var capacity = 0

    deinit { memory.deallocate() }

    /// `count` elements, whose values are unknown.
    func take(_ count: Int) -> UnsafeMutablePointer<Element> {
        if capacity < count {
            memory.deallocate()
            capacity = count + count / 2
            memory = .allocate(capacity: capacity)
        }
        return memory
    }
}

// Rows of numbers, eight at a time: compilers do not reorder sums of floating point numbers by themselves.

extension UnsafeMutablePointer where Pointee: NetworkScalar {
    @inline(__always) fileprivate func eight(_ index: Int) -> SIMD8<Pointee> {
        UnsafeRawPointer(self + index).loadUnaligned(as: SIMD8<Pointee>.self)
    }

    @inline(__always) fileprivate func put(_ values: SIMD8<Pointee>, _ index: Int) {
        UnsafeMutableRawPointer(self + index).storeBytes(of: values, as: SIMD8<Pointee>.self)
    }

    /// Adds `factor` · `other` to `width` numbers.
    @inline(__always) func add(_ factor: Pointee, _ other: UnsafeMutablePointer<Pointee>, _ width: Int) {
        var k = 0
        while k &+ 8 <= width {
            put(eight(k) + other.eight(k) * factor, k)
            k &+= 8
        }
        while k < width {
            self[k] += factor * other[k]
            k &+= 1
        }
    }

    @inline(__always) func dot(_ other: UnsafeMutablePointer<Pointee>, _ width: Int) -> Pointee {
        var (sums, rest, k) = (SIMD8<Pointee>(), Pointee.zero, 0)
        while k &+ 8 <= width {
            sums += eight(k) * other.eight(k)
            k &+= 8
        }
        while k < width {
            rest += self[k] * other[k]
            k &+= 1
        }
        return sums.sum() + rest
    }

    @inline(__always) func sum(_ width: Int) -> Pointee {
        var (sums, rest, k) = (SIMD8<Pointee>(), Pointee.zero, 0)
        while k &+ 8 <= width {
            sums += eight(k)
            k &+= 8
        }
        while k < width {
            rest += self[k]
            k &+= 1
        }
        return sums.sum() + rest
    }

    @inline(__always) func copy(_ other: UnsafeMutablePointer<Pointee>, _ width: Int) {
        var k = 0
        while k &+ 8 <= width {
            put(other.eight(k), k)
            k &+= 8
        }
        while k < width {
            self[k] = other[k]
            k &+= 1
        }
    }

    /// *x* where it is positive, else a fifth of it.
    func rectify(_ width: Int) {
        let slope = Pointee(rectifierSlope)
        for k in 0..<width { self[k] = self[k] > 0 ? self[k] : slope * self[k] }
    }

    /// Turns the derivative by what ``rectify(_:)`` left into that by what it was given: the signs of both are the same.
    func rectifyBackward(_ output: UnsafeMutablePointer<Pointee>, _ width: Int) {
        let slope = Pointee(rectifierSlope)
        for k in 0..<width { self[k] *= output[k] > 0 ? 1 : slope }
    }
}

// The layers on rows of `width` numbers: forwards, and backwards from the derivative of the loss by the output to those by
// the input and by the weights. Derivatives by weights and by inputs that several layers share are added. Pointers lead to
// as many rows as are asked for: `GraphNetwork` takes the memory.

extension NetworkLayout.Dense {
    /// `output` = `input` · *W* + *b*.
    func forward<S: NetworkScalar>(
        rows: Int, _ input: UnsafeMutablePointer<S>, _ weights: UnsafeMutablePointer<S>,
        to output: UnsafeMutablePointer<S>
    ) {
        for row in 0..<rows { (output + row &* outputs).copy(weights + bias, outputs) }
        S.multiply(
            rows: rows, columns: outputs, inner: inputs, view(input, rows * inputs), .no, matrix(weights), .no,
            adding: true, to: UnsafeMutableBufferPointer(start: output, count: rows * outputs))
    }

    /// - Parameter inputGradient: Receives the derivative by the input; `nil` where nobody needs it.
    func backward<S: NetworkScalar>(
        rows: Int, _ input: UnsafeMutablePointer<S>, _ outputGradient: UnsafeMutablePointer<S>,
        _ weights: UnsafeMutablePointer<S>, _ gradient: UnsafeMutablePointer<S>, adding: Bool = false,
        to inputGradient: UnsafeMutablePointer<S>?
    ) {
        for row in 0..<rows { (gradient + bias).add(1, outputGradient + row &* outputs, outputs) }
        let derivatives = view(outputGradient, rows * outputs)
        S.multiply(
            rows: inputs, columns: outputs, inner: rows, view(input, rows * inputs), .yes, derivatives, .no,
            adding: true, to: UnsafeMutableBufferPointer(start: gradient + weight, count: inputs * outputs))
        guard let inputGradient else { return }
        S.multiply(
            rows: rows, columns: inputs, inner: outputs, derivatives, .no, matrix(weights), .yes, adding: adding,
            to: UnsafeMutableBufferPointer(start: inputGradient, count: rows * inputs))
    }

    private func matrix<S>(_ weights: UnsafeMutablePointer<S>) -> UnsafeBufferPointer<S> {
        view(weights + weight, inputs * outputs)
    }

    private func view<S>(_ start: UnsafeMutablePointer<S>, _ count: Int) -> UnsafeBufferPointer<S> {
        UnsafeBufferPointer(start: start, count: count)
    }
}

/// Each row less its mean, divided by its standard deviation, times the gains, plus the shifts that follow them.
///
/// - Parameters:
///   - output: Rows `stride` apart, of which the first `width` numbers are written.
///   - normals: Receives rows before gain and shift, for the way back.
///   - inverses: Receives one over the standard deviation of each row.
func normalize<S: NetworkScalar>(
    rows: Int, width: Int, _ input: UnsafeMutablePointer<S>, _ gain: UnsafeMutablePointer<S>,
    to output: UnsafeMutablePointer<S>, stride: Int, normals: UnsafeMutablePointer<S>,
    inverses: UnsafeMutablePointer<S>
) {
    let (shift, share) = (gain + width, 1 / S(width))
    for row in 0..<rows {
        let (from, normal) = (input + row &* width, normals + row &* width)
        let mean = from.sum(width) * share
        var k = 0
        while k &+ 8 <= width {
            normal.put(from.eight(k) - mean, k)
            k &+= 8
        }
        while k < width {
            normal[k] = from[k] - mean
            k &+= 1
        }
        inverses[row] = normal.dot(normal, width)
    }
    // By themselves, several roots are taken at once.
    for row in 0..<rows { inverses[row] = 1 / (inverses[row] * share + S(1e-5)).squareRoot() }
    for row in 0..<rows {
        let (normal, to, inverse) = (normals + row &* width, output + row &* stride, inverses[row])
        var k = 0
        while k &+ 8 <= width {
            let values = normal.eight(k) * inverse
            normal.put(values, k)
            to.put(values * gain.eight(k) + shift.eight(k), k)
            k &+= 8
        }
        while k < width {
            normal[k] *= inverse
            to[k] = normal[k] * gain[k] + shift[k]
            k &+= 1
        }
    }
}

/// Adds the derivative by the input of ``normalize(rows:width:_:_:to:stride:normals:inverses:)`` to `inputGradient`.
/// - Parameter room: `width` numbers to compute in.
func normalizeBackward<S: NetworkScalar>(
    rows: Int, width: Int, _ gain: UnsafeMutablePointer<S>, _ outputGradient: UnsafeMutablePointer<S>, stride: Int,
    normals: UnsafeMutablePointer<S>, inverses: UnsafeMutablePointer<S>, room: UnsafeMutablePointer<S>,
    _ gainGradient: UnsafeMutablePointer<S>, to inputGradient: UnsafeMutablePointer<S>
) {
    let (shiftGradient, share) = (gainGradient + width, 1 / S(width))
    for row in 0..<rows {
        let (normal, derivative) = (normals + row &* width, outputGradient + row &* stride)
        let to = inputGradient + row &* width
        var k = 0
        while k &+ 8 <= width {
            let (values, slopes) = (normal.eight(k), derivative.eight(k))
            gainGradient.put(gainGradient.eight(k) + slopes * values, k)
            shiftGradient.put(shiftGradient.eight(k) + slopes, k)
            room.put(slopes * gain.eight(k), k)
            k &+= 8
        }
        while k < width {
            gainGradient[k] += derivative[k] * normal[k]
            shiftGradient[k] += derivative[k]
            room[k] = derivative[k] * gain[k]
            k &+= 1
        }
        let (mean, slope, inverse) = (room.sum(width) * share, room.dot(normal, width) * share, inverses[row])
        k = 0
        while k &+ 8 <= width {
            let inner = room.eight(k) - mean - normal.eight(k) * slope
            to.put(to.eight(k) + inner * inverse, k)
            k &+= 8
        }
        while k < width {
            to[k] += inverse * (room[k] - mean - normal[k] * slope)
            k &+= 1
        }
    }
}

/// Adds row `from[e]` to row `to[e]`, times the factor of the row `factorOf[e]`. Rows begin every `stride` numbers.
func addRows<S: NetworkScalar>(
    _ values: UnsafeMutablePointer<S>, from: [Int32], to result: UnsafeMutablePointer<S>, rows to: [Int32],
    stride: Int, width: Int, factors: UnsafeMutablePointer<S>, factorOf: [Int32]
) {
    from.withUnsafeBufferPointer { from in
        to.withUnsafeBufferPointer { to in
            factorOf.withUnsafeBufferPointer { factorOf in
                for edge in 0..<from.count {
                    (result + Int(to[edge]) &* stride).add(
                        factors[Int(factorOf[edge])], values + Int(from[edge]) &* stride, width)
                }
            }
        }
    }
}

/// One over the square root of how often each of `count` rows is named, 0 for never.
func inverseRootCounts<S: NetworkScalar>(_ rows: [Int32], count: Int, to result: UnsafeMutablePointer<S>) {
    result.update(repeating: 0, count: count)
    rows.withUnsafeBufferPointer { for row in $0 { result[Int(row)] += 1 } }
    for row in 0..<count where result[row] > 1 { result[row] = 1 / result[row].squareRoot() }
}

/// Attention over the rows of each segment: their mean, weighted by the softmax of *row · direction / √width*.
///
/// - Parameters:
///   - shares: Receives the weight of each row.
///   - room: Room for one number a segment.
///   - result: One row a segment, `stride` apart, of which the first `width` numbers are written; 0 for a segment without
///     rows.
func attend<S: NetworkScalar>(
    rows: Int, width: Int, _ values: UnsafeMutablePointer<S>, _ segments: [Int32], count: Int,
    _ direction: UnsafeMutablePointer<S>, shares: UnsafeMutablePointer<S>, room: UnsafeMutablePointer<S>,
    to result: UnsafeMutablePointer<S>, stride: Int
) {
    let scale = 1 / S(width).squareRoot()
    room.update(repeating: -.infinity, count: count)
    segments.withUnsafeBufferPointer { segments in
        for row in 0..<rows {
            let segment = Int(segments[row])
            shares[row] = (values + row &* width).dot(direction, width) * scale
            room[segment] = max(room[segment], shares[row])
        }
        for row in 0..<rows { shares[row] = S.exponential(shares[row] - room[Int(segments[row])]) }
        room.update(repeating: 0, count: count)
        for row in 0..<rows { room[Int(segments[row])] += shares[row] }
        for segment in 0..<count { (result + segment &* stride).update(repeating: 0, count: width) }
        for row in 0..<rows {
            let segment = Int(segments[row])
            shares[row] /= room[segment]
            (result + segment &* stride).add(shares[row], values + row &* width, width)
        }
    }
}

/// Adds the derivative by the rows that ``attend(rows:width:_:_:count:_:shares:room:to:stride:)`` was given.
func attendBackward<S: NetworkScalar>(
    rows: Int, width: Int, _ values: UnsafeMutablePointer<S>, _ segments: [Int32],
    _ direction: UnsafeMutablePointer<S>, shares: UnsafeMutablePointer<S>, _ result: UnsafeMutablePointer<S>,
    _ resultGradient: UnsafeMutablePointer<S>, stride: Int, _ directionGradient: UnsafeMutablePointer<S>,
    to gradient: UnsafeMutablePointer<S>
) {
    let scale = 1 / S(width).squareRoot()
    segments.withUnsafeBufferPointer { segments in
        for row in 0..<rows {
            let (value, to, segment) = (values + row &* width, gradient + row &* width, Int(segments[row]) &* stride)
            let derivative = resultGradient + segment
            let difference = derivative.dot(value, width) - derivative.dot(result + segment, width)
            let slope = difference * shares[row] * scale
            to.add(shares[row], derivative, width)
            to.add(slope, direction, width)
            directionGradient.add(slope, value, width)
        }
    }
}
