internal import Foundation
internal import Workloads

/// Requests as a Snakemake profile: `set-resources` and `set-threads` for each rule.
///
/// Every repeated attempt gets twice the memory and time of the one before.
public struct SnakemakeProfile: Sendable {
    /// The file `config.yaml` of a profile folder, which Snakemake reads with `--workflow-profile FOLDER`.
    public let text: String

    /// - Parameter origin: What made it, for instance `almanac 0.1.0`.
    public init(_ requests: ResourceRequests, origin: String) {
        let options = requests.options
        var lines = requests.summary(origin).map { "# \($0)" }
        lines += [
            "# Use it as FOLDER/config.yaml with: snakemake --workflow-profile FOLDER",
            "retries: \(requests.requests.map(\.retries).max() ?? 0)",
        ]
        let threads = requests.requests.compactMap { request in request.cpus.map { (request.taskType, $0) } }
        if !threads.isEmpty {
            lines.append("set-threads:")
            for (rule, cpus) in threads { lines.append("  \(Self.key(rule)): \(cpus)") }
        }
        let sized = requests.requests.filter { $0.memoryBytes != nil || $0.seconds != nil }
        if !sized.isEmpty { lines.append("set-resources:") }
        for request in sized {
            lines.append("  \(Self.key(request.taskType)):")
            lines += request.remarks(options, bytes: Units.formatBytes).map { "    # \($0)" }
            if let bytes = request.memoryBytes {
                // Snakemake's MB is 10⁶ bytes.
                lines.append("    mem_mb: \(Self.grown(bytes / 1e6, options, most: options.largestMemoryBytes / 1e6))")
            }
            if let seconds = request.seconds {
                lines.append("    runtime: \(Self.grown(seconds / 60, options, most: options.longestSeconds / 60))")
            }
        }
        text = (lines + [""]).joined(separator: "\n")
    }

    private static func grown(_ first: Double, _ options: RequestOptions, most: Double) -> String {
        guard first < most, options.retries > 0 else { return Units.format(min(first.rounded(.up), most), digits: 0) }
        let grown = "\(Units.format(first.rounded(.up), digits: 0)) * \(options.growth) ** (attempt - 1)"
        return most.isFinite ? "min(\(grown), \(Units.format(most.rounded(.down), digits: 0)))" : grown
    }

    /// A rule name is a plain key; what is none is quoted.
    private static func key(_ name: String) -> String {
        let isPlain =
            name.first?.isLetter == true && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        let words: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        guard !isPlain || words.contains(name.lowercased()) else { return name }
        var text = "\""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.value < 32:
                text += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
