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
