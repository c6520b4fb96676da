internal import Foundation
internal import Workloads

/// Requests as options of Slurm's `sbatch`: a line for each task type.
public struct SlurmRequests: Sendable {
    /// Lines of shell: `#` remarks and one `sbatch` line for each task type.
    public let text: String
    /// The options of each task type, for instance `--cpus-per-task=2 --mem=512M --time=00:30:00`.
    public let options: [(taskType: String, options: String)]

    /// - Parameter origin: What made it, for instance `almanac 0.1.0`.
    public init(_ requests: ResourceRequests, origin: String) {
        options = requests.requests.map { request in
            var words: [String] = []
            if let layout = request.layout {
                words += layout.options(cpus: request.cpus)
            } else if let cpus = request.cpus {
                words.append("--cpus-per-task=\(cpus)")
            }
            if let bytes = request.memoryBytes {
                // Slurm's M is 2²⁰ bytes, and --mem is for each node.
                let perNode = bytes / Double(request.layout?.fewestNodes ?? 1)
                words.append("--mem=\(Units.format((perNode / 1_048_576).rounded(.up), digits: 0))M")
            }
            if let seconds = request.seconds { words.append("--time=\(Self.clock(seconds))") }
            return (request.taskType, words.joined(separator: " "))
        }
        var lines = requests.summary(origin).map { "# \($0)" }
        lines.append("# Replace JOB.sh by the script of each task type.")
        for (request, line) in zip(requests.requests, options) {
            lines.append("")
            lines += request.remarks(requests.options).map { "# \($0)" }
            if let layout = request.layout, layout.nodes > 1 {
                lines.append(
                    "# the memory above is that of all nodes; --mem is for each of "
                        + (layout.fewestNodes == layout.nodes
                            ? "\(layout.nodes)" : "\(layout.fewestNodes), the fewest that a job had"))
            }
            lines.append("sbatch --job-name=\(Self.quoted(line.taskType)) \(line.options) JOB.sh")
        }
        text = (lines + [""]).joined(separator: "\n")
    }

    /// `days-hh:mm:ss` as Slurm writes it.
    private static func clock(_ seconds: Double) -> String {
        let whole = Int(exactly: min(seconds, 1e12).rounded(.up)) ?? 0
        func two(_ value: Int) -> String { (value < 10 ? "0" : "") + String(value) }
        let days = whole / 86400 > 0 ? "\(whole / 86400)-" : ""
        return "\(days)\(two(whole / 3600 % 24)):\(two(whole / 60 % 60)):\(two(whole % 60))"
    }

    private static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.:".contains($0)) }
        return isPlain
            ? text : "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }
}
