import Glibc

/// Generalised least squares on filtered columns: fills in missing values and profiles regressors out.
struct LinearEffects {
    /// `Σ v²/F` of what is left.
    let sumOfSquares: Double
    /// Log determinant of the information about the missing values.
    let logDeterminant: Double
    /// Coefficients of columns 1, 2, …
    let effects: [Double]
    /// Prediction errors of the series without the effects.
    let residuals: [Double]
    /// Lower Cholesky factor of the cross products, row-major.
    let triangle: [Double]

    /// `nil` where columns are collinear.
    init?(_ filtered: [Double], sample: ARMASample, gains: ARMAGains) {
        let (n, k) = (sample.length, sample.columnCount - 1)
        var residuals = Array(filtered[0..<n])
        var effects: [Double] = []
        var triangle: [Double] = []
        var logDeterminant = 0.0
        if k > 0 {
            var scaled = filtered
            for (t, variance) in gains.variances.enumerated() where t < n {
                let scale = 1 / variance.squareRoot()
                for column in 0...k { scaled[column * n + t] *= scale }
            }
            triangle = [Double](repeating: 0, count: k * k)
            effects = [Double](repeating: 0, count: k)
            for i in 0..<k {
                effects[i] = dot(scaled.span, from: 0, scaled.span, from: (i + 1) * n, count: n)
                for j in 0...i {
                    triangle[i * k + j] = dot(
                        scaled.span, from: (i + 1) * n, scaled.span, from: (j + 1) * n, count: n)
                }
            }
            guard choleskyInPlace(&triangle, size: k) else { return nil }
            for i in 0..<sample.missing { logDeterminant += 2 * log(triangle[i * k + i]) }
            solveInPlace(triangle, size: k, &effects)
            var span = residuals.mutableSpan
            for i in 0..<k {
                addScaled(filtered.span, from: (i + 1) * n, times: -effects[i], to: &span, from: 0, count: n)
            }
        }
        var sum = 0.0
        for (t, variance) in gains.variances.enumerated() where t < n { sum += residuals[t] * residuals[t] / variance }
        let steady = min(gains.variances.count, n)
        sum += dot(residuals.span, from: steady, residuals.span, from: steady, count: n - steady)
        (self.effects, self.residuals, self.triangle) = (effects, residuals, triangle)
        (self.logDeterminant, sumOfSquares) = (logDeterminant, sum)
    }
}

/// Replaces the lower triangle by its Cholesky factor; false where a pivot is lost to rounding.
func choleskyInPlace(_ matrix: inout [Double], size: Int) -> Bool {
    for i in 0..<size {
        let diagonal = matrix[i * size + i]
        for j in 0...i {
            let sum =
                matrix[i * size + j] - dot(matrix.span, from: i * size, matrix.span, from: j * size, count: j)
            if i == j {
                guard sum > 1e-12 * diagonal else { return false }
                matrix[i * size + i] = sum.squareRoot()
            } else {
                matrix[i * size + j] = sum / matrix[j * size + j]
            }
        }
    }
    return true
}

/// Solves `L Lᵀ x = b` in place.
func solveInPlace(_ triangle: [Double], size: Int, _ x: inout [Double]) {
    solveLower(triangle, size: size, &x)
    solveUpper(triangle, size: size, &x)
}

/// Solves `L x = b` in place.
func solveLower(_ triangle: [Double], size: Int, _ x: inout [Double]) {
    for i in 0..<size {
        for j in 0..<i { x[i] -= triangle[i * size + j] * x[j] }
        x[i] /= triangle[i * size + i]
    }
}

/// Solves `Lᵀ x = b` in place.
func solveUpper(_ triangle: [Double], size: Int, _ x: inout [Double]) {
    for i in stride(from: size - 1, through: 0, by: -1) {
        for j in (i + 1)..<max(size, i + 1) { x[i] -= triangle[j * size + i] * x[j] }
        x[i] /= triangle[i * size + i]
    }
}
