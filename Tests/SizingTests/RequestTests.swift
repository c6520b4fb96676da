import Foundation
import LinearAlgebra
import Prediction
import Sizing
import Testing
import Traces
import Workloads
import Yams

@Suite("Resource requests") struct RequestTests {
    private static let gibibyte = 1_073_741_824.0

    /// Runs of two types: peaks of `sort` spread over a factor of two, those of `index` always the same.
    private func history(_ count: Int = 60, seed: UInt64 = 1) -> ExecutionTable {
        var generator = SeededGenerator(seed: seed, stream: 0)
        return ExecutionTable(
            (0..<count).flatMap { index -> [AttemptRecord] in
                ["FLOW:SORT", "index"].map { type in
                    var record = AttemptRecord()
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

    private func replayed(_ request: Double, _ records: [AttemptRecord], _ options: RequestOptions) -> Double {
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

    @Test("every task of a job on several nodes gets the same processors, which are fewer only if they are")
    func wholeTasks() throws {
        func request(busy: Double) throws -> ResourceRequests.Request {
            let records = (0..<12).map { index in
                var record = AttemptRecord()
                (record.taskType, record.status) = ("mpi", .completed)
                (record.submitTimeSeconds, record.runtimeSeconds) = (Double(index) * 1e4, 7200)
                (record.cpus, record.cpuSeconds, record.peakMemoryBytes) = (64, busy * 7200, 1e11)
                record.parameters = ["nodes": .number(4), "ntasks": .number(16)]
                return record
            }
            return try #require(ResourceRequests(ExecutionTable(records)).requests.first)
        }
        let (nearlyAll, half) = (try request(busy: 60), try request(busy: 30))
        #expect(nearlyAll.cpus == 64 && nearlyAll.slowdown == 1)
        #expect(half.cpus == 32 && half.slowdown > 1)
        #expect(try #require(nearlyAll.seconds) <= 2.5 * 7200)
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
        #expect(unknown[0].remarks(RequestOptions()).joined().contains("never recorded"))
        var record = AttemptRecord()
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
            #expect(try settings["maxRetries"]?.value() == .number(Double(request.retries)))
            #expect(isLimited ? 1...(request.taskType == "index" ? 3 : 2) ~= request.retries : request.retries == 3)
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
                var record = AttemptRecord()
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

    /// 60 first tries with 4 GiB, which killed 27.
    private func killed(_ limit: Double = 4 * gibibyte) -> ExecutionTable {
        ExecutionTable(
            (1...60).map { index in
                let need = (1 + Double(index % 20) * 0.3) * Self.gibibyte
                var record = AttemptRecord()
                (record.taskType, record.task, record.attempt) = ("ASM", "ASM (\(index))", 1)
                (record.submitTimeSeconds, record.runtimeSeconds) = (Double(index), 540)
                (record.cpus, record.requestedMemoryBytes) = (2, limit)
                if need > limit {
                    (record.status, record.exitCode, record.failureCause) = (.failed, 137, "out-of-memory")
                } else {
                    (record.status, record.peakMemoryBytes) = (.completed, need)
                }
                return record
            })
    }

    @Test("where more were killed than the risk allows, the need is not known: at least that, try twice as much")
    func killedForMemory() throws {
        let requests = try ResourceRequests(killed())
        let request = requests.requests[0]
        #expect(request.runs == 60 && request.killedForMemory == 27 && request.killedForTime == 0)
        #expect(request.memoryBytes == 8 * Self.gibibyte && request.memoryRisk == nil)
        #expect(abs(try #require(request.unknownBeyondBytes) / Self.gibibyte - 4) < 1e-9)
        let text = NextflowConfiguration(requests, origin: "a test").text
        #expect(
            text.contains(
                "27 of 60 runs were killed for want of memory: the need is not known, at least 4 GB; try 8 GB"))
        #expect(text.contains("from 60 recorded runs of 1 task type") && text.contains("27 of them were killed"))
        #expect(requests.warnings.count == 1)
        let check = try #require(requests.check)
        #expect(check.testRuns == 18 && check.undecidedRuns == 9 && check.suggested.failedFirst == 0)
        // With 4 GiB, as requested, these are killed again.
        #expect(check.current?.failedFirst == 9)
        let report = WasteReport(killed(), requests: requests)
        #expect(report.tools[0].outOfMemory == 27 && request.peakText == "> 4 GiB")
    }

    @Test("waste is put together by the time at which runs ended, the newest first")
    func wasteByTime() throws {
        // Sunday 2024-03-31 23:00, the Monday after, and Sunday 2024-04-07; the last without an end.
        let ends = [1_711_926_000.0, 1_711_933_200, 1_712_530_800]
        var records = ends.map { end in
            var record = AttemptRecord()
            (record.taskType, record.runtimeSeconds, record.endTimeSeconds) = ("t", 7200, end)
            (record.peakMemoryBytes, record.requestedMemoryBytes) = (1e9, 2e9)
            return record
        }
        (records[2].endTimeSeconds, records[2].startTimeSeconds) = (nil, ends[2] - 7200)
        let table = ExecutionTable(records)
        let requests = try ResourceRequests(table)
        func groups(_ grouping: WasteReport.Grouping) -> [String] {
            WasteReport(table, requests: requests, by: grouping).tools.map { "\($0.taskType) \($0.attempts)" }
        }
        #expect(groups(.day) == ["2024-04-07 1", "2024-04-01 1", "2024-03-31 1"])
        #expect(groups(.week) == ["2024-04-01 2", "2024-03-25 1"])
        #expect(groups(.month) == ["2024-04 2", "2024-03 1"])
    }

    @Test("a limit that kills few is no reason to ask for more; one that kills all is doubled")
    func killedByShare() throws {
        let few = try ResourceRequests(killed(6.5 * Self.gibibyte)).requests[0]
        #expect(few.killedForMemory == 3 && few.unknownBeyondBytes == nil || few.memoryBytes ?? 0 > 6.5 * Self.gibibyte)
        let all = try ResourceRequests(killed(0.5 * Self.gibibyte)).requests[0]
        #expect(all.killedForMemory == 60 && all.memoryBytes == Self.gibibyte && all.greatestMemoryBytes == nil)
    }

    @Test("where no more is allowed than what killed, nothing is promised") func cappedBelowKills() throws {
        var options = RequestOptions()
        (options.largestMemoryBytes, options.longestSeconds) = (3 * Self.gibibyte, 1000)
        let sized = try ResourceRequests(killed(4 * Self.gibibyte), options: options)
        #expect(sized.requests[0].memoryBytes == 3 * Self.gibibyte && sized.requests[0].memoryRisk == nil)
        #expect(sized.warnings[0].hasSuffix("at least 4 GiB; no retry can help within the 3 GiB that are allowed"))
        let late = try ResourceRequests(timed((1...40).map { 100 * Double($0) }, limit: 2000), options: options)
        #expect(late.requests[0].seconds == 1000 && late.requests[0].timeRisk == nil)
        #expect(late.warnings[0].contains("21 of 40 runs were killed at their time limit"))
        #expect(late.warnings[0].contains("no retry can help within the 16m 40s"))
    }

    @Test("the cap of the largest machine is in the risk, and a retry that cannot help is not written")
    func capped() throws {
        var options = RequestOptions()
        options.largestMemoryBytes = 6e9
        options.kept = [.time]
        let table = history(200)
        let requests = try ResourceRequests(table, options: options)
        let request = try #require(requests.requests.first { $0.taskType == "FLOW:SORT" })
        let more = (0..<table.rowCount).count {
            table[$0].taskType == "FLOW:SORT" && table[$0].peakMemoryBytes ?? 0 > 6e9
        }
        #expect(request.memoryBytes == 6e9 && request.retries == 0)
        #expect(abs(try #require(request.memoryRisk) - Double(more) / 200) < 0.01)
        #expect(requests.warnings.contains { $0.contains("no retry can help") })
        let settings = try #require(
            try GroovySubset(NextflowConfiguration(requests, origin: "a test").text).processes["FLOW:SORT"])
        #expect(settings["errorStrategy"] == nil && settings["time"] == nil)
        #expect(try settings["maxRetries"]?.value() == .number(0))
        #expect(try settings["memory"]?.value(attempt: 3) == settings["memory"]?.value(attempt: 1))
    }

    /// Runs of one type that took so many seconds.
    private func timed(_ seconds: [Double], limit: Double? = nil) -> ExecutionTable {
        ExecutionTable(
            seconds.enumerated().map { index, time in
                var record = AttemptRecord()
                (record.taskType, record.task, record.submitTimeSeconds) = ("t", "t\(index)", Double(index))
                (record.runtimeSeconds, record.requestedSeconds, record.status) = (time, limit, .completed)
                if let limit, time >= limit {
                    (record.runtimeSeconds, record.status, record.failureCause) = (limit, .failed, "time-limit")
                }
                return record
            })
    }

    @Test("the slack of a time limit follows how much runs differ, and shrinks with their number")
    func timeLimits() throws {
        let short = try ResourceRequests(timed((0..<30).map { 2 + Double($0 % 10) })).requests[0]
        #expect(short.seconds == 300 && short.greatestSeconds == 11)
        var before = Double.infinity
        for count in [1, 2, 5, 10, 30, 100, 400] {
            let seconds = try #require(
                try ResourceRequests(timed((0..<count).map { 3600 * (10 - Double($0 % 3)) })).requests[0].seconds)
            #expect(seconds <= before && seconds >= 12 * 3600 && seconds <= 28 * 3600)
            before = seconds
        }
        #expect(before <= 13 * 3600)
        let limits = try [1, 4, 30, 400].map { count in
            try #require(try ResourceRequests(timed([Double](repeating: 3600, count: count))).requests[0].seconds)
        }
        #expect(limits == [7200, 6300, 4500, 4500])
        // Runs that differ much get twice the longest.
        let wide = try ResourceRequests(timed((0..<30).map { pow(2, Double($0 % 8)) * 600 })).requests[0]
        #expect(wide.seconds == 154_800)
        // Half of the runs were over 2 hours: four are tried.
        let over = try ResourceRequests(timed((0..<60).map { 4000 + Double($0 % 2) * 5000 }, limit: 7200)).requests[0]
        #expect(over.seconds == 4 * 3600 && over.killedForTime == 30 && over.unknownBeyondSeconds == 7200)
        #expect(over.timeRisk == nil)
    }

    @Test("where processors are cut the time limit follows, unless they are to be kept")
    func processors() throws {
        let table = ExecutionTable(
            (0..<20).map { index in
                var record = AttemptRecord()
                (record.taskType, record.task, record.submitTimeSeconds) = ("t", "t\(index)", Double(index))
                (record.runtimeSeconds, record.cpus, record.cpuSeconds) = (36000, 12, 36000 * 5.5)
                return record
            })
        let cut = try ResourceRequests(table).requests[0]
        #expect(cut.cpus == 6)
        // 4.5 of 11 of the time on all 12, so twice as long on 6.
        #expect(abs(cut.slowdown - (1 + 4.5 / 11)) < 1e-9)
        #expect(cut.seconds == 64_800)
        var options = RequestOptions()
        options.kept = [.cpus]
        let kept = try ResourceRequests(table, options: options).requests[0]
        #expect(kept.cpus == nil && kept.slowdown == 1 && kept.seconds == 13 * 3600)
    }

    @Test(
        "a command that sizes itself by its request is named",
        arguments: ["NF:PICARD_MARKDUPLICATES", "heap", "other", "MARK_DUPLICATES_PICARD:SAMTOOLS_INDEX"])
    func selfSized(type: String) throws {
        let table = ExecutionTable(
            (0..<12).map { index in
                var record = AttemptRecord()
                (record.taskType, record.task, record.submitTimeSeconds) = (type, "t\(index)", Double(index))
                (record.runtimeSeconds, record.requestedMemoryBytes) = (60, index < 6 ? 4e9 : 16e9)
                record.peakMemoryBytes = type == "heap" && index >= 6 ? 13e9 : 3.2e9
                return record
            })
        let request = try ResourceRequests(table).requests[0]
        #expect((request.sizesItself != nil) == (type == "heap" || type == "NF:PICARD_MARKDUPLICATES"))
    }

    @Test("too few runs give no risk, and a request of nothing is none") func few() throws {
        var record = AttemptRecord()
        (record.taskType, record.runtimeSeconds, record.peakMemoryBytes) = ("t", 10, 3e6)
        record.requestedMemoryBytes = 0
        let requests = try ResourceRequests(ExecutionTable([record]))
        let request = requests.requests[0]
        #expect(request.memoryRisk == nil && request.timeRisk == nil && request.currentMemoryBytes == nil)
        #expect(!request.remarks(requests.options).joined().contains("%"))
    }

    @Test("sizes are in the units of the tool") func units() throws {
        let requests = try ResourceRequests(killed())
        #expect(SnakemakeProfile(requests, origin: "a test").text.contains("at least 4.29 GB; try 8.59 GB"))
        #expect(SlurmRequests(requests, origin: "a test").text.contains("requested so far: 4 GB"))
    }
}
