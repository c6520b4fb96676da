internal import Foundation
internal import ModelFiles
public import Prediction
public import Traces

/// Champion against challenger: a model trained anew takes the place of the old one only if it predicts the newest runs
/// better.
///
/// Runs newer than those the champion learnt from are split in time, per task type: the challenger learns from all runs up
/// to the middle of the new ones, and both are judged by the rest. If the challenger wins, a model of all runs is written
/// and the champion is kept beside it as `.previous`. Where task types have changed their level, a second challenger learns
/// from runs that are brought to the new one (``TaskSamples/corrected(for:)``), and the better of the two competes.
public struct Retraining: Sendable, Encodable {
    public let target: TaskTarget
    /// Runs newer than the champion.
    public let newRows: Int
    /// The newest of them, by which both were judged.
    public let judgedRows: Int
    /// Median and weighted absolute percentage error on these; `nil` where there was nothing to judge by.
    public let champion: TaskEvaluation.Errors?
    public let challenger: TaskEvaluation.Errors?
    public let promoted: Bool
    /// The task types that have become slower or faster, larger or smaller, in all runs of the trace.
    public let drifts: [Drift]
    /// Why it was, or was not, promoted.
    public let reason: String

    enum CodingKeys: String, CodingKey {
        case target, champion, challenger, promoted, drifts, reason
        case newRows = "new_rows"
        case judgedRows = "judged_rows"
    }

    /// The share by which the challenger's error must be lower.
    public static let minimumGain = 0.02
    private static let minimumJudged = 5

    /// Retrains one target of a folder of models on all rows of a trace.
    public static func run(
        _ target: TaskTarget, training: Training, on table: ExecutionTable
    ) throws -> Retraining {
        let path = (training.folder as NSString).appendingPathComponent(ModelSet.FileName.of(target))
        let champion = try TaskModel(contentsOf: path, target: target)
        let samples = try TaskSamples(table, target: target)
        let isNew = samples.times.map { $0 > champion.trainedUntil || champion.trainedUntil.isNaN }
        let newRows = isNew.count { $0 }
        let drifts = samples.drifts()

        var byType: [Int: [Int]] = [:]
        for row in isNew.indices where isNew[row] { byType[samples.types[row], default: []].append(row) }
        let judged = byType.values.flatMap { $0[($0.count / 2)...] }.sorted()
        guard judged.count >= minimumJudged else {
            return Retraining(
                target: target, newRows: newRows, judgedRows: judged.count, champion: nil, challenger: nil,
                promoted: false, drifts: drifts, reason: "only \(newRows) runs are newer than the model; kept it")
        }
        let held = Set(judged)
        let test = samples.selecting(judged)
        func fit(_ samples: TaskSamples) throws -> TaskModel {
            try TaskModel.fit(samples, options: training.options, seed: training.seed)
        }
        let old = try TaskEvaluation(champion, test: test, workflow: "all")
        let known = samples.selecting((0..<samples.count).filter { !held.contains($0) })
        var new = try TaskEvaluation(fit(known), test: test, workflow: "all")
        let knownDrifts = known.drifts()
        var forgets = false
        if !knownDrifts.isEmpty {
            let aware = try TaskEvaluation(fit(known.corrected(for: knownDrifts)), test: test, workflow: "all")
            forgets = aware.score < new.score
            if forgets { new = aware }
        }
        let promoted = new.score < old.score * (1 - minimumGain)
        func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
        if promoted {
            let model = try fit(forgets ? samples.corrected(for: drifts) : samples)
            try keepingPrevious(of: path) { _ = try training.write(model, samples: samples, heldOut: new) }
        }
        let change = new.score / old.score - 1
        let text = "\(percent(abs(change))) \(change < 0 ? "lower" : "higher") on the newest runs"
        return Retraining(
            target: target, newRows: newRows, judgedRows: judged.count, champion: old.chosen, challenger: new.chosen,
            promoted: promoted, drifts: drifts,
            reason: promoted
                ? "the new model's error is \(text)" + (forgets ? ", with old runs brought to the new level" : "")
                : "the new model's error is \(text), not 2 % lower; kept the old one")
    }
}

extension Retraining {
    /// Replaces a file; what it was becomes `.previous`. If that fails, both are as they were.
    package static func keepingPrevious(of path: String, replace: () throws -> Void) throws {
        let files = FileManager.default
        let kept = path + ".kept"
        try? files.removeItem(atPath: kept)
        // A second name takes no room, but not every file system has them.
        do { try files.linkItem(atPath: path, toPath: kept) } catch { try files.copyItem(atPath: path, toPath: kept) }
        do { try replace() } catch {
            try? files.removeItem(atPath: kept)
            throw error
        }
        guard rename(kept, path + ".previous") == 0 else {
            throw ModelFileError.cannotWrite(path + ".previous", reason: String(cString: strerror(errno)))
        }
    }
}

extension TaskEvaluation {
    /// The mean of |log(predicted / actual)|, each bounded by log 10: what models are chosen by. More than what a killed run
    /// had is no error.
    var score: Double {
        points.reduce(0) { sum, point in
            let error = log(point.predicted / point.actual)
            return sum + (point.isBound && error > 0 ? 0 : min(abs(error), log(10)))
        } / Double(points.count)
    }
}
