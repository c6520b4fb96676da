import Foundation
import SlurmExecution
import TestSupport
import Testing
import Workloads

@Suite("What Slurm offers") struct SlurmPoolTests {
    /// Four nodes in two partitions, as a real cluster says it.
    static let listing = """
        ondemand*|up|infinite|100|OFF|4|4096|(null)|idle|n[1-2]
        ondemand*|up|infinite|100|OFF|2|32768|(null)|mixed|n3
        ondemand*|up|infinite|100|OFF|4|16384|gpu:2|idle|n4
        ondemand*|up|infinite|100|OFF|4|16384|gpu:2|down*|n5
        spot|up|1-12:00:00|1|REQUEUE|4|4096|(null)|idle|n[1-2]
        spot|up|1-12:00:00|1|REQUEUE|64|512000+|gpu:a100:4(S:0-1)|idle~|cloud[001-010]
        old|down|infinite|1|OFF|4|4096|(null)|idle|o1

        """

    @Test("the default partition has one offer for each kind of node that can take tasks")
    func standard() throws {
        let found = try SlurmPool(sinfo: Self.listing, partitions: []).pool.entries
        #expect(
            found.map { $0.instanceID(0).rawValue } == [
                "4cpu-4G/ondemand#0", "2cpu-32G/ondemand#0", "4cpu-16G-gpux2/ondemand#0",
            ])
        #expect(found.map(\.maximumCount) == [2, 1, 1])
        #expect(found[0].capacity.memoryBytes == 4096 * 1_048_576 && found[2].capacity.gpus == 2)
        #expect(found.allSatisfy { $0.purchase == .onDemand })
    }

    @Test("a node of several partitions counts in the first of them; what others may take away is spot")
    func several() throws {
        let found = try SlurmPool(sinfo: Self.listing, partitions: ["spot", "ondemand"]).pool.entries
        #expect(
            found.map { $0.instanceID(0).rawValue } == [
                "4cpu-4G/spot/spot#0", "64cpu-500G-a100x4/spot/spot#0", "2cpu-32G/ondemand#0",
                "4cpu-16G-gpux2/ondemand#0",
            ])
        #expect(found.map(\.maximumCount) == [2, 10, 1, 1])
        #expect(found[1].type.gpuModel == "a100")
        #expect(try SlurmPool(sinfo: Self.listing, partitions: ["spot"]).offers(most: 5).map(\.maximumCount) == [2, 3])
    }

    @Test("a partition that is not there, and one without a usable node, are named")
    func missing() {
        #expect(throws: SlurmError.noPartition("gpu", known: ["old", "ondemand", "spot"])) {
            try SlurmPool(sinfo: Self.listing, partitions: ["gpu"])
        }
        #expect(throws: SlurmError.noNodes(partitions: ["old"])) {
            try SlurmPool(sinfo: Self.listing, partitions: ["old"])
        }
        #expect(throws: SlurmError.self) { try SlurmPool(sinfo: "", partitions: []) }
    }

    @Test(
        "expressions stand for nodes",
        arguments: [
            ("n1", ["n1"]), ("n[1-3]", ["n1", "n2", "n3"]), ("n[08-10,12],gpu", ["n08", "n09", "n10", "n12", "gpu"]),
            ("a[1-2]b[3-4]", ["a1b3", "a1b4", "a2b3", "a2b4"]), ("", []), ("n[", ["n["]), ("n[5-1]", []),
        ])
    func nodes(text: String, expected: [String]) { #expect(SlurmPool.nodes(text) == expected) }

    @Test("damaged listings give an error or a pool, never a crash", arguments: UInt64(0)..<200)
    func damaged(seed: UInt64) {
        var generator = TestGenerator(seed: seed)
        var bytes = Array(Self.listing.utf8)
        for _ in 0..<8 {
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            bytes[place] =
                Bool.random(using: &generator)
                ? bytes[Int.random(in: 0..<bytes.count, using: &generator)] : .random(in: 0...255, using: &generator)
        }
        let found = try? SlurmPool(sinfo: String(decoding: bytes, as: UTF8.self), partitions: [])
        #expect(found?.pool.entries.allSatisfy { $0.capacity.cpus > 0 && $0.maximumCount > 0 } ?? true)
    }
}

