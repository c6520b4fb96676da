import Foundation
import Testing

@Suite(
    "almanac train, predict, model, retrain",
    .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct ModelTests {
    let terminal: Terminal

    init() throws { terminal = try Terminal() }

    private func train(_ options: String = "--models models") throws {
        try terminal.write(executionsCSV(rows: 300), to: "a.csv")
        let answer = try terminal.shell("almanac import csv a.csv -q >/dev/null && almanac train --trees 20 \(options)")
        try #require(answer.exitCode == 0, "\(answer.errors)")
    }

    @Test("equal on any number of threads, byte for byte")
    func threads() throws {
        try train("--models one --threads 1 && almanac train --trees 20 --models two --threads 2")
        for name in ["runtime", "memory"] {
            #expect(try terminal.data("one/\(name).safetensors") == terminal.data("two/\(name).safetensors"))
        }
        let evaluations = try ["1", "2"].map { try terminal.almanac("evaluate", "--json", "--threads", $0).output }
        #expect(evaluations[0] == evaluations[1])
    }

    @Test("equal on any number of threads also where sums are long")
    func recordedThreads() throws {
        let recorded = Terminal.repository.appendingPathComponent("datasets/executions/recorded.csv").path
        let answer = try terminal.shell(
            """
            almanac import csv '\(recorded)' -q > /dev/null
            for t in 1 2; do almanac train runtime --models m$t --threads $t -q > /dev/null; done
            cmp m1/runtime.safetensors m2/runtime.safetensors
            """)
        #expect(answer.exitCode == 0, "\(answer.output) \(answer.errors)")
    }

    @Test("predicts from what is given, and says what it does not know")
    func predicts() throws {
        try train()
        let model = "models/runtime.safetensors"
        let known = try terminal.almanac("predict", model, "--type", "type1", "--input", "500kB", "--json")
        let value = try #require((known.json as? [String: Any])?["value"] as? Double)
        #expect(abs(value - 55) < 3, "5 s and 0.1 s for each kB")
        let unseen = try terminal.almanac("predict", model, "--type", "tpye1")
        #expect(unseen.exitCode == 0)
        #expect(unseen.errors.contains("never seen") && unseen.errors.contains("Did you mean 'type1'?"))
        for wrong in [
            ["--input=-5"], ["--input", "nan"], ["--cpus=-1"], ["--cpus", "nan"], ["--level", "1"],
            ["--parameter", "a=b"], ["--parameter", "a"], ["--parameter", "reads=3"],
        ] {
            let answer = try terminal.start(["predict", model, "--type", "type1"] + wrong).wait()
            #expect(answer.exitCode == 2, "\(wrong)")
            #expect(answer.output.isEmpty)
        }
        for extreme in [["--input", "0"], ["--input", "1e300"], ["--memory", "1e300"]] {
            #expect(
                try terminal.start(["predict", model, "--type", "type1"] + extreme).wait().exitCode == 0, "\(extreme)")
        }
    }

    @Test("a process is found by its last name, and several are named")
    func processes() throws {
        let names = ["NFCORE_MAG:MAG:PRODIGAL", "NFCORE_MAG:MAG:SORT", "X:SORT"]
        let rows = (0..<60).map { "t\($0),\(names[$0 % 3]),\([10, 30, 50][$0 % 3]),\($0)" }
        let table = "task,task_type,runtime_seconds,submit_time_seconds\n" + rows.joined(separator: "\n") + "\n"
        try terminal.write(table, to: "a.csv")
        #expect(try terminal.shell("almanac import auto a.csv -q && almanac train runtime -q").exitCode == 0)
        for (type, taken, value) in [
            ("PRODIGAL", names[0], 10.0), ("MAG:PRODIGAL", names[0], 10), ("MAG:SORT", names[1], 30),
        ] {
            let answer = try terminal.almanac("predict", "models/runtime.safetensors", "--type", type, "--json")
            #expect(abs(try #require((answer.json as? [String: Any])?["value"] as? Double) - value) < 0.1)
            #expect(answer.errors.contains("'\(type)' is taken as '\(taken)'"))
        }
        for (type, near) in [
            ("SORT", "Did you mean 'NFCORE_MAG:MAG:SORT' or 'X:SORT'?"), ("prodigal", "Did you mean '\(names[0])'?"),
            ("PRODIGLA", "Did you mean '\(names[0])'?"), ("", "lists the types"), ("ALIGNMENTS", "lists the types"),
        ] {
            let answer = try terminal.almanac("predict", "models/runtime.safetensors", "--type", type)
            #expect(answer.exitCode == 0 && answer.errors.contains("'\(type)' was never seen"))
            #expect(answer.errors.contains(near), "\(answer.errors)")
        }
    }

    @Test("workflows with few runs are taken together where they share task types, others are evaluated as they are")
    func pools() throws {
        for run in 0..<9 {
            // 'a' to 'd' share 'x' or 'y', through each other; 'e' to 'h' share nothing; 'i' has enough by itself.
            let types = ["x", "y", "x;y", "x", "e", "f", "g", "h", "x"][run].split(separator: ";")
            let rows = (0..<(run == 8 ? 30 : 12)).flatMap { i in
                types.map { "\($0)\(i),\($0),\(10 + i % 3),\(run * 100 + i)" }
            }
            let table = "task,task_type,runtime_seconds,submit_time_seconds\n" + rows.joined(separator: "\n") + "\n"
            try terminal.write(table, to: "\(run).csv")
            let workflow = String("abcdefghi".dropFirst(run).prefix(1))
            #expect(try terminal.almanac("import", "auto", "\(run).csv", "--workflow", workflow).exitCode == 0)
        }
        let answer = try terminal.almanac("evaluate", "--json")
        #expect(answer.exitCode == 0)
        #expect(answer.objects.map { $0["workflow"] as? String } == ["i", "a and 3 more"])
        #expect(answer.errors.contains("a and 3 more: taken together"))
        #expect(answer.errors.contains("e: no task type has 20 runs with runtime_seconds"))
        let one = try terminal.almanac("evaluate", "--workflow", "a")
        #expect(one.exitCode == 2 && one.errors.contains("nothing to evaluate of workflow 'a'"))
    }

    @Test("runs without a workflow are evaluated")
    func withoutWorkflow() throws {
        let rows = (0..<30).map { "t\($0),x,\(10 + $0 % 3),\($0)" }.joined(separator: "\n")
        try terminal.write("task,task_type,runtime_seconds,submit_time_seconds\n\(rows)\n", to: "a.csv")
        #expect(try terminal.almanac("import", "auto", "a.csv").exitCode == 0)
        let answer = try terminal.almanac("evaluate", "--json")
        #expect(answer.objects.map { $0["workflow"] as? String } == [""])
        #expect(answer.objects.first?["test_rows"] as? Int == 9)
    }

    @Test("cut, changed, foreign and swapped files are refused")
    func badFiles() throws {
        try train()
        let whole = try terminal.data("models/runtime.safetensors")
        var flipped = whole
        flipped[whole.count / 2] ^= 1
        let header = #"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
        let foreign = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
        for (data, reason) in [
            (Data(), "cut off"), (whole.prefix(1000), "cut off"), (flipped, "checksum"),
            (foreign + Data(count: 8), "not a model that almanac wrote"),
        ] {
            try terminal.write(data, to: "bad.safetensors")
            for command in [["predict", "bad.safetensors", "--type", "a"], ["model", "show", "bad.safetensors"]] {
                let answer = try terminal.start(command).wait()
                #expect(answer.exitCode == 2)
                #expect(answer.errors.contains("bad.safetensors") && answer.errors.contains(reason), "\(answer.errors)")
            }
        }
        try terminal.write(whole, to: "models/memory.safetensors")
        let swapped = try terminal.almanac("retrain")
        #expect(swapped.exitCode == 2)
        #expect(swapped.errors.contains("memory.safetensors"))
    }

    @Test(
        "a full disk leaves the model that was there",
        .enabled(if: SmallDisk.isPossible, "only root can mount a small disk"))
    func fullDisk() throws {
        let disk = try #require(SmallDisk(kilobytes: 8))
        defer { withExtendedLifetime(disk) {} }
        try train("--models '\(disk.folder.path)' || [ $? -eq 1 ]")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder.path).isEmpty)
        let report = try terminal.almanac("evaluate", "--report", disk.folder.path + "/report.html")
        #expect(report.exitCode == 1)
        #expect(report.errors.contains("No space left on device"))
    }

    @Test("kill -9 in the middle leaves whole files or none", arguments: [40, 200])
    func killed(afterMilliseconds: Int) throws {
        try train()
        let running = try terminal.start(["train", "--trees", "400", "--models", "models"])
        usleep(UInt32(afterMilliseconds) * 1000)
        running.signal(SIGKILL)
        _ = try running.wait()
        for name in ["runtime", "memory"] {
            #expect(try terminal.almanac("model", "show", "models/\(name).safetensors").exitCode == 0)
        }
    }
}
