internal import Foundation
internal import Workloads

/// Requests as a Nextflow configuration: one `withName` block for each process.
///
/// A try that ends with an exit code of a killed process is repeated with twice the memory and time, as long as it gets more.
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
            lines += request.remarks(options).map { "        // \($0)" }
            if let cpus = request.cpus { lines.append("        cpus = \(cpus)") }
            if let bytes = request.memoryBytes {
                let most = options.largestMemoryBytes
                lines.append(
                    "        memory = " + Self.grown(bytes, most, options) { Self.memory($0, $0 < most ? .up : .down) })
            }
            if let seconds = request.seconds {
                lines.append("        time = " + Self.grown(seconds, options.longestSeconds, options, Self.time))
            }
            lines.append("        maxRetries = \(request.retries)")
            if request.retries > 0 {
                lines.append("        errorStrategy = { task.exitStatus in ((130..145) + 104) ? 'retry' : 'finish' }")
            }
            lines.append("    }")
        }
        text = (lines + ["}", ""]).joined(separator: "\n")
    }

    /// A closure of the attempt; a plain value where no attempt can get more.
    private static func grown(
        _ first: Double, _ most: Double, _ options: RequestOptions, _ written: (Double) -> String
    ) -> String {
        guard first < most, options.retries > 0 else { return written(first) }
        let grown = "\(written(first)) * \(options.growth) ** (task.attempt - 1)"
        return most.isFinite ? "{ [\(grown), \(written(most))].min() }" : "{ \(grown) }"
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
