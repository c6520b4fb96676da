import Foundation
import Testing

@Suite("Runs that are interrupted", .serialized) struct InterruptionTests {
    let shop: Workshop
    init() throws {
        shop = try Workshop()
        try Data().write(to: URL(fileURLWithPath: shop.folder + "/outcomes"))
    }

    /// The helper is built beside the test bundle.
    private func helper(
        tasks: Int, delay: String? = nil, environment: [String: String] = [:], openFiles: Int = 1000
    ) throws -> Process {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let path = beside.appendingPathComponent("execution-helper").path
        let limits = "ulimit -S -n \(openFiles / 2); ulimit -H -n \(openFiles)"
        process.arguments = ["-c", "\(limits); exec \"$@\"", "sh", path, shop.folder, String(tasks)]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let delay { process.environment?["DELAY"] = delay }
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

    @Test("more tasks at once than open files are held back, not failed, and see the limit of whoever started the run")
    func heldBack() throws {
        let process = try helper(tasks: 150, delay: "0.05", environment: ["WIDTH": "150"], openFiles: 100)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(Set(shop.text("log").split(separator: "\n")).count == 150)
        let completed = shop.text("outcomes").split(separator: "\n").filter { $0.hasSuffix(" 1 completed") }
        #expect(Set(completed).count == 150 && completed.count == 150)
        #expect(Set(shop.text("limits").split(separator: "\n")) == ["50"])
    }

    static let compiler = ["/usr/bin/cc", "/usr/bin/clang", "/opt/swift/usr/bin/clang"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(
        "a preloaded library that has memory of its own and takes the place of system calls does no harm",
        .enabled(if: compiler != nil, "there is no C compiler"))
    func preloaded() throws {
        let source = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <stdlib.h>
            #include <sys/syscall.h>
            #include <time.h>
            #include <unistd.h>
            static long **rows;
            __attribute__((constructor)) static void begin(void) {
                rows = calloc(1 << 18, sizeof *rows);
                for (int i = 0; i < 1 << 18; i++) rows[i] = malloc(sizeof(long)), *rows[i] = 0;
            }
            static void count(void) { if (rows) ++*rows[getpid() & 262143]; }
            int clock_gettime(clockid_t clock, struct timespec *now) {
                count();
                return (int)syscall(SYS_clock_gettime, clock, now);
            }
            int close(int fd) { count(); return (int)syscall(SYS_close, fd); }
            """
        try Data(source.utf8).write(to: URL(fileURLWithPath: shop.folder + "/library.c"))
        let compile = Process()
        compile.executableURL = URL(fileURLWithPath: try #require(Self.compiler))
        compile.arguments = ["-shared", "-fPIC", "-o", shop.folder + "/library.so", shop.folder + "/library.c"]
        try compile.run()
        compile.waitUntilExit()
        try #require(compile.terminationStatus == 0)
        let process = try helper(tasks: 8, environment: ["LD_PRELOAD": shop.folder + "/library.so"])
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(shop.text("outcomes").split(separator: "\n").count { $0.hasSuffix(" 1 completed") } == 8)
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
