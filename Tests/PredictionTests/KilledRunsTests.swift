import Foundation
import LinearAlgebra
import ModelFiles
import Prediction
import Testing
import Traces
import Workloads

/// One attempt of a task of type `asm`.
private func attempt(
    _ task: Int, attempt: Int = 1, peak: Double? = nil, limit: Double? = nil, seconds: Double? = 600,
    allowed: Double? = nil, cause: FailureCause? = nil
) -> AttemptRecord {
    var record = AttemptRecord()
    (record.taskType, record.job, record.task, record.attempt) = ("asm", "j", "asm (\(task))", attempt)
    record.submitTimeSeconds = Double(task * 10 + attempt)
    (record.peakMemoryBytes, record.requestedMemoryBytes) = (peak, limit)
    (record.runtimeSeconds, record.requestedSeconds) = (seconds, allowed)
    (record.status, record.failureCause) = (cause == nil ? .completed : .failed, cause?.rawValue)
    return record
}

@Suite("Runs that were killed") struct KilledRunsTests {
    @Test("say that the need is more than what they had, once per task") func observed() {
        let needs = ObservedNeeds(
            ExecutionTable([
                attempt(1, peak: 3e9, limit: 4e9),
                attempt(2, limit: 4e9, cause: .outOfMemory),
                // Tried again, killed again, then done: the success counts.
                attempt(3, attempt: 1, limit: 4e9, cause: .outOfMemory),
                attempt(3, attempt: 2, limit: 8e9, cause: .outOfMemory),
                attempt(3, attempt: 3, peak: 9e9, limit: 16e9),
                // Killed twice: the larger bound counts.
                attempt(4, attempt: 1, limit: 4e9, cause: .outOfMemory),
                attempt(4, attempt: 2, limit: 8e9, cause: .outOfMemory),
                attempt(5, peak: 2e9, limit: 4e9, cause: .programError),
                attempt(6, peak: 2e9, limit: 4e9, cause: .timeLimit),
                attempt(7, cause: .outOfMemory), attempt(8, peak: 1e9, cause: .cancelled), attempt(9),
            ]), target: .peakMemory)
        #expect(needs.values.map { ($0 / 1e9).rounded() } == [3, 4, 9, 8, 2])
        #expect(needs.isBound == [false, true, false, true, true])
        #expect(needs.rows == [0, 1, 4, 6, 8])
        #expect(
            needs.leftOut == [
                2: .retried, 3: .retried, 5: .retried, 7: .failed, 9: .unlimited, 10: .stopped, 11: .unmeasured,
            ])
    }

    @Test("over its time limit a run needed longer than that; out of memory, as long as it ran") func times() {
        let needs = ObservedNeeds(
            ExecutionTable([
                attempt(1, seconds: 7190, allowed: 7200, cause: .timeLimit),
                attempt(2, limit: 4e9, seconds: 50, cause: .outOfMemory), attempt(3, seconds: 60),
            ]), target: .runtime)
        #expect(needs.values.map { $0.rounded() } == [7200, 50, 60] && needs.isBound == [true, true, false])
    }

    @Test("weigh as the product-limit estimate says, with one run more beyond all") func weights() throws {
        // Known 1, 2, 4, killed at 3: S(2) = 1 − 2/5, the bound's fifth goes in halves to 4 and beyond.
        let needs = try #require(NeedDistribution([1, 2, 3, 4], isBound: [false, false, true, false]))
        #expect(abs(needs.risk(of: 1) - 0.8) < 1e-12 && abs(needs.risk(of: 2) - 0.6) < 1e-12)
        #expect(abs(needs.risk(of: 3.5) - 0.6) < 1e-12 && abs(needs.risk(of: 4) - 0.3) < 1e-12)
        #expect(needs.unknownBeyond(risk: 0.35) == nil && needs.greatest == 4 && needs.killed == 1)
        let open = try #require(NeedDistribution([1, 2, 3, 3], isBound: [false, false, true, true]))
        #expect(open.unknownBeyond(risk: 0.05) == 3 && open.greatest == 2 && open.median == 1.5)
        #expect(NeedDistribution([], isBound: []) == nil)
        // Runs that something else ended at a usual amount hide nothing.
        let ended = (0..<60).map { $0 < 27 ? 9.0.nextDown : 9 }
        #expect(NeedDistribution(ended, isBound: (0..<60).map { $0 < 27 })?.unknownBeyond(risk: 0.01) == nil)
    }

    @Test("a request is above what killed more than may fail, and at most twice it", arguments: [0.1, 0.3, 0.5, 1])
    func above(share: Double) throws {
        var generator = SeededGenerator(seed: 5)
        let needs = (0..<100).map { _ in 8e9 * exp(0.3 * generator.nextNormal()) }
        let limit = share == 1 ? 1e9 : quantile(needs, 1 - share)
        let request = try #require(
            MemorySizer.constantRequest(
                peaks: needs.map { min($0, limit) }, isBound: needs.map { $0 > limit },
                seconds: needs.map { _ in 60 }))
        #expect(request.bytes > limit && request.bytes <= 2 * limit * (1 + 1e-9))
        #expect(abs(try #require(request.atLeastBytes) / limit - 1) < 1e-9)
        #expect(request.killed == needs.count { $0 > limit })
        let next = try #require(request.bytes(afterFailing: request.bytes))
        #expect(next > 1.5 * request.bytes)
    }

    @Test("once the needs beyond the limit are known the request is that of one who knew them") func known() throws {
        var generator = SeededGenerator(seed: 6)
        let needs = (0..<200).map { _ in 8e9 * exp(0.2 * generator.nextNormal()) }
        let limit = quantile(needs, 0.7)
        // Half of the killed ones were never tried again.
        let isBound = needs.enumerated().map { $1 > limit && $0 % 2 == 0 }
        let seconds = needs.map { _ in 60.0 }
        let request = try #require(
            MemorySizer.constantRequest(
                peaks: zip(needs, isBound).map { $1 ? limit : $0 }, isBound: isBound, seconds: seconds))
        let knowing = try #require(MemorySizer.constantRequest(peaks: needs, seconds: seconds))
        #expect(request.atLeastBytes == nil && abs(request.bytes / knowing.bytes - 1) < 0.15)
        #expect(needs.count { $0 > request.bytes } <= 10)
    }

    @Test("sizes tell what killed runs would have needed") func sized() throws {
        var generator = SeededGenerator(seed: 7)
        let sizes = (0..<200).map { _ in 1e9 * exp(generator.nextUniform() * 3) }
        let needs = sizes.map { 3 * $0 * exp(0.03 * generator.nextNormal()) }
        let limit = quantile(needs, 0.7)
        let samples = try TaskSamples(
            target: .peakMemory, typeNames: ["a"], featureNames: ["input_bytes"], types: sizes.map { _ in 0 },
            features: [sizes], values: needs.map { min($0, limit) }, isBound: needs.map { $0 > limit })
        let model = try TaskModel.fit(samples, seed: 1)
        let large = model.predict(type: "a", features: [18e9])
        // Taken for successes the killed runs would hold the line down at the limit of 26 GB.
        #expect(large.value > 45e9 && large.value < 65e9)
        #expect(try #require(model.memoryRequest(type: "a", features: [18e9])).bytes > 50e9)
    }

    @Test("are kept by a model file") func file() throws {
        let samples = try TaskSamples(
            target: .peakMemory, typeNames: ["a"], featureNames: ["input_bytes"],
            types: [Int](repeating: 0, count: 20), features: [[Double](repeating: .nan, count: 20)],
            values: (0..<20).map { $0 < 12 ? 3e9 + Double($0) * 1e8 : 4.2e9 }, isBound: (0..<20).map { $0 >= 12 })
        let model = try TaskModel.fit(samples, seed: 1)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.modelFile().write(to: path)
        let request = try #require(model.memoryRequest(type: "a", features: [.nan]))
        #expect(request.killed == 8 && request.bytes > 4.2e9 && abs((request.atLeastBytes ?? 0) / 4.2e9 - 1) < 1e-9)
        #expect(try TaskModel(contentsOf: path).memoryRequest(type: "a", features: [.nan]) == request)
    }

    @Test("any mix of needs and bounds gives a request, and risks that fall", arguments: UInt64(0)..<60)
    func anything(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let count = 1 + Int(generator.nextUniform() * 40)
        let needs = (0..<count).map { _ in 1e6 * exp((generator.nextUniform() * 4).rounded() * 2) }
        let isBound = (0..<count).map { _ in generator.nextUniform() < Double(seed % 5) / 4 }
        let request = try #require(
            MemorySizer.constantRequest(peaks: needs, isBound: isBound, seconds: needs.map { _ in .nan }))
        #expect(request.bytes > 0 && request.bytes.isFinite && request.retryBytes >= request.bytes)
        let distribution = try #require(NeedDistribution(needs, isBound: isBound))
        if let limit = distribution.unknownBeyond(risk: 0.02) { #expect(request.bytes > limit) }
        var before = 1.0
        for amount in stride(from: 5e5, through: 1e11, by: 1.7e9) {
            let risk = distribution.risk(of: amount)
            #expect(risk >= 0 && risk <= before)
            before = risk
        }
        let sizes = needs.map { _ in generator.nextUniform() * 1e9 }
        let sizer = try #require(
            MemorySizer(sizes: sizes, peaks: needs, isBound: isBound, seconds: needs.map { _ in 1 }))
        #expect(sizer.request(size: 1e8).bytes.isFinite && sizer.request(size: .nan).bytes > 0)
    }
}

