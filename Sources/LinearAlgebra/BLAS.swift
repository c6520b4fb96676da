internal import COpenBLAS

/// Whether an operand is used as it is or transposed.
public enum Transpose: Sendable {
    case no, yes
    var cblas: CBLAS_TRANSPOSE { self == .yes ? CblasTrans : CblasNoTrans }
}

/// Which triangle of a triangular matrix holds its elements.
public enum Triangle: Sendable {
    case lower, upper
    var cblas: CBLAS_UPLO { self == .lower ? CblasLower : CblasUpper }
    var lapack: CChar { CChar(UInt8(ascii: self == .lower ? "L" : "U")) }
}

/// Keeps OpenBLAS to the thread that calls it: sums that several threads share differ in the last digits from those of
/// one, and its threads would fight ours for cores.
private let oneThread: Void = openblas_set_num_threads(1)

/// The inner product Σ xᵢyᵢ (BLAS `ddot`).
public func dot(_ x: [Double], _ y: [Double]) throws(LinearAlgebraError) -> Double {
    guard x.count == y.count else { throw .shapes(operation: "dot", left: [x.count], right: [y.count]) }
    return cblas_ddot(try blasIndex(x.count, "dot"), x, 1, y, 1)
}

/// Adds `scale · x` to `y` (BLAS `daxpy`).
public func axpy(_ scale: Double, _ x: [Double], _ y: inout [Double]) throws(LinearAlgebraError) {
    guard x.count == y.count else { throw .shapes(operation: "axpy", left: [x.count], right: [y.count]) }
    cblas_daxpy(try blasIndex(x.count, "axpy"), scale, x, 1, &y, 1)
}

extension Matrix {
    /// op(self) · op(other) (BLAS `dgemm`). O(*rows* · *columns* · *inner*).
    public func multiplied(
        by other: Matrix, transpose: Transpose = .no, otherTranspose: Transpose = .no
    ) throws(LinearAlgebraError) -> Matrix {
        let (m, k) = transpose == .no ? (rows, columns) : (columns, rows)
        let (k2, n) = otherTranspose == .no ? (other.rows, other.columns) : (other.columns, other.rows)
        guard k == k2 else { throw .shapes(operation: "gemm", left: [m, k], right: [k2, n]) }
        let (lda, ldb) = (try blasIndex(max(1, rows), "gemm"), try blasIndex(max(1, other.rows), "gemm"))
        let (mm, nn, kk) = (try blasIndex(m, "gemm"), try blasIndex(n, "gemm"), try blasIndex(k, "gemm"))
        var result = Matrix(rows: m, columns: n)
        if m > 0 && n > 0 && k > 0 {
            cblas_dgemm(
                CblasColMajor, transpose.cblas, otherTranspose.cblas, mm, nn, kk, 1, values, lda, other.values, ldb, 0,
                &result.values, mm)
        }
        return result
    }

    /// op(self) · vector (BLAS `dgemv`).
    public func multiplied(
        by vector: [Double], transpose: Transpose = .no
    ) throws(LinearAlgebraError) -> [Double] {
        let (m, k) = transpose == .no ? (rows, columns) : (columns, rows)
        guard vector.count == k else { throw .shapes(operation: "gemv", left: [m, k], right: [vector.count]) }
        let (rows32, columns32) = (try blasIndex(rows, "gemv"), try blasIndex(columns, "gemv"))
        var result = [Double](repeating: 0, count: m)
        if rows > 0 && columns > 0 {
            cblas_dgemv(
                CblasColMajor, transpose.cblas, rows32, columns32, 1, values, rows32, vector, 1, 0, &result, 1)
        }
        return result
    }

    /// selfᵀ · self, both triangles filled (BLAS `dsyrk`): half the work of `dgemm`.
    public func gram() throws(LinearAlgebraError) -> Matrix {
        var result = Matrix(rows: columns, columns: columns)
        guard rows > 0, columns > 0 else { return result }
        let (n, k) = (try blasIndex(columns, "syrk"), try blasIndex(rows, "syrk"))
        cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, n, k, 1, values, k, 0, &result.values, n)
        for j in 0..<columns {
            for i in 0..<j { result.values[i + j * columns] = result.values[j + i * columns] }
        }
        return result
    }

    /// The solution *X* of op(self) · *X* = `right`, where self is triangular (BLAS `dtrsm`).
    /// - Throws: ``LinearAlgebraError/singular(operation:index:)`` for a zero on the diagonal.
    public func solvedTriangular(
        _ triangle: Triangle, _ right: Matrix, transpose: Transpose = .no
    ) throws(LinearAlgebraError) -> Matrix {
        guard rows == columns else { throw .notSquare(operation: "trsm", rows: rows, columns: columns) }
        guard right.rows == rows else {
            throw .shapes(operation: "trsm", left: [rows, columns], right: [right.rows, right.columns])
        }
        for i in 0..<rows where values[i + i * rows] == 0 { throw .singular(operation: "trsm", index: i) }
        var result = right
        guard rows > 0, right.columns > 0 else { return result }
        let (m, n) = (try blasIndex(rows, "trsm"), try blasIndex(right.columns, "trsm"))
        cblas_dtrsm(
            CblasColMajor, CblasLeft, triangle.cblas, transpose.cblas, CblasNonUnit, m, n, 1, values, m, &result.values,
            m)
        return result
    }
}

func keepOneThread() { oneThread }

/// A size as BLAS and LAPACK take it. Every call of theirs needs one, so this is also where threads are set.
func blasIndex(_ size: Int, _ operation: String) throws(LinearAlgebraError) -> Int32 {
    keepOneThread()
    guard let index = Int32(exactly: size) else { throw .tooLarge(operation: operation, size: size) }
    return index
}
