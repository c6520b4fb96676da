internal import Forests

/// How good the probabilities of a forest are on rows of a table that it has not seen, beside the shares of the classes.
public struct TableClassEvaluation: Sendable, Encodable {
    public let target: String
    public let learner: String
    public let scheme: String
    public let classes: [String]
    public let trainingRows: Int
    public let judgedRows: Int
    /// The forest first, then the baselines.
    public let errors: [ClassErrors]
    /// How many rows of each class (outer) were taken for which (inner).
    public let confusion: [[Int]]
    public let importance: [TableModel.Importance]

    private enum CodingKeys: String, CodingKey {
        case target, learner, scheme, classes, errors, confusion, importance
        case trainingRows = "training_rows"
        case judgedRows = "judged_rows"
    }

    /// The best baseline, if its log-loss is smaller.
    public var losesTo: ClassErrors? {
        guard let forest = errors.first else { return nil }
        return errors.dropFirst().filter { $0.logLoss < forest.logLoss }.min { $0.logLoss < $1.logLoss }
    }

    /// - Parameter folds: Into how many parts the judged rows are parted; a model is made for each.
    public init(
        _ samples: TableSamples, target: String, training: TableTraining, folds: Int,
        progress: (@Sendable (Double) -> Void)? = nil
    ) throws {
        let classes = samples.classes ?? []
        let parts = try TablePart.parts(samples, training.scheme, folds: folds, seed: training.seed)
        var (forest, shares, levels, actual) = ([[Double]](), [[Double]](), [[Double]](), [Int]())
        var importance: [TableModel.Importance] = []
        for (index, part) in parts.enumerated() {
            let (own, held) = (samples.rows(part.training), samples.rows(part.test))
            let prior = Self.shares(own, Array(0..<own.count))
            shares += held.target.map { _ in prior }
            levels += Self.levelShares(own, held, prior)
            actual += held.target.map { Int($0) }
            guard Set(own.target).count > 1 else {
                forest += held.target.map { _ in prior }
                continue
            }
            let model = try training.train(own, target: target) {
                progress?((Double(index) + $0) / Double(parts.count))
            }
            forest += try model.forest.probabilities(held, threads: training.learner.threads)
            if index == parts.count - 1 {
                importance = try TableTraining.classImportance(
                    model, held, seed: training.seed, threads: training.learner.threads)
            }
        }
        (self.target, learner, scheme) = (target, training.learner.kind.rawValue, training.scheme.rawValue)
        (self.classes, self.importance) = (classes, importance)
        (trainingRows, judgedRows) = (parts.last?.training.count ?? 0, actual.count)
        errors = [
            ClassErrors(learner, forest, actual: actual), ClassErrors("shares", shares, actual: actual),
            ClassErrors("shares per level", levels, actual: actual),
        ]
        var confusion = classes.map { _ in classes.map { _ in 0 } }
        for (found, truth) in zip(forest, actual) {
            confusion[truth][found.indices.max { (found[$0], $1) < (found[$1], $0) } ?? 0] += 1
        }
        self.confusion = confusion
    }

    /// The share of every class in some rows, as if each had been seen in half a row more.
    private static func shares(_ samples: TableSamples, _ rows: [Int]) -> [Double] {
        var counts = [Double](repeating: 0.5, count: samples.classes?.count ?? 0)
        for row in rows { counts[Int(samples.target[row])] += 1 }
        let total = counts.reduce(0, +)
        return counts.map { $0 / total }
    }

    /// The shares among the rows with the same level of the feature that tells most, drawn to those of all by one row.
    private static func levelShares(_ own: TableSamples, _ held: TableSamples, _ prior: [Double]) -> [[Double]] {
        var best = (loss: Double.infinity, found: held.target.map { _ in prior })
        for (index, column) in own.data.columns.enumerated() {
            guard case .categorical(let codes, let levels) = column.values,
                case .categorical(let others, let names) = held.data.columns[index].values
            else { continue }
            var counts: [String: [Double]] = [:]
            for (row, code) in codes.enumerated() where code >= 0 {
                counts[levels[Int(code)], default: prior][Int(own.target[row])] += 1
            }
            let shares = counts.mapValues { counts in
                let total = counts.reduce(0, +)
                return counts.map { $0 / total }
            }
            func predict(_ codes: [Int32], _ names: [String]) -> [[Double]] {
                codes.map { $0 < 0 ? prior : shares[names[Int($0)]] ?? prior }
            }
            let loss = ClassErrors("", predict(codes, levels), actual: own.target.map { Int($0) }).logLoss
            if loss < best.loss { best = (loss, predict(others, names)) }
        }
        return best.found
    }
}
