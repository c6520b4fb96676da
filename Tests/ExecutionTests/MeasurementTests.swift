import Execution
import Foundation
import LocalExecution
import Scheduling
import Testing
import Workloads

@Suite("What is measured of a task", .serialized) struct MeasurementTests {
    let shop: Workshop
    init() throws { shop = try Workshop() }

    @Test("the peak memory of a process is right within 10 %", arguments: [10.0, 30, 200, 700])
    func memory(megabytes: Double) throws {
        let outcome = try shop.runOne(
            .init(id: "dd", command: "exec dd if=/dev/zero of=/dev/null bs=\(Int(megabytes))M count=1 2> /dev/null"))
        let peak = try #require(outcome.peakMemoryBytes) / 1_048_576
        #expect(peak >= megabytes && peak <= megabytes * 1.1 + 1.5, "\(peak)")
    }

    @Test("a small process does not inherit the memory of its starter")
    func smallMemory() throws {
        let ballast = [UInt8](repeating: 1, count: 300_000_000)
        for command in ["true", "sleep 0.2"] {
            let outcome = try shop.runOne(.init(id: TaskID(command), command: command)) { $0.runFolder += command }
            let peak = try #require(outcome.peakMemoryBytes)
            print("\(command): \(Units.formatBytes(peak))")
            #expect(peak > 3e5 && peak < 20e6, "\(command)")
        }
        #expect(ballast[Int.random(in: 0..<ballast.count)] == 1)
    }

    @Test("memory is summed over processes that live at the same time")
    func treeMemory() throws {
        // tail keeps the last 150 MB of its input until that ends.
        let half = "(head -c 150000000 /dev/zero; sleep 0.8) | tail -c 150000000 > /dev/null"
        let outcome = try shop.runOne(.init(id: "tree", command: "( \(half) ) & ( \(half) ) & wait"))
        let peak = try #require(outcome.peakMemoryBytes)
        #expect(peak > 290e6 && peak < 340e6, "\(peak)")
    }

    @Test("CPU time is that of the whole tree, as the shell itself counts it")
    func cpuTime() throws {
        let loop = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done"
        let outcome = try shop.runOne(.init(id: "busy", command: "( \(loop) ) & ( \(loop) ) & wait; times > times"))
        // `times` prints the user and system time of the shell, then of its children, as 0m1.23s.
        let counted = shop.text("times").split(whereSeparator: \.isWhitespace).reduce(0.0) { sum, field in
            let parts = field.dropLast().split(separator: "m")
            return sum + (Double(parts[0]) ?? 0) * 60 + (Double(parts[1]) ?? 0)
        }
        let measured = try #require(outcome.cpuSeconds)
        #expect(
            counted > 0.2 && abs(measured - counted) < 0.05 + 0.03 * counted, "\(measured), the shell says \(counted)")
        #expect(try #require(outcome.runtimeSeconds) >= 0.45 * measured)
    }

    @Test("the work of a process that left the session is counted, and the process does not outlive the task")
    func daemon() throws {
        let loop = "i=0; while [ $i -lt 10000000000 ]; do i=$((i+1)); done"
        let outcome = try shop.runOne(.init(id: "daemon", command: "(setsid sh -c '\(loop)' &) ; sleep 0.5"))
        #expect(outcome.status == .completed)
        #expect(try #require(outcome.cpuSeconds) > 0.04)
        #expect(try #require(outcome.runtimeSeconds) < 4)
        #expect(shop.livingProcesses.isEmpty)
    }

    @Test("wall time, bytes read and written, and file sizes are right")
    func amounts() throws {
        try Data(count: 3_000_000).write(to: URL(fileURLWithPath: shop.folder + "/in"))
        let task = TaskSpec(
            id: "copy", type: "copying", command: "cat in > out; sleep 0.3", request: .init(cpus: 2, memoryBytes: 5e6),
            inputs: [.init(path: "in")], outputs: [.init(path: "out")], parameters: ["level": "9"])
        let outcome = try shop.runOne(task) {
            $0.instance.onDemandPrice = .init(perHour: 0.5)
            $0.instance.speed = 2
            $0.estimates = Estimates(
                expectedSeconds: [5], secondsQuantiles: [.init { 4 + $0 }], memoryQuantiles: [.init(exactly: 7e6)])
        }
        #expect(outcome.status == .completed && outcome.exitCode == 0 && outcome.cause == nil)
        #expect(outcome.inputBytes == 3_000_000 && outcome.outputBytes == 3_000_000)
        let read = try #require(outcome.readBytes)
        let written = try #require(outcome.writtenBytes)
        #expect(read >= 3_000_000 && read < 3_100_000 && written >= 3_000_000 && written < 3_100_000)
        let runtime = try #require(outcome.runtimeSeconds)
        #expect(runtime >= 0.3 && runtime < 4)
        let start = try #require(outcome.startTimeSeconds)
        let end = try #require(outcome.endTimeSeconds)
        #expect(abs(end - start - runtime) < 1e-5 && start >= (outcome.submitTimeSeconds ?? .infinity) - 1e-3)
        #expect(outcome.taskType == "copying" && outcome.parameters == ["level": 9])
        #expect(outcome.cpus == 2 && outcome.requestedMemoryBytes == 5e6 && outcome.pricePerHour == 0.5)
        #expect(outcome.workflow == "test" && outcome.job == "1" && outcome.attempt == 1)
        // What was believed when it started: the medians, on an instance twice as fast.
        #expect(outcome.predictedSeconds == 2.25 && outcome.predictedMemoryBytes == 7e6)
        #expect(outcome.tenant == "default" && outcome.purchase == "on-demand" && outcome.instance == "local")
        let queued = try #require(outcome.queuedSeconds)
        #expect(queued >= 0 && abs(start - queued - (outcome.submitTimeSeconds ?? 0)) < 1e-3)
        let life = try #require(shop.lives.first)
        #expect(shop.lives.count == 1 && life.end == .closed && life.instance == "local" && life.job == "1")
        #expect(life.openedTimeSeconds ?? .infinity <= start && life.closedTimeSeconds >= end)
        #expect(abs(life.cost - (life.closedTimeSeconds - (life.openedTimeSeconds ?? 0)).rounded(.up) / 7200) < 1e-6)
    }
}
