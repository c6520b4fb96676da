import Foundation
import Testing

@Suite("Slurm on the command line", .enabled(if: Terminal.isBuilt, "build the release binary first"))
struct SlurmCommandTests {
    let terminal: Terminal

    init() throws { terminal = try Terminal() }

    /// Twelve jobs of 8 tasks of about 2,000,000 KiB on one node.
    private var solver: String {
        var text = "JobID|JobName|User|Partition|State|ExitCode|Submit|Start|End|ElapsedRaw|TotalCPU|MaxRSS|AveRSS|"
        text += "NTasks|NNodes|AllocCPUS|ReqMem\n"
        for day in 1...12 {
            let (date, kibibytes) = ("2025-03-\(day < 10 ? "0" : "")\(day)T08", 2_000_000 + 1000 * day)
            let user = day.isMultiple(of: 3) ? "bob" : "ada"
            text +=
                "\(day)|solver|\(user)|long|COMPLETED|0:0|\(date):00:00|\(date):00:05|\(date):10:05|600|01:19:00||||1|8|20G\n"
            text += "\(day).0|s||||0:0|\(date):00:06|\(date):00:06|\(date):10:04|598|01:18:59|\(kibibytes)K|"
            text += "\(kibibytes - 50000)K|8|1|8|\n"
        }
        return text
    }

    @Test("sbatch lines of MPI jobs keep nodes and tasks, memory is that of all tasks for each node")
    func layout() throws {
        try terminal.write(solver, to: "one.txt")
        var four = "JobID|JobName|State|Elapsed|AllocCPUS|NNodes|NTasks|ReqMem|MaxRSS|TotalCPU\n"
        for job in 1...12 {
            four += "\(job)|mpi|COMPLETED|02:00:00|64|4||64Gn||5-00:00:00\n"
            four += "\(job).0|solver|COMPLETED|02:00:00|64|4|64||1600000K|5-00:00:00\n"
        }
        try terminal.write(four, to: "four.txt")
        for (file, options, least, most) in [
            ("one.txt", "--nodes=1 --ntasks=8 --cpus-per-task=1 --mem=", 15_000, 19_000),
            ("four.txt", "--nodes=4 --ntasks=64 --cpus-per-task=1 --mem=", 25_000, 30_000),
        ] {
            let answer = try terminal.shell(
                "almanac import auto \(file) --store \(file).d -q >/dev/null && almanac export slurm --store \(file).d")
            let line = try #require(answer.output.split(separator: "\n").last { $0.hasPrefix("sbatch") })
            #expect(line.contains(options), "\(line)")
            let memory = try #require(line.split(separator: " ").first { $0.hasPrefix("--mem=") })
            let mebibytes = try #require(Int(memory.dropFirst(6).dropLast()))
            #expect(least...most ~= mebibytes, "\(line)")
        }
    }

    @Test("the report by user adds up to that by type, and holds to its days")
    func groups() throws {
        try terminal.write(solver, to: "a.txt")
        func tools(_ arguments: String) throws -> [[String: Any]] {
            let answer = try terminal.shell("almanac report --json \(arguments)")
            return (answer.json as? [String: Any])?["tools"] as? [[String: Any]] ?? []
        }
        #expect(try terminal.shell("almanac import auto a.txt -q").exitCode == 0)
        let types = try tools("")
        let users = try tools("--by user")
        #expect(users.map { $0["task_type"] as? String } == ["ada", "bob"])
        #expect(users.map { $0["attempts"] as? Int } == [8, 4])
        for name in ["wasted_gb_hours", "used_gb_hours", "suggested_wasted_gb_hours"] {
            let sum = users.compactMap { $0[name] as? Double }.reduce(0, +)
            let whole = try #require(types.first?[name] as? Double)
            #expect(abs(sum - whole) < 1e-9 * whole, "\(name)")
        }
        let days = try tools("--by partition --since 2025-03-03 --until 2025-03-05T12:00")
        #expect(days.first?["task_type"] as? String == "long" && days.first?["attempts"] as? Int == 3)
        let none = try terminal.shell("almanac report --since 1d")
        #expect(none.exitCode == 2 && none.errors.contains("Widen"))
        #expect(try terminal.shell("almanac report --by colour").exitCode == 2)
    }

    @Test("import runs sacct itself")
    func sacct() throws {
        try terminal.write(solver, to: "a.txt")
        try terminal.write(
            "#!/bin/sh\necho \"$@\" >> asked\nif [ -e broken ]; then echo no database >&2; exit 1; fi\ncat a.txt\n",
            to: "sacct")
        let path = "chmod +x sacct; export PATH=$PWD:$PATH"
        let answer = try terminal.shell(
            "\(path); almanac import slurm --since 7d --json && almanac import slurm --since 2025-03-01 --all-users --json"
        )
        #expect(answer.exitCode == 0, "\(answer.errors)")
        let asked = terminal.lines("asked")
        #expect(
            asked.count == 2
                && asked[0].hasPrefix("--starttime now-604800seconds --duplicates --parsable2 --format=JobID,"))
        #expect(asked.last?.hasPrefix("--starttime 2025-03-01 --allusers ") == true)
        let count = try terminal.almanac("outcomes", "--all", "--last", "0", "--json").objects.count
        #expect(count == 12, "the second time adds nothing")
        let broken = try terminal.shell("touch broken; \(path); almanac import slurm --since 7d")
        #expect(broken.exitCode == 1 && broken.errors.contains("no database"))
        for wrong in ["slurm --since yesterday", "auto --since 7d", "slurm", "slurm a.txt --all-users"] {
            #expect(try terminal.shell("almanac import \(wrong)").exitCode == 2, "\(wrong)")
        }
    }

    @Test("a file of which nothing can be kept is a failure")
    func nothing() throws {
        try terminal.write("JobID|JobName|State|Elapsed\n1|a|RUNNING|10:00\n2|a|PENDING|00:00\n", to: "a.txt")
        let answer = try terminal.almanac("import", "auto", "a.txt")
        #expect(answer.exitCode == 2 && answer.output.contains("had not ended"))
    }
}
