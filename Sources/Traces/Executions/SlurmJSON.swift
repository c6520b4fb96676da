import Reading
import Workloads

/// `sacct --json` of Slurm 21.08 and later, as rows of `sacct --parsable2`. The versions differ in names and in how they
/// write numbers: `60`, or `{"set": true, "infinite": false, "number": 60}`.
enum SlurmJSON {
    private static let header = [
        "JobID", "JobName", "User", "Account", "Partition", "State", "ExitCode", "Submit", "Start", "End", "ElapsedRaw",
        "TimelimitRaw", "ReqMem", "AllocCPUS", "NNodes", "NTasks", "AllocTRES", "TotalCPU", "MaxRSS", "TRESUsageInTot",
        "TRESUsageOutTot", "NodeList",
    ]

    /// Whether a document that begins so is one.
    static func recognise(_ head: some StringProtocol) -> Bool {
        let start = head.prefix(4096)
        if start.contains("\"meta\""), start.contains("lurm") { return true }
        return head.contains("\"jobs\"") && (head.contains("\"association\"") || head.contains("\"derived_exit_code\""))
    }

    static func read(_ source: ByteSource) throws(TraceError) -> ConvertedTrace {
        var trace = ConvertedTrace(.slurm, header: header)
        var hasJobs = false
        var reader = try JSONReader(source)
        try reader.readObject { (reader, key) throws(TraceError) in
            guard key == "jobs" else { return }
            hasJobs = true
            try reader.readArray { (reader) throws(TraceError) in
                let line = reader.nextLine()
                let job = try JSONValue(&reader)
                let id = identifier(job)
                trace.append(row(job, id), line: line)
                for step in job["steps"].list { trace.append(stepRow(step, id), line: line) }
            }
        }
        try reader.finish()
        guard hasJobs else {
            throw .unknownFormat(
                path: source.name, found: "a JSON document without 'jobs'", nearest: "'slurm' (sacct --json)",
                remedy: "Write it with: sacct --json.")
        }
        return trace
    }
}

extension SlurmJSON {
    private static func identifier(_ job: JSONValue) -> String {
        let id = job["job_id"].text ?? ""
        let array = job["array"]
        if let parent = array["job_id"].number, parent > 0,
            let task = array["task_id"].number ?? array["task"].number
        {
            return "\(Units.shortest(parent))_\(Units.shortest(task))"
        }
        let het = job["het"]
        if let parent = het["job_id"].number, parent > 0, let offset = het["job_offset"].number {
            return "\(Units.shortest(parent))+\(Units.shortest(offset))"
        }
        return id
    }

    private static func row(_ job: JSONValue, _ id: String) -> [String: String] {
        var row = common(job)
        row["JobID"] = id
        row["JobName"] = job["name"].text
        row["User"] = job["user"].text ?? job["association"]["user"].text
        row["Account"] = job["account"].text ?? job["association"]["account"].text
        row["Partition"] = job["partition"].text
        row["Submit"] = time(job["time"]["submission"])
        row["TimelimitRaw"] = job["time"]["limit"].number.map(Units.shortest)
        row["NodeList"] = job["nodes"].text
        row["NNodes"] = job["allocation_nodes"].number.map(Units.shortest)
        let allocated = job["tres"]["allocated"].list
        let pairs = allocated.compactMap { resource -> String? in
            guard let type = resource["type"].text, let count = resource["count"].number else { return nil }
            let name = resource["name"].text.map { $0.isEmpty ? "" : "/\($0)" } ?? ""
            return "\(type)\(name)=\(Units.shortest(count))" + (type == "mem" ? "M" : "")
        }
        row["AllocTRES"] = pairs.joined(separator: ",")
        row["AllocCPUS"] =
            count("cpu", allocated).map(Units.shortest) ?? job["required"]["CPUs"].number.map(Units.shortest)
        row["ReqMem"] = count("mem", job["tres"]["requested"].list).map { Units.shortest($0) + "M" }
        return row
    }

