internal import LinearAlgebra

/// A line through the residuals of some rows.
struct RidgeLine: Sendable {
    struct Term: Sendable {
        /// The place of the feature among the linear columns.
        var column: Int
        var slope: Double
        /// The mean of the rows, at which the term is zero.
        var center: Double
        /// Values outside are taken to be at the nearer end.
        var low: Double
        var high: Double

        @inline(__always)
        func value(at x: Double) -> Double { x.isNaN ? 0 : slope * (min(max(x, low), high) - center) }
    }
    var terms: [Term]
}

/// Ridge regression of residuals on columns, with a penalty chosen by leaving out one row at a time.
///
/// The left-out errors follow from one eigendecomposition of the columns' correlations for all penalties (Allen,
/// *The relationship between variable selection and data augmentation*, 1974; Golub, Heath, Wahba, *Generalized
/// cross-validation*, 1979). Rows of noise have no line that predicts what was left out, and get none.
struct RidgeRegression {
    let columns: [[Double]]
    let weights: [Double]?
    let minimumGain: Double
    let reach: Double

    static let penalties = [1e-6, 1e-3, 1e-2, 1e-1, 1.0]
    /// With fewer rows nothing can be said about slopes.
    static let fewestRows = 15

    /// The line of `rows` around their mean; `nil` if none is better than the mean.
    ///
    /// - Complexity: O(*rows* · *columns*² + *columns*³).
    func line(_ rows: [Int], _ residuals: [Double], mean: Double) -> RidgeLine? {
        guard rows.count >= Self.fewestRows, !columns.isEmpty else { return nil }
        var total = 0.0
        for row in rows { total += weights?[row] ?? 1 }
        var target = [Double](repeating: 0, count: rows.count)
        var (constantError, squares) = (0.0, 0.0)
        for (place, row) in rows.enumerated() {
            let weight = weights?[row] ?? 1
            target[place] = (residuals[row] - mean) * weight.squareRoot()
            let left = target[place] / (1 - weight / total)
            constantError += left * left
            squares += target[place] * target[place]
        }
        guard squares > 0, squares.isFinite, constantError.isFinite else { return nil }
        var (used, design, strongest) = ([(term: RidgeLine.Term, deviation: Double)](), [Double](), 0.0)
        for column in columns.indices {
            guard let spread = Spread(columns[column], rows, weights) else { continue }
            let start = design.count
            var product = 0.0
            for (place, row) in rows.enumerated() {
                let x = columns[column][row]
                let scaled = x.isNaN ? 0 : (x - spread.mean) / spread.deviation * (weights?[row] ?? 1).squareRoot()
                design.append(scaled)
                product += scaled * target[place]
            }
            guard product.isFinite else {
                design.removeLast(design.count - start)
                continue
            }
            strongest = max(strongest, product * product / (total * squares))
            let width = spread.high - spread.low
            used.append(
                (
                    RidgeLine.Term(
                        column: column, slope: 0, center: spread.mean, low: spread.low - reach * width,
                        high: spread.high + reach * width), spread.deviation
                ))
        }
        // No feature alone says anything about the residuals.
        guard strongest >= minimumGain / 2,
            let matrix = try? Matrix(rows: rows.count, columns: used.count, values: design),
            let gram = RidgeRegression.gram(matrix), let eigen = try? SymmetricEigen(gram),
            let rotated = try? matrix.multiplied(by: eigen.vectors),
            let moments = try? rotated.multiplied(by: target, transpose: .yes)
        else { return nil }
        var best = (error: constantError * (1 - minimumGain), penalty: -1.0)
        for penalty in Self.penalties.map({ $0 * total }) {
            let factors = eigen.values.map { 1 / (max($0, 0) + penalty) }
            var error = 0.0
            for (place, row) in rows.enumerated() {
                var (fitted, leverage) = (0.0, (weights?[row] ?? 1) / total)
                for k in factors.indices {
                    let z = rotated.values[place + k * rows.count]
                    fitted += z * moments[k] * factors[k]
                    leverage += z * z * factors[k]
                }
                let left = (target[place] - fitted) / max(1 - leverage, 1e-9)
                error += left * left
            }
            if error < best.error { best = (error, penalty) }
        }
        guard best.penalty >= 0 else { return nil }
        let rotatedSlopes = moments.indices.map { moments[$0] / (max(eigen.values[$0], 0) + best.penalty) }
        guard let slopes = try? eigen.vectors.multiplied(by: rotatedSlopes) else { return nil }
        let terms = zip(used, slopes).map { used, slope in
            var term = used.term
            term.slope = slope / used.deviation
            return term
        }
        return RidgeLine(terms: terms.filter { $0.slope != 0 && $0.slope.isFinite })
    }

    /// The sums of products of all pairs of columns, a few rows at a time: the same for any number of BLAS threads.
    private static func gram(_ matrix: Matrix) -> Matrix? {
        guard matrix.rows > 512 else { return try? matrix.gram() }
        var sum = Matrix(rows: matrix.columns, columns: matrix.columns)
        for first in stride(from: 0, to: matrix.rows, by: 512) {
            let count = min(512, matrix.rows - first)
            let part = (0..<matrix.columns).flatMap { column in
                let start = column * matrix.rows + first
                return matrix.values[start..<start + count]
            }
            guard let block = try? Matrix(rows: count, columns: matrix.columns, values: part).gram() else { return nil }
            for i in sum.values.indices { sum.values[i] += block.values[i] }
        }
        return sum
    }
}

/// The values of one column in some rows; `nil` if they do not differ.
private struct Spread {
    var mean = 0.0
    var deviation = 0.0
    var low = Double.infinity
    var high = -Double.infinity

    init?(_ column: [Double], _ rows: [Int], _ weights: [Double]?) {
        var (known, all) = (0.0, 0.0)
        for row in rows {
            let (x, weight) = (column[row], weights?[row] ?? 1)
            all += weight
            guard !x.isNaN else { continue }
            known += weight
            mean += weight * x
            (low, high) = (min(low, x), max(high, x))
        }
        guard known > 0, low < high else { return nil }
        mean = min(max(mean / known, low), high)
        for row in rows where !column[row].isNaN {
            let distance = column[row] - mean
            deviation += (weights?[row] ?? 1) * distance * distance
        }
        deviation = (deviation / all).squareRoot()
        guard deviation.isFinite, deviation > 1e-9 * max(abs(low), abs(high)) else { return nil }
    }
}
