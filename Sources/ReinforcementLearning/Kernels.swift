internal import Foundation
package import LinearAlgebra

/// The numbers that networks compute with: `Float`, and `Double` to check gradients.
package protocol NetworkScalar: BLASScalar {
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
    private var memory: UnsafeMutableBufferPointer<Element>

    init() { memory = .allocate(capacity: 0) }
    deinit { memory.deallocate() }

    /// `count` elements, whose values are unknown.
    func take(_ count: Int) -> UnsafeMutableBufferPointer<Element> {
        if memory.count < count {
            memory.deallocate()
            memory = .allocate(capacity: count + count / 2)
        }
        return UnsafeMutableBufferPointer(rebasing: memory[..<count])
    }

    func takeZeros(_ count: Int) -> UnsafeMutableBufferPointer<Element> where Element: Numeric {
        let values = take(count)
        values.update(repeating: 0)
        return values
    }
}

// The layers on rows of `width` numbers: forwards, and backwards from the derivative of the loss by the output to those by
// the input and by the weights. Derivatives by weights and by inputs that several layers share are added.

extension NetworkLayout.Dense {
    /// `output` = `input` · *W* + *b*.
    func forward<S: NetworkScalar>(
        rows: Int, _ input: UnsafeMutableBufferPointer<S>, _ weights: UnsafePointer<S>,
        to output: UnsafeMutableBufferPointer<S>
    ) {
        let shift = weights + bias
        for row in 0..<rows {
            for k in 0..<outputs { output[row * outputs + k] = shift[k] }
        }
        S.multiply(
            rows: rows, columns: outputs, inner: inputs, UnsafeBufferPointer(input), .no, matrix(weights), .no,
            adding: true, to: output)
    }

    /// - Parameter inputGradient: Receives the derivative by the input; `nil` where nobody needs it.
    func backward<S: NetworkScalar>(
        rows: Int, _ input: UnsafeMutableBufferPointer<S>, _ outputGradient: UnsafeMutableBufferPointer<S>,
        _ weights: UnsafePointer<S>, _ gradient: UnsafeMutablePointer<S>, adding: Bool = false,
        to inputGradient: UnsafeMutableBufferPointer<S>?
    ) {
        let shift = gradient + bias
        for row in 0..<rows {
            for k in 0..<outputs { shift[k] += outputGradient[row * outputs + k] }
        }
        S.multiply(
            rows: inputs, columns: outputs, inner: rows, UnsafeBufferPointer(input), .yes,
            UnsafeBufferPointer(outputGradient), .no, adding: true,
            to: UnsafeMutableBufferPointer(start: gradient + weight, count: inputs * outputs))
        if let inputGradient {
            S.multiply(
                rows: rows, columns: inputs, inner: outputs, UnsafeBufferPointer(outputGradient), .no,
                matrix(weights), .yes, adding: adding, to: inputGradient)
        }
    }

    private func matrix<S>(_ weights: UnsafePointer<S>) -> UnsafeBufferPointer<S> {
        UnsafeBufferPointer(start: weights + weight, count: inputs * outputs)
    }
}

/// *x* where it is positive, else a fifth of it.
func rectify<S: NetworkScalar>(_ values: UnsafeMutableBufferPointer<S>) {
    let slope = S(rectifierSlope)
    for k in values.indices { values[k] = max(values[k], slope * values[k]) }
}

/// The derivative by what ``rectify(_:)`` was given, from its output, whose sign is the same.
func rectifyBackward<S: NetworkScalar>(
    _ output: UnsafeMutableBufferPointer<S>, _ gradient: UnsafeMutableBufferPointer<S>
) {
    let slope = S(rectifierSlope)
    for k in output.indices { gradient[k] *= output[k] > 0 ? 1 : slope }
}

/// Each row less its mean, divided by its standard deviation, times the gains, plus the shifts that follow them.
/// - Parameter inverses: Receives one over the standard deviation of each row, for the way back.
/// - Parameter stride: The distance of rows in `output`; the first `width` numbers of each are written.
func normalize<S: NetworkScalar>(
    rows: Int, width: Int, _ input: UnsafeMutableBufferPointer<S>, _ gain: UnsafePointer<S>,
    to output: UnsafeMutableBufferPointer<S>, stride: Int, inverses: UnsafeMutableBufferPointer<S>,
    means: UnsafeMutableBufferPointer<S>
) {
    let (shift, share) = (gain + width, 1 / S(width))
    for row in 0..<rows {
        let (from, to) = (row * width, row * stride)
        var (sum, squares): (S, S) = (0, 0)
        for k in 0..<width { sum += input[from + k] }
        let mean = sum * share
        for k in 0..<width {
            let distance = input[from + k] - mean
            squares += distance * distance
        }
        let inverse = 1 / (squares * share + S(1e-5)).squareRoot()
        for k in 0..<width { output[to + k] = (input[from + k] - mean) * inverse * gain[k] + shift[k] }
        (inverses[row], means[row]) = (inverse, mean)
    }
}

