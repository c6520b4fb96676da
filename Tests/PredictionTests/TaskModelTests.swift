import Foundation
import LinearAlgebra
import ModelFiles
import Prediction
import Testing

/// Runs of four task types: constant, linear in the size, a power of the size, and unrelated to it.
private func samples(runs: Int = 60, seed: UInt64 = 1, noise: Double = 0.05) throws -> TaskSamples {
    var generator = SeededGenerator(seed: seed)
    var (types, sizes, cpus, values): ([Int], [Double], [Double], [Double]) = ([], [], [], [])
    for _ in 0..<runs {
        for type in 0..<4 {
            let size = 1e6 * pow(10, 3 * generator.nextUniform())
            let error = exp(noise * generator.nextNormal())
            types.append(type)
            sizes.append(size)
            cpus.append(Double(1 + generator.nextInt(below: 4)))
            switch type {
            case 0: values.append(30 * error)
            case 1: values.append((2 + size / 1e7) * error)
            case 2: values.append(pow(size / 1e6, 1.4) * error)
            default: values.append(10 * exp(generator.nextNormal()))
            }
        }
    }
    return try TaskSamples(
        target: .runtime, typeNames: ["constant", "linear", "power", "noise"], featureNames: ["input_bytes", "cpus"],
        types: types, features: [sizes, cpus], values: values)
}

@Suite("Task model") struct TaskModelTests {
    @Test("each type gets a model of its own shape", arguments: UInt64(1)...5)
    func choices(seed: UInt64) throws {
        let model = try TaskModel.fit(samples(seed: seed), seed: seed)
        // A constant needs no curve: what is chosen must predict it at any size.
        #expect(abs(model.predict(type: "constant", features: [1e8, 1]).value / 30 - 1) < 0.05)
        let linear = try #require(model.choice(for: "linear"))
        #expect([.linear, .proportional, .relative].contains(linear.model) && linear.runs == 60)
        #expect(abs(model.predict(type: "linear", features: [5e8, 2]).value / 52 - 1) < 0.05)
        #expect(model.choice(for: "power")?.model == .logLog)
        #expect(abs(model.predict(type: "power", features: [1e8, 2]).value / pow(100, 1.4) - 1) < 0.05)
    }

    @Test("curves extrapolate to inputs ten times larger than any seen")
    func extrapolation() throws {
        let model = try TaskModel.fit(samples(), seed: 1)
        #expect(abs(model.predict(type: "linear", features: [1e10, 1]).value / 1002 - 1) < 0.1)
        #expect(abs(model.predict(type: "power", features: [1e10, 1]).value / pow(1e4, 1.4) - 1) < 0.35)
    }

    @Test("intervals of later runs hold about what they promise")
    func coverage() throws {
        var inside = 0.0
        for seed in UInt64(1)...20 {
            let (training, test) = try samples(runs: 100, seed: seed).splitInTime(share: 0.7)
            let model = try TaskModel.fit(training, seed: seed)
            for row in 0..<test.count {
                let p = model.predict(type: test.typeNames[test.types[row]], features: test.features(row), level: 0.9)
                if p.lower <= test.values[row] && test.values[row] <= p.upper { inside += 1 }
            }
        }
        let share = inside / (20 * 120)
        #expect(0.86 < share && share < 0.96, "90 % intervals hold \(share)")
    }

    @Test("a type never seen gets a pooled answer that is less sure than any other")
    func unseen() throws {
        let model = try TaskModel.fit(samples(), seed: 1)
        let unknown = model.predict(type: "new", features: [1e8, 1])
        let known = model.predict(type: "linear", features: [1e8, 1])
        #expect(unknown.runs == 0 && unknown.value.isFinite && unknown.value > 0)
        #expect(unknown.upper / unknown.lower > 3 * known.upper / known.lower)
        #expect(model.choice(for: "new")?.runs == nil)
    }

    @Test("a type with one run is predicted by it, with an interval that admits ignorance")
    func coldStart() throws {
        let one = try TaskSamples(
            target: .runtime, typeNames: ["only"], featureNames: ["input_bytes"], types: [0], features: [[.nan]],
            values: [12])
        let p = try TaskModel.fit(one, seed: 1).predict(type: "only", features: [.nan])
        #expect(p.value == 12 && p.runs == 1 && p.lower < 3 && p.upper > 40)
    }

