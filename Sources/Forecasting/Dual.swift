import Glibc

/// What the start of the likelihood needs from a number: plain `Double` for values, ``Dual`` for derivatives.
protocol RealScalar: Sendable {
    init(_ value: Double)
    var value: Double { get }
    static func + (a: Self, b: Self) -> Self
    static func - (a: Self, b: Self) -> Self
    static func * (a: Self, b: Self) -> Self
    static func / (a: Self, b: Self) -> Self
    static prefix func - (a: Self) -> Self
    static func hyperbolicTangent(_ a: Self) -> Self
    static func logarithm(_ a: Self) -> Self
}

extension Double: RealScalar {
    var value: Double { self }
    static func hyperbolicTangent(_ a: Double) -> Double { tanh(a) }
    static func logarithm(_ a: Double) -> Double { log(a) }
}

/// A value and its derivatives in eight directions at once (forward differentiation).
struct Dual: RealScalar {
    static let directions = 8
    var value: Double
    var slope: SIMD8<Double>

    init(_ value: Double) {
        self.init(value: value, slope: .zero)
    }

    init(value: Double, slope: SIMD8<Double>) {
        self.value = value
        self.slope = slope
    }

    static func + (a: Dual, b: Dual) -> Dual { Dual(value: a.value + b.value, slope: a.slope + b.slope) }
    static func - (a: Dual, b: Dual) -> Dual { Dual(value: a.value - b.value, slope: a.slope - b.slope) }
    static prefix func - (a: Dual) -> Dual { Dual(value: -a.value, slope: -a.slope) }

    static func * (a: Dual, b: Dual) -> Dual {
        Dual(value: a.value * b.value, slope: a.slope * b.value + b.slope * a.value)
    }

    static func / (a: Dual, b: Dual) -> Dual {
        let quotient = a.value / b.value
        return Dual(value: quotient, slope: (a.slope - b.slope * quotient) / b.value)
    }

    static func hyperbolicTangent(_ a: Dual) -> Dual {
        let value = tanh(a.value)
        return Dual(value: value, slope: a.slope * (1 - value * value))
    }

    static func logarithm(_ a: Dual) -> Dual { Dual(value: log(a.value), slope: a.slope / a.value) }
}
