internal import COpenBLAS

/// A number that BLAS multiplies: `Float` where speed counts, `Double` where digits do.
package protocol BLASScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// `result` = op(`left`) · op(`right`), or that added to `result` (BLAS `gemm`), on the calling thread.
    ///
    /// - Parameter result: *rows* × *columns*. The operands are stored row after row, without gaps, and have `inner`
    ///   columns and rows once transposed. The buffers may be longer than that; shorter ones are a programming error.
    static func multiply(
        rows: Int, columns: Int, inner: Int, _ left: UnsafeBufferPointer<Self>, _ leftTranspose: Transpose,
        _ right: UnsafeBufferPointer<Self>, _ rightTranspose: Transpose, adding: Bool,
        to result: UnsafeMutableBufferPointer<Self>)
}

extension Float: BLASScalar {
    package static func multiply(
        rows: Int, columns: Int, inner: Int, _ left: UnsafeBufferPointer<Float>, _ leftTranspose: Transpose,
        _ right: UnsafeBufferPointer<Float>, _ rightTranspose: Transpose, adding: Bool,
        to result: UnsafeMutableBufferPointer<Float>
    ) {
        guard let call = RowMajorCall(rows, columns, inner, leftTranspose, rightTranspose) else { return }
        call.check(left.count, right.count, result.count)
        cblas_sgemm(
            CblasRowMajor, leftTranspose.cblas, rightTranspose.cblas, call.m, call.n, call.k, 1, left.baseAddress,
            call.lda, right.baseAddress, call.ldb, adding ? 1 : 0, result.baseAddress, call.n)
    }
}

extension Double: BLASScalar {
    package static func multiply(
        rows: Int, columns: Int, inner: Int, _ left: UnsafeBufferPointer<Double>, _ leftTranspose: Transpose,
        _ right: UnsafeBufferPointer<Double>, _ rightTranspose: Transpose, adding: Bool,
        to result: UnsafeMutableBufferPointer<Double>
    ) {
        guard let call = RowMajorCall(rows, columns, inner, leftTranspose, rightTranspose) else { return }
        call.check(left.count, right.count, result.count)
        cblas_dgemm(
            CblasRowMajor, leftTranspose.cblas, rightTranspose.cblas, call.m, call.n, call.k, 1, left.baseAddress,
            call.lda, right.baseAddress, call.ldb, adding ? 1 : 0, result.baseAddress, call.n)
    }
}

/// The sizes of one product as BLAS takes them.
private struct RowMajorCall {
    let (m, n, k, lda, ldb): (Int32, Int32, Int32, Int32, Int32)

    /// `nil` if there is nothing to multiply. Sizes beyond 32 bits are a programming error: buffers are in memory.
    init?(_ rows: Int, _ columns: Int, _ inner: Int, _ left: Transpose, _ right: Transpose) {
        guard rows > 0, columns > 0, inner > 0 else { return nil }
        keepOneThread()
        (m, n, k) = (Int32(rows), Int32(columns), Int32(inner))
        (lda, ldb) = (left == .no ? k : m, right == .no ? n : k)
    }

    func check(_ left: Int, _ right: Int, _ result: Int) {
        let (m, n, k) = (Int(m), Int(n), Int(k))
        precondition(left >= m * k && right >= k * n && result >= m * n, "a buffer is shorter than its matrix")
    }
}
