/// The element types of the safetensors format that we read and write.
package enum TensorType: String, Sendable, CaseIterable {
    case f64 = "F64"
    case f32 = "F32"
    case i64 = "I64"
    case i32 = "I32"
    case u64 = "U64"
    case u32 = "U32"
    case u16 = "U16"
    case i16 = "I16"
    case u8 = "U8"
    case i8 = "I8"

    package var byteCount: Int {
        switch self {
        case .f64, .i64, .u64: 8
        case .f32, .i32, .u32: 4
        case .u16, .i16: 2
        case .u8, .i8: 1
        }
    }
}

/// A number that can be an element of a tensor. All bit patterns are valid values.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The name of the type in the safetensors format, for instance `F64`.
    static var safetensorsName: String { get }
}
extension TensorElement {
    static var dtype: TensorType { TensorType(rawValue: safetensorsName) ?? .u8 }
}
extension Double: TensorElement { public static var safetensorsName: String { "F64" } }
extension Float: TensorElement { public static var safetensorsName: String { "F32" } }
extension Int64: TensorElement { public static var safetensorsName: String { "I64" } }
extension Int32: TensorElement { public static var safetensorsName: String { "I32" } }
extension UInt64: TensorElement { public static var safetensorsName: String { "U64" } }
extension UInt32: TensorElement { public static var safetensorsName: String { "U32" } }
extension UInt16: TensorElement { public static var safetensorsName: String { "U16" } }
extension Int16: TensorElement { public static var safetensorsName: String { "I16" } }
extension UInt8: TensorElement { public static var safetensorsName: String { "U8" } }
extension Int8: TensorElement { public static var safetensorsName: String { "I8" } }

package struct Tensor: Sendable {
    let dtype: TensorType
    let shape: [Int]
    let bytes: TensorBytes
}

/// Bytes in memory of our own, or in a mapped file that stays mapped as long as one of these lives.
enum TensorBytes: Sendable {
    case owned([UInt8])
    case mapped(MappedFile, Range<Int>)

    var count: Int {
        switch self {
        case .owned(let bytes): bytes.count
        case .mapped(_, let range): range.count
        }
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch self {
        case .owned(let bytes): bytes.withUnsafeBytes(body)
        case .mapped(let file, let range): body(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
        }
    }
}

/// The elements of one tensor of a model file, not copied.
public struct TensorView<Element: TensorElement>: Sendable {
    let bytes: TensorBytes

    public var count: Int { bytes.count / MemoryLayout<Element>.stride }

    /// Calls `body` with the elements, which are valid during the call only. Elements are aligned in files of ours.
    public func withElements<Result>(_ body: (UnsafeBufferPointer<Element>) -> Result) -> Result {
        bytes.withUnsafeBytes { raw in
            if Int(bitPattern: raw.baseAddress) % MemoryLayout<Element>.alignment == 0 {
                return body(raw.bindMemory(to: Element.self))
            }
            return copy(raw).withUnsafeBufferPointer(body)
        }
    }

    /// A copy of the elements.
    public var array: [Element] { bytes.withUnsafeBytes(copy) }

    private func copy(_ raw: UnsafeRawBufferPointer) -> [Element] {
        [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: raw[..<(count * MemoryLayout<Element>.stride)]))
            initialized = count
        }
    }
}
