import LinearAlgebra
import Testing

@Suite("Matrix and BLAS") struct MatrixTests {
    /// A matrix of standard normal elements.
    static func random(_ rows: Int, _ columns: Int, seed: UInt64) throws -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return try Matrix(
            rows: rows, columns: columns, values: (0..<(rows * columns)).map { _ in generator.nextNormal() })
    }

    /// The product by its definition.
    static func product(_ a: Matrix, _ b: Matrix) -> Matrix {
        var result = Matrix(rows: a.rows, columns: b.columns)
        for i in 0..<a.rows {
            for j in 0..<b.columns { result[i, j] = (0..<a.columns).reduce(0) { $0 + a[i, $1] * b[$1, j] } }
        }
        return result
    }

    static func distance(_ a: Matrix, _ b: Matrix) -> Double {
        zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test("elements are stored column by column")
    func layout() throws {
        let a = try Matrix(columns: [[1, 2, 3], [4, 5, 6]])
        #expect(a.rows == 3 && a.columns == 2)
        #expect(a[2, 0] == 3 && a[0, 1] == 4)
        #expect(Array(a.column(1)) == [4, 5, 6])
        #expect(a.transposed[1, 2] == 6)
    }

    @Test("products agree with their definition", arguments: [(1, 1, 1), (3, 2, 5), (7, 8, 4), (0, 3, 2), (2, 0, 3)])
    func products(m: Int, k: Int, n: Int) throws {
        let (a, b) = (try Self.random(m, k, seed: 1), try Self.random(k, n, seed: 2))
        let expected = Self.product(a, b)
        #expect(Self.distance(try a.multiplied(by: b), expected) < 1e-13)
        #expect(Self.distance(try a.transposed.multiplied(by: b, transpose: .yes), expected) < 1e-13)
        #expect(Self.distance(try a.multiplied(by: b.transposed, otherTranspose: .yes), expected) < 1e-13)
        #expect(Self.distance(try a.gram(), Self.product(a.transposed, a)) < 1e-13)
        let x = Array(try Self.random(k, 1, seed: 3).values)
        let vector = try Matrix(rows: k, columns: 1, values: x)
        #expect(Self.distance(try Matrix(columns: [a.multiplied(by: x)]), Self.product(a, vector)) < 1e-13)
    }

    @Test("vectors: dot and axpy")
    func vectors() throws {
        #expect(try dot([1, 2, 3], [4, 5, 6]) == 32)
        var y = [1.0, 1]
        try axpy(2, [3, 4], &y)
        #expect(y == [7, 9])
    }

    @Test("shapes that do not fit are refused before BLAS sees them")
    func shapes() throws {
        let a = Matrix(rows: 2, columns: 3)
        #expect(throws: LinearAlgebraError.shapes(operation: "gemm", left: [2, 3], right: [2, 3])) {
            try a.multiplied(by: a)
        }
        #expect(throws: LinearAlgebraError.self) { try a.multiplied(by: [1, 2]) }
        #expect(throws: LinearAlgebraError.self) { try dot([1], [1, 2]) }
        #expect(throws: LinearAlgebraError.self) { try Matrix(columns: [[1], [1, 2]]) }
        #expect(throws: LinearAlgebraError.self) { try Matrix(rows: 2, columns: 2, values: [1]) }
        #expect(throws: LinearAlgebraError.self) { try Cholesky(a) }
        #expect(throws: LinearAlgebraError.self) { try LeastSquares(a, target: [1, 2, 3]) }
    }
}

