internal import Foundation
internal import COpenBLAS

/// The Cholesky factor *L* of a symmetric positive definite matrix *A* = *L Lᵀ* (LAPACK `dpotrf`).
public struct Cholesky: Sendable {
    /// The lower triangular factor; its upper triangle is zero.
    public let lower: Matrix

    /// Reads the lower triangle of `matrix` only. O(*n*³ / 3).
    /// - Throws: ``LinearAlgebraError/singular(operation:index:)`` if it is not positive definite.
    public init(_ matrix: Matrix) throws(LinearAlgebraError) {
        let n = try square(matrix, "potrf")
        var factor = matrix
        if n > 0 {
            let info = LAPACKE_dpotrf(LAPACK_COL_MAJOR, Triangle.lower.lapack, n, &factor.values, n)
            guard info <= 0 else { throw .singular(operation: "potrf", index: Int(info) - 1) }
        }
        for j in 0..<factor.columns { for i in 0..<j { factor.values[i + j * factor.rows] = 0 } }
        lower = factor
    }

    /// The solution of *A X* = `right` (LAPACK `dpotrs`).
    public func solve(_ right: Matrix) throws(LinearAlgebraError) -> Matrix {
        guard right.rows == lower.rows else {
            throw .shapes(
                operation: "potrs", left: [lower.rows, lower.columns], right: [right.rows, right.columns])
        }
        var result = right
        guard lower.rows > 0, right.columns > 0 else { return result }
        let n = try blasIndex(lower.rows, "potrs")
        LAPACKE_dpotrs(
            LAPACK_COL_MAJOR, Triangle.lower.lapack, n, try blasIndex(right.columns, "potrs"), lower.values, n,
            &result.values, n)
        return result
    }

    /// The solution of *A x* = `right`.
    public func solve(_ right: [Double]) throws(LinearAlgebraError) -> [Double] {
        try solve(try Matrix(columns: [right])).values
    }

    /// *A*⁻¹, both triangles filled (LAPACK `dpotri`): a third of the work of solving for the identity. O(2 *n*³ / 3).
    public func inverse() throws(LinearAlgebraError) -> Matrix {
        var result = lower
        let n = try blasIndex(lower.rows, "potri")
        guard n > 0 else { return result }
        let info = LAPACKE_dpotri(LAPACK_COL_MAJOR, Triangle.lower.lapack, n, &result.values, n)
        guard info <= 0 else { throw .singular(operation: "potri", index: Int(info) - 1) }
        result.copyLowerTriangle()
        return result
    }

    /// log det *A* = 2 Σ log *Lᵢᵢ*.
    public var logDeterminant: Double {
        (0..<lower.rows).reduce(0) { $0 + 2 * log(lower[$1, $1]) }
    }
}

/// The factorisation *P A* = *L U* of a square matrix with partial pivoting (LAPACK `dgetrf`).
public struct LUFactorization: Sendable {
    private let factors: Matrix
    private let pivots: [Int32]

    /// O(2 *n*³ / 3).
    /// - Throws: ``LinearAlgebraError/singular(operation:index:)`` if a pivot is exactly zero.
    public init(_ matrix: Matrix) throws(LinearAlgebraError) {
        let n = try square(matrix, "getrf")
        var (work, swaps) = (matrix, [Int32](repeating: 0, count: Int(n)))
        if n > 0 {
            let info = LAPACKE_dgetrf(LAPACK_COL_MAJOR, n, n, &work.values, n, &swaps)
            guard info <= 0 else { throw .singular(operation: "getrf", index: Int(info) - 1) }
        }
        (factors, pivots) = (work, swaps)
    }

    /// The solution of *A X* = `right` (LAPACK `dgetrs`).
    public func solve(_ right: Matrix) throws(LinearAlgebraError) -> Matrix {
        guard right.rows == factors.rows else {
            throw .shapes(
                operation: "getrs", left: [factors.rows, factors.columns], right: [right.rows, right.columns])
        }
        var result = right
        guard factors.rows > 0, right.columns > 0 else { return result }
        let n = try blasIndex(factors.rows, "getrs")
        LAPACKE_dgetrs(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), n, try blasIndex(right.columns, "getrs"), factors.values, n,
            pivots, &result.values, n)
        return result
    }

    /// det *A*: the product of the pivots with the sign of the row exchanges.
    public var determinant: Double {
        (0..<factors.rows).reduce(1.0) { product, i in
            product * factors[i, i] * (pivots[i] == Int32(i + 1) ? 1 : -1)
        }
    }
}

/// The thin factorisation *A* = *Q R* of an *m* × *n* matrix with *m* ≥ *n* (LAPACK `dgeqrf`, `dorgqr`).
public struct QRFactorization: Sendable {
    /// *m* × *n* with orthonormal columns.
    public let q: Matrix
    /// *n* × *n*, upper triangular.
    public let r: Matrix

