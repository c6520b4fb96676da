import Foundation
import LinearAlgebra
import Prediction
import Testing
import Traces
import Tuning
import Workloads
import Yams

@Suite("Resource requests") struct RequestTests {
    private static let gibibyte = 1_073_741_824.0

    /// Runs of two types: peaks of `sort` spread over a factor of two, those of `index` always the same.
    private func history(_ count: Int = 60, seed: UInt64 = 1) -> ExecutionTable {
        var generator = SeededGenerator(seed: seed, stream: 0)
        return ExecutionTable(
            (0..<count).flatMap { index -> [ExecutionRecord] in
                ["FLOW:SORT", "index"].map { type in
                    var record = ExecutionRecord()
                    record.taskType = type
                    record.task = "\(type) (\(index))"
                    record.status = .completed
                    record.submitTimeSeconds = Double(index) * 100
                    record.runtimeSeconds = type == "index" ? 1800 : Double.random(in: 60...7200, using: &generator)
                    record.peakMemoryBytes =
                        type == "index" ? 3e9 : Double.random(in: 1...2, using: &generator) * 4e9
                    record.requestedMemoryBytes = 64e9
                    record.cpus = 8
                    record.cpuSeconds = 1.8 * (record.runtimeSeconds ?? 0)
                    return record
                }
            })
    }

    private func replayed(_ request: Double, _ records: [ExecutionRecord], _ options: RequestOptions) -> Double {
        records.reduce(0) { sum, record in
            // Written out once more, from the definition.
            var (reserved, wasted) = (request, 0.0)
            let (need, hours) = (record.peakMemoryBytes ?? 0, (record.runtimeSeconds ?? 0) / 3600)
            for _ in 0...options.retries {
                if reserved >= need { return sum + wasted + (reserved - need) * hours }
                wasted += reserved * hours
                reserved = min(reserved * 2, options.largestMemoryBytes)
            }
            return sum + wasted
        }
    }

    @Test("memory wastes nearly as little as the best constant of hindsight, at an allowed risk")
    func nearBest() throws {
        var options = RequestOptions()
        options.memoryRisk = 0.2
        let table = history(200)
        let requests = try ResourceRequests(table, options: options)
        #expect(requests.requests.map(\.taskType) == ["FLOW:SORT", "index"])
        for request in requests.requests {
            let records = (0..<table.rowCount).map { table[$0] }.filter { $0.taskType == request.taskType }
            let bytes = try #require(request.memoryBytes)
            let best = stride(from: 1e9, through: 16e9, by: 1e7).map { replayed($0, records, options) }.min() ?? 0
            let used = records.reduce(0) { $0 + ($1.peakMemoryBytes ?? 0) * ($1.runtimeSeconds ?? 0) / 3600 }
            #expect(replayed(bytes, records, options) - best < 0.12 * used, "\(request.taskType)")
            let tooSmall = Double(records.count { ($0.peakMemoryBytes ?? 0) > bytes }) / Double(records.count)
            #expect(tooSmall <= 0.25 && (request.memoryRisk ?? 1) <= 0.2)
            #expect(request.cpus == 2 && request.currentMemoryBytes == 64e9)
            #expect(try #require(request.seconds) >= records.compactMap(\.runtimeSeconds).max() ?? 0)
        }
    }

    @Test("the check is that of a replay by hand, and frees what the generous requests held")
    func check() throws {
        let check = try #require(try ResourceRequests(history()).check)
        #expect(check.types == 2 && check.trainingRuns == 84 && check.testRuns == 36)
        let rows = (0..<120).map { history()[$0] }
        let test = ["FLOW:SORT", "index"].flatMap { type in rows.filter { $0.taskType == type }.suffix(18) }
        let used = test.reduce(0) { $0 + ($1.peakMemoryBytes ?? 0) * ($1.runtimeSeconds ?? 0) / 3600 / 1e9 }
        let now = replayed(64e9, test, RequestOptions()) / 1e9
        #expect(abs(check.usedGBHours - used) < 1e-9 * used)
        #expect(abs(try #require(check.current).wastedGBHours - now) < 1e-9 * now)
        #expect(check.suggested.wastedGBHours < 0.1 * now)
        #expect(check.suggested.failedFirst <= 4)
    }

    @Test("a request is never above the largest machine, nor the time above the longest")
    func limits() throws {
        var options = RequestOptions()
        options.largestMemoryBytes = 5 * Self.gibibyte
        options.longestSeconds = 3600
        for request in try ResourceRequests(history(), options: options).requests {
            #expect(try #require(request.memoryBytes) <= 5 * Self.gibibyte)
            #expect(try #require(request.seconds) <= 3600)
        }
    }

