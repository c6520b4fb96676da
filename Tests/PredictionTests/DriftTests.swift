import Foundation
import LinearAlgebra
import Prediction
import Testing

@Suite("Drift") struct DriftTests {
    /// Runs of one type: proportional to the size, with noise that resembles that of the run before, and slower by
    /// `ratio` from row `start` on.
    private func runs(_ count: Int, from start: Int? = nil, ratio: Double = 1, seed: UInt64) throws -> TaskSamples {
        var generator = SeededGenerator(seed: seed)
        var (sizes, values, error) = ([Double](), [Double](), 0.0)
        for row in 0..<count {
            error = 0.3 * error + 0.1 * generator.nextNormal()
            sizes.append(1e6 * pow(10, 2 * generator.nextUniform()))
            values.append(sizes[row] / 1e6 * exp(error) * (start.map { row >= $0 } == true ? ratio : 1))
        }
        return try TaskSamples(
            target: .runtime, typeNames: ["align"], featureNames: ["input_bytes"],
            types: [Int](repeating: 0, count: count), features: [sizes], values: values,
            times: (0..<count).map { Double($0) })
    }

    @Test("steady types are flagged at most once in a hundred")
    func falseAlarms() throws {
        var flagged = 0
        for seed in 1...400 { flagged += try runs(20 + seed % 100, seed: UInt64(seed)).drifts().count }
        #expect(flagged <= 4)
    }

    @Test("a change is found where it is, and how large it is", arguments: [0.6, 1.5, 3])
    func change(ratio: Double) throws {
        for seed in UInt64(1)...20 {
            let drift = try #require(try runs(60, from: 45, ratio: ratio, seed: seed).drifts().first, "seed \(seed)")
            #expect(drift.type == "align" && drift.runs == 60 && abs(drift.runsSince - 15) <= 3)
            #expect(abs(log(drift.ratio / ratio)) < 0.2 && drift.since == Double(60 - drift.runsSince))
        }
    }

    @Test("old runs are brought to the new level while new ones are few, then left out")
    func corrected() throws {
        let few = try runs(60, from: 50, ratio: 2, seed: 7)
        let moved = few.corrected(for: few.drifts())
        #expect(moved.count == 60 && Array(moved.values[50...]) == Array(few.values[50...]))
        let early = (0..<50).map { log(moved.values[$0] / few.values[$0]) }
        #expect(early.allSatisfy { abs($0 - log(2)) < 0.25 })
        let many = try runs(100, from: 50, ratio: 2, seed: 7)
        #expect(abs(many.corrected(for: many.drifts()).count - 50) <= 3)
        // A model that knows of the change predicts what comes next.
        let plain = try TaskModel.fit(few, seed: 1).predict(type: "align", features: [2e7]).value
        let aware = try TaskModel.fit(moved, seed: 1).predict(type: "align", features: [2e7]).value
        #expect(abs(aware / 40 - 1) < 0.15 && abs(log(aware / 40)) < abs(log(plain / 40)))
    }

    @Test("a new machine, one absurd run, constant and few values are no change")
    func noChange() throws {
        var samples = try runs(60, from: 40, ratio: 2, seed: 3)
        let values = samples.values
        samples = try TaskSamples(
            target: .runtime, typeNames: ["align"], featureNames: ["input_bytes"], types: samples.types,
            features: samples.features, values: values, machines: (0..<60).map { $0 < 40 ? "old" : "new" })
        #expect(samples.drifts().isEmpty)
        var odd = try runs(60, seed: 4)
        odd = try TaskSamples(
            target: .runtime, typeNames: ["align"], featureNames: ["input_bytes"], types: odd.types,
            features: odd.features, values: odd.values.enumerated().map { $0 == 58 ? $1 * 1000 : $1 })
        #expect(odd.drifts().isEmpty)
        for count in [1, 8, 40] {
            let flat = try TaskSamples(
                target: .peakMemory, typeNames: ["a"], featureNames: ["input_bytes"],
                types: [Int](repeating: 0, count: count),
                features: [[Double](repeating: .nan, count: count)], values: [Double](repeating: 5, count: count))
            #expect(flat.drifts().isEmpty && flat.corrected(for: []).count == count)
        }
    }
}