/// Adds the derivative by the input of ``normalize(rows:width:_:_:to:stride:inverses:means:)`` to `inputGradient`.
func normalizeBackward<S: NetworkScalar>(
    rows: Int, width: Int, _ input: UnsafeMutableBufferPointer<S>, _ gain: UnsafePointer<S>,
    _ outputGradient: UnsafeMutableBufferPointer<S>, stride: Int, inverses: UnsafeMutableBufferPointer<S>,
    means: UnsafeMutableBufferPointer<S>, _ gainGradient: UnsafeMutablePointer<S>,
    to inputGradient: UnsafeMutableBufferPointer<S>
) {
    let (shiftGradient, share) = (gainGradient + width, 1 / S(width))
    for row in 0..<rows {
        let (from, to, inverse, center) = (row * width, row * stride, inverses[row], means[row])
        var (mean, slope): (S, S) = (0, 0)
        for k in 0..<width {
            let (derivative, normal) = (outputGradient[to + k], (input[from + k] - center) * inverse)
            gainGradient[k] += derivative * normal
            shiftGradient[k] += derivative
            mean += derivative * gain[k]
            slope += derivative * gain[k] * normal
        }
        mean *= share
        slope *= share
        for k in 0..<width {
            let normal = (input[from + k] - center) * inverse
            inputGradient[from + k] += inverse * (outputGradient[to + k] * gain[k] - mean - normal * slope)
        }
    }
}

/// Adds row `from[e]` of one array to row `to[e]` of another, times a factor of the receiving or the sending row.
///
/// Rows begin every `stride` numbers, at `fromColumn` and `toColumn`.
func addRows<S: NetworkScalar>(
    _ values: UnsafeMutableBufferPointer<S>, from: [Int32], column fromColumn: Int, stride: Int, width: Int,
    to result: UnsafeMutableBufferPointer<S>, rows to: [Int32], column toColumn: Int, resultStride: Int,
    factors: UnsafeMutableBufferPointer<S>, factorOfSender: Bool
) {
    from.withUnsafeBufferPointer { from in
        to.withUnsafeBufferPointer { to in
            for edge in from.indices {
                let (sender, receiver) = (Int(from[edge]), Int(to[edge]))
                let factor = factors[factorOfSender ? sender : receiver]
                let (source, target) = (sender * stride + fromColumn, receiver * resultStride + toColumn)
                for k in 0..<width { result[target + k] += factor * values[source + k] }
            }
        }
    }
}

/// One over the square root of how often each row is named, 0 for never.
func inverseRootCounts<S: NetworkScalar>(_ rows: [Int32], to result: UnsafeMutableBufferPointer<S>) {
    result.update(repeating: 0)
    for row in rows { result[Int(row)] += 1 }
    for row in result.indices where result[row] > 0 { result[row] = 1 / result[row].squareRoot() }
}

/// Attention over the rows of each segment: their mean, weighted by the softmax of *row · direction / √width*.
///
/// - Parameters:
///   - shares: Receives the weight of each row.
///   - largest: Room for one number a segment.
///   - result: One row a segment, `resultStride` apart, of which the first `width` numbers are written; 0 for a segment
///     without rows.
func attend<S: NetworkScalar>(
    rows: Int, width: Int, _ values: UnsafeMutableBufferPointer<S>, _ segments: [Int32], count: Int,
    _ direction: UnsafePointer<S>, shares: UnsafeMutableBufferPointer<S>, largest: UnsafeMutableBufferPointer<S>,
    to result: UnsafeMutableBufferPointer<S>, resultStride: Int
) {
    let scale = 1 / S(width).squareRoot()
    largest.update(repeating: -.infinity)
    segments.withUnsafeBufferPointer { segments in
        for row in 0..<rows {
            var score: S = 0
            for k in 0..<width { score += values[row * width + k] * direction[k] }
            shares[row] = score * scale
            largest[Int(segments[row])] = max(largest[Int(segments[row])], shares[row])
        }
        for row in 0..<rows { shares[row] = S.exponential(shares[row] - largest[Int(segments[row])]) }
        largest.update(repeating: 0)
        for row in 0..<rows { largest[Int(segments[row])] += shares[row] }
        for segment in 0..<count {
            for k in 0..<width { result[segment * resultStride + k] = 0 }
        }
        for row in 0..<rows {
            let share = shares[row] / largest[Int(segments[row])]
            let target = Int(segments[row]) * resultStride
            shares[row] = share
            for k in 0..<width { result[target + k] += share * values[row * width + k] }
        }
    }
}

/// Adds the derivative by the rows that ``attend(rows:width:_:_:count:_:shares:largest:to:resultStride:)`` was given.
func attendBackward<S: NetworkScalar>(
    rows: Int, width: Int, _ values: UnsafeMutableBufferPointer<S>, _ segments: [Int32],
    _ direction: UnsafePointer<S>, shares: UnsafeMutableBufferPointer<S>, _ result: UnsafeMutableBufferPointer<S>,
    _ resultGradient: UnsafeMutableBufferPointer<S>, resultStride: Int,
    _ directionGradient: UnsafeMutablePointer<S>, to gradient: UnsafeMutableBufferPointer<S>
) {
    let scale = 1 / S(width).squareRoot()
    segments.withUnsafeBufferPointer { segments in
        for row in 0..<rows {
            let (from, segment) = (row * width, Int(segments[row]) * resultStride)
            var slope: S = 0
            for k in 0..<width {
                slope += resultGradient[segment + k] * (values[from + k] - result[segment + k])
            }
            slope *= shares[row] * scale
            for k in 0..<width {
                gradient[from + k] += shares[row] * resultGradient[segment + k] + slope * direction[k]
                directionGradient[k] += slope * values[from + k]
            }
        }
    }
}
