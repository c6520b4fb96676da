import Foundation
import JobFiles
import TestSupport
import Testing
import Workloads

@Suite("Policy in a job file") struct PolicyTests {
    private func policy(_ text: String) throws(JobFileError) -> RetryPolicy? {
        try JobFile.parse("tasks: [{id: a, command: ls}]\n" + text, file: "job.yaml").policy
    }

    @Test("the table that is printed is read as itself")
    func roundTrip() throws {
        var odd = RetryPolicy.standard
        odd[.programError] = .init(
            retries: nil, countsAsFailure: false, elsewhere: true, usesQuantiles: true, memoryGrowth: 1.5,
            timeGrowth: 3, mostTime: 12)
        (odd.memoryAlert, odd.timeAlert) = (.kill, .throttle)
        for table in [RetryPolicy.standard, odd] { #expect(try policy(table.yaml) == table) }
        #expect(try policy("") == nil)
    }

    @Test("what is left out is standard")
    func partial() throws {
        var expected = RetryPolicy.standard
        expected[.outOfMemory].memoryGrowth = 3
        expected.timeAlert = .kill
        #expect(try policy("policy: {out-of-memory: {memory: 3}, time_alert: kill}") == expected)
    }

    @Test(
        "mistakes are named with their place",
        arguments: [
            ("policy: {out-of-memry: {retries: 1}}", "Did you mean 'out-of-memory'?"),
            ("policy: {lost: {retries: often}}", "'retries' is 'often'"), ("policy: {lost: {memory: 0.5}}", "'memory'"),
            ("policy: {lost: {counts: maybe}}", "true, false"), ("policy: {time_alert: shout}", "ignore, warn"),
            ("policy: 3", "'policy' is '3'"), ("policy: {lost: {memroy: 2}}", "Did you mean 'memory'?"),
        ])
    func mistakes(text: String, words: String) {
        let error = #expect(throws: JobFileError.self) { try policy(text) }
        #expect(error?.description.contains(words) == true && error?.line == 2, "\(error?.description ?? "")")
    }
}

@Suite("Job file") struct JobFileTests {
    static let example = """
        name: count words
        objective: balanced
        deadline: 2h
        budget: 1.50
        tasks:
          - id: split
            command: split -n l/2 words part-
            inputs: [{path: words, size: 4 MB}]
            outputs: [part-1, ./part-2]
          - id: sort-${part}
            foreach: {part: [1, 2], order: [up, down]}
            type: sort
            command: sort part-${part} > sorted-${part}-${order}; echo ${HOME}
            cpus: 1.5
            memory: 500 MB
            time_limit: 10m
            purchase: spot
            zones: [a, b]
            inputs: ["part-${part}"]
            outputs: [{path: "sorted-${part}-${order}", size: 2 MB}]
            priority: 3
            not_before: 30m
            deadline: 2h
            retries: 2
            env: {LC_ALL: C, ORDER: "${order}"}
            parameters: {kind: text}
            seconds: 12
          - id: merge
            command: sort -m sorted-* > all
            inputs: [sorted-*]
            outputs: [all]
          - id: report
            needs: [sort-1-*, merge]
        pool:
          - {type: m5.large, cpus: 2, memory: 8 GiB, price: 0.096, spot_price: 0.035, zones: [a, b], count: 4}
          - type: local
            cpus: 8
            memory: 16 GB
            speed: 1.5
        """
        .replacingOccurrences(of: "id: sort-${part}", with: "id: sort-${part}-${order}")

    @Test("a job says whose it is, and what that tenant may have")
    func account() throws {
        let job = try JobFile.parse(
            """
            tenant: genomics
            weight: 2.5
            quota: {cpus: 16, memory: 64 GB, price: 2.50}
            tasks: [{id: a, cpus: 4}]
            """)
        let quota = Quota(
            resources: Resources(cpus: 16, memoryBytes: 64e9, gpus: .infinity, storageBytes: .infinity),
            pricePerHour: 2.5)
        #expect(job.account == Account(tenant: "genomics", weight: 2.5, quota: quota))
        let copy = try JSONDecoder().decode(Account.self, from: JSONEncoder().encode(job.account))
        #expect(copy == job.account)
    }

