internal import Forests
internal import LinearAlgebra

/// How far a forest is off on rows of a table that it has not seen, beside simple baselines.
///
/// Every row is predicted by a model, its intervals included, that was made without it.
public struct TableEvaluation: Sendable, Encodable {
    public let target: String
    public let learner: String
    public let scheme: String
    public let trainingRows: Int
    public let judgedRows: Int
    /// The forest first, then the baselines.
    public let errors: [TableErrors]
    /// The forest's RMSE on each of the parts.
    public let foldErrors: [Double]
    /// The nominal coverages of the intervals, and the share of the outcomes inside of each.
    public let levels: [Double]
    public let coverage: [Double]
    public let importance: [TableModel.Importance]
    /// Every judged row on the scale of the target.
    public let points: [Point]

    public struct Point: Sendable, Codable {
        public let line: Int
        public let group: String
        public let actual: Double
        public let predicted: Double
    }

    private enum CodingKeys: String, CodingKey {
        case target, learner, scheme, errors, levels, coverage, importance
        case trainingRows = "training_rows"
        case judgedRows = "judged_rows"
        case foldErrors = "fold_rmse"
    }

    /// Whether the best baseline has the smaller error.
    public var losesTo: TableErrors? {
        guard let forest = errors.first else { return nil }
        return errors.dropFirst().filter { $0.rmse < forest.rmse && $0.mae < forest.mae }
            .min { $0.rmse < $1.rmse }
    }

    /// - Parameter folds: Into how many parts the judged rows are parted; a model is made for each.
    public init(
        _ samples: TableSamples, target: String, training: TableTraining, folds: Int, groupColumn: String? = nil,
        progress: (@Sendable (Double) -> Void)? = nil
    ) throws {
        let parts = try TablePart.parts(samples, training.scheme, folds: folds, seed: training.seed)
        var collected: [String: Collected] = [:]
        var (levels, inside) = (TableTraining.levels, [Int](repeating: 0, count: TableTraining.levels.count))
        var (points, importance, given) = ([Point](), [TableModel.Importance](), Set(TableTraining.levels))
        let names = Self.names(samples)
        var foldErrors: [Double] = []
        for (index, part) in parts.enumerated() {
            let (own, held) = (samples.rows(part.training), samples.rows(part.test))
            let model = try training.train(own, target: target, groupColumn: groupColumn) {
                progress?((Double(index) + $0) / Double(parts.count))
            }
            given.formIntersection(model.levels)
            let groups = try groupColumn.map { try TableTraining.groups(held, $0).map(Optional.some) }
            let threads = training.learner.threads
            let actual = held.target.map(held.scale)
            var forest = Collected(
                actual: actual, predicted: try model.predict(held.data, threads: threads).map(\.value))
            for (place, level) in levels.enumerated() where given.contains(level) {
                let found = try model.predict(held.data, groups: groups, level: level, threads: threads)
                for row in found.indices where found[row].lower <= actual[row] && actual[row] <= found[row].upper {
                    inside[place] += 1
                }
                if level == 0.8 { forest.set80(found) }
                if level == 0.9 { forest.set90(found) }
            }
            collected["forest", default: Collected()].append(forest)
            foldErrors.append(ErrorMeasures.rmse(actual: actual, predicted: forest.predicted))
            for baseline in TableBaseline.allCases {
                let (predicted, fitted) = baseline.predict(own, held)
                let residuals = own.target.indices.map { own.target[$0] - fitted[$0] }.sorted()
                func ends(_ p: Double) -> [Double] {
                    let shift = quantile(sorted: residuals, p)
                    return predicted.map { held.scale($0 + shift) }
                }
                var found = Collected(actual: actual, predicted: predicted.map(held.scale))
                (found.low80, found.high80) = (ends(0.1), ends(0.9))
                (found.low90, found.high90) = (ends(0.05), ends(0.95))
                collected[baseline.rawValue, default: Collected()].append(found)
            }
            for (place, row) in part.test.enumerated() {
                points.append(
                    Point(
                        line: held.lines[place], group: names[row], actual: actual[place],
                        predicted: forest.predicted[place]))
            }
            // The importance of one part stands for all.
            if index == parts.count - 1 {
                importance = try TableTraining.importance(model, held, seed: training.seed, threads: threads)
            }
        }
        self.foldErrors = foldErrors
        let judged = points.count
        let kept = levels.indices.filter { given.contains(levels[$0]) }
        (self.target, learner, scheme) = (target, training.learner.kind.rawValue, training.scheme.rawValue)
        (trainingRows, judgedRows) = (parts.last?.training.count ?? 0, judged)
        errors =
            ["forest"].compactMap { collected[$0]?.errors(training.learner.kind.rawValue) }
            + TableBaseline.allCases.compactMap { collected[$0.rawValue]?.errors($0.rawValue) }
        levels = kept.map { levels[$0] }
        self.levels = levels
        coverage = kept.map { Double(inside[$0]) / Double(max(1, judged)) }
        (self.importance, self.points) = (importance, points)
    }

    /// The level of every row in the feature with the fewest levels above one, for colours.
    private static func names(_ samples: TableSamples) -> [String] {
        let candidates = samples.data.columns.compactMap { column -> ([Int32], [String])? in
            guard case .categorical(let codes, let levels) = column.values, levels.count > 1 else { return nil }
            return (codes, levels)
        }
        guard let (codes, levels) = candidates.max(by: { $0.1.count < $1.1.count }) else {
            return Array(repeating: "rows", count: samples.count)
        }
        return codes.map { $0 < 0 ? "(missing)" : levels[Int($0)] }
    }
}

/// Predictions of many parts.
private struct Collected {
    var actual: [Double] = []
    var predicted: [Double] = []
    var low80: [Double] = []
    var high80: [Double] = []
    var low90: [Double] = []
    var high90: [Double] = []

    mutating func set80(_ found: [TablePrediction]) { (low80, high80) = (found.map(\.lower), found.map(\.upper)) }
    mutating func set90(_ found: [TablePrediction]) { (low90, high90) = (found.map(\.lower), found.map(\.upper)) }

    mutating func append(_ other: Collected) {
        actual += other.actual
        predicted += other.predicted
        low80 += other.low80
        high80 += other.high80
        low90 += other.low90
        high90 += other.high90
    }

    func errors(_ name: String) -> TableErrors {
        func coverage(_ low: [Double], _ high: [Double]) -> Double {
            low.count == actual.count ? ErrorMeasures.coverage(actual: actual, lower: low, upper: high) : .nan
        }
        var pinball = Double.nan
        if low80.count == actual.count {
            pinball = mean([
                ErrorMeasures.pinball(actual: actual, predicted: low80, p: 0.1),
                ErrorMeasures.pinball(actual: actual, predicted: predicted, p: 0.5),
                ErrorMeasures.pinball(actual: actual, predicted: high80, p: 0.9),
            ])
        }
        return TableErrors(
            name: name, rmse: ErrorMeasures.rmse(actual: actual, predicted: predicted),
            mae: ErrorMeasures.mae(actual: actual, predicted: predicted),
            mdape: ErrorMeasures.mdape(actual: actual, predicted: predicted), pinball: pinball,
            coverage80: coverage(low80, high80), coverage90: coverage(low90, high90))
    }
}