    @Test(
        "every candidate answers every question with a positive finite number", arguments: TaskModel.Candidate.allCases)
    func contract(candidate: TaskModel.Candidate) throws {
        var options = TaskModelOptions()
        options.fitsAllForests = true
        let model = try TaskModel.fit(samples(), options: options, seed: 1)
        for type in ["constant", "linear", "power", "noise", "new"] {
            for size in [Double.nan, 0, 1, 1e9, 1e15, -5, .infinity] {
                for cpus in [Double.nan, 0, 2, 1e300] {
                    let value = model.value(of: candidate, type: type, features: [size, cpus])
                    #expect(value > 0 && value.isFinite, "\(candidate) \(type) \(size) \(cpus): \(value)")
                }
            }
        }
    }

    @Test("the interval and the quantiles grow with their level")
    func monotone() throws {
        let model = try TaskModel.fit(samples(), seed: 1)
        var last = 0.0
        for p in [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99] {
            let q = model.quantile(type: "power", features: [3e7, 1], p)
            #expect(q >= last)
            last = q
        }
    }

    @Test("equal inputs give equal models on any number of threads, and files bring them back bit for bit")
    func reproducible() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let samples = try samples(noise: 0.3)
        var options = TaskModelOptions()
        options.fitsAllForests = true
        var files: [Data] = []
        for threads in [1, 2] {
            options.threads = threads
            let path = folder.appendingPathComponent("\(threads).safetensors").path
            try TaskModel.fit(samples, options: options, seed: 7).modelFile().write(to: path)
            files.append(try #require(FileManager.default.contents(atPath: path)))
        }
        #expect(files[0] == files[1])
        let model = try TaskModel.fit(samples, options: options, seed: 7)
        let read = try TaskModel(contentsOf: folder.appendingPathComponent("1.safetensors").path)
        for row in 0..<samples.count {
            let (type, features) = (samples.typeNames[samples.types[row]], samples.features(row))
            #expect(model.predict(type: type, features: features) == read.predict(type: type, features: features))
            for candidate in TaskModel.Candidate.allCases {
                let pair = (
                    model.value(of: candidate, type: type, features: features),
                    read.value(of: candidate, type: type, features: features)
                )
                #expect(pair.0.bitPattern == pair.1.bitPattern)
            }
        }
    }

    @Test("values that cannot be run times are refused")
    func refusals() throws {
        #expect(throws: PredictionError.noRows(.runtime)) {
            try TaskSamples(
                target: .runtime, typeNames: [], featureNames: ["input_bytes"], types: [], features: [[]], values: [])
        }
        for bad in [0, -1, Double.infinity] {
            #expect(throws: PredictionError.badValue(row: 0, value: bad, target: .runtime)) {
                try TaskSamples(
                    target: .runtime, typeNames: ["a"], featureNames: ["input_bytes"], types: [0], features: [[1]],
                    values: [bad])
            }
        }
    }
}

@Suite("Machine factors") struct MachineFactorTests {
    @Test(
        "a slower machine is recognised from a few runs of several types, an equal one is not", arguments: UInt64(1)...5
    )
    func recognises(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var (types, sizes, values, machines): ([Int], [Double], [Double], [String?]) = ([], [], [], [])
        func add(_ machine: String, rows: Int, factor: Double) {
            for row in 0..<rows {
                let size = 1e6 * pow(10, 3 * generator.nextUniform())
                types.append(row % 3)
                sizes.append(size)
                machines.append(machine)
                values.append(factor * (2 + Double(row % 3 + 1) * size / 1e7) * exp(0.1 * generator.nextNormal()))
            }
        }
        add("old", rows: 300, factor: 1)
        add("twin", rows: 60, factor: 1)
        add("slow", rows: 24, factor: 2)
        let samples = try TaskSamples(
            target: .runtime, typeNames: ["a", "b", "c"], featureNames: ["input_bytes"], types: types,
            features: [sizes], values: values, machines: machines)
        let model = try TaskModel.fit(samples, seed: seed)
        let slow = try #require(model.machineFactors["slow"])
        #expect(1.5 < slow && slow < 2.1)
        #expect(abs((model.machineFactors["twin"] ?? 1) - 1) < 0.1)
        let ratio =
            model.predict(type: "b", features: [1e8], machine: "slow").value
            / model.predict(type: "b", features: [1e8]).value
        #expect(abs(ratio - slow) < 1e-12)
        #expect(
            model.predict(type: "b", features: [1e8], machine: "never seen").value
                == model.predict(type: "b", features: [1e8]).value)
    }
}
