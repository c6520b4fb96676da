import Foundation
import LinearAlgebra
import ModelFiles
import Prediction
import Scheduling
import Testing
import Workloads

/// Runs whose peak grows with the size, with some noise.
private func runs(_ count: Int, seed: UInt64, noise: Double = 0.05) -> (
    sizes: [Double], peaks: [Double], seconds: [Double]
) {
    var generator = SeededGenerator(seed: seed)
    let sizes = (0..<count).map { _ in 1e8 * pow(10, 2 * generator.nextUniform()) }
    let peaks = sizes.map { (2e8 + 3 * $0) * exp(noise * generator.nextNormal()) }
    return (sizes, peaks, (0..<count).map { _ in 60 + 600 * generator.nextUniform() })
}

@Suite("Memory requests") struct MemorySizerTests {
    @Test("requests waste less than the most seen and fail rarely", arguments: UInt64(1)...5)
    func wastesLess(seed: UInt64) throws {
        let (sizes, peaks, seconds) = runs(60, seed: seed)
        let sizer = try #require(MemorySizer(sizes: sizes, peaks: peaks, seconds: seconds))
        let later = runs(400, seed: seed + 100)
        var (ours, most, failures) = (0.0, 0.0, 0)
        for i in later.sizes.indices {
            let request = sizer.request(size: later.sizes[i])
            var bytes = request.bytes
            while bytes < later.peaks[i] {
                ours += bytes
                failures += 1
                bytes = try #require(request.bytes(afterFailing: bytes))
            }
            ours += bytes - later.peaks[i]
            most += max(0, request.maximumSeenBytes - later.peaks[i])
        }
        #expect(ours < 0.3 * most)
        #expect(failures <= 16, "\(failures) of 400 failed")
    }

    @Test("a constant is recognised, and lifted by little more than its spread")
    func constant() throws {
        let (sizes, _, seconds) = runs(40, seed: 2)
        var generator = SeededGenerator(seed: 3)
        let peaks = sizes.map { _ in 4e9 * exp(0.01 * generator.nextNormal()) }
        let request = try #require(MemorySizer(sizes: sizes, peaks: peaks, seconds: seconds)).request(size: 1e9)
        #expect(request.bytes >= 4e9 && request.bytes < 1.1 * request.maximumSeenBytes)
        #expect(request.isPredicted && request.runs == 40)
    }

    @Test("between the sizes of a grid, and beyond it, no request falls short of what is known")
    func grid() throws {
        // Steps that no line describes: the nearest sizes do best on the grid itself.
        let steps = [1e6: 10e6, 2e6: 12e6, 8e6: 60e6, 16e6: 61e6, 64e6: 300e6]
        let sizes = (0..<100).map { [1e6, 2e6, 8e6, 16e6, 64e6][$0 % 5] }
        let peaks = sizes.enumerated().map { (steps[$1] ?? 0) * (1 + 0.001 * Double($0 % 7)) }
        let seconds = [Double](repeating: 60, count: 100)
        let sizer = try #require(MemorySizer(sizes: sizes, peaks: peaks, seconds: seconds))
        #expect(sizer.request(size: 8e6).rule == .neighbours && sizer.request(size: 8e6).bytes < 66e6)
        #expect(sizer.request(size: 4e6).bytes >= 60e6 && sizer.request(size: 30e6).bytes >= 300e6)
        #expect(sizer.request(size: 640e6).bytes >= 1.5e9)
    }

    @Test("no request goes beyond the machine, and one that had all of it is not tried again")
    func limit() throws {
        let (sizes, peaks, seconds) = runs(40, seed: 4)
        let sizer = try #require(MemorySizer(sizes: sizes, peaks: peaks, seconds: seconds))
        let request = sizer.request(size: 1e12, limitBytes: 8e9)
        #expect(request.bytes == 8e9)
        #expect(request.bytes(afterFailing: 8e9) == nil)
        #expect(request.bytes(afterFailing: 6e9) == 8e9)
    }

