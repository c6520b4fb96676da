/// A Markdown walk-through whose `console` blocks are run: lines that start with `$ ` are commands, the lines below
/// them the expected output.
///
/// A command continues on the next line after a trailing `\`, and on lines that start with `> `. A comment before a
/// block directs it: `<!-- test: tolerance=0.3 -->`, `exit=3`, `skip-output` or `no-run`, separated by commas.
struct Notebook: Equatable {
    struct Directives: Equatable {
        /// The greatest relative difference of numbers.
        var tolerance = 0.15
        /// The exit status that every command of the block must have.
        var exitStatus = 0
        var comparesOutput = true
        var isRun = true
    }

    struct Command: Equatable {
        /// What the shell runs; may have several lines.
        var text: String
        /// The line of the `$ `, counted from 1.
        var line: Int
        /// The lines of the file that hold the expected output, counted from 0.
        var outputLines: Range<Int>
        var directives: Directives
    }

    enum Failure: Error, Equatable, CustomStringConvertible {
        case unknownDirective(line: Int, found: String)
        case outputBeforeCommand(line: Int)
        case unclosedBlock(line: Int)

        var description: String {
            switch self {
            case .unknownDirective(let line, let found):
                "line \(line): '\(found)' is no directive; expected tolerance=X, exit=N, skip-output or no-run"
            case .outputBeforeCommand(let line):
                "line \(line): a console block must begin with a command, a line that starts with '$ '"
            case .unclosedBlock(let line): "line \(line): the console block that begins here has no closing ```"
            }
        }
    }

    var lines: [String]
    var commands: [Command] = []

    init(_ text: String) throws(Failure) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var directives = Directives()
        var index = 0
        while index < lines.count {
            let line = lines[index].trimmed
            if line.hasPrefix("<!-- test:") {
                directives = try Self.directives(line, at: index + 1)
            } else if line.hasPrefix("```") {
                let fence = line.prefix { $0 == "`" }
                let start = index
                index += 1
                while index < lines.count, lines[index].trimmed != fence { index += 1 }
                if line.dropFirst(fence.count) == "console" {
                    guard index < lines.count else { throw .unclosedBlock(line: start + 1) }
                    try readBlock(start + 1..<index, directives)
                }
                directives = Directives()
            } else if !line.isEmpty {
                directives = Directives()
            }
            index += 1
        }
    }

    func expectedOutput(of command: Command) -> [String] { Array(lines[command.outputLines]) }

    /// The file with the outputs of some commands replaced.
    func replacing(_ outputs: [(command: Command, output: [String])]) -> String {
        var lines = lines
        for (command, output) in outputs.sorted(by: { $0.command.line > $1.command.line }) {
            lines.replaceSubrange(command.outputLines, with: output)
        }
        return lines.joined(separator: "\n")
    }
}

extension Notebook {
    private mutating func readBlock(_ block: Range<Int>, _ directives: Directives) throws(Failure) {
        var index = block.lowerBound
        while index < block.upperBound {
            guard lines[index].hasPrefix("$ ") else { throw .outputBeforeCommand(line: index + 1) }
            let start = index
            var text = String(lines[index].dropFirst(2))
            index += 1
            while index < block.upperBound, text.hasSuffix("\\") || lines[index].hasPrefix("> ") {
                let isPrompted = lines[index].hasPrefix("> ")
                text += "\n" + (isPrompted ? String(lines[index].dropFirst(2)) : lines[index])
                index += 1
            }
            let output = index
            while index < block.upperBound, !lines[index].hasPrefix("$ ") { index += 1 }
            commands.append(
                Command(text: text, line: start + 1, outputLines: output..<index, directives: directives))
        }
    }

    private static func directives(_ line: String, at number: Int) throws(Failure) -> Directives {
        var directives = Directives()
        var text = line.dropFirst("<!-- test:".count)
        if text.hasSuffix("-->") { text = text.dropLast(3) }
        for part in text.split(separator: ",") {
            let words = part.trimmed.split(separator: "=", maxSplits: 1).map(String.init)
            switch (words.first, words.last) {
            case ("tolerance", let value?) where Double(value).map { (0...1e6).contains($0) } == true:
                directives.tolerance = Double(value) ?? 0
            case ("exit", let value?) where Int(value).map((0...255).contains) == true:
                directives.exitStatus = Int(value) ?? 0
            case ("skip-output", _) where words.count == 1: directives.comparesOutput = false
            case ("no-run", _) where words.count == 1: directives.isRun = false
            default: throw .unknownDirective(line: number, found: part.trimmed)
            }
        }
        return directives
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
