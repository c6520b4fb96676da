import Foundation
import Learning
import LinearAlgebra
import ModelFiles
import Plots
import Prediction
import Reports
import Testing

@Suite("Replay by rounds") struct TaskRoundsTests {
    /// Runs whose time follows the size, and triples after the first half.
    private func drifting() throws -> TaskSamples {
        var generator = SeededGenerator(seed: 7, stream: 0)
        let sizes = (0..<200).map { _ in exp(Double.random(in: 10...14, using: &generator)) }
        let values = sizes.enumerated().map { row, size in
            size / 1e3 * (row < 100 ? 1 : 3) * exp(Double.random(in: -0.05...0.05, using: &generator))
        }
        return try TaskSamples(
            target: .runtime, typeNames: ["sort"], featureNames: ["input_bytes"], types: sizes.map { _ in 0 },
            features: [sizes], values: values, times: (0..<200).map(Double.init))
    }

    @Test("after a change the retrained model is better than the kept one") func drift() throws {
        let replay = try TaskRounds(drifting(), workflow: "w", rounds: 7, seed: 1)
        #expect(replay.firstRuns == 60 && replay.rounds.count == 7)
        #expect(replay.rounds.reduce(0) { $0 + $1.runs } == 140)
        let last = try #require(replay.rounds.last)
        #expect(last.kept.mdape > 0.5 && last.retrained.mdape < last.kept.mdape)
        #expect(TaskRounds.page([replay]).html().contains("retrained"))
    }

    @Test("too few runs are an error") func few() throws {
        let samples = try drifting().selecting(Array(0..<10))
        #expect(throws: PredictionError.noRows(.runtime)) {
            try TaskRounds(samples, workflow: "w", rounds: 3, seed: 1)
        }
    }
}

@Suite("Promotion of a model") struct PromotionTests {
    @Test("the old model becomes the previous one; where the new one cannot be written, both stay as they were")
    func previous() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("promotion-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = folder.appendingPathComponent("m")
        func write(_ text: String) throws { try Data(text.utf8).write(to: model, options: .atomic) }
        func files() throws -> [String: String] {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            return try Dictionary(
                uniqueKeysWithValues: names.map {
                    ($0, String(decoding: try Data(contentsOf: folder.appendingPathComponent($0)), as: UTF8.self))
                })
        }
        try write("first")
        try Retraining.keepingPrevious(of: model.path) { try write("second") }
        #expect(try files() == ["m": "second", "m.previous": "first"])
        struct Full: Error {}
        #expect(throws: Full.self) { try Retraining.keepingPrevious(of: model.path) { throw Full() } }
        #expect(try files() == ["m": "second", "m.previous": "first"])
        try Retraining.keepingPrevious(of: model.path) { try write("third") }
        #expect(try files() == ["m": "third", "m.previous": "second"])
    }
}

@Suite("Folder of models") struct TrainingFolderTests {
    @Test("a folder that cannot be is said before training") func blocked() throws {
        let file = NSTemporaryDirectory() + "almanac-\(UUID().uuidString)"
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(throws: ModelFileError.self) { try Training(folder: file + "/models", version: "t").checkFolder() }
        try Training(folder: NSTemporaryDirectory() + "not-there-yet/models", version: "t").checkFolder()
    }
}
