/// A number as an unsigned integer in the same order: what the trees compare.
///
/// The value is rounded up to a single-precision number first. Thresholds are single-precision numbers, and
/// *x* ≤ *t* holds exactly if it holds after rounding *x* up, so comparisons of keys are comparisons of doubles.
enum ValueKey {
    /// Below and above every number, infinities included: a missing value that goes left, or right.
    static let missingLeft: UInt32 = 0
    static let missingRight: UInt32 = .max

    /// The key of a number; NaN gives ``missingRight``.
    @inline(__always)
    static func of(_ value: Double) -> UInt32 {
        let single = Float(value) + 0  // no negative zero
        let bits = single.bitPattern
        let ordered = bits ^ (UInt32(bitPattern: Int32(bitPattern: bits) >> 31) | 0x8000_0000)
        // One more where the value was rounded down, which is every other time: a comparison of numbers becomes a
        // branch, so it is the bits of the difference that are compared with those of the negative numbers.
        let difference = (Double(single) - value).bitPattern
        let isBelow = difference &- 0x8000_0000_0000_0001 < 0x7FF0_0000_0000_0000
        let isMissing = value.bitPattern & 0x7FFF_FFFF_FFFF_FFFF > 0x7FF0_0000_0000_0000
        return isMissing ? missingRight : ordered &+ (isBelow ? 1 : 0)
    }

    /// The single-precision number of a key.
    static func number(_ key: UInt32) -> Float {
        Float(bitPattern: key & 0x8000_0000 != 0 ? key ^ 0x8000_0000 : ~key)
    }

    /// A threshold between two keys: at or above `below`, under `above`, as near to the middle as it can be.
    static func between(_ below: UInt32, _ above: UInt32) -> UInt32 {
        let (low, high) = (Double(number(below)), Double(number(above)))
        let middle = low / 2 + high / 2
        guard middle.isFinite else { return below }
        let nearest = of(Double(Float(middle)))
        return nearest >= above || nearest < below ? below : nearest
    }
}

/// Sorts keys in ascending order by three counting passes over 11 bits each. O(*n*).
func radixSort(_ keys: inout [UInt32]) {
    guard keys.count > 256 else { return keys.sort() }
    var other = [UInt32](unsafeUninitializedCapacity: keys.count) { $1 = keys.count }
    for shift in [0, 11, 22] as [UInt32] {
        radixPass(keys, &other, shift: shift)
        swap(&keys, &other)
    }
}

private func radixPass(_ source: [UInt32], _ target: inout [UInt32], shift: UInt32) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 2048) { position in
        position.initialize(repeating: 0)
        for key in source { position[Int((key >> shift) & 2047)] &+= 1 }
        var sum = 0
        for digit in 0..<2048 {
            let count = position[digit]
            position[digit] = sum
            sum += count
        }
        target.withUnsafeMutableBufferPointer { target in
            for key in source {
                let digit = Int((key >> shift) & 2047)
                target[position[digit]] = key
                position[digit] &+= 1
            }
        }
    }
}