    @Test("a type that was never recorded gets a request that says so; times alone give no memory")
    func unknown() throws {
        let job = try TaskGraph([TaskSpec(id: "a", type: "new")])
        let unknown = try ResourceRequests(history(), job: job).requests
        #expect(unknown.map(\.runs) == [0] && unknown[0].memoryBytes != nil)
        #expect(unknown[0].remarks.joined().contains("never recorded"))
        var record = ExecutionRecord()
        record.taskType = "t"
        record.runtimeSeconds = 10
        let timed = try ResourceRequests(ExecutionTable([record])).requests
        #expect(timed.count == 1 && timed[0].memoryBytes == nil && timed[0].seconds != nil)
        #expect(throws: PredictionError.self) { try ResourceRequests(ExecutionTable()) }
    }

    @Test("a Nextflow configuration means what was requested, doubled with each attempt", arguments: [false, true])
    func nextflow(isLimited: Bool) throws {
        var options = RequestOptions()
        if isLimited { (options.largestMemoryBytes, options.longestSeconds) = (12 * Self.gibibyte, 4 * 3600) }
        let requests = try ResourceRequests(history(), options: options)
        let read = try GroovySubset(NextflowConfiguration(requests, origin: "a test").text)
        #expect(Set(read.processes.keys) == ["FLOW:SORT", "index"])
        for request in requests.requests {
            let settings = try #require(read.processes[request.taskType])
            #expect(Set(settings.keys) == ["cpus", "memory", "time", "maxRetries", "errorStrategy"])
            #expect(try settings["cpus"]?.value() == .number(2))
            #expect(try settings["maxRetries"]?.value() == .number(3))
            for (attempt, factor) in [(1, 1.0), (2, 2), (3, 4)] {
                let memory = min(try #require(request.memoryBytes) * factor, options.largestMemoryBytes)
                let time = min(try #require(request.seconds) * factor, options.longestSeconds)
                #expect(try settings["memory"]?.value(attempt: attempt) == .bytes(memory))
                #expect(try settings["time"]?.value(attempt: attempt) == .seconds(time))
            }
            for (status, strategy) in [(137, "retry"), (140, "retry"), (143, "retry"), (104, "retry"), (1, "finish")] {
                #expect(try settings["errorStrategy"]?.value(exitStatus: status) == .text(strategy))
            }
        }
    }

    @Test("names survive quoting", arguments: ["it's", "a.b*c", #"back\slash"#, "tool/1.0+galaxy1", "ünïcode x"])
    func names(name: String) throws {
        let table = ExecutionTable(
            (0..<3).map { _ in
                var record = ExecutionRecord()
                (record.taskType, record.runtimeSeconds, record.peakMemoryBytes) = (name, 60, 1e9)
                return record
            })
        let requests = try ResourceRequests(table)
        let pattern = try #require(
            try GroovySubset(NextflowConfiguration(requests, origin: "a test").text).processes.keys.first)
        // Nextflow takes the name for a regular expression that must match the whole.
        #expect(name.range(of: "^(?:\(pattern))$", options: .regularExpression) == name.startIndex..<name.endIndex)
        let profile = try #require(
            try Yams.load(yaml: SnakemakeProfile(requests, origin: "a test").text) as? [String: Any])
        #expect((profile["set-resources"] as? [String: Any])?.keys.first == name)
        let slurm = SlurmRequests(requests, origin: "a test").text
        let shell = Process()
        let output = Pipe()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "sbatch() { printf '%s' \"${1#--job-name=}\"; }\n" + slurm]
        shell.standardOutput = output
        try shell.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        shell.waitUntilExit()
        #expect(String(decoding: said, as: UTF8.self) == name)
    }

    @Test("a Snakemake profile is YAML with expressions of the attempt")
    func snakemake() throws {
        var options = RequestOptions()
        options.largestMemoryBytes = 12 * Self.gibibyte
        let requests = try ResourceRequests(history(), options: options)
        let profile = try #require(
            try Yams.load(yaml: SnakemakeProfile(requests, origin: "a test").text) as? [String: Any])
        #expect(profile["retries"] as? Int == 3)
        #expect(profile["set-threads"] as? [String: Int] == ["FLOW:SORT": 2, "index": 2])
        let resources = try #require(profile["set-resources"] as? [String: [String: String]])
        for request in requests.requests {
            let megabytes = Int(((request.memoryBytes ?? 0) / 1e6).rounded(.up))
            #expect(resources[request.taskType]?["mem_mb"] == "min(\(megabytes) * 2 ** (attempt - 1), 12884)")
            let minutes = Int((request.seconds ?? 0) / 60)
            #expect(resources[request.taskType]?["runtime"] == "\(minutes) * 2 ** (attempt - 1)")
        }
    }

    @Test("Slurm's options are memory in MiB and time as a clock")
    func slurm() throws {
        let requests = try ResourceRequests(history())
        for (request, line) in zip(requests.requests, SlurmRequests(requests, origin: "a test").options) {
            let mebibytes = Int(((request.memoryBytes ?? 0) / 1_048_576).rounded(.up))
            let hours = Int((request.seconds ?? 0) / 3600), minutes = Int((request.seconds ?? 0) / 60) % 60
            let clock = String(format: "%02d:%02d:00", hours, minutes)
            #expect(line.options == "--cpus-per-task=2 --mem=\(mebibytes)M --time=\(clock)")
        }
    }
}
