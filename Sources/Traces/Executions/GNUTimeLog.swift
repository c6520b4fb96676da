import Reading
import Workloads

/// What GNU `time -v` prints on standard error, among whatever else the log holds. One command makes one row, named by its
/// program.
///
/// Its peak is that of the largest single process, not of all together.
enum GNUTimeLog {
    static let mark = "Maximum resident set size (kbytes):"
    private static let command = "Command being timed:"

    static func read(_ source: ByteSource) throws(TraceError) -> ConvertedTrace {
        var trace = ConvertedTrace(
            .gnuTime, header: ["program", "command", "elapsed", "cpu", "rss", "exit", "outcome"])
        var (row, start, cpu) = ([String: String](), 0, 0.0)
        var signal: Int?
        for (index, line) in try ConvertedTrace.lines(source).enumerated() {
            let text = line.drop { $0.isWhitespace }
            func value(_ name: String) -> String? {
                text.hasPrefix(name) ? text.dropFirst(name.count).drop { $0 == " " }.description : nil
            }
            if let found = value("Command terminated by signal ") {
                signal = Int(found)
            } else if let found = value(command) {
                (row, start, cpu) = ([:], index + 1, 0)
                let words =
                    found.hasPrefix("\"") ? found.dropFirst().dropLast(found.hasSuffix("\"") ? 1 : 0) : found[...]
                row["command"] = String(words)
                row["program"] = words.prefix { $0 != " " }.split(separator: "/").last.map(String.init)
            } else if let found = value("User time (seconds):") ?? value("System time (seconds):") {
                cpu += parseDecimal(found) ?? .nan
                row["cpu"] = cpu.isNaN ? nil : Units.shortest(cpu)
            } else if let found = value("Elapsed (wall clock) time (h:mm:ss or m:ss):") {
                row["elapsed"] = found
            } else if let found = value(mark) {
                row["rss"] = found == "0" ? nil : found
            } else if let found = value("Exit status:"), start > 0 {
                row["exit"] = signal.map { String(128 + min(max($0, 0), 127)) } ?? found
                row["outcome"] = row["exit"] == "0" ? "completed" : "failed"
                trace.append(row, line: start)
                (row, start, signal) = ([:], 0, nil)
            }
        }
        guard !trace.rows.isEmpty else {
            throw .unknownFormat(
                path: source.name, found: "no whole report of GNU time",
                nearest: "'\(ExecutionFormat.gnuTime.rawValue)'",
                remedy: "Write one with: /usr/bin/time -v -o run.log COMMAND.")
        }
        return trace
    }
}
