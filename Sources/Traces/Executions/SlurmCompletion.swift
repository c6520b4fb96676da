import Reading
import Workloads

/// The file of `JobCompType=jobcomp/filetxt`: a line `JobId=17 UserId=ada(1000) … ExitCode=0:0` for each attempt. It has what
/// was requested and how the attempt ended, no use of memory or processors.
enum SlurmCompletion {
    private static let keys = [
        "JobId", "UserId", "GroupId", "Name", "JobState", "Partition", "TimeLimit", "StartTime", "EndTime", "NodeList",
        "NodeCnt", "ProcCnt", "WorkDir", "ReservationName", "Tres", "Account", "QOS", "WcKey", "Cluster", "SubmitTime",
        "EligibleTime", "ArrayJobId", "ArrayTaskId", "HetJobId", "HetJobOffset", "DerivedExitCode", "ExitCode",
    ]
    /// Our column of `sacct` and the key that holds the same.
    private static let columns = [
        ("JobName", "Name"), ("State", "JobState"), ("ExitCode", "ExitCode"), ("Submit", "SubmitTime"),
        ("Start", "StartTime"), ("End", "EndTime"), ("TimelimitRaw", "TimeLimit"), ("AllocTRES", "Tres"),
        ("NNodes", "NodeCnt"), ("AllocCPUS", "ProcCnt"), ("NodeList", "NodeList"), ("Partition", "Partition"),
        ("Account", "Account"),
    ]

    static func read(_ source: ByteSource) throws(TraceError) -> ConvertedTrace {
        var trace = ConvertedTrace(.slurm, header: ["JobID", "User"] + columns.map(\.0))
        for (index, line) in try ConvertedTrace.lines(source).enumerated() where !line.allSatisfy(\.isWhitespace) {
            let values = values(line)
            var row: [String: String] = [:]
            for (column, key) in columns { row[column] = values[key] }
            row["User"] = values["UserId"].map { String($0.prefix { $0 != "(" }) }
            if let task = values["ArrayTaskId"], let array = values["ArrayJobId"], !task.isEmpty, !array.isEmpty {
                row["JobID"] = "\(array)_\(task)"
            } else if let offset = values["HetJobOffset"], let job = values["HetJobId"], !offset.isEmpty, !job.isEmpty {
                row["JobID"] = "\(job)+\(offset)"
            } else {
                row["JobID"] = values["JobId"]
            }
            trace.append(row, line: index + 1)
        }
        return trace
    }

    /// A name may hold blanks and equals signs: a value ends where the next key, in this order, begins.
    private static func values(_ line: Substring) -> [String: String] {
        var values: [String: String] = [:]
        var open: (key: String, start: Substring.Index)?
        var first = 0
        var i = line.startIndex
        while i < line.endIndex {
            let rest = line[i...]
            let isStart = i == line.startIndex || line[line.index(before: i)] == " "
            if isStart, let key = keys.indices.dropFirst(first).first(where: { rest.hasPrefix(keys[$0] + "=") }) {
                if let open { values[open.key] = String(line[open.start..<line.index(before: i)]) }
                i = line.index(i, offsetBy: keys[key].count + 1)
                (open, first) = ((keys[key], i), key + 1)
            } else {
                i = line.index(after: i)
            }
        }
        if let open { values[open.key] = line[open.start...].trimmingBlanks }
        return values
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        var text = self
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}
