import Foundation
import Learning
import LinearAlgebra
import Plots
import Prediction
import Reports
import Testing

@Suite("Evaluation of task models") struct TaskEvaluationTests {
    /// Run times that scatter by 20 %; those above `limit` were killed there.
    private func samples(_ count: Int, seed: UInt64, limit: Double = .infinity) throws -> TaskSamples {
        var generator = SeededGenerator(seed: seed)
        let values = (0..<count).map { _ in 100 * exp(0.2 * generator.nextNormal()) }
        return try TaskSamples(
            target: .runtime, typeNames: ["a"], featureNames: ["input_bytes"], types: values.map { _ in 0 },
            features: [values.map { _ in .nan }], values: values.map { min($0, limit) },
            isBound: values.map { $0 > limit })
    }

    @Test("the chart of calibration shows how many runs lie in their central intervals") func calibration() throws {
        let model = try TaskModel.fit(samples(200, seed: 1), seed: 1)
        let test = try samples(400, seed: 2)
        let evaluation = try TaskEvaluation(model, test: test, workflow: "w")
        for (level, share) in zip(TaskEvaluation.levels, evaluation.coverage) {
            let inside = test.values.count { value in
                (model.quantile(
                    type: "a", features: [.nan], (1 - level) / 2)...model.quantile(
                        type: "a", features: [.nan], (1 + level) / 2)).contains(value)
            }
            #expect(abs(share - Double(inside) / 400) < 1e-12)
            #expect(abs(share - level) < 0.08)
        }
        let chart = EvaluationReport.calibration(evaluation)
        #expect(chart.series[0].nominal == TaskEvaluation.levels && chart.series[0].observed == evaluation.coverage)
    }

    @Test("more than a killed run had is no error, less is the least it can be") func killed() throws {
        let test = try samples(100, seed: 3, limit: 100)
        let high = try TaskEvaluation(TaskModel.fit(samples(50, seed: 4), seed: 1), test: test, workflow: "w")
        #expect(high.killedRows == test.isBound.count { $0 } && high.killedRows > 30)
        let predicted = try #require(high.points.first).predicted
        let errors = zip(test.values, test.isBound).map { $1 ? max(0, $0 - predicted) : abs($0 - predicted) }
        #expect(abs(high.chosen.wape - errors.reduce(0, +) / test.values.reduce(0, +)) < 1e-12)
    }

    @Test("a model of killed runs expects what one of the whole runs does", arguments: UInt64(5)..<9)
    func censored(seed: UInt64) throws {
        // The limit kills half of the runs: taken for what they had, or left out, they would hold the times down.
        let known = try TaskModel.fit(samples(200, seed: seed, limit: 100), seed: 1)
        let whole = try TaskModel.fit(samples(200, seed: seed), seed: 1)
        func median(_ model: TaskModel) -> Double { model.value(of: .median, type: "a", features: [.nan]) }
        #expect(abs(median(known) / median(whole) - 1) < 0.08)
        #expect(known.quantile(type: "a", features: [.nan], 0.9) > 115)
    }
}