/// Runs the helper, which runs a job on Slurm: a fake one, or a real one.
struct SlurmShop {
    let shop: Workshop
    let environment: [String: String]

    init(_ environment: (Workshop) throws -> [String: String]) throws {
        shop = try Workshop()
        try Data().write(to: URL(fileURLWithPath: shop.folder + "/outcomes"))
        self.environment = try environment(shop)
    }

    func start(_ tasks: Int, _ more: [String: String] = [:]) throws -> Child {
        let beside = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try Child(
            [beside.appendingPathComponent("execution-helper").path, shop.folder, String(tasks)],
            ["ENGINE": "slurm"].merging(environment) { $1 }.merging(more) { $1 }, output: shop.folder + "/said")
    }

    func run(_ tasks: Int, _ more: [String: String] = [:]) throws -> Int32 { try start(tasks, more).wait() }

    /// Waits until something is so, at most a minute.
    func wait(_ isSo: () -> Bool) throws {
        let until = Date().addingTimeInterval(60)
        while !isSo() {
            try #require(Date() < until)
            usleep(20_000)
        }
    }

    var log: [String] { shop.text("log").split(separator: "\n").map(String.init) }
    var outcomes: [String] { shop.text("outcomes").split(separator: "\n").map(String.init) }

    /// Every task has run once, and one outcome says so; nothing is left of the run but what it keeps.
    func expectAllOnce(_ count: Int) {
        #expect(log.count == count && Set(log).count == count, "\(log.count) lines, \(Set(log).count) tasks")
        let completed = Set(outcomes.filter { $0.contains(" completed") })
        #expect(Set(completed.map { $0.split(separator: " ")[0] }).count == count)
        #expect(completed.count == count)
        let files = (try? FileManager.default.contentsOfDirectory(atPath: shop.folder + "/run/workers")) ?? []
        #expect(
            Set(files).subtracting(["attempt.sh", "worker.sh", "ended", "settings.json"]).filter {
                !$0.hasSuffix(".log")
            }.isEmpty)
        let ended = (try? FileManager.default.contentsOfDirectory(atPath: shop.folder + "/run/workers/ended")) ?? []
        #expect(ended.isEmpty)
        #expect(shop.livingProcesses.isEmpty)
    }

    /// Kills the process that drives the run again and again, and lets another go on; how often.
    func killing(_ count: Int, round: Int, pause: UInt32, _ more: [String: String] = [:]) throws -> Int {
        var kills = 0
        while true {
            let process = try start(count, more)
            // Later and later, so that the run gets on; the moments differ from round to round.
            usleep(UInt32(Double(pause) * pow(1.3, Double(kills) + Double(round) / 7)))
            guard process.isRunning else {
                #expect(process.wait() == 0, "\(shop.text("said"))")
                return kills
            }
            process.send(SIGKILL)
            kills += process.wait() == -SIGKILL ? 1 : 0
            try #require(kills < 40)
        }
    }
}

@Suite("A job for each attempt, on a Slurm of scripts", .serialized) struct FakeSlurmTests {
    let shop: SlurmShop
    let slurm: FakeSlurm

    init() throws {
        var slurm: FakeSlurm?
        shop = try SlurmShop { shop in
            let made = try FakeSlurm(in: shop.folder)
            slurm = made
            return made.environment
        }
        self.slurm = try #require(slurm)
    }

    @Test("a job runs to its end, and what nodes measure is in the outcomes")
    func runs() throws {
        #expect(try shop.run(20) == 0)
        shop.expectAllOnce(20)
        #expect(shop.outcomes.allSatisfy { $0.hasSuffix("completed n1 measured") })
        #expect(slurm.submitted == 20)
    }

    @Test("without our program on the nodes a shell runs the attempts")
    func shell() throws {
        #expect(try shop.run(8, ["NOPROGRAM": "1"]) == 0)
        shop.expectAllOnce(8)
        #expect(shop.outcomes.allSatisfy { $0.hasSuffix("completed n1 unmeasured") })
    }

