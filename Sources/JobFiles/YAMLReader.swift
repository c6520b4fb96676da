import Workloads
import Yams

/// Reads values out of a YAML document and says precisely what is wrong with one.
struct YAMLReader {
    let file: String
    var paths = PathSpelling(workingFolder: ".")
    /// A document may hold this many values, aliases replaced.
    static let maximumNodes = 20_000_000

    func fail(_ node: Node?, _ problem: JobFileError.Problem) -> JobFileError {
        JobFileError(file: file, line: node?.mark?.line ?? 1, column: node?.mark?.column ?? 1, problem)
    }

    /// The only document of the text, a mapping.
    func document(_ text: String) throws(JobFileError) -> Node {
        guard expandedNodes(ofYAML: text) <= Self.maximumNodes else {
            let reason = "with every '*alias' replaced it has more than \(Self.maximumNodes) values"
            throw fail(nil, .notYAML(reason: reason))
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw translate(error)
        } catch {
            throw fail(nil, .notYAML(reason: "\(error)"))
        }
        guard let node, !isNull(node) else { throw fail(nil, .empty) }
        guard node.mapping != nil else {
            throw fail(node, .wrongKind(of: "the job", found: kind(node), expected: "keys and values"))
        }
        return node
    }

    private func translate(_ error: YamlError) -> JobFileError {
        switch error {
        case .scanner(let context, let problem, let mark, let yaml),
            .parser(let context, let problem, let mark, let yaml),
            .composer(let context, let problem, let mark, let yaml):
            var reason = context.map { "\(problem), \($0.text) from line \($0.mark.line)" } ?? problem
            let lines = yaml.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            if mark.line <= lines.count, lines[mark.line - 1].contains("${") {
                reason += "; a value with '${' inside [ ] or { } needs quotes"
            }
            return JobFileError(file: file, line: mark.line, column: mark.column, .notYAML(reason: reason))
        case .duplicatedKeysInMapping(let keys, let context):
            let reason = "key '\(keys.first ?? "")' is given twice"
            return JobFileError(
                file: file, line: context.mark.line, column: context.mark.column, .notYAML(reason: reason))
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0)
            let line = before.count { $0.isNewline } + 1
            let column =
                before.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).last?.unicodeScalars.count
                ?? 0
            return JobFileError(file: file, line: line, column: column + 1, .notYAML(reason: problem))
        default:
            return fail(nil, .notYAML(reason: "\(error)"))
        }
    }

    /// The values of a mapping by key, checked to have no keys but these.
    func fields(
        _ node: Node, keys allowed: [String], required: [String], of place: String
    ) throws(JobFileError) -> [String: Node] {
        guard let mapping = node.mapping else {
            throw fail(node, .wrongKind(of: place, found: kind(node), expected: "keys and values"))
        }
        var values: [String: Node] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? kind(key)
            guard allowed.contains(name) else {
                throw fail(
                    key, .unknownKey(name, in: place, nearest: nearestName(to: name, among: allowed), allowed: allowed))
            }
            values[name] = value
        }
        for key in required where values[key].map(isNull) ?? true { throw fail(node, .missingKey(key, in: place)) }
        return values
    }

    /// A text, or `nil` if the key is absent or has no value.
    func text(_ node: Node?, for key: String = "name") throws(JobFileError) -> String? {
        guard let node, !isNull(node) else { return nil }
        guard let scalar = node.scalar else {
            throw fail(node, .wrongKind(of: "'\(key)'", found: kind(node), expected: "one value"))
        }
        return try checked(scalar.string, node, for: key)
    }

    /// No name, path or command can hold a NUL: the system would cut it off there.
    private func checked(_ text: String, _ node: Node, for key: String) throws(JobFileError) -> String {
        guard !text.utf8.contains(0) else {
            let found = text.replacing("\0", with: "\\0")
            throw fail(node, .badValue(of: "'\(key)'", found: found, expected: "a text without the NUL character"))
        }
        return text
    }

    func choice(_ node: Node?, of choices: [String], for key: String) throws(JobFileError) -> String? {
        guard let found = try text(node, for: key) else { return nil }
        guard choices.contains(found) else {
            throw fail(node, .badValue(of: "'\(key)'", found: found, expected: choices.joined(separator: ", ")))
        }
        return found
    }

    func number(_ node: Node?, for key: String, in range: ClosedRange<Double>) throws(JobFileError) -> Double? {
        guard let found = try text(node, for: key) else { return nil }
        guard let value = Double(found), range.contains(value) else {
            let expected = "a number from \(short(range.lowerBound)) to \(short(range.upperBound))"
            throw fail(node, .badValue(of: "'\(key)'", found: found, expected: expected))
        }
        return value
    }

    func integer(_ node: Node?, for key: String, in range: ClosedRange<Int>) throws(JobFileError) -> Int? {
        guard let found = try text(node, for: key) else { return nil }
        guard let value = Int(found), range.contains(value) else {
            let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
            throw fail(node, .badValue(of: "'\(key)'", found: found, expected: expected))
        }
        return value
    }

    func bytes(_ node: Node?, for key: String) throws(JobFileError) -> Double? {
        guard let found = try text(node, for: key) else { return nil }
        guard let value = Units.parseBytes(found) else {
            throw fail(
                node, .badValue(of: "'\(key)'", found: found, expected: "a size such as 500 MB, 4 GiB or 1048576"))
        }
        return value
    }

    func seconds(_ node: Node?, for key: String) throws(JobFileError) -> Double? {
        guard let found = try text(node, for: key) else { return nil }
        guard let value = Units.parseSeconds(found) else {
            throw fail(node, .badValue(of: "'\(key)'", found: found, expected: "a time such as 90, 1h 30m or 01:30:00"))
        }
        return value
    }

    /// The elements of a list; one value alone counts as a list of it.
    func list(_ node: Node?) -> [Node] {
        guard let node, !isNull(node) else { return [] }
        return node.sequence.map(Array.init) ?? [node]
    }

    /// Names and values of a mapping of texts, in the order of the file.
    func pairs(_ node: Node?, for key: String) throws(JobFileError) -> [(key: String, value: Node)] {
        guard let node, !isNull(node) else { return [] }
        guard let mapping = node.mapping else {
            throw fail(
                node, .wrongKind(of: "'\(key)'", found: kind(node), expected: "names and values, as in {size: 3}"))
        }
        var result: [(key: String, value: Node)] = []
        for (name, value) in mapping {
            guard let text = name.scalar?.string else {
                throw fail(name, .wrongKind(of: "a name in '\(key)'", found: kind(name), expected: "one value"))
            }
            result.append((try checked(text, name, for: key), value))
        }
        return result
    }

    func isNull(_ node: Node) -> Bool {
        guard let scalar = node.scalar, scalar.style == .plain else { return false }
        return ["", "~", "null"].contains(scalar.string)
    }

    func kind(_ node: Node) -> String {
        if node.sequence != nil { return "a list" }
        return node.mapping != nil ? "keys and values" : "'\(node.scalar?.string.prefix(60) ?? "")'"
    }

    private func short(_ value: Double) -> String {
        abs(value) < 1e6 && value == value.rounded() ? Units.format(value, digits: 0) : "\(value)"
    }
}