@Suite("What is known before a task starts") struct FeatureTests {
    @Test("bytes read are a feature in hindsight alone") func features() throws {
        let table = ExecutionTable(
            (1...30).map { index in
                var record = attempt(index, peak: Double(index) * 1e8)
                (record.readBytes, record.inputBytes) = (Double(index) * 1e8, index % 2 == 0 ? 5 : nil)
                return record
            })
        let before = try TaskSamples(table, target: .peakMemory)
        #expect(before.featureNames.first == "input_bytes" && !before.featureNames.contains("read_bytes"))
        #expect(before.features[0].count { $0 == 5 } == 15 && before.features[0].count(where: \.isNaN) == 15)
        let after = try TaskSamples(table, target: .peakMemory, hindsight: true)
        #expect(after.featureNames.prefix(2) == ["read_bytes", "input_bytes"] && after.features[0][3] == 4e8)
    }

    @Test("a model of the release before is read, its size being that of the inputs") func older() throws {
        let samples = try TaskSamples(
            target: .runtime, typeNames: ["a"], featureNames: ["input_bytes"], types: [Int](repeating: 0, count: 30),
            features: [(1...30).map { Double($0) * 1e6 }], values: (1...30).map { Double($0) * 10 })
        let model = try TaskModel.fit(samples, seed: 1)
        var file = try model.modelFile()
        try file.setJSON("features", ["size_bytes"])
        let read = try TaskModel(file, path: "old")
        #expect(read.featureNames == ["input_bytes"])
        let task = TaskSpec(id: "t", type: "a", inputs: [.init(path: "in", sizeBytes: 2e7)])
        #expect(TaskFeatures.values(of: task, names: read.featureNames) == [2e7])
    }
}