    @Test("the ends of commands are told apart", arguments: [[:], ["NOPROGRAM": "1"]])
    func ends(more: [String: String]) throws {
        #expect(try shop.run(1, more.merging(["COMMAND": "echo oops >&2; exit 3"]) { $1 }) == 1)
        let words = "program-error n1 It ended with exit code 3. Last line of its standard error: oops"
        #expect(shop.outcomes.first?.contains(words) == true, "\(shop.outcomes)")
    }

    @Test(
        "kill -9 at any moment: the next process finds the jobs again, nothing is lost or run twice",
        arguments: [1, 2, 3])
    func killed(round: Int) throws {
        let kills = try shop.killing(36, round: round, pause: 120_000, ["WIDTH": "12"])
        #expect(kills >= 2)
        shop.expectAllOnce(36)
    }

    @Test("a run goes on where it was while the controller does not answer")
    func down() throws {
        let process = try shop.start(12, ["DELAY": "0.3"])
        try shop.wait { !shop.log.isEmpty }
        slurm.set("down", true)
        usleep(2_000_000)
        slurm.set("down", false)
        #expect(process.wait() == 0)
        shop.expectAllOnce(12)
        #expect(shop.shop.text("said").contains("Slurm takes no jobs now (Unable to contact slurm controller"))
    }

    @Test(
        "a submission of which nobody knows whether it was carried out is neither lost nor repeated",
        arguments: ["deaf", "lossy"])
    func unknown(kind: String) throws {
        slurm.set(kind, true)
        let process = try shop.start(4, ["DELAY": "0.1"])
        usleep(1_200_000)
        slurm.set(kind, false)
        #expect(process.wait() == 0)
        shop.expectAllOnce(4)
    }

    @Test("what Slurm refuses for good is said in its own words")
    func refused() throws {
        slurm.set("refuses", true)
        #expect(try shop.run(2) == 2)
        #expect(shop.shop.text("said").contains("Requested node configuration is not available"))
    }

    @Test("who interrupts a run cancels its jobs, and it goes on later")
    func interrupted() throws {
        let process = try shop.start(4, ["COMMAND": "[ -e go ] || sleep 30"])
        try shop.wait { slurm.submitted == 4 }
        usleep(300_000)
        process.send(SIGINT)
        #expect(process.wait() == 130)
        // What Slurm was told to cancel ends a moment later.
        try shop.wait { shop.shop.livingProcesses.isEmpty }
        #expect(shop.log.isEmpty)
        #expect(
            shop.outcomes.count == 4 && shop.outcomes.allSatisfy { $0.contains("aborted cancelled") },
            "\(shop.outcomes)")
        try shop.shop.write("", to: "go")
        #expect(try shop.run(4, ["COMMAND": "[ -e go ] || sleep 30"]) == 0)
        shop.expectAllOnce(4)
    }

    @Test("a job that somebody cancels is taken up again, and the outcome says that nobody is to blame")
    func cancelled() throws {
        let process = try shop.start(1, ["COMMAND": "[ -e go ] || sleep 30"])
        try shop.wait { slurm.submitted == 1 }
        usleep(500_000)
        try shop.shop.write("", to: "go")
        try Child([slurm.folder + "/bin/scancel", "1_0"], slurm.environment).wait()
        #expect(process.wait() == 0)
        #expect(
            shop.outcomes.first?.contains("t0 1 aborted cancelled n1 Slurm ended it: CANCELLED.") == true,
            "\(shop.outcomes)")
        #expect(shop.log == ["t0"])
    }

    @Test("an attempt whose job vanishes without an end is lost, and tried again")
    func vanished() throws {
        let process = try shop.start(1, ["COMMAND": "[ -e go ] || sleep 30", "LOST": "1"])
        try shop.wait { slurm.submitted == 1 }
        usleep(500_000)
        try shop.shop.write("", to: "go")
        for pid in shop.shop.livingProcesses { kill(pid, SIGKILL) }
        // As after a crash of the controller: it knows nothing of the job.
        let state = slurm.folder + "/jobs/1_0.state"
        let group = (try? String(contentsOfFile: state, encoding: .utf8))?.split(separator: " ").last
        if let pid = group.flatMap({ Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }), pid > 0 {
            kill(-pid, SIGKILL)
        }
        unlink(state)
        #expect(process.wait() == 0)
        #expect(shop.outcomes.contains { $0.contains("t0 1 aborted lost") }, "\(shop.outcomes)")
        #expect(shop.log == ["t0"])
    }
}