    @Test("two runs are too few to predict by, and it says so; none give nothing")
    func fewRuns() throws {
        let request = try #require(MemorySizer(sizes: [1, 2], peaks: [1e9, 2e9], seconds: [.nan, 5])).request(size: 3)
        #expect(!request.isPredicted && request.rule == .tooFewRuns)
        #expect(abs(request.bytes / 3e9 - 1) < 1e-9)
        #expect(MemorySizer(sizes: [], peaks: [], seconds: []) == nil)
    }

    @Test("every size gets a positive finite request", arguments: [Double.nan, 0, -1, 1, 1e9, 1e18, .infinity])
    func anySize(size: Double) throws {
        for noise in [0.0, 0.05, 1] {
            let (sizes, peaks, seconds) = runs(40, seed: 5, noise: noise)
            let request = try #require(MemorySizer(sizes: sizes, peaks: peaks, seconds: seconds)).request(size: size)
            #expect(request.bytes > 0 && request.bytes.isFinite && request.retryBytes >= request.bytes)
            let next = try #require(request.bytes(afterFailing: request.bytes))
            #expect(next > request.bytes)
        }
    }

    @Test("a memory model carries the requests in its file")
    func file() throws {
        let (sizes, peaks, seconds) = runs(60, seed: 6, noise: 0.2)
        let samples = try TaskSamples(
            target: .peakMemory, typeNames: ["sort"], featureNames: ["input_bytes"],
            types: [Int](repeating: 0, count: 60), features: [sizes], values: peaks, seconds: seconds)
        let model = try TaskModel.fit(samples, seed: 1)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.modelFile().write(to: path)
        let read = try TaskModel(contentsOf: path)
        for size in [1e8, 3e8, 5e9, .nan] {
            let request = try #require(model.memoryRequest(type: "sort", features: [size]))
            #expect(request == read.memoryRequest(type: "sort", features: [size]))
        }
        #expect(model.memoryRequest(type: "new", features: [1]) == nil)

        // A plan reserves the same for a task that asks for nothing.
        let graph = try TaskGraph([
            TaskSpec(id: "a", type: "sort", inputs: [.init(path: "in", sizeBytes: 3e8)]),
            TaskSpec(id: "b", type: "new", claimedPeakMemoryBytes: 7e9),
        ])
        let estimates = try ModelSet(memory: model).estimates(of: graph)
        #expect(estimates.memoryRequestBytes == [model.memoryRequest(type: "sort", features: [3e8])?.bytes, 7e9])
    }
}

@Suite("One request for all tasks of a type") struct ConstantRequestTests {
    @Test("chance peaks get their own quantile, drifting ones room above the most seen") func rules() throws {
        var generator = SeededGenerator(seed: 2, stream: 0)
        let chance = (0..<80).map { _ in 4e9 * Double.random(in: 1...1.3, using: &generator) }
        let seconds = [Double](repeating: 60, count: 80)
        let own = try #require(MemorySizer.constantRequest(peaks: chance, seconds: seconds))
        #expect(own.rule == .constant && own.bytes < 1.05 * own.maximumSeenBytes && own.failureShare <= 0.02)
        let drifting = (0..<80).map { 1e9 * (1 + Double($0) / 40) }
        let above = try #require(MemorySizer.constantRequest(peaks: drifting, seconds: seconds))
        #expect(above.rule == .mostSeen && abs(above.bytes - 1.05 * above.maximumSeenBytes) < 1)
    }

    @Test("the fewer runs, the more room; never more than the machine has") func few() throws {
        let one = try #require(MemorySizer.constantRequest(peaks: [1e9], seconds: [60]))
        #expect(abs(one.bytes - 1.5e9) < 1)
        let four = try #require(
            MemorySizer.constantRequest(peaks: [1e9, 1e9, 9e8, 9e8], seconds: [60, 60, .nan, 60]))
        #expect(abs(four.bytes - 1.125e9) < 1)
        #expect(MemorySizer.constantRequest(peaks: [1e9], seconds: [60], limitBytes: 1.2e9)?.bytes == 1.2e9)
        #expect(MemorySizer.constantRequest(peaks: [], seconds: []) == nil)
    }
}
