import Foundation
import Testing

@Suite("Runs that are interrupted", .serialized) struct InterruptionTests {
    let shop: Workshop
    init() throws {
        shop = try Workshop()
        try Data().write(to: URL(fileURLWithPath: shop.folder + "/outcomes"))
    }

    /// The helper is built beside the test bundle.
    private func helper(tasks: Int, delay: String? = nil) throws -> Process {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        process.executableURL = beside.appendingPathComponent("execution-helper")
        process.arguments = [shop.folder, String(tasks)]
        if let delay { process.environment = ProcessInfo.processInfo.environment.merging(["DELAY": delay]) { $1 } }
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test("kill -9 at any moment loses no finished task and runs none twice", arguments: [1, 2, 3])
    func killed(round: Int) throws {
        let count = 60
        var kills = 0
        while true {
            let process = try helper(tasks: count)
            // Later and later, so that the run gets on; the moments differ from round to round.
            usleep(UInt32(20_000 + kills * 17_000 + round * 5_300))
            guard process.isRunning else {
                process.waitUntilExit()
                #expect(process.terminationReason == .exit && process.terminationStatus == 0)
                break
            }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            kills += process.terminationReason == .uncaughtSignal ? 1 : 0
            try #require(kills < 200)
        }
        #expect(kills >= 3)
        let log = shop.text("log").split(separator: "\n").map(String.init)
        #expect(log.count == count, "\(log.count) lines after \(kills) kills")
        #expect(Set(log).count == count)
        let completed = shop.text("outcomes").split(separator: "\n").filter { $0.hasSuffix("completed") }
        #expect(Set(completed.map { $0.split(separator: " ")[0] }).count == count)
        #expect(shop.livingProcesses.isEmpty)
    }

    @Test("SIGINT ends what runs, saves the state, and exits with 130; a second process is refused meanwhile")
    func interrupted() throws {
        let process = try helper(tasks: 40, delay: "0.5")
        while shop.text("log").isEmpty, process.isRunning { usleep(10_000) }
        let second = try helper(tasks: 40)
        second.waitUntilExit()
        #expect(second.terminationStatus == 2 && process.isRunning)
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 130)
        #expect(shop.livingProcesses.isEmpty)
        let before = shop.text("log").split(separator: "\n").count
        #expect(before > 0 && before < 40)
        let resumed = try helper(tasks: 40, delay: "0")
        resumed.waitUntilExit()
        #expect(resumed.terminationStatus == 0)
        // An attempt that SIGTERM met after its last act but before its end is honestly counted as stopped.
        let log = shop.text("log").split(separator: "\n")
        #expect(Set(log).count == 40 && log.count <= 44)
    }
}