@Suite("Workers that hold a node each, on a Slurm of scripts", .serialized) struct FakeWorkersTests {
    let shop: SlurmShop
    let slurm: FakeSlurm

    init() throws {
        var slurm: FakeSlurm?
        shop = try SlurmShop { shop in
            let made = try FakeSlurm(in: shop.folder)
            slurm = made
            return made.environment.merging(["ENGINE": "workers", "WIDTH": "12"]) { $1 }
        }
        self.slurm = try #require(slurm)
    }

    @Test("many tasks run in as many jobs as there are nodes, and are measured there")
    func runs() throws {
        #expect(try shop.run(100) == 0)
        shop.expectAllOnce(100)
        #expect(shop.outcomes.allSatisfy { $0.hasSuffix("measured") && !$0.hasSuffix("unmeasured") })
        #expect(slurm.submitted == 3)
    }

    @Test("kill -9 of the run at any moment: workers go on, and tell the next process", arguments: [1, 2, 3])
    func killed(round: Int) throws {
        let kills = try shop.killing(300, round: round, pause: 150_000)
        #expect(kills >= 2)
        shop.expectAllOnce(300)
    }

    @Test("what ran in a worker that is killed runs again elsewhere, and nothing else does")
    func lost() throws {
        let process = try shop.start(24, ["DELAY": "0.5"])
        try shop.wait { shop.log.count >= 2 }
        let state = try String(contentsOfFile: slurm.folder + "/jobs/1.state", encoding: .utf8)
        let worker = try #require(
            state.split(separator: " ").last.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
        kill(worker, SIGKILL)
        #expect(process.wait() == 0)
        shop.expectAllOnce(24)
        #expect(shop.outcomes.contains { $0.contains(" aborted lost") })
    }

    @Test("who does not know the token of the run is not listened to")
    func stranger() throws {
        let process = try shop.start(24, ["DELAY": "0.5"])
        try shop.wait { !shop.log.isEmpty }
        let text = shop.shop.text("run/workers/settings.json")
        let settings = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let (address, port) = ("\(settings["address"] ?? "")", "\(settings["port"] ?? "")")
        let hello = #"{"kind":"hello","attempt":"","token":"x","instance":0}"#
        let script = "exec 3<>/dev/tcp/\(address)/\(port); echo '\(hello)' >&3; timeout 20 cat <&3 | wc -c"
        #expect(try Child(["/bin/bash", "-c", script], output: shop.shop.folder + "/stranger").wait() == 0)
        #expect(shop.shop.text("stranger").trimmingCharacters(in: .whitespacesAndNewlines) == "0")
        #expect(process.wait() == 0)
        shop.expectAllOnce(24)
        var mode = stat()
        #expect(stat(shop.shop.folder + "/run/workers/settings.json", &mode) == 0 && mode.st_mode & 0o077 == 0)
    }

    @Test("who interrupts a run ends its workers, and it goes on later")
    func interrupted() throws {
        let process = try shop.start(6, ["COMMAND": "[ -e go ] || sleep 30"])
        try shop.wait { shop.shop.livingProcesses.count >= 12 }
        process.send(SIGINT)
        #expect(process.wait() == 130)
        #expect(shop.shop.livingProcesses.isEmpty && shop.log.isEmpty)
        try shop.wait { !(0...9).contains { shop.shop.text("slurm/jobs/\($0).state").contains("RUNNING") } }
        try shop.shop.write("", to: "go")
        #expect(try shop.run(6, ["COMMAND": "[ -e go ] || sleep 30"]) == 0)
        shop.expectAllOnce(6)
    }
}

/// A real Slurm of four nodes on this machine, from the script that lies beside the shared data; it ends with this.
final class RealSlurm {
    let environment: [String: String]
    private static let script = SharedData.folder.map { $0 + "/../services/slurm.sh" }

    static var isThere: Bool {
        guard let script, FileManager.default.isExecutableFile(atPath: script) else { return false }
        return ["/usr/bin/sbatch", "/usr/sbin/slurmctld", "/usr/sbin/munged"].allSatisfy(
            FileManager.default.isExecutableFile(atPath:))
    }

