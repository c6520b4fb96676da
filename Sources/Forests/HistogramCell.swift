/// Sums over the rows of one bin: gradients, hessians and the count, as exact integers.
///
/// Gradients are cut to a grid that is fine enough not to matter and coarse enough that no sum overflows. Integer
/// sums do not depend on the order of adding, so neither do the trees on the number of threads.
protocol HistogramCell: BitwiseCopyable, Sendable {
    static var zero: Self { get }
    static func &+ (left: Self, right: Self) -> Self
    static func &- (left: Self, right: Self) -> Self
    init(gradient: Double, hessian: Double, _ grid: GradientGrid)
    func gradient(_ grid: GradientGrid) -> Double
    func hessian(_ grid: GradientGrid) -> Double
    func count(_ grid: GradientGrid) -> Int64
    /// 0 if it is the sum of no rows, else 1: without a branch, since that cannot be foretold.
    var isOccupied: Int { get }
}

/// The grids that gradients and hessians are rounded to, and how many low bits hold the count.
struct GradientGrid: Sendable {
    var gradientScale: Double
    var hessianScale: Double
    let countBits: Int64
    let countMask: Int64

    init(rows: Int) {
        countBits = Int64(Int.bitWidth - rows.leadingZeroBitCount)
        countMask = 1 << countBits - 1
        (gradientScale, hessianScale) = (1, 1)
    }

    /// The largest scale at which no sum of `rows` gradients overflows.
    func scale(largest: Double, bits: Int64) -> Double {
        powerOfTwo(below: Double(1 << bits) / max(largest, 1e-290)) / Double(countMask + 1)
    }
}

/// The cell of losses whose hessian is 1 everywhere: the gradient above the count in one integer.
struct CountCell: HistogramCell {
    var bits: Int64

    static var zero: CountCell { CountCell(bits: 0) }

    @inline(__always) init(bits: Int64) { self.bits = bits }
    @inline(__always) init(gradient: Double, hessian: Double, _ grid: GradientGrid) {
        bits = Int64(gradient * grid.gradientScale) << grid.countBits | 1
    }
    @inline(__always) static func &+ (left: CountCell, right: CountCell) -> CountCell {
        CountCell(bits: left.bits &+ right.bits)
    }
    @inline(__always) static func &- (left: CountCell, right: CountCell) -> CountCell {
        CountCell(bits: left.bits &- right.bits)
    }
    @inline(__always) func gradient(_ grid: GradientGrid) -> Double { Double(bits &>> grid.countBits) }
    @inline(__always) func hessian(_ grid: GradientGrid) -> Double { Double(bits & grid.countMask) }
    @inline(__always) func count(_ grid: GradientGrid) -> Int64 { bits & grid.countMask }
    @inline(__always) var isOccupied: Int { Int(truncatingIfNeeded: UInt64(bitPattern: bits | (0 &- bits)) &>> 63) }
}

/// The cell of all other losses, and of weighted rows: the gradient, and the hessian above the count.
struct HessianCell: HistogramCell {
    var bits: SIMD2<Int64>

    static var zero: HessianCell { HessianCell(bits: .zero) }

    @inline(__always) init(bits: SIMD2<Int64>) { self.bits = bits }
    @inline(__always) init(gradient: Double, hessian: Double, _ grid: GradientGrid) {
        bits = SIMD2(
            Int64(gradient * grid.gradientScale),
            max(1, Int64(hessian * grid.hessianScale)) << grid.countBits | 1)
    }
    @inline(__always) static func &+ (left: HessianCell, right: HessianCell) -> HessianCell {
        HessianCell(bits: left.bits &+ right.bits)
    }
    @inline(__always) static func &- (left: HessianCell, right: HessianCell) -> HessianCell {
        HessianCell(bits: left.bits &- right.bits)
    }
    @inline(__always) func gradient(_ grid: GradientGrid) -> Double { Double(bits.x) }
    @inline(__always) func hessian(_ grid: GradientGrid) -> Double { Double(bits.y &>> grid.countBits) }
    @inline(__always) func count(_ grid: GradientGrid) -> Int64 { bits.y & grid.countMask }
    @inline(__always) var isOccupied: Int { Int(truncatingIfNeeded: UInt64(bitPattern: bits.y | (0 &- bits.y)) &>> 63) }
}
