/// The hash FNV-1a of 64 bits: for tables and streams of random numbers, not against forgery.
package struct FNV1a {
    package var value: UInt64 = 0xCBF2_9CE4_8422_2325

    @inlinable package init() {}

    /// The hash of a text's UTF-8.
    package init(_ text: String) { for byte in text.utf8 { add(UInt64(byte)) } }

    /// Takes in one byte; or more bits at once, where the hash needs not be that of others.
    @inlinable package mutating func add(_ bits: UInt64) { value = (value ^ bits) &* 0x100_0000_01b3 }
}
