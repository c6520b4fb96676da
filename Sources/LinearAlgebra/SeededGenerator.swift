internal import Foundation

/// A counter-based random generator: Philox 4×32-10.
///
/// Element *i* of a stream is a function of (seed, stream, *i*) alone, so streams are independent, any of them can
/// be drawn on any thread, and `skip` costs nothing. Passes BigCrush.
/// Source: Salmon, Moraes, Dror, Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3* (SC 2011).
public struct SeededGenerator: RandomNumberGenerator, Sendable, Hashable {
    private let seed: UInt64
    private let stream: UInt64
    private var block: UInt64 = 0
    private var spare: UInt64?
    private var spareNormal: Double?

    public init(seed: UInt64, stream: UInt64 = 0) {
        (self.seed, self.stream) = (seed, stream)
    }

    public mutating func next() -> UInt64 {
        if let value = spare {
            spare = nil
            return value
        }
        let words = SeededGenerator.philox(
            counter: (
                UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
                UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
            ), key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        block &+= 1
        spare = UInt64(words.2) | UInt64(words.3) << 32
        return UInt64(words.0) | UInt64(words.1) << 32
    }

    /// A value in [0, 1) with 53 random bits.
    public mutating func nextUniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A value in `0..<bound`, unbiased (Lemire's method).
    public mutating func nextInt(below bound: Int) -> Int {
        precondition(bound > 0, "the bound must be positive")
        return Int(next(upperBound: UInt64(bound)))
    }

    /// A standard normal value (Marsaglia's polar method).
    public mutating func nextNormal() -> Double {
        if let value = spareNormal {
            spareNormal = nil
            return value
        }
        while true {
            let (u, v) = (2 * nextUniform() - 1, 2 * nextUniform() - 1)
            let s = u * u + v * v
            if s > 0 && s < 1 {
                let factor = (-2 * log(s) / s).squareRoot()
                spareNormal = v * factor
                return u * factor
            }
        }
    }

    /// An exponential value with mean 1.
    public mutating func nextExponential() -> Double { -log(1 - nextUniform()) }

    /// Ten rounds of Philox 4×32.
    package static func philox(
        counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let (p0, p1) = (UInt64(c.0) &* 0xD251_1F53, UInt64(c.2) &* 0xCD9E_8D57)
            c = (
                UInt32(truncatingIfNeeded: p1 >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: p1),
                UInt32(truncatingIfNeeded: p0 >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: p0)
            )
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }
}
