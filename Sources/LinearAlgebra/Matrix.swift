/// A dense matrix of doubles in column-major order, as BLAS and LAPACK expect it.
///
///     let a = Matrix(columns: [[1, 2], [3, 4]])   // 1 3
///     a[1, 0]                                     // 2 4   → 2
///
/// - Invariant: `values.count == rows * columns`; element (*i*, *j*) is `values[i + j * rows]`.
public struct Matrix: Sendable, Hashable {
    public let rows: Int
    public let columns: Int
    /// The elements, column after column.
    public var values: [Double]

    /// A matrix whose elements all are `value`. Negative sizes are a programming error.
    public init(rows: Int, columns: Int, repeating value: Double = 0) {
        precondition(rows >= 0 && columns >= 0, "a matrix has no negative size")
        (self.rows, self.columns) = (rows, columns)
        values = Array(repeating: value, count: rows * columns)
    }

    /// A matrix from its elements in column-major order.
    /// - Throws: ``LinearAlgebraError/elementCount(expected:found:)`` if there are not `rows * columns` of them.
    public init(rows: Int, columns: Int, values: [Double]) throws(LinearAlgebraError) {
        guard rows >= 0, columns >= 0, values.count == rows * columns else {
            throw .elementCount(expected: max(0, rows) * max(0, columns), found: values.count)
        }
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// A matrix from its columns.
    /// - Throws: ``LinearAlgebraError/elementCount(expected:found:)`` if their lengths differ.
    public init(columns: [[Double]]) throws(LinearAlgebraError) {
        let rows = columns.first?.count ?? 0
        for column in columns where column.count != rows {
            throw .elementCount(expected: rows, found: column.count)
        }
        (self.rows, self.columns, values) = (rows, columns.count, Array(columns.joined()))
    }

    /// The identity of order `n`.
    public static func identity(_ n: Int) -> Matrix {
        var result = Matrix(rows: n, columns: n)
        for i in 0..<n { result.values[i + i * n] = 1 }
        return result
    }

    @inlinable
    public subscript(row: Int, column: Int) -> Double {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index outside the matrix")
            return values[row + column * rows]
        }
        _modify {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns, "index outside the matrix")
            yield &values[row + column * rows]
        }
    }

    /// One column, contiguous in memory.
    public func column(_ index: Int) -> ArraySlice<Double> {
        values[(index * rows)..<((index + 1) * rows)]
    }

    public var transposed: Matrix {
        var result = Matrix(rows: columns, columns: rows)
        for j in 0..<columns {
            for i in 0..<rows { result.values[j + i * columns] = values[i + j * rows] }
        }
        return result
    }
}
