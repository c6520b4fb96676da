import Foundation
import Testing

@Suite(
    "almanac import", .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct ImportTests {
    let terminal: Terminal

    init() throws { terminal = try Terminal() }
    private static let header = "workflow,task,task_type,runtime_seconds\n"

    private func count(_ store: String = ".almanac") throws -> Int {
        try terminal.almanac("outcomes", "--all", "--last", "0", "--json", "--store", store).objects.count
    }

    @Test("a file is stored once, whatever its packing")
    func idempotent() throws {
        try terminal.write(executionsCSV(rows: 100), to: "a.csv")
        let first = try terminal.almanac("import", "auto", "a.csv", "--json")
        #expect(first.exitCode == 0)
        #expect(first.objects.first?["rows_stored"] as? Int == 100)
        let again = try terminal.shell("gzip -k a.csv; almanac import auto a.csv.gz a.csv - --json < a.csv")
        #expect(again.exitCode == 0)
        #expect(again.objects.map { $0["rows_stored"] as? Int } == [0, 0, 0])
        #expect(again.objects.map { $0["rows_skipped"] as? Int } == [100, 100, 100])
        #expect(try count() == 100)
    }

    @Test("an export is imported unchanged")
    func roundTrip() throws {
        try terminal.write(executionsCSV(rows: 50), to: "a.csv")
        let answer = try terminal.shell(
            """
            almanac import csv a.csv -q >/dev/null && almanac outcomes export --all > 1.csv
            almanac import csv - --store b < 1.csv >/dev/null && almanac outcomes export --all --store b > 2.csv
            cmp 1.csv 2.csv
            """)
        #expect(answer.exitCode == 0)
        #expect(terminal.lines("1.csv").count == 51)
    }

    @Test(
        "bad files are refused with the reason, and nothing of them is stored",
        arguments: [
            ("empty.csv", Data(), "is empty"),
            ("empty.csv.gz", Data(), "is empty"),
            ("binary.csv", Data([0x89, 0x50, 0x4E, 0x47, 0, 1, 2, 3, 10, 0]), "binary"),
            ("cut.csv.gz", Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B]), "ends too early"),
            ("damaged.csv.gz", Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF, 0xFF]), "damaged"),
            ("unknown.csv", Data("colour,shape\nred,round\n".utf8), "no format that we know"),
            (
                "long.csv", Data((header + "w," + String(repeating: "x", count: 10_000_000) + ",a,1\n").utf8),
                "more than"
            ),
            (
                "cycle.json",
                Data(
                    """
                    {"name":"x","schemaVersion":"1.5","workflow":{"specification":{"tasks":[
                    {"name":"a","id":"a","parents":["b"],"children":["b"]},
                    {"name":"b","id":"b","parents":["a"],"children":["a"]}],"files":[]},
                    "execution":{"tasks":[{"id":"a","runtimeInSeconds":1},{"id":"b","runtimeInSeconds":1}]}}}
                    """.utf8), "a → b → a"
            ),
        ])
    func refused(name: String, data: Data, reason: String) throws {
        try terminal.write(data, to: name)
        try terminal.write(executionsCSV(rows: 10), to: "good.csv")
        let answer = try terminal.almanac("import", "auto", name, "good.csv", "--json")
        #expect(answer.exitCode == 2)
        #expect(answer.errors.contains(name) && answer.errors.contains(reason), "\(answer.errors)")
        #expect(answer.objects.count == 2)
        #expect((answer.objects.first?["error"] as? String)?.contains(reason) == true)
        #expect(try count() == 10, "the good file is stored all the same")
    }

    @Test("rows that cannot be right are skipped, counted and explained")
    func skippedRows() throws {
        let rows = ["w,a,x,NaN", "w,b,x,inf", "w,c,x,-1", "w,d,x,5m", "w,e", "w,f,x,7"]
        try terminal.write(Self.header + rows.joined(separator: "\n") + "\n", to: "a.csv")
        let answer = try terminal.almanac("import", "csv", "a.csv")
        #expect(answer.exitCode == 0)
        for reason in ["not a finite number", "negative", "expected seconds", "fewer fields"] {
            #expect(answer.output.contains(reason), "\(answer.output)")
        }
        #expect(answer.output.contains("line 2"))
        #expect(try count() == 1)
    }

    @Test("files that are not there, folders and unknown formats are told apart")
    func wrongArguments() throws {
        #expect(try terminal.almanac("import", "csv", "nowhere.csv").errors.contains("no such file"))
        #expect(try terminal.almanac("import", "csv", ".").errors.contains("is a folder"))
        #expect(try terminal.almanac("import", "cvs", "a.csv").errors.contains("Did you mean 'csv'?"))
        let mapping = try terminal.almanac("import", "csv", "a.csv", "--map", "runtime_seconds=T[parsec]")
        #expect(mapping.exitCode == 2 && mapping.errors.contains("parsec"))
    }

    @Test("kill -9 in the middle leaves what was there, and the import can be repeated", arguments: [60, 500])
    func killed(afterMilliseconds: Int) throws {
        try terminal.write(executionsCSV(rows: 20), to: "small.csv")
        try terminal.write(executionsCSV(rows: 40_000).replacing("w,j,", with: "v,j,"), to: "large.csv")
        _ = try terminal.almanac("import", "csv", "small.csv")
        let running = try terminal.start(["import", "csv", "large.csv"])
        usleep(UInt32(afterMilliseconds) * 1000)
        running.signal(SIGKILL)
        _ = try running.wait()
        #expect([20, 40_020].contains(try count()))
        #expect(try terminal.almanac("import", "csv", "large.csv").exitCode == 0)
        #expect(try count() == 40_020)
    }

    @Test("two processes import into one new store")
    func twoProcesses() throws {
        try terminal.write(executionsCSV(rows: 10_000), to: "a.csv")
        let both = try (0..<2).map { _ in try terminal.start(["import", "csv", "a.csv", "--json"]) }
        let answers = try both.map { try $0.wait() }
        #expect(answers.map(\.exitCode) == [0, 0], "\(answers.map(\.errors))")
        #expect(answers.compactMap { $0.objects.first?["rows_stored"] as? Int }.reduce(0, +) == 10_000)
        #expect(try count() == 10_000)
    }

    @Test("a full disk keeps the earlier rows", .enabled(if: SmallDisk.isPossible, "only root can mount a small disk"))
    func fullDisk() throws {
        let disk = try #require(SmallDisk(kilobytes: 1024))
        defer { withExtendedLifetime(disk) {} }
        let store = disk.folder.path + "/store"
        try terminal.write(executionsCSV(rows: 20), to: "small.csv")
        try terminal.write(executionsCSV(rows: 40_000), to: "large.csv")
        #expect(try terminal.almanac("import", "csv", "small.csv", "--store", store).exitCode == 0)
        let answer = try terminal.almanac("import", "csv", "large.csv", "--store", store)
        #expect(answer.exitCode == 1)
        #expect(answer.errors.contains("disk is full"))
        #expect(try count(store) == 20)
    }

    @Test("models may go to a folder that is not there yet", arguments: ["m", "a/b", "./x/"])
    func newFolder(models: String) throws {
        try terminal.write(executionsCSV(rows: 20), to: "a.csv")
        _ = try terminal.almanac("import", "csv", "a.csv")
        let answer = try terminal.almanac("train", "runtime", "--models", models, "--trees", "5")
        #expect(answer.exitCode == 0, "\(answer.errors)")
        #expect(FileManager.default.fileExists(atPath: terminal.path(models + "/runtime.safetensors")))
    }

    @Test(
        "a damaged store is an error of every command",
        arguments: [["outcomes"], ["train"], ["import", "csv", "a.csv"]])
    func damagedStore(command: [String]) throws {
        try terminal.write(executionsCSV(rows: 20), to: "a.csv")
        _ = try terminal.almanac("import", "csv", "a.csv")
        try terminal.write("this is no database, whatever its name says", to: ".almanac/traces.sqlite")
        let answer = try terminal.start(command).wait()
        #expect(answer.exitCode == 2)
        #expect(answer.errors.contains("not a readable trace store"))
    }
}

