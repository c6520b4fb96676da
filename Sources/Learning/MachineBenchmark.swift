internal import Foundation
public import Prediction

/// How fast this machine is: processor, memory and disk, each measured for about half a second.
public struct MachineBenchmark: Sendable, Hashable, Encodable {
    /// Steps of a fixed mix of integer and floating-point work each second, in millions, on one processor.
    public let cpuMillionStepsPerSecond: Double
    /// Bytes that one processor reads from memory and writes to it each second.
    public let memoryBytesPerSecond: Double
    /// Bytes written to a file each second until they are on the disk.
    public let diskBytesPerSecond: Double

    enum CodingKeys: String, CodingKey {
        case cpuMillionStepsPerSecond = "cpu_million_steps_per_second"
        case memoryBytesPerSecond = "memory_bytes_per_second"
        case diskBytesPerSecond = "disk_bytes_per_second"
    }

    /// - Parameter folder: Where the file of 64 MB is written and removed again.
    /// - Throws: The error of the file system if it cannot be written there.
    public static func measure(folder: String) throws -> MachineBenchmark {
        MachineBenchmark(
            cpuMillionStepsPerSecond: fastest(of: 5) { steps(4_000_000) }.map { 4 / $0 } ?? .nan,
            memoryBytesPerSecond: memory(), diskBytesPerSecond: try disk(folder))
    }

    /// As a table of scores, in which the machine has this name.
    public func scores(machine: String) -> MachineScores {
        var scores = MachineScores()
        scores.set(machine: machine, work: "cpu", speed: cpuMillionStepsPerSecond)
        scores.set(machine: machine, work: "memory", speed: memoryBytesPerSecond)
        scores.set(machine: machine, work: "disk", speed: diskBytesPerSecond)
        return scores
    }

    /// Seconds of the fastest of a few repeats: what the machine can do when nothing disturbs it.
    private static func fastest(of repeats: Int, _ work: () -> Double) -> Double? {
        let clock = ContinuousClock()
        var sum = 0.0
        let times = (0..<repeats).map { _ in clock.measure { sum += work() } / .seconds(1) }
        // The result is looked at, so that the work cannot be left out.
        return sum.isNaN ? nil : times.min()
    }

    /// A chain of dependent steps.
    private static func steps(_ count: Int) -> Double {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        var value = 1.0
        for _ in 0..<count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            value = value * 0.999 + Double(state & 1023) * 1e-3
        }
        return value
    }

    private static func memory() -> Double {
        let count = 8_000_000
        let source = [Double](repeating: 1, count: count)
        var target = [Double](repeating: 0, count: count)
        let seconds = fastest(of: 5) {
            add(1, to: source.span, into: &target)
            return target[count / 2]
        }
        return seconds.map { Double(count * 16) / $0 } ?? .nan
    }

    private static func add(_ term: Double, to source: Span<Double>, into target: inout [Double]) {
        for i in 0..<min(source.count, target.count) { target[i] = source[i] + term }
    }

    private static func disk(_ folder: String) throws -> Double {
        let path = (folder as NSString).appendingPathComponent(".almanac-benchmark-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let block = Data(repeating: 0x5A, count: 8 << 20)
        var best = Double.infinity
        for _ in 0..<2 {
            try Data().write(to: URL(fileURLWithPath: path))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            defer { try? file.close() }
            let start = ContinuousClock.now
            for _ in 0..<8 { try file.write(contentsOf: block) }
            try file.synchronize()
            best = min(best, (ContinuousClock.now - start) / .seconds(1))
        }
        return Double(8 * block.count) / max(best, 1e-9)
    }
}