    private static func stepRow(_ step: JSONValue, _ job: String) -> [String: String] {
        var row = common(step)
        let id = step["step"]["id"]
        let name = id["step_id"].text ?? id.text?.split(separator: ".").last.map(String.init) ?? "?"
        row["JobID"] = "\(job).\(stepName(name))"
        row["JobName"] = step["step"]["name"].text
        row["NTasks"] = step["tasks"]["count"].number.map(Units.shortest)
        row["NNodes"] = step["nodes"]["count"].number.map(Units.shortest)
        // Slurm 22.05 calls what went in 'requested' and what went out 'consumed'.
        let (into, outOf) = (step["tres"]["requested"], step["tres"]["consumed"])
        let used = count("mem", into["total"].list) == nil ? outOf : into
        let (inMost, inAll) = (used["max"].list, used["total"].list)
        row["MaxRSS"] = count("mem", inMost).map(Units.shortest)
        let all = [("mem", count("mem", inAll)), ("cpu", count("cpu", inAll).map { $0 / 1000 })]
        row["TRESUsageInTot"] =
            (all.compactMap { name, value in value.map { "\(name)=\(Units.shortest($0))" } }
            + disk(inAll)).joined(separator: ",")
        row["TRESUsageOutTot"] = disk(outOf["total"].list).joined(separator: ",")
        return row
    }

    private static func disk(_ resources: [JSONValue]) -> [String] {
        resources.filter { $0["type"].text == "fs" && $0["name"].text == "disk" }.compactMap { resource in
            resource["count"].number.map { "fs/disk=\(Units.shortest($0))" }
        }
    }

    /// What jobs and steps have alike.
    private static func common(_ value: JSONValue) -> [String: String] {
        var row: [String: String] = [:]
        let time = value["time"]
        row["State"] = state(value)
        row["Start"] = self.time(time["start"])
        row["End"] = self.time(time["end"])
        row["ElapsedRaw"] = time["elapsed"].number.map(Units.shortest)
        let total = time["total"]
        if let seconds = total["seconds"].number {
            row["TotalCPU"] = Units.shortest(seconds + (total["microseconds"].number ?? 0) / 1e6)
        }
        let exit = value["exit_code"]
        let signal = exit["signal"]["signal_id"].number ?? exit["signal"]["id"].number ?? 0
        let code = exit["return_code"].number ?? 0
        // 22.05 writes success for every exit code: of a failure it says nothing then.
        if signal > 0 || code > 0 || row["State"] == "COMPLETED" {
            row["ExitCode"] = "\(Units.shortest(code)):\(Units.shortest(signal))"
        }
        return row
    }

    /// `["CANCELLED", "REQUEUED"]` has the word that matters first.
    private static func state(_ value: JSONValue) -> String? {
        let state = value["state"]
        let current = state.isObject ? state["current"] : state
        return current.text ?? current.list.first?.text
    }

    private static func time(_ value: JSONValue) -> String? {
        value.number.flatMap { $0 > 0 ? Units.shortest($0) : nil }
    }

    private static func count(_ type: String, _ resources: [JSONValue]) -> Double? {
        resources.first { $0["type"].text == type }?["count"].number.flatMap { $0 > 0 ? $0 : nil }
    }

    /// `batch`, `extern` and `interactive` have numbers of their own in some versions.
    private static func stepName(_ name: String) -> String {
        switch name {
        case "-5", "4294967291", "TBD": "batch"
        case "-4", "4294967292": "extern"
        default: name
        }
    }
}

/// A JSON value of which the shape is not known beforehand.
private indirect enum JSONValue {
    case missing
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(_ reader: inout JSONReader) throws(TraceError) {
        switch try reader.peek() {
        case .object:
            var members: [String: JSONValue] = [:]
            try reader.readObject { (reader, key) throws(TraceError) in members[key] = try JSONValue(&reader) }
            self = .object(members)
        case .array:
            var elements: [JSONValue] = []
            try reader.readArray { (reader) throws(TraceError) in elements.append(try JSONValue(&reader)) }
            self = .list(elements)
        case .string: self = .text(try reader.readString())
        case .number: self = .number(try reader.readDouble())
        case .bool: self = .number(try reader.readBool() ? 1 : 0)
        case .null:
            try reader.skipValue()
            self = .missing
        }
    }

    /// A member; missing where there is none.
    subscript(name: String) -> JSONValue {
        if case .object(let members) = self { members[name] ?? .missing } else { .missing }
    }

    var isObject: Bool { if case .object = self { true } else { false } }
    var list: [JSONValue] { if case .list(let elements) = self { elements } else { [] } }

    /// A number, wrapped or not; `nil` where it is not set or infinite.
    var number: Double? {
        switch self {
        case .number(let number): number
        case .object(let members):
            members["set"]?.number == 1 && members["infinite"]?.number != 1 ? members["number"]?.number : nil
        default: nil
        }
    }

    /// A text, or a number as text; `nil` for an empty one.
    var text: String? {
        switch self {
        case .text(let text): text.isEmpty ? nil : text
        default: number.map(Units.shortest)
        }
    }
}