    @Test("every key is read")
    func everything() throws {
        let job = try JobFile.parse(Self.example)
        #expect(
            job.name == "count words" && job.goal == Goal(.balanced, deadlineSeconds: 7200, budget: 1.5)
        )
        #expect(
            job.tasks.tasks.map(\.id.rawValue) == [
                "split", "sort-1-up", "sort-1-down", "sort-2-up", "sort-2-down", "merge", "report",
            ])
        #expect(job.account == Account())
        let sort = try #require(job.tasks["sort-2-down"])
        #expect(sort.type == "sort" && sort.command == "sort part-2 > sorted-2-down; echo ${HOME}")
        #expect(
            sort.request
                == Requirements(cpus: 1.5, memoryBytes: 5e8, timeLimitSeconds: 600, zones: ["a", "b"], purchase: .spot))
        #expect(sort.predecessors == ["split"] && sort.inputs == [FileSpec(path: "part-2")])
        #expect(sort.outputs == [FileSpec(path: "sorted-2-down", sizeBytes: 2e6)])
        #expect(sort.priority == 3 && sort.retries == 2 && sort.claimedSeconds == 12)
        #expect(sort.notBeforeSeconds == 1800 && sort.deadlineSeconds == 7200)
        #expect(sort.environment == ["LC_ALL": "C", "ORDER": "down"])
        #expect(sort.parameters == ["part": "2", "order": "down", "kind": "text"])
        let merge = try #require(job.tasks["merge"])
        #expect(merge.predecessors == ["sort-1-down", "sort-1-up", "sort-2-down", "sort-2-up"])
        #expect(merge.inputBytes == 8e6)
        #expect(job.tasks["report"]?.predecessors == ["sort-1-up", "sort-1-down", "merge"])
        #expect(job.tasks["split"]?.inputBytes == 4e6 && job.tasks["report"]?.command == nil)
        let pool = try #require(job.pool)
        #expect(
            pool.entries.map { $0.instanceID(0).rawValue } == [
                "m5.large/a#0", "m5.large/b#0", "m5.large/spot/a#0", "m5.large/spot/b#0", "local#0",
            ])
        #expect(pool.entries[2].type.spotPrice == Price(perHour: 0.035) && pool.entries[2].maximumCount == 4)
        #expect(pool.entries[4].type.speed == 1.5 && pool.entries[4].type.memoryBytes == 16e9)
    }

    @Test("spot prices may differ among zones, and some zones may have none")
    func spotPricesByZone() throws {
        func pool(_ entry: String) throws -> ResourcePool? {
            try JobFile.parse("tasks: [{id: a}]\npool: [{type: m, cpus: 1, memory: 1G, \(entry)}]").pool
        }
        let entries = try #require(try pool("price: 0.1, spot_price: {b: 0.04, a: 0.03}, zones: [a, b, c]")).entries
        #expect(entries.map { $0.instanceID(0).rawValue } == ["m/a#0", "m/b#0", "m/c#0", "m/spot/a#0", "m/spot/b#0"])
        #expect(entries.map(\.price.perHour) == [0.1, 0.1, 0.1, 0.03, 0.04])
        #expect(Set(entries.map(\.type)).count == 1 && entries[4].type.spotPrice == Price(perHour: 0.03))
        #expect(try pool("spot_price: {a: 0.03}, zones: [a, b]")?.entries.map(\.purchase) == [.spot])
        for (wrong, expected) in [
            ("spot_price: {d: 0.03}, zones: [a]", "unknown key 'd'"), ("spot_price: {a: 0.03}", "has no 'zones'"),
            ("spot_price: {a: x}, zones: [a]", "is 'x'"), ("spot_price: [1], zones: [a]", "spot_price"),
            ("spot_price: {a: -1}, zones: [a]", "-1"),
        ] {
            let error = #expect(throws: JobFileError.self) { try pool(wrong) }
            #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        }
    }

    @Test("start-up, billing and the network within and between zones are read")
    func market() throws {
        let job = try JobFile.parse(
            """
            tasks: [{id: a}]
            pool:
              - {type: m, cpus: 1, memory: 1G, price: 1, spot_price: 0.1, zones: [a, b], start_up: 90s, billing: {by: 1m, minimum: 10m}}
              - {type: n, cpus: 1, memory: 1G, billing: {minimum: 30}}
              - {type: o, cpus: 1, memory: 1G}
            network:
              bandwidth: 100 MB/s
              latency: 50ms
              between_zones: {bandwidth: 20 MB/s, latency: 80ms, price_per_gb: 0.02}
            """)
        let entries = try #require(job.pool).entries
        #expect(entries.map(\.openSeconds) == [90, 90, 90, 90, 0, 0])
        #expect(entries[3].billing == .init(granularitySeconds: 60, minimumSeconds: 600))
        #expect(entries[4].billing == .init(granularitySeconds: 1, minimumSeconds: 30))
        #expect(entries[5].billing == .bySecond)
        #expect(
            job.network
                == Network(
                    bytesPerSecond: 1e8, latencySeconds: 0.05,
                    betweenZones: .init(bytesPerSecond: 2e7, latencySeconds: 0.08, pricePerGigabyte: 0.02)))
    }

    @Test("a short job needs little")
    func short() throws {
        let job = try JobFile.parse("tasks: [{id: a, command: 'true'}, {id: b, needs: a}]", file: "dir/small.yaml")
        #expect(job.name == "small" && job.pool == nil && job.tasks["b"]?.predecessors == ["a"])
        #expect(job.tasks["a"]?.request == Requirements())
    }

    @Test("the type of a foreach task is its id without the variables")
    func types() throws {
        let text =
            "tasks: [{id: 'a-${n}-x', foreach: {n: [1]}}, {id: 'b_${n}', foreach: {n: [1]}}, {id: '${n}', foreach: {n: [7]}}]"
        #expect(try JobFile.parse(text).tasks.tasks.map(\.type) == ["a--x", "b", "7"])
    }

    typealias Problem = JobFileError.Problem

    static let mistakes: [(text: String, line: Int, column: Int, says: String)] = [
        ("", 1, 1, "empty"),
        ("# only a remark\n", 1, 1, "empty"),
        ("- a\n- b\n", 1, 1, "the job is a list"),
        ("tasks: 7", 1, 8, "'tasks' is '7'"),
        ("tasks: []", 1, 8, "an empty list"),
        ("name: x", 1, 1, "the job has no 'tasks'"),
        ("task:\n  - id: a", 1, 1, "Did you mean 'tasks'?"),
        ("tasks:\n  - id: a\n    comand: x", 3, 5, "Did you mean 'command'?"),
        ("tasks:\n  - command: x", 2, 5, "a task has no 'id'"),
        ("tasks:\n  - id: a\n    cpus: two", 3, 11, "'cpus' is 'two', expected a number"),
        ("tasks:\n  - id: a\n    cpus: nan", 3, 11, "expected a number"),
        ("tasks:\n  - id: a\n    memory: 4 XB", 3, 13, "expected a size such as"),
        ("tasks:\n  - id: a\n    time_limit: soon", 3, 17, "expected a time such as"),
        ("tasks:\n  - id: a\n    time_limit: 0", 3, 17, "more than 0 seconds"),
        ("tasks:\n  - id: a\n    retries: -1", 3, 14, "a whole number from 0"),
        ("tasks:\n  - id: a\n    priority: 99999999999999999999", 3, 15, "a whole number"),
        ("tasks:\n  - {id: a, not_before: 1h, deadline: 60m}", 2, 39, "later than 'not_before'"),
        ("tasks:\n  - {id: a, not_before: tomorrow}", 2, 25, "a time such as"),
        ("tasks: [{id: a, cpus: 4}]\nquota: {cpus: 2}", 2, 8, "beyond the quota"),
        ("tasks: [{id: a}]\nweight: 0", 2, 9, "a number from"),
        ("tasks: [{id: a}]\nquota: {cpu: 2}", 2, 9, "Did you mean 'cpus'?"),
        ("tasks:\n  - id: [a]\n", 2, 9, "'id' is a list"),
        ("tasks:\n  - id: a\n  - id: b\n  - id: a\n", 4, 9, "exists already (line 2)"),
        ("tasks:\n  - id: a\n    foreach: {n: [1, 2]}", 2, 9, "put a variable of its 'foreach'"),
        ("tasks:\n  - id: a\n    foreach: {n: []}", 3, 18, "an empty list"),
        ("tasks:\n  - id: a-${m}\n    foreach: {n: [1]}", 2, 9, "'${m}' is no variable"),
        ("tasks:\n  - id: sort\n  - id: b\n    needs: [sotr]", 4, 13, "Did you mean 'sort'?"),
        ("tasks:\n  - id: b\n    needs: [x-*]", 3, 13, "'x-*' in 'needs' matches nothing"),
        ("tasks:\n  - id: b\n    inputs:\n      - x-*", 4, 9, "'x-*' in 'inputs' matches nothing"),
        ("tasks:\n  - {id: a, outputs: [x]}\n  - {id: b, outputs: [x]}", 3, 23, "an output of task 'a' already"),
        (
            "tasks:\n  - {id: a, outputs: [o/x]}\n  - {id: b, outputs: [o//x]}", 3, 23,
            "'o//x' is an output of task 'a' already ('o/x', line 2)"
        ),
        (
            "tasks:\n  - {id: a, outputs: [o/]}\n  - {id: b, outputs: [p, ./o/x]}", 3, 26,
            "'./o/x' and 'o/', an output of task 'a' (line 2), are one inside the other"
        ),
        ("tasks: [{id: a, outputs: [o/x/y, o/x]}]", 1, 34, "'o/x' and 'o/x/y', an output of task 'a' (line 1)"),
        ("tasks: [{id: a, outputs: [o, .]}]", 1, 30, "one inside the other"),
        ("name: \"a\\0\"\ntasks: [{id: a}]", 1, 7, "'name' is 'a\\0', expected a text without the NUL character"),
        ("tasks:\n  - id: a\n    command: \"true; \\0 exit 3\"", 3, 14, "without the NUL character"),
        ("tasks:\n  - {id: \"\\0\"}", 2, 10, "without the NUL character"),
        ("tasks:\n  - {id: a, env: {\"A\\0\": x}}", 2, 19, "without the NUL character"),
        ("tasks:\n  - {id: a, parameters: {A: \"\\x00\"}}", 2, 29, "without the NUL character"),
        ("tasks:\n  - {id: a, inputs: [{path: \"x\\u0000\"}]}", 2, 29, "without the NUL character"),
        ("tasks: [{id: a, inputs: [\(String(repeating: "./", count: 3000))x]}]", 1, 26, "fewer than 4096 bytes"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
                + zip("abcdefgh", "bcdefghi").map { old, new in
                    "\(new): &\(new) [\((0..<10).map { _ in "*\(old)" }.joined(separator: ", "))]\n"
                }.joined() + "? *i\n: 1\ntasks: [{id: a}]", 1, 1, "more than 20000000 values"
        ),
        ("tasks:\n  - {id: a, needs: [b]}\n  - {id: b, needs: [c]}\n  - {id: c, needs: [a]}", 2, 20, "a → "),
        (
            "tasks:\n  - {id: a, inputs: [y], outputs: [x]}\n  - {id: b, inputs: [x], outputs: [y]}", 2, 21,
            "wait for one another"
        ),
        ("tasks: [{id: a, inputs: [{pth: x}]}]", 1, 27, "Did you mean 'path'?"),
        ("tasks: [{id: a, env: {'A=B': x}}]", 1, 30, "a name without '='"),
        ("objective: fast\ntasks: [{id: a}]", 1, 12, "cost, time, balanced"),
        ("tasks: [{id: a, purchase: cheap}]", 1, 27, "on-demand, spot"),
        (
            "tasks:\n  - {id: a, zones: [c]}\npool:\n  - {type: m, cpus: 1, memory: 1G, zones: [a, b]}", 2, 20,
            "where 'a' may run is 'c', expected what the pool has: on-demand; zones a, b"
        ),
        ("tasks: [{id: a}]\npool: big", 2, 7, "a list of instance types"),
        ("tasks: [{id: a}]\npool:\n  - {type: m, cpus: 1, memory: 1G, start_up: soon}", 3, 46, "'start_up' is 'soon'"),
        ("tasks: [{id: a}]\npool:\n  - {type: m, cpus: 1, memory: 1G, billing: {per: 1m}}", 3, 46, "'per'"),
        ("tasks: [{id: a}]\nnetwork: {between_zones: {bandwidth: fast}}", 2, 38, "'bandwidth' is 'fast'"),
        ("tasks: [{id: a}]\nnetwork: {between_zones: {price_per_gb: -1}}", 2, 41, "'price_per_gb' is '-1'"),
        ("tasks: [{id: a}]\npool:\n  - type: m\n    cpus: 2", 3, 5, "no 'memory'"),
        ("tasks: [{id: a}]\npool:\n  - {type: m, cpus: 0, memory: 1G}", 3, 21, "'cpus' is '0'"),
        (
            "tasks: [{id: a}]\npool:\n  - {type: m, cpus: 1, memory: 1G}\n  - {type: m, cpus: 1, memory: 1G}", 4, 12,
            "not used before (line 3)"
        ),
        (
            "tasks:\n  - id: a\n    cpus: 1\n    memory: 9 GB\npool: [{type: m, cpus: 1, memory: 1G}]", 4, 13,
            "the largest are 1.0 cpus and 1.00 GB"
        ),
        ("tasks:\n  - id: a\n   b: c", 3, 4, "not YAML"),
        ("tasks: [{id: a}", 2, 1, "not YAML"),
        ("tasks:\n  - id: a\n    inputs: [x-${i}]", 3, 17, "needs quotes"),
        ("tasks: [{id: a}]\ntasks: [{id: b}]", 1, 1, "given twice"),
        ("tasks: \u{1}", 1, 8, "not YAML"),
        ("a: &x [*x]", 1, 8, "undefined alias"),
        (
            "tasks:\n  - {id: 'a${i}', foreach: {i: &l [0,1,2,3,4,5,6,7,8,9], j: *l, k: *l, m: *l, n: *l, o: *l, p: *l}}",
            2, 32, "more than 1000000 tasks"
        ),
    ]

    @Test("every mistake is found at its place, with a remedy", arguments: mistakes.indices)
    func mistake(number: Int) {
        let (text, line, column, says) = Self.mistakes[number]
        #expect {
            try JobFile.parse(text, file: "job.yaml")
        } throws: { error in
            guard let error = error as? JobFileError else { return false }
            let message = "\(error)"
            if error.line != line || error.column != column || !message.contains(says) { print("FOUND", message) }
            return error.line == line && error.column == column && message.contains(says)
                && message.hasPrefix("job.yaml:\(line):\(column): ")
        }
    }

    @Test(
        "a file has many spellings",
        arguments: [
            "out/a", "out//a", "./out/a", "out/./a", "x/../out/a", "out/a/", "../job/out/a", "/data/job/out/a",
            "//data/./job/x/../out/a", "/data/other/../job/out/a", "out/x/./../a",
        ])
    func spellings(path: String) throws {
        func job(_ text: String) throws -> TaskGraph { try JobFile.parse(text, workingFolder: "/data/job").tasks }
        let graph = try job("tasks:\n  - {id: make, outputs: ['\(path)']}\n  - {id: use, inputs: [out/a]}")
        #expect(graph["make"]?.outputs == [FileSpec(path: "out/a")] && graph["use"]?.predecessors == ["make"])
        let other = try job("tasks:\n  - {id: make, outputs: [out/a]}\n  - {id: use, inputs: ['\(path)']}")
        #expect(other["use"]?.inputs == [FileSpec(path: "out/a")] && other["use"]?.predecessors == ["make"])
        #expect(try job("tasks: [{id: a, outputs: [out/a, '\(path)']}]")["a"]?.outputs.count == 1)
    }

    @Test(
        "paths that leave the working folder stay outside",
        arguments: [
            ("../other/a", "/data/other/a"), ("/data/jobs/a", "/data/jobs/a"), ("/data//job", "."), ("./", "."),
            ("../../../../a", "/a"), ("/../data/job/..", "/data"), ("a..b/...", "a..b/..."),
        ])
    func outside(path: String, spelling: String) throws {
        let graph = try JobFile.parse("tasks: [{id: a, inputs: ['\(path)']}]", workingFolder: "/data/job").tasks
        #expect(graph["a"]?.inputs == [FileSpec(path: spelling)])
    }

    @Test("a relative working folder is that of this process")
    func relativeFolder() throws {
        let here = FileManager.default.currentDirectoryPath
        let text = "tasks:\n  - {id: make, outputs: [o/a]}\n  - {id: use, inputs: ['\(here)/sub/o/a']}"
        #expect(try JobFile.parse(text, workingFolder: "sub").tasks["use"]?.predecessors == ["make"])
        #expect(try JobFile.parse(text).tasks["use"]?.predecessors == [])
    }

    @Test(
        "a folder and what is in it belong together",
        arguments: [
            ("[out]", "out/a", ["make"]), ("[out/]", "out", ["make"]), ("[out]", "out/b/c", ["make"]),
            ("[out]", "out-b", []), ("[out/a, out/b]", "out", ["make"]), ("[out/a, out/b]", ".", ["make"]),
            ("[out/ab]", "out/a", []), ("[.]", "any/file", ["make"]), ("[.]", "/any/file", []),
            ("[/x/y]", "/x/y/z", ["make"]), ("[/x/y]", "x/y/z", []), ("[out]", "out/*.txt", ["make"]),
            ("[out/a.txt, p]", "out/*.txt", ["make"]),
        ] as [(String, String, [TaskID])])
    func folders(outputs: String, input: String, predecessors: [TaskID]) throws {
        let text = "tasks:\n  - {id: make, outputs: \(outputs)}\n  - {id: use, inputs: ['\(input)'], outputs: [used]}"
        guard outputs != "[.]" else {
            let graph = try JobFile.parse(text.replacing(", outputs: [used]", with: "")).tasks
            return #expect(graph["use"]?.predecessors == predecessors)
        }
        #expect(try JobFile.parse(text).tasks["use"]?.predecessors == predecessors)
    }

    @Test(
        "a job as other systems save it",
        arguments: [
            Data([0xEF, 0xBB, 0xBF]) + Data(example.utf8), Data([0xFF, 0xFE]) + bytes(.utf16LittleEndian),
            Data([0xFE, 0xFF]) + bytes(.utf16BigEndian), Data(example.replacing("\n", with: "\r\n").utf8),
            Data(example.replacing("\n", with: "\r").utf8), Data(example.replacing("\n", with: "  \n").utf8),
            Data((example + "\n").utf8),
        ])
    func otherSystems(bytes: Data) throws {
        let path = NSTemporaryDirectory() + "almanac-job-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try bytes.write(to: URL(fileURLWithPath: path))
        var job = try JobFile.parse(Self.example)
        job.name = try JobFile.read(path).name
        #expect(try JobFile.read(path) == job)
    }

    private static func bytes(_ encoding: String.Encoding) -> Data { example.data(using: encoding) ?? Data() }

    @Test("files that cannot be read, or are no text, say so")
    func files() throws {
        let path = NSTemporaryDirectory() + "almanac-job-\(UUID().uuidString).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: JobFileError.self) { try JobFile.read(path) }
        #expect(throws: JobFileError.self) { try JobFile.read(NSTemporaryDirectory()) }
        try Data("tasks:\n  - id: ä\u{e9}".utf8 + [0xff]).write(to: URL(fileURLWithPath: path))
        #expect(throws: JobFileError(file: path, line: 2, column: 10 + 1, .notText)) { try JobFile.read(path) }
        try Data([0x7f, 0x45, 0x4c, 0x46, 0, 0]).write(to: URL(fileURLWithPath: path))
        #expect(throws: JobFileError(file: path, line: 1, column: 5, .notText)) { try JobFile.read(path) }
        try Data(Self.example.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try JobFile.read(path) == JobFile.parse(Self.example))
    }

    @Test("a job of twenty thousand tasks is read: time is printed", .timeLimit(.minutes(5)))
    func large() throws {
        let values = (0..<200).map(String.init).joined(separator: ",")
        let text = """
            tasks:
              - {id: 'make-${a}-${b}', foreach: {a: [\(values)], b: [\((0..<99).map(String.init).joined(separator: ","))]}, command: x, outputs: ['o-${a}-${b}']}
              - {id: 'use-${a}', foreach: {a: [\(values)]}, inputs: ['o-${a}-1']}
            """
        let clock = ContinuousClock()
        var count = 0
        let seconds = try clock.measure { count = try JobFile.parse(text).tasks.count }
        print("job file of \(count) tasks: \(seconds)")
        #expect(count == 20_000)
    }

    @Test("deep nesting and very long values are answered, not crashed on")
    func hostile() {
        for text in [
            String(repeating: "[", count: 200_000), String(repeating: "{a: ", count: 100_000),
            "tasks:\n" + (0..<3000).map { String(repeating: " ", count: $0) + "- " }.joined(separator: "\n"),
            "tasks: [{id: \(String(repeating: "x", count: 1_000_000)), neds: y}]",
            "tasks: [{id: a, \(String(repeating: "y", count: 1_000_000)): y}]",
            "tasks: [{id: a, foreach: {\((0..<60).map { "v\($0): [1, 2]" }.joined(separator: ", "))}}]",
        ] {
            #expect(throws: JobFileError.self) { try JobFile.parse(text) }
        }
    }

    @Test("four thousand mutations of a job are read or refused, never crashed on", arguments: UInt64(0)..<40)
    func fuzz(seed: UInt64) {
        var generator = TestGenerator(seed: seed)
        let original = Array(Self.example.unicodeScalars)
        let spice = Array("{}[]:,-*&!|>'\"%@`#?~ \n\t${}é\u{0}\u{85}\u{feff}0123456789.eExX<=".unicodeScalars)
        for _ in 0..<100 {
            var text = original
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                guard !text.isEmpty else { break }
                let at = Int.random(in: 0..<text.count, using: &generator)
                let length = min(Int.random(in: 1...40, using: &generator), text.count - at)
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: text.remove(at: at)
                case 1: text[at] = spice[Int.random(in: 0..<spice.count, using: &generator)]
                case 2: text.insert(spice[Int.random(in: 0..<spice.count, using: &generator)], at: at)
                case 3: text.removeSubrange(at..<at + length)
                case 4:
                    text.insert(
                        contentsOf: text[at..<at + length], at: Int.random(in: 0...text.count, using: &generator))
                default: text.removeSubrange(at...)
                }
            }
            let job = String(String.UnicodeScalarView(text))
            do {
                let read = try JobFile.parse(job)
                #expect(read.tasks.count > 0)
            } catch {
                #expect(error.line >= 1 && error.column >= 1 && !error.description.isEmpty)
            }
        }
    }
}
