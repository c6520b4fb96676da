/// A constant and a line for every level of one feature, on top of the line of all rows: each task type has a speed of
/// its own.
struct LinearBranches: Sendable {
    /// The feature; −1 where no feature's levels differ enough.
    var feature = -1
    var constants: [Double] = []
    var lines: [RidgeLine] = []

    /// Levels that share bins have no lines.
    static let mostLevels = FeatureBins.largest - 1

    init() {}

    /// The branches of the feature that explain most of `residuals`.
    init(_ data: ForestData, _ ridge: RidgeRegression, _ residuals: [Double]) {
        func squares(_ residuals: [Double]) -> Double {
            residuals.indices.reduce(0) { $0 + (ridge.weights?[$1] ?? 1) * residuals[$1] * residuals[$1] }
        }
        var best = squares(residuals) * (1 - ridge.minimumGain)
        for (feature, column) in data.columns.enumerated() {
            guard case .categorical(let codes, let levels) = column.values, levels.count > 1,
                levels.count <= Self.mostLevels
            else { continue }
            let branches = LinearBranches(feature, codes, levels.count, ridge, residuals)
            var left = residuals
            for row in left.indices where codes[row] >= 0 {
                left[row] -= branches.value(ofLevel: Int(codes[row])) { ridge.columns[$0][row] }
            }
            // Each level costs what its constant and slopes could fit by chance.
            let spent = Double(levels.count + branches.lines.reduce(0) { $0 + $1.terms.count })
            let count = Double(residuals.count)
            guard spent < count else { continue }
            let error = squares(left) * (count / (count - spent)) * (count / (count - spent))
            if error < best { (best, self) = (error, branches) }
        }
    }

    private init(_ feature: Int, _ codes: [Int32], _ levels: Int, _ ridge: RidgeRegression, _ residuals: [Double]) {
        self.feature = feature
        var rows = [[Int]](repeating: [], count: levels)
        for (row, code) in codes.enumerated() where code >= 0 { rows[Int(code)].append(row) }
        for level in rows {
            var (sum, total) = (0.0, 0.0)
            for row in level {
                sum += (ridge.weights?[row] ?? 1) * residuals[row]
                total += ridge.weights?[row] ?? 1
            }
            let line = ridge.line(level, residuals, mean: total > 0 ? sum / total : 0)
            // One row says little about its level.
            constants.append(line == nil ? sum / (total + 1) : sum / total)
            lines.append(line ?? RidgeLine(terms: []))
        }
    }

    /// What a level adds; 0 for one that is missing or not known.
    @inline(__always)
    func value(ofLevel level: Int, _ x: (Int) -> Double) -> Double {
        guard level < constants.count else { return 0 }
        var sum = constants[level]
        for term in lines[level].terms { sum += term.value(at: x(term.column)) }
        return sum
    }
}
