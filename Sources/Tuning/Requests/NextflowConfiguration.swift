internal import Foundation
internal import Workloads

/// Requests as a Nextflow configuration: one `withName` block for each process.
///
/// A try that ends with an exit code of a killed process is repeated with twice the memory and time.
public struct NextflowConfiguration: Sendable {
    /// The file, which Nextflow reads with `-c FILE`.
    public let text: String

    /// - Parameter origin: What made it, for instance `almanac 0.1.0`.
    public init(_ requests: ResourceRequests, origin: String) {
        let options = requests.options
        var lines = requests.summary(origin).map { "// \($0)" }
        lines += ["// Use it with: nextflow run PIPELINE -c THIS_FILE", "process {"]
        for request in requests.requests {
            lines += ["    withName: '\(Self.selector(request.taskType))' {"]
            lines += request.remarks.map { "        // \($0)" }
            if let cpus = request.cpus { lines.append("        cpus = \(cpus)") }
            if let bytes = request.memoryBytes {
                let most = options.largestMemoryBytes
                let grown = Self.grown(
                    Self.memory(bytes), options, most: most.isFinite ? Self.memory(most, .down) : nil)
                lines.append("        memory = { \(grown) }")
            }
            if let seconds = request.seconds {
                let most = options.longestSeconds
                let grown = Self.grown(Self.time(seconds), options, most: most.isFinite ? Self.time(most) : nil)
                lines.append("        time = { \(grown) }")
            }
            lines += [
                "        maxRetries = \(options.retries)",
                "        errorStrategy = { task.exitStatus in ((130..145) + 104) ? 'retry' : 'finish' }", "    }",
            ]
        }
        text = (lines + ["}", ""]).joined(separator: "\n")
    }

    private static func grown(_ first: String, _ options: RequestOptions, most: String?) -> String {
        let grown = "\(first) * \(options.growth) ** (task.attempt - 1)"
        return most.map { "[\(grown), \($0)].min()" } ?? grown
    }

    /// Nextflow's MB is 2²⁰ bytes, its GB is 2³⁰.
    private static func memory(_ bytes: Double, _ rule: FloatingPointRoundingRule = .up) -> String {
        let mebibytes = (bytes / 1_048_576).rounded(rule)
        return mebibytes.truncatingRemainder(dividingBy: 1024) == 0
            ? "\(Units.format(mebibytes / 1024, digits: 0)).GB" : "\(Units.format(mebibytes, digits: 0)).MB"
    }

    private static func time(_ seconds: Double) -> String {
        let minutes = (seconds / 60).rounded(.up)
        return minutes.truncatingRemainder(dividingBy: 60) == 0
            ? "\(Units.format(minutes / 60, digits: 0)).h" : "\(Units.format(minutes, digits: 0)).min"
    }

    /// The name as a regular expression in a Groovy string of single quotes.
    private static func selector(_ name: String) -> String {
        var text = ""
        for character in name.unicodeScalars {
            switch character {
            case "\\": text += "\\\\\\\\"
            case "'": text += "\\'"
            case "\n": text += "\\\\n"
            case ".", "(", ")", "[", "]", "{", "}", "*", "+", "?", "^", "$", "|": text += "\\\\\(character)"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