    init() throws {
        let folder = NSTemporaryDirectory() + "almanac-slurm-\(UUID().uuidString.prefix(8))"
        environment = ["SLURM_TEST_DIR": folder, "SLURM_CONF": folder + "/slurm.conf"]
        try #require(run(Self.script ?? "", "start", "--nodes", "4", "--no-rest") == 0)
    }

    deinit { _ = try? run(Self.script ?? "", "stop") }

    @discardableResult
    func run(_ words: String...) throws -> Int32 {
        try Child(["/usr/bin/env"] + words, environment).wait()
    }

    func killNode(_ name: String) throws {
        try run(Self.script ?? "", "kill-node", name)
        try run("scontrol", "update", "NodeName=\(name)", "State=DOWN", "Reason=test")
    }
}

@Suite(
    "A real Slurm of four nodes", .serialized,
    .enabled(if: RealSlurm.isThere, "there is no Slurm here, or no ../services/slurm.sh beside ALMANAC_SHARED_DATA"))
struct RealSlurmTests {
    @Test("jobs, kill -9 of the run, a node that dies, and jobs that are preempted")
    func jobs() throws {
        let slurm = try RealSlurm()
        do {
            let shop = try SlurmShop { _ in slurm.environment }
            let kills = try shop.killing(40, round: 1, pause: 400_000, ["WIDTH": "14"])
            #expect(kills >= 1)
            shop.expectAllOnce(40)
        }
        do {
            let shop = try SlurmShop { _ in slurm.environment }
            let process = try shop.start(
                5, ["WIDTH": "14", "COMMAND": "[ -e go ] || exec sleep 60", "PARTITION": "spot"])
            try shop.wait { shop.shop.livingProcesses.count >= 5 }
            try shop.shop.write("", to: "go")
            try slurm.run("sbatch", "-p", "ondemand", "--exclusive", "-N4", "-o", "/dev/null", "--wrap", "true")
            #expect(process.wait() == 0)
            shop.expectAllOnce(5)
            #expect(shop.outcomes.count { $0.contains(" 1 aborted reclaimed") } == 5, "\(shop.outcomes)")
        }
        do {
            let shop = try SlurmShop { _ in slurm.environment }
            let process = try shop.start(14, ["WIDTH": "14", "COMMAND": "[ -e go ] || exec sleep 60"])
            try shop.wait { shop.shop.livingProcesses.count >= 14 }
            try shop.shop.write("", to: "go")
            for node in ["n1", "n2", "n3", "n4"] { try slurm.killNode(node) }
            // As on a node without power.
            for id in shop.shop.livingProcesses { kill(id, SIGKILL) }
            for node in ["n1", "n2", "n3", "n4"] {
                try slurm.run(SharedData.folder.map { $0 + "/../services/slurm.sh" } ?? "", "start-node", node)
            }
            #expect(process.wait() == 0)
            shop.expectAllOnce(14)
            #expect(shop.outcomes.count { $0.contains(" 1 aborted lost") } == 14, "\(shop.outcomes)")
        }
    }

    @Test("workers, kill -9 of the run, and nodes that are taken back")
    func workers() throws {
        let slurm = try RealSlurm()
        let more = ["ENGINE": "workers", "WIDTH": "14"]
        do {
            let shop = try SlurmShop { _ in slurm.environment.merging(more) { $1 } }
            let kills = try shop.killing(400, round: 1, pause: 400_000)
            #expect(kills >= 1)
            shop.expectAllOnce(400)
        }
        do {
            let shop = try SlurmShop { _ in slurm.environment.merging(more) { $1 } }
            let process = try shop.start(5, ["COMMAND": "[ -e go ] || exec sleep 60", "PARTITION": "spot"])
            try shop.wait { shop.shop.livingProcesses.count >= 5 }
            try shop.shop.write("", to: "go")
            try slurm.run("sbatch", "-p", "ondemand", "--exclusive", "-N4", "-o", "/dev/null", "--wrap", "true")
            #expect(process.wait() == 0)
            shop.expectAllOnce(5)
            #expect(shop.outcomes.count { $0.contains(" 1 aborted reclaimed") } == 5, "\(shop.outcomes)")
        }
    }
}
