/// Everything that forecasts and updates need: the last values of the series, of its differences, and of the gains.
///
/// Advancing by one observation costs O(largest lag) and looks at nothing older.
struct ARIMAState: Sendable, Hashable, Codable {
    /// A series on its way through differencing and filtering.
    struct Line: Sendable, Hashable, Codable {
        /// The last values, as many as differencing looks back; oldest first.
        var levels: [Double] = []
        /// The last differences, as many as the autoregression looks back; oldest first.
        var differences: [Double] = []
        /// What past errors contribute to the following differences.
        var announced: [Double]
    }

    let differencing: LagPolynomial<Double>
    let ar: LagPolynomial<Double>
    let ma: LagPolynomial<Double>
    /// Errors before this step count as zero.
    private var conditionalUntil = 0
    /// How many differences have been seen.
    private(set) var steps = 0
    /// Variance of the next prediction error, in units of the innovation variance.
    private(set) var variance: Double
    private var gain: [Double]
    private var generator: [Double]
    /// The series without regressors, then one line for each missing value (see ``ARIMA``).
    private(set) var lines: [Line]

    /// - Parameter lines: How many series go through at once.
    init?(order: ARIMAOrder, coefficients: [Double], lines: Int) {
        let coefficients = ARMACoefficients<Double>(coefficients, order: order)
        differencing = LagPolynomial<Double>.differencing(order)
        ar = coefficients.autoregression(period: order.period)
        ma = coefficients.movingAverage(period: order.period)
        guard let start = ARMAStart(ar: ar, ma: ma) else { return nil }
        (variance, gain, generator) = (start.variance, start.gain, start.gain)
        for (lag, coefficient) in zip(ar.lags, ar.coefficients) { gain[lag - 1] += variance * coefficient }
        self.lines = [Line](
            repeating: Line(announced: [Double](repeating: 0, count: gain.count + 1)), count: lines)
    }

    /// Without a start of the process: errors are taken as known from the beginning.
    init(conditional order: ARIMAOrder, coefficients: [Double]) {
        let coefficients = ARMACoefficients<Double>(coefficients, order: order)
        differencing = LagPolynomial<Double>.differencing(order)
        ar = coefficients.autoregression(period: order.period)
        ma = coefficients.movingAverage(period: order.period)
        (variance, gain, generator) = (1, ma.dense.dropFirst() + [], [])
        gain += [Double](repeating: 0, count: max(0, ar.degree - gain.count))
        generator = [Double](repeating: 0, count: gain.count)
        lines = [Line(announced: [Double](repeating: 0, count: gain.count + 1))]
        conditionalUntil = ar.degree
    }

    /// Takes in one value for each line. Returns their prediction errors, `nil` while differencing is still filling up.
    mutating func append(_ values: [Double]) -> [Double]? {
        let ready = lines[0].levels.count == differencing.degree
        var errors: [Double] = []
        for i in lines.indices {
            if ready {
                let difference = values[i] + lagged(lines[i].levels, differencing)
                var error = difference + lagged(lines[i].differences, ar) - lines[i].announced[0]
                if steps < conditionalUntil { error = 0 }
                errors.append(error)
                push(difference, to: &lines[i].differences, keep: ar.degree)
                for k in gain.indices {
                    lines[i].announced[k] = lines[i].announced[k + 1] + gain[k] * error / variance
                }
            }
            push(values[i], to: &lines[i].levels, keep: differencing.degree)
        }
        guard ready else { return nil }
        (gain, generator, variance) = nextGains(gain, generator, variance)
        steps += 1
        return errors
    }

    /// Means of the next `horizon` values of a line if all errors are zero.
    func expected(_ line: Int, horizon: Int) -> [Double] {
        var line = lines[line]
        return (0..<horizon).map { h in
            let announced = h < line.announced.count ? line.announced[h] : 0
            let difference = announced - lagged(line.differences, ar)
            push(difference, to: &line.differences, keep: ar.degree)
            let value = difference - lagged(line.levels, differencing)
            push(value, to: &line.levels, keep: differencing.degree)
            return value
        }
    }

    /// How an error of each future step spreads over the horizon, and the variances of these errors.
    ///
    /// `responses[s][h]` is the effect on value `h` of a unit error at step `s ≤ h`, starting at `h = s`.
    func responses(horizon: Int) -> (responses: [[Double]], variances: [Double]) {
        var (gain, generator, variance) = (gain, generator, variance)
        var (responses, variances): ([[Double]], [Double]) = ([], [])
        for step in 0..<horizon {
            let isSteady = generator.allSatisfy { abs($0) < ARMAGains.negligible } && steps + step >= ar.degree
            if isSteady, let last = responses.last, variances.last.map({ abs($0 - variance) < 1e-9 }) == true, step > 1
            {
                responses.append(Array(last.dropLast()))
            } else {
                responses.append(response(gain.map { $0 / variance }, count: horizon - step))
            }
            variances.append(variance)
            (gain, generator, variance) = nextGains(gain, generator, variance, at: steps + step)
        }
        return (responses, variances)
    }

    private func response(_ weights: [Double], count: Int) -> [Double] {
        var (differences, levels): ([Double], [Double]) = ([], [])
        for h in 0..<count {
            var difference = h == 0 ? 1 : h - 1 < weights.count ? weights[h - 1] : 0
            for (lag, coefficient) in zip(ar.lags, ar.coefficients) where lag <= h {
                difference -= coefficient * differences[h - lag]
            }
            differences.append(difference)
            for (lag, coefficient) in zip(differencing.lags, differencing.coefficients) where lag <= h {
                difference -= coefficient * levels[h - lag]
            }
            levels.append(difference)
        }
        return levels
    }

    private func nextGains(
        _ gain: [Double], _ generator: [Double], _ variance: Double, at step: Int? = nil
    ) -> ([Double], [Double], Double) {
        let length = max(ma.degree, ar.degree - (step ?? steps))
        guard let first = generator.first, first != 0 || generator.contains(where: { $0 != 0 }) else {
            return (gain, generator, variance)
        }
        let reflection = first / variance
        var (nextGain, nextGenerator) = (gain, generator)
        for i in gain.indices {
            let shifted = i + 1 < length ? generator[i + 1] : 0
            nextGain[i] = i < length ? gain[i] - reflection * shifted : 0
            nextGenerator[i] = i < length ? shifted - reflection * gain[i] : 0
        }
        return (nextGain, nextGenerator, variance * (1 - reflection) * (1 + reflection))
    }

    /// Removes lines that no longer change any forecast.
    mutating func dropFinishedLines() {
        lines = lines.enumerated().filter { index, line in
            index == 0 || (line.levels + line.differences + line.announced).contains { abs($0) > 1e-10 }
        }.map(\.element)
    }
}

/// `Σ c x[-lag]` over the last values, oldest first.
private func lagged(_ values: [Double], _ polynomial: LagPolynomial<Double>) -> Double {
    var sum = 0.0
    for (lag, coefficient) in zip(polynomial.lags, polynomial.coefficients) where lag <= values.count {
        sum += coefficient * values[values.count - lag]
    }
    return sum
}

private func push(_ value: Double, to values: inout [Double], keep count: Int) {
    values.append(value)
    if values.count > count { values.removeFirst() }
}
