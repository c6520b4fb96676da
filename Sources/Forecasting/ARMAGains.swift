/// How far each observation moves the prediction of the following ones, and the variance of each prediction error.
///
/// The exact likelihood of a stationary ARMA process needs, at every step *t*, the variance `F` of the prediction
/// error (in units of the innovation variance) and the weights `κ` with which that error enters the next predictions:
///
///     v[t] = φ(B)w[t] - Σ κ[t-j][j] v[t-j] / F[t-j]
///
/// They obey a recursion of two vectors as long as the largest lag, the Chandrasekhar recursion in its Schur form:
///
///     ρ = W[0] / F,   κ' = κ - ρ W[+1],   W' = W[+1] - ρ κ,   F' = F (1 - ρ²)
///
/// where `W[+1]` is `W` shifted by one. As `W` vanishes, `κ` becomes the moving-average coefficients and `F` becomes 1.
/// From there on (``steadyFrom``) the prediction errors follow the plain ARMA recursion over non-zero coefficients.
/// The test looks at the whole of `W`: with a season its head is near zero between seasonal lags long before the rest.
///
/// Source: Morf, Sidhu, Kailath (1974); Pearlman, *An algorithm for the exact likelihood of a high-order
/// autoregressive-moving average process* (1980).
package struct ARMAGains: Sendable {
    /// Below this, `W` no longer changes `F` or `κ` in the first eleven digits.
    static let negligible = 1e-7

    /// The first step at which `F` is 1 and `κ` are the moving-average coefficients.
    package private(set) var steadyFrom = 0
    /// `F` of the steps before.
    private(set) var variances: [Double] = []
    /// `κ` of the steps before, `width` numbers a step.
    private(set) var gains: [Double] = []
    /// `W` of the steps before, `width` numbers a step.
    private(set) var generators: [Double] = []
    private(set) var width = 1
    private var arDegree = 0
    private var maDegree = 0

    /// How many of the weights of step `t` can differ from zero.
    func length(at t: Int) -> Int { max(maDegree, arDegree - t) }

    /// Runs the recursion for at most `steps` steps. False if rounding made a variance useless.
    mutating func run(
        ar: LagPolynomial<Double>, ma: LagPolynomial<Double>, start: ARMAStart<Double>, steps: Int
    ) -> Bool {
        (arDegree, maDegree) = (ar.degree, ma.degree)
        width = max(arDegree, maDegree) + 1
        (steadyFrom, variances) = (0, [])
        guard steps > 0 else { return true }
        if arDegree + maDegree == 0 { return true }
        reserve(rows: 1)
        for i in 0..<width {
            gains[i] = i < width - 1 ? start.gain[i] : 0
            generators[i] = gains[i]
        }
        for (lag, coefficient) in zip(ar.lags, ar.coefficients) { gains[lag - 1] += start.variance * coefficient }

        var variance = start.variance
        for t in 0..<steps {
            if t >= arDegree, t % 4 == 0 || maDegree == 0, isSteady(at: t) {
                steadyFrom = t
                return true
            }
            guard variance > 0, variance.isFinite else { return false }
            variances.append(variance)
            reserve(rows: t + 2)
            let reflection = generators[t * width] / variance
            schurStep(
                &gains, &generators, from: t * width, width: width, length: length(at: t), reflection: reflection)
            variance *= (1 - reflection) * (1 + reflection)
        }
        steadyFrom = steps
        return true
    }

    private func isSteady(at t: Int) -> Bool {
        for i in 0..<maDegree where !(abs(generators[t * width + i]) < Self.negligible) { return false }
        return true
    }

    private mutating func reserve(rows: Int) {
        let missing = rows * width - gains.count
        guard missing > 0 else { return }
        let growth = max(missing, gains.count / 2)
        gains.append(contentsOf: repeatElement(0, count: growth))
        generators.append(contentsOf: repeatElement(0, count: growth))
    }
}
