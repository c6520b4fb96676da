import Foundation
import LinearAlgebra
import ModelFiles
import Prediction
import Testing

@Suite("Machine scores") struct MachineScoresTests {
    let table = """
        machine,work,speed
        laptop,cpu,100
        laptop,disk,50
        laptop,sort,0.5
        n1,cpu,50
        n1,disk,25
        n1,sort,0.125
        """

    @Test("a type's own ratio counts 0.7, the shared level 0.3") func factor() throws {
        let scores = try MachineScores(csv: table, name: "scores.csv")
        // Own: log 4. Level: the mean of the types' mean ratio (log 4) and of the general one (log 2).
        let level = (log(4.0) + log(2.0)) / 2
        let found = try #require(scores.factor(of: "sort", on: "n1", against: "laptop"))
        #expect(abs(log(found) - (0.7 * log(4) + 0.3 * level)) < 1e-12)
        let other = try #require(scores.factor(of: "align", on: "n1", against: "laptop"))
        #expect(abs(log(other) - level) < 1e-12)
        #expect(scores.factor(of: "sort", on: "laptop", against: "laptop") == 1)
        #expect(scores.factor(of: "sort", on: "x9", against: "laptop") == nil)
    }

    @Test("what is written is read") func roundTrip() throws {
        let scores = try MachineScores(csv: table, name: "scores.csv")
        #expect(try MachineScores(csv: scores.csv, name: "again") == scores)
    }

    @Test(
        "a bad table names its line",
        arguments: [
            ("machine,speed\na,1", 1), ("machine,work,speed\na,cpu,0", 2), ("machine,work,speed\na,cpu,1\n\nb,cpu", 4),
        ])
    func bad(text: String, line: Int) {
        let error = #expect(throws: PredictionError.self) { try MachineScores(csv: text, name: "s.csv") }
        #expect(error?.description.hasPrefix("s.csv, line \(line): ") == true)
    }

    @Test("a model predicts for a machine that never ran a task, also when read back") func predicts() throws {
        let sizes = (1...8).map { Double($0) * 1e6 }
        let samples = try TaskSamples(
            target: .runtime, typeNames: ["sort"], featureNames: ["input_bytes"], types: sizes.map { _ in 0 },
            features: [sizes], values: sizes.map { 2 + $0 / 1e5 }, machines: sizes.map { _ in "laptop" })
        var options = TaskModelOptions()
        options.machineScores = try MachineScores(csv: table, name: "scores.csv")
        let model = try TaskModel.fit(samples, options: options, seed: 1)
        // Eight small runs tell that it is a line, and a hundred times the size is a hundred times as long.
        let here = model.predict(type: "sort", features: [8e8], machine: "laptop").value
        #expect(abs(here - 8002) < 10)
        let factor = try #require(options.machineScores.factor(of: "sort", on: "n1", against: "laptop"))
        #expect(abs(model.predict(type: "sort", features: [8e8], machine: "n1").value / here - factor) < 1e-9)
        #expect(model.knowsSpeed(of: "n1") && !model.knowsSpeed(of: "n7"))
        let read = try TaskModel(try model.modelFile(), path: "runtime")
        #expect(read.predict(type: "sort", features: [8e8], machine: "n1").value == here * factor)
    }
}

@Suite("Cold start") struct ColdStartTests {
    @Test("a type with one run follows the input size as the other types do") func oneRun() throws {
        var generator = SeededGenerator(seed: 3, stream: 0)
        var (types, sizes, values): ([Int], [Double], [Double]) = ([], [], [])
        for row in 0..<120 {
            let size = exp(Double.random(in: 10...16, using: &generator))
            types.append(row % 4)
            sizes.append(size)
            values.append(size * Double(1 + row % 4) * exp(Double.random(in: -0.1...0.1, using: &generator)) / 1e4)
        }
        types.append(4)
        sizes.append(1e5)
        values.append(50)
        let model = try TaskModel.fit(
            TaskSamples(
                target: .runtime, typeNames: ["a", "b", "c", "d", "new"], featureNames: ["input_bytes"], types: types,
                features: [sizes], values: values), seed: 1)
        let prediction = model.predict(type: "new", features: [1e6])
        #expect(prediction.runs == 1 && abs(prediction.value / 500 - 1) < 0.2)
        // It is less sure than of a type with thirty runs.
        let known = model.predict(type: "a", features: [1e6])
        #expect(log(prediction.upper / prediction.lower) > log(known.upper / known.lower))
    }
}

@Suite("Memory requests while runs arrive") struct OnlineMemorySizerTests {
    @Test("nothing before the first run, then less waste than the most seen") func learns() throws {
        var generator = SeededGenerator(seed: 5, stream: 0)
        var sizer = OnlineMemorySizer()
        #expect(sizer.request(size: 1) == nil)
        var (ours, mostSeen, most, failed) = (0.0, 0.0, 0.0, 0)
        for row in 0..<300 {
            let size = Double.random(in: 1...100, using: &generator)
            let peak = (1 + size * Double.random(in: 0.95...1.05, using: &generator)) * 1e9
            if row >= 50, let request = sizer.request(size: size) {
                var bytes = request.bytes
                while bytes < peak, let next = request.bytes(afterFailing: bytes) {
                    ours += bytes
                    failed += 1
                    bytes = next
                }
                ours += bytes - peak
                mostSeen += max(most, peak) - peak
            }
            most = max(most, peak)
            sizer.observe(size: size, peakBytes: peak, seconds: 60)
        }
        #expect(ours < 0.2 * mostSeen && failed <= 10)
        sizer.observe(size: 1, peakBytes: .nan, seconds: 60)
        #expect(sizer.runs == 300)
    }
}