@Suite("Factorisations") struct FactorizationTests {
    @Test("Cholesky solves, and refuses an indefinite matrix", arguments: [1, 2, 5, 20])
    func cholesky(n: Int) throws {
        let a = try MatrixTests.random(n + 3, n, seed: UInt64(n)).gram()
        let factor = try Cholesky(a)
        let product = try factor.lower.multiplied(by: factor.lower, otherTranspose: .yes)
        #expect(MatrixTests.distance(product, a) < 1e-12 * Double(n + 3))
        let x = (0..<n).map { Double($0) - 1.5 }
        let solved = try factor.solve(a.multiplied(by: x))
        #expect(zip(solved, x).allSatisfy { abs($0 - $1) < 1e-7 })
        #expect(abs(factor.logDeterminant - (try LUFactorization(a).determinant).logarithm) < 1e-8)
        #expect(throws: LinearAlgebraError.singular(operation: "potrf", index: 0)) {
            try Cholesky(Matrix(rows: 2, columns: 2, values: [-1, 0, 0, 1]))
        }
    }

    @Test("LU solves and knows the determinant, sign included")
    func lu() throws {
        let a = try Matrix(columns: [[0, 2, 1], [1, 0, 3], [2, 1, 1]])
        let lu = try LUFactorization(a)
        #expect(abs(lu.determinant - 11) < 1e-12)  // 0·(0−3) − 1·(2−1) + 2·(6−0)
        let x = try lu.solve(Matrix(columns: [a.multiplied(by: [1, -2, 3])]))
        #expect(zip(x.values, [1, -2, 3]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(throws: LinearAlgebraError.self) { try LUFactorization(Matrix(rows: 2, columns: 2)) }
    }

    @Test("QR: orthonormal Q, upper R, product A", arguments: [(3, 3), (9, 4), (5, 1)])
    func qr(m: Int, n: Int) throws {
        let a = try MatrixTests.random(m, n, seed: 9)
        let qr = try QRFactorization(a)
        #expect(MatrixTests.distance(try qr.q.multiplied(by: qr.r), a) < 1e-12)
        #expect(MatrixTests.distance(try qr.q.gram(), .identity(n)) < 1e-12)
        for i in 0..<n { for j in 0..<i { #expect(qr.r[i, j] == 0) } }
    }

    @Test("symmetric eigenproblem")
    func eigen() throws {
        let pair = try SymmetricEigen(try Matrix(columns: [[2, 1], [1, 2]]))
        #expect(abs(pair.values[0] - 1) < 1e-14 && abs(pair.values[1] - 3) < 1e-14)
        let a = try MatrixTests.random(8, 6, seed: 4).gram()
        let eigen = try SymmetricEigen(a)
        for j in 0..<6 {
            let image = try a.multiplied(by: Array(eigen.vectors.column(j)))
            for i in 0..<6 { #expect(abs(image[i] - eigen.values[j] * eigen.vectors[i, j]) < 1e-11) }
        }
    }

    @Test("triangular solve, both triangles and transposed")
    func triangular() throws {
        let lower = try Cholesky(MatrixTests.random(7, 4, seed: 5).gram()).lower
        let x = try MatrixTests.random(4, 2, seed: 6)
        let forward = try lower.solvedTriangular(.lower, lower.multiplied(by: x))
        #expect(MatrixTests.distance(forward, x) < 1e-12)
        let backward = try lower.solvedTriangular(.lower, lower.multiplied(by: x, transpose: .yes), transpose: .yes)
        #expect(MatrixTests.distance(backward, x) < 1e-12)
        let upper = try lower.transposed.solvedTriangular(.upper, lower.transposed.multiplied(by: x))
        #expect(MatrixTests.distance(upper, x) < 1e-12)
        #expect(throws: LinearAlgebraError.singular(operation: "trsm", index: 0)) {
            try Matrix(rows: 1, columns: 1).solvedTriangular(.lower, Matrix(rows: 1, columns: 1))
        }
    }

    /// NIST StRD, Norris: linear regression of lower difficulty, certified to 15 digits.
    @Test("least squares agrees with NIST's certified values")
    func norris() throws {
        let y: [Double] = [
            0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8, 339.3,
            448.9, 10.8, 557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2, 117.6,
            228.9, 668.4, 449.2, 0.2,
        ]
        let x: [Double] = [
            0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9, 338.0,
            447.5, 11.6, 556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1, 118.3,
            229.2, 669.1, 448.9, 0.5,
        ]
        let design = try Matrix(columns: [Array(repeating: 1, count: x.count), x])
        for fit in [try LeastSquares(design, target: y), try LeastSquares(fullRank: design, target: y)] {
            #expect(fit.rank == 2)
            #expect(abs(fit.coefficients[0] - -0.262323073774029) < 1e-12)
            #expect(abs(fit.coefficients[1] - 1.00211681802045) < 1e-13)
        }
    }

    @Test("dependent columns give the solution of least norm")
    func rankDeficient() throws {
        let fit = try LeastSquares(Matrix(columns: [[1, 1, 1], [1, 1, 1]]), target: [2, 2, 2])
        #expect(fit.rank == 1)
        #expect(fit.coefficients.allSatisfy { abs($0 - 1) < 1e-14 })
        let wide = try LeastSquares(Matrix(columns: [[3], [4]]), target: [25])
        #expect(zip(wide.coefficients, [3, 4]).allSatisfy { abs($0 - $1) < 1e-13 })
        #expect(throws: LinearAlgebraError.notFinite(operation: "gelsd")) {
            try LeastSquares(Matrix(columns: [[.nan]]), target: [1])
        }
    }
}

extension Double {
    fileprivate var logarithm: Double {
        // Independent of Foundation: log x = 2 artanh((x − 1) / (x + 1)) on a mantissa near 1.
        let (mantissa, power) = (significand, Double(exponent))
        let t = (mantissa - 1) / (mantissa + 1)
        var (sum, term) = (0.0, t)
        for k in 0..<40 {
            sum += term / Double(2 * k + 1)
            term *= t * t
        }
        return 2 * sum + power * 0.693147180559945309
    }
}