@Suite(
    "almanac import, traces of others",
    .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"),
    .enabled(if: Terminal.environment["ALMANAC_SHARED_DATA"] != nil, "set ALMANAC_SHARED_DATA"))
struct ImportSharedDataTests {
    @Test(
        "every row of a file is accounted for",
        arguments: [
            ("executions/sizey/trace_chipseq.csv.gz", 2938, 0), ("executions/sizey/trace_methylseq.csv.gz", 1083, 0),
            ("executions/galaxy/rnaseq_jobs.csv", 1779, 12), ("executions/galaxy/variant_jobs.csv", 230, 0),
            ("executions/ksegments/sarek_tasks.csv", 5508, 0),
            ("executions/nextflow-raw/single-runs/mdabrarfaiyaj-pangenome.execution_trace.txt", 53, 0),
            ("spot/vm-lifetimes/gcp_preemptible_lifetimes_2019.csv", 1176, 0),
        ])
    func counts(file: String, rows: Int, skipped: Int) throws {
        let path = (Terminal.environment["ALMANAC_SHARED_DATA"] ?? "") + "/" + file
        let terminal = try Terminal()
        let report = try #require(try terminal.almanac("import", "auto", path, "--json").objects.first)
        #expect(report["rows_read"] as? Int == rows)
        #expect(report["rows_skipped"] as? Int == skipped)
        #expect(report["rows_stored"] as? Int == rows - skipped)
    }
}
