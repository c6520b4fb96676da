extension Decomposition {
    /// A job file of the steps, with a comment on every choice.
    ///
    /// - Parameters:
    ///   - name: Of the job.
    ///   - text: What was asked for.
    ///   - source: The library or model that it was made with.
    public func jobText(name: String, of text: String, source: String) -> String {
        let ids = taskIDs
        var lines = [Self.askedFor + Self.oneLine(text)]
        lines.append(
            "# Broken down by what \(source) knows. 'p' is how probable each choice is; correct what is wrong.")
        if let known = nearest.first {
            let order = known.breakdown.steps.map(\.tool).joined(separator: ", ")
            lines.append(
                "# Nearest known (\(Self.percent(known.similarity)) alike), \(Self.oneLine(known.breakdown.id)): "
                    + Self.oneLine(known.breakdown.description))
            lines.append("#   its steps: " + Self.oneLine(order))
        }
        for other in others {
            lines.append(
                "# Left out: \(Self.oneLine(other.tool)) (p \(Self.percent(other.probability)))" + Self.because(other))
        }
        if !unknownWords.isEmpty {
            lines.append(
                "# Not known to it, so nothing follows from: " + Self.oneLine(unknownWords.joined(separator: ", ")))
        }
        lines += ["name: " + Self.quoted(name), "tasks:"]
        for (index, step) in steps.enumerated() {
            lines.append(
                "  - id: " + Self.quoted(ids[index]) + "  # p \(Self.percent(step.probability))" + Self.because(step))
            lines.append("    type: " + Self.quoted(step.tool))
            if !step.inputs.isEmpty || !step.outputs.isEmpty {
                let read = step.inputs.isEmpty ? "nothing known" : step.inputs.joined(separator: ", ")
                let written = step.outputs.isEmpty ? "nothing known" : step.outputs.joined(separator: ", ")
                lines.append("    # reads " + Self.oneLine(read) + "; writes " + Self.oneLine(written))
            }
            if let command = step.command {
                lines.append("    command: " + Self.quoted(command))
            } else {
                lines.append("    # command: what does this: " + Self.oneLine(step.text))
            }
            let own = edges.filter { $0.to == index }
            guard !own.isEmpty else { continue }
            lines.append("    needs:")
            for edge in own {
                let seen =
                    edge.together > 0 ? ", fed it in \(edge.seen) of \(edge.together) known" : ", never seen together"
                lines.append(
                    "      - " + Self.quoted(ids[edge.from]) + "  # p \(Self.percent(edge.probability))" + seen)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What the line of a job file begins with that says what was asked for.
    public static let askedFor = "# Asked for: "

    /// A name for each step: its tool, with a number where a tool occurs twice, in letters that file names have.
    public var taskIDs: [String] {
        var used: [String: Int] = [:]
        return steps.map { step in
            var id = ""
            for scalar in step.tool.lowercased().unicodeScalars.prefix(60) {
                let isPlain = scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_"
                if isPlain { id.unicodeScalars.append(scalar) } else if id.last != "-" { id += "-" }
            }
            while id.last == "-" { id.removeLast() }
            while id.first == "-" { id.removeFirst() }
            if id.isEmpty { id = "step" }
            used[id, default: 0] += 1
            let number = used[id] ?? 1
            return number > 1 ? "\(id)-\(number)" : id
        }
    }

    private static func because(_ step: Step) -> String {
        step.words.isEmpty ? "" : ", for " + step.words.map { "'\($0)'" }.joined(separator: ", ")
    }

    static func percent(_ share: Double) -> String {
        share > 0 && share < 0.005 ? "< 1 %" : "\(Int((share * 100).rounded())) %"
    }

    /// Without line ends, for a comment.
    private static func oneLine(_ text: String) -> String {
        let line = String(text.map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 32 } ? " " : $0 })
        return line.count > 200 ? line.prefix(200) + "…" : line
    }

    /// A text as YAML reads it in double quotes; plain where that is certain to be read as a text.
    private static func quoted(_ text: String) -> String {
        let letters = text.unicodeScalars
        let isPlain = letters.allSatisfy {
            ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "_" || $0 == "-"
        }
        let words: Set = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        if isPlain, let first = letters.first, ("a"..."z").contains(first), !words.contains(text) { return text }
        var result = "\""
        for scalar in letters {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 32 || scalar.value == 127 || (128..<160).contains(scalar.value): result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
