import Glibc
import LinearAlgebra

/// How likely spot capacity is to be lost, and to return, in the next tick: by the age of the spell, its strongest predictor.
///
/// In each class of age the hazard is ends ÷ ticks at risk, drawn towards a smooth curve (quadratic in the logarithm of the
/// age, by Poisson regression on all classes) as if `pseudoEvents` ends had been seen there at the curve's rate. Classes
/// with much data speak for themselves, those with none follow the curve.
///
///     let hazards = SpellHazards.fit(counts)
///     hazards.survival(isUp: true, age: 3, ticks: 6)   // that spot stays for six more ticks
///
/// Hazards are per tick of ``SpellBins/stepSeconds``.
public struct SpellHazards: Sendable, Hashable, Codable {
    public let bins: SpellBins
    /// The probability that capacity is lost after a tick, by class of age.
    public let loss: [Double]
    /// The probability that capacity is there again after a tick without, by class of age.
    public let `return`: [Double]
    /// The same by class of the time since someone came who does not know when the spell began.
    public let lossSinceArrival: [Double]
    public let returnSinceArrival: [Double]
    /// Ends of spells that were learnt from.
    public let observations: Int

    /// The largest hazard of a tick.
    public static let most = 0.95

    /// Hazards of what was seen.
    ///
    /// - Parameter pseudoEvents: The weight of the smooth curve in each class, in ends of spells.
    /// - Complexity: O(classes).
    public static func fit(_ counts: SpellCounts, pseudoEvents: Double = 3) -> SpellHazards {
        func rates(_ table: SpellCounts.Table) -> [Double] {
            shrunken(table, logAges: counts.bins.logAges, pseudoEvents: pseudoEvents)
        }
        return SpellHazards(
            bins: counts.bins, loss: rates(counts.up), return: rates(counts.down),
            lossSinceArrival: rates(counts.upSinceArrival), returnSinceArrival: rates(counts.downSinceArrival),
            observations: Int((counts.up.ended + counts.down.ended).reduce(0, +)))
    }

    /// The hazard of the tick of this age.
    ///
    /// - Parameter ageIsKnown: False if `age` counts from the arrival of the observer.
    public func hazard(isUp: Bool, age ticks: Int, ageIsKnown: Bool = true) -> Double {
        let table = ageIsKnown ? (isUp ? loss : self.return) : (isUp ? lossSinceArrival : returnSinceArrival)
        return table[bins.bin(ofAge: max(1, ticks))]
    }

    /// The probability that a spell that is in the tick of age `age` does not end in `ticks` ticks from there on.
    ///
    /// - Complexity: O(classes).
    public func survival(isUp: Bool, age: Int, ageIsKnown: Bool = true, ticks: Int) -> Double {
        guard ticks > 0 else { return 1 }
        let table = ageIsKnown ? (isUp ? loss : self.return) : (isUp ? lossSinceArrival : returnSinceArrival)
        var (log, next, left) = (0.0, max(1, age), ticks)
        for bin in bins.bin(ofAge: next)..<bins.count where left > 0 {
            let here = bin == bins.count - 1 ? left : min(left, bins.upperAges[bin] + 1 - next)
            log += Double(here) * log1p(-table[bin])
            (next, left) = (next + here, left - here)
        }
        return exp(log)
    }

    /// Hazards multiplied by what a zone of its own has shown.
    public func scaled(loss lossFactor: Double, return returnFactor: Double) -> SpellHazards {
        func scaled(_ rates: [Double], _ factor: Double) -> [Double] { rates.map { min($0 * factor, Self.most) } }
        return SpellHazards(
            bins: bins, loss: scaled(loss, lossFactor), return: scaled(self.return, returnFactor),
            lossSinceArrival: scaled(lossSinceArrival, lossFactor),
            returnSinceArrival: scaled(returnSinceArrival, returnFactor), observations: observations)
    }
}

private func shrunken(_ table: SpellCounts.Table, logAges: [Double], pseudoEvents: Double) -> [Double] {
    let smooth = smoothRates(table, logAges: logAges)
    return smooth.indices.map { bin in
        let ticks = pseudoEvents / max(smooth[bin], 1e-9)
        guard pseudoEvents > 0 else { return min(smooth[bin], SpellHazards.most) }
        return min((table.ended[bin] + pseudoEvents) / (table.atRisk[bin] + ticks), SpellHazards.most)
    }
}

/// Poisson regression of the rate of ends on 1, x and x², x the logarithm of the age, with a light ridge.
private func smoothRates(_ table: SpellCounts.Table, logAges: [Double]) -> [Double] {
    let ended = table.ended.reduce(0, +)
    let ridge = [1e-6, 1e-2, 1e-1]
    var beta = [log(max(ended, 0.5) / max(table.atRisk.reduce(0, +), 1)), 0, 0]
    func rate(_ x: Double, most: Double) -> Double {
        exp(min(max(beta[0] + beta[1] * x + beta[2] * x * x, -20), most))
    }
    for _ in 0..<50 {
        var gradient = [0, -ridge[1] * beta[1], -ridge[2] * beta[2]]
        var curvature = Matrix(rows: 3, columns: 3)
        for row in 0..<3 { curvature[row, row] = ridge[row] }
        for (bin, x) in logAges.enumerated() {
            let expected = table.atRisk[bin] * rate(x, most: 0)
            let powers = [1, x, x * x]
            for row in 0..<3 {
                gradient[row] += powers[row] * (table.ended[bin] - expected)
                for column in 0..<3 { curvature[row, column] += powers[row] * powers[column] * expected }
            }
        }
        guard let step = try? Cholesky(curvature).solve(gradient) else { break }
        for row in 0..<3 { beta[row] += min(max(step[row], -1), 1) }
        if step.allSatisfy({ abs($0) < 1e-8 }) { break }
    }
    return logAges.map { rate($0, most: -0.05) }
}

func logOf(_ ticks: Int) -> Double { log(Double(ticks)) }
