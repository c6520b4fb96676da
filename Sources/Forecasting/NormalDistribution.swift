import Glibc

/// The standard normal distribution.
package enum NormalDistribution {
    /// Probability of a value below `x`.
    package static func cumulative(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

    /// The value with probability `p` below it, to full precision. Infinite at 0 and 1.
    ///
    /// Source: Acklam's rational approximation, then one step of Halley's method.
    package static func quantile(_ p: Double) -> Double {
        guard p > 0 else { return -.infinity }
        guard p < 1 else { return .infinity }
        if p > 0.5 { return -quantile(1 - p) }
        let x: Double
        if p < 0.02425 {
            let q = (-2 * log(p)).squareRoot()
            let c = [-7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734]
            let d = [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416]
            let top = ((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + 4.374664141464968) * q + 2.938163982698783
            x = top / ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1)
        } else {
            let q = p - 0.5
            let r = q * q
            let a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690]
            let b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972]
            let top = (((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r * r + (-30.66479806614716 * r + 2.506628277459239)
            let bottom = (((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r * r + (-13.28068155288572 * r + 1)
            x = top * q / bottom
        }
        let error = cumulative(x) - p
        let step = error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
        return x - step / (1 + x * step / 2)
    }
}
