internal import ModelFiles

/// An array in memory, or the elements of a tensor where they lie in a mapped model file.
struct StoredArray<Element: TensorElement>: Sendable {
    private var place: Place

    private enum Place: Sendable {
        case memory([Element])
        case mapped(TensorView<Element>)
    }

    init(_ values: [Element]) { place = .memory(values) }

    init(_ name: String, in file: ModelFile) throws { place = .mapped(try file.view(name)) }

    var count: Int {
        switch place {
        case .memory(let values): values.count
        case .mapped(let view): view.count
        }
    }
    var indices: Range<Int> { 0..<count }

    /// A copy of the elements where they are mapped.
    var array: [Element] {
        switch place {
        case .memory(let values): values
        case .mapped(let view): view.array
        }
    }

    @inline(__always)
    func withUnsafeBufferPointer<Result>(_ body: (UnsafeBufferPointer<Element>) -> Result) -> Result {
        switch place {
        case .memory(let values): values.withUnsafeBufferPointer(body)
        case .mapped(let view): view.withElements(body)
        }
    }

    subscript(index: Int) -> Element {
        get { withUnsafeBufferPointer { $0[index] } }
        set { change { $0[index] = newValue } }
    }

    subscript(range: Range<Int>) -> ArraySlice<Element> { withUnsafeBufferPointer { Array($0[range])[...] } }

    static func += (left: inout StoredArray, right: [Element]) { left.change { $0 += right } }

    mutating func append(_ value: Element) { change { $0.append(value) } }

    /// Elements in a file are copied before they are changed.
    private mutating func change(_ body: (inout [Element]) -> Void) {
        var values = array
        place = .memory([])
        body(&values)
        place = .memory(values)
    }
}

/// The training rows in every node, in half the bytes where those suffice.
struct NodeCovers: Sendable {
    private var narrow = StoredArray<UInt16>([])
    private var wide = StoredArray<UInt32>([])
    private var isNarrow = true

    var count: Int { isNarrow ? narrow.count : wide.count }

    init() {}

    init(in file: ModelFile) throws {
        isNarrow = file.tensorNames.contains("covers")
        if isNarrow {
            narrow = try StoredArray("covers", in: file)
        } else {
            wide = try StoredArray("covers_wide", in: file)
        }
    }

    func store(in file: inout ModelFile) throws(ModelFileError) {
        if isNarrow { try file.set("covers", narrow.array) } else { try file.set("covers_wide", wide.array) }
    }

    subscript(index: Int) -> UInt32 {
        get { isNarrow ? UInt32(narrow[index]) : wide[index] }
        set {
            if isNarrow, newValue > UInt16.max { widen() }
            if isNarrow { narrow[index] = UInt16(newValue) } else { wide[index] = newValue }
        }
    }

    subscript(range: Range<Int>) -> [UInt32] {
        isNarrow ? narrow[range].map { UInt32($0) } : Array(wide[range])
    }

    static func += (left: inout NodeCovers, right: [UInt32]) {
        if left.isNarrow, right.contains(where: { $0 > UInt16.max }) { left.widen() }
        if left.isNarrow { left.narrow += right.map { UInt16($0) } } else { left.wide += right }
    }

    private mutating func widen() {
        wide = StoredArray(narrow.array.map { UInt32($0) })
        (narrow, isNarrow) = (StoredArray([]), false)
    }
}
