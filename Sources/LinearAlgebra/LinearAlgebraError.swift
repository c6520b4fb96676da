/// Why a linear-algebra operation was refused. Shapes are checked before a pointer reaches BLAS or LAPACK.
public enum LinearAlgebraError: Error, Hashable, CustomStringConvertible {
    case elementCount(expected: Int, found: Int)
    case shapes(operation: String, left: [Int], right: [Int])
    case notSquare(operation: String, rows: Int, columns: Int)
    /// Pivot `index` (from 0) of a factorisation is zero or not positive.
    case singular(operation: String, index: Int)
    case notFinite(operation: String)
    case noConvergence(operation: String)
    /// The problem has more elements than the 32-bit indices of BLAS can address.
    case tooLarge(operation: String, size: Int)

    public var description: String {
        switch self {
        case .elementCount(let expected, let found):
            "Found \(found) elements, expected \(expected). Give every column the same length."
        case .shapes(let operation, let left, let right):
            "\(operation): the shapes \(text(left)) and \(text(right)) do not fit. Check rows and columns."
        case .notSquare(let operation, let rows, let columns):
            "\(operation): found a \(rows)×\(columns) matrix, expected a square one."
        case .singular(let operation, let index):
            "\(operation): pivot \(index) is not positive, so the matrix is singular or indefinite. "
                + "Remove dependent columns or add a ridge."
        case .notFinite(let operation):
            "\(operation): the input holds NaN or infinity. Remove or impute these values first."
        case .noConvergence(let operation):
            "\(operation): the iteration did not converge. Rescale the columns."
        case .tooLarge(let operation, let size):
            "\(operation): size \(size) exceeds the 32-bit index of BLAS. Split the problem."
        }
    }

    private func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
}
