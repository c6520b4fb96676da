import Reading
import Workloads

/// What the file of a `benchmark` directive leaves open.
enum SnakemakeBenchmark {
    /// `benchmarks/bwa_mem/sample1.tsv` is the task `sample1` of the type `bwa_mem`, `benchmarks/bwa_mem.tsv` the task and
    /// the type `bwa_mem`. Extended files name the rule themselves.
    static func names(ofFile path: String, header: [String]) throws(TraceError) -> [FieldMapping] {
        let parts = path.split(separator: "/").map(String.init)
        guard path != "standard input", let file = parts.last else {
            guard !header.contains("rule_name") else { return [] }
            throw .badRequest(
                found: "a benchmark of Snakemake on standard input", expected: "a file, whose path names the rule",
                remedy: "Name the file, or say the rule: --map task_type==RULE.")
        }
        let kept = file.split(separator: ".").filter {
            !["gz", "tsv", "txt", "csv", "log", "benchmark", "benchmarks", "bench", "bmk"].contains($0.lowercased())
        }
        let task = kept.isEmpty ? file : kept.joined(separator: ".")
        let folder = parts.dropLast().last ?? "."
        let isGeneral = ["benchmark", "benchmarks", "bench", "bmk", "logs", ".", ".."].contains(folder.lowercased())
        let type = isGeneral ? task : folder
        var mappings = [try FieldMapping("task==" + task)]
        if !header.contains("rule_name") { mappings.append(try FieldMapping("task_type==" + type)) }
        return mappings
    }

    static let warning =
        "peaks are samples, after half a minute only one every 30 s: what a task took in between is not seen, "
        + "so leave room above them"
}

extension AttemptRecord {
    /// A run that ended before the first sample has zeros, which are no measures. Only runs that succeeded have a row.
    mutating func completeSnakemake() {
        if peakMemoryBytes == 0 { peakMemoryBytes = nil }
        if cpuSeconds == 0 { cpuSeconds = nil }
        if readBytes == 0 { readBytes = nil }
        if writtenBytes == 0 { writtenBytes = nil }
        status = status ?? .completed
        // The extended columns are dictionaries as Python prints them.
        if case .text(let sizes)? = parameters.removeValue(forKey: "input_size_mb"), inputBytes == nil {
            let mebibytes = numbers(in: sizes)
            if !mebibytes.isEmpty { inputBytes = mebibytes.map(\.value).reduce(0, +) * 1_048_576 }
        }
        if case .text(let resources)? = parameters.removeValue(forKey: "resources") {
            for (name, value) in numbers(in: resources) where value > 0 {
                if name == "mem_mb", requestedMemoryBytes == nil { requestedMemoryBytes = value * 1e6 }
                if name == "runtime", requestedSeconds == nil { requestedSeconds = value * 60 }
            }
        }
        if case .text(let wildcards)? = parameters.removeValue(forKey: "wildcards"), wildcards != "{}" {
            parameters["wildcards"] = .text(wildcards)
        }
    }
}

/// The members of `{'a': 1.5, 'b': 'x'}` that are numbers from 0 to 1e12.
private func numbers(in dictionary: String) -> [(name: String, value: Double)] {
    dictionary.drop { $0 == "{" }.split(separator: ",").compactMap { member in
        guard let colon = member.lastIndex(of: ":") else { return nil }
        let text = member[member.index(after: colon)...].filter { $0 != " " && $0 != "}" }
        guard let value = parseDecimal(text), 0...1e12 ~= value else { return nil }
        return (member[..<colon].filter { !" '\"".contains($0) }, value)
    }
}