    public init(_ matrix: Matrix) throws(LinearAlgebraError) {
        guard matrix.rows >= matrix.columns else {
            throw .shapes(operation: "geqrf", left: [matrix.rows, matrix.columns], right: [matrix.columns])
        }
        guard matrix.allFinite else { throw .notFinite(operation: "geqrf") }
        let (m, n) = (try blasIndex(matrix.rows, "geqrf"), try blasIndex(matrix.columns, "geqrf"))
        var (work, upper) = (matrix, Matrix(rows: matrix.columns, columns: matrix.columns))
        if n > 0 {
            var tau = [Double](repeating: 0, count: Int(n))
            LAPACKE_dgeqrf(LAPACK_COL_MAJOR, m, n, &work.values, m, &tau)
            for j in 0..<matrix.columns { for i in 0...j { upper[i, j] = work[i, j] } }
            LAPACKE_dorgqr(LAPACK_COL_MAJOR, m, n, n, &work.values, m, tau)
        }
        (q, r) = (work, upper)
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix (LAPACK `dsyev`).
public struct SymmetricEigen: Sendable {
    /// In ascending order.
    public let values: [Double]
    /// Column *j* belongs to `values[j]`; the columns are orthonormal.
    public let vectors: Matrix

    /// Reads the lower triangle only. O(*n*³).
    public init(_ matrix: Matrix) throws(LinearAlgebraError) {
        let n = try square(matrix, "syev")
        var (work, eigenvalues) = (matrix, [Double](repeating: 0, count: Int(n)))
        if n > 0 {
            let info = LAPACKE_dsyev(
                LAPACK_COL_MAJOR, CChar(UInt8(ascii: "V")), Triangle.lower.lapack, n, &work.values, n, &eigenvalues)
            guard info == 0 else { throw .noConvergence(operation: "syev") }
        }
        (values, vectors) = (eigenvalues, work)
    }
}

/// The least-squares solution of *A x* ≈ *b*.
public struct LeastSquares: Sendable {
    /// *n* coefficients; of all minimisers, the one of least norm.
    public let coefficients: [Double]
    /// The numerical rank of *A*.
    public let rank: Int

    /// Solves by singular values (LAPACK `dgelsd`), so that dependent or constant columns do no harm.
    ///
    /// - Parameters:
    ///   - matrix: *m* × *n*; a row per observation.
    ///   - target: *m* values.
    ///   - tolerance: Singular values below `tolerance` · largest count as zero; negative means machine precision.
    /// - Complexity: O(*m n*²).
    public init(
        _ matrix: Matrix, target: [Double], tolerance: Double = 1e-12
    ) throws(LinearAlgebraError) {
        guard matrix.rows == target.count else {
            throw .shapes(operation: "gelsd", left: [matrix.rows, matrix.columns], right: [target.count])
        }
        guard matrix.allFinite, target.allSatisfy(\.isFinite) else { throw .notFinite(operation: "gelsd") }
        let (m, n) = (try blasIndex(matrix.rows, "gelsd"), try blasIndex(matrix.columns, "gelsd"))
        guard m > 0, n > 0 else {
            (coefficients, rank) = (Array(repeating: 0, count: matrix.columns), 0)
            return
        }
        var work = matrix.values
        var right = target + Array(repeating: 0, count: max(0, matrix.columns - matrix.rows))
        var singularValues = [Double](repeating: 0, count: min(matrix.rows, matrix.columns))
        var found: Int32 = 0
        let info = LAPACKE_dgelsd(
            LAPACK_COL_MAJOR, m, n, 1, &work, m, &right, max(m, n), &singularValues, tolerance, &found)
        guard info == 0 else { throw .noConvergence(operation: "gelsd") }
        (coefficients, rank) = (Array(right.prefix(matrix.columns)), Int(found))
    }

    /// Solves a full-rank problem by QR (LAPACK `dgels`): about three times faster than by singular values.
    /// - Throws: ``LinearAlgebraError/singular(operation:index:)`` if a diagonal element of *R* is exactly zero.
    public init(fullRank matrix: Matrix, target: [Double]) throws(LinearAlgebraError) {
        guard matrix.rows == target.count, matrix.rows >= matrix.columns else {
            throw .shapes(operation: "gels", left: [matrix.rows, matrix.columns], right: [target.count])
        }
        guard matrix.allFinite, target.allSatisfy(\.isFinite) else { throw .notFinite(operation: "gels") }
        let (m, n) = (try blasIndex(matrix.rows, "gels"), try blasIndex(matrix.columns, "gels"))
        var (work, right) = (matrix.values, target)
        if n > 0 {
            let info = LAPACKE_dgels(
                LAPACK_COL_MAJOR, CChar(UInt8(ascii: "N")), m, n, 1, &work, m, &right, m)
            guard info <= 0 else { throw .singular(operation: "gels", index: Int(info) - 1) }
        }
        (coefficients, rank) = (Array(right.prefix(matrix.columns)), matrix.columns)
    }
}

extension Matrix {
    /// Makes the matrix symmetric. In blocks, so that what is read is still in the cache when its mirror is written.
    mutating func copyLowerTriangle() {
        let (n, block) = (rows, 32)
        for first in stride(from: 0, to: n, by: block) {
            for second in stride(from: first, to: n, by: block) {
                for j in first..<min(n, first + block) {
                    for i in max(j + 1, second)..<max(j + 1, min(n, second + block)) {
                        values[j + i * n] = values[i + j * n]
                    }
                }
            }
        }
    }

    /// Whether no element is NaN or infinite.
    public var allFinite: Bool { values.allSatisfy(\.isFinite) }
}

private func square(_ matrix: Matrix, _ operation: String) throws(LinearAlgebraError) -> Int32 {
    guard matrix.rows == matrix.columns else {
        throw .notSquare(operation: operation, rows: matrix.rows, columns: matrix.columns)
    }
    // LAPACKE checks for NaN itself, but answers with an argument number.
    guard matrix.allFinite else { throw .notFinite(operation: operation) }
    return try blasIndex(matrix.rows, operation)
}
