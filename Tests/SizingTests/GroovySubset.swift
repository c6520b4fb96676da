/// Reads and evaluates the part of Groovy that Nextflow configurations of requests are written in: a second opinion on
/// what was generated. Everything else is an error.
struct GroovySubset {
    enum Value: Equatable {
        case number(Double)
        case bytes(Double)
        case seconds(Double)
        case text(String)
        case truth(Bool)
        case list([Value])
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A closure or a plain value, to be evaluated with a task.
    struct Setting {
        fileprivate let tokens: [Token]

        /// The value for an attempt, 1 for the first, that follows one with this exit status.
        func value(attempt: Int = 1, exitStatus: Int = 0) throws -> Value {
            var evaluator = Evaluator(tokens: tokens, attempt: attempt, exitStatus: exitStatus)
            let value = try evaluator.ternary()
            guard evaluator.isAtEnd else { throw Failure(description: "more than an expression: \(tokens)") }
            return value
        }
    }

    /// The settings of each `withName` block, by the regular expression that selects it.
    private(set) var processes: [String: [String: Setting]] = [:]

    init(_ text: String) throws {
        var tokens = try Token.all(text)[...]
        func next(_ expected: Token? = nil) throws -> Token {
            guard let token = tokens.popFirst() else { throw Failure(description: "the text ends early") }
            if let expected, token != expected { throw Failure(description: "\(token) in place of \(expected)") }
            return token
        }
        _ = try next(.word("process"))
        _ = try next(.symbol("{"))
        while tokens.first != .symbol("}") {
            _ = try next(.word("withName"))
            _ = try next(.symbol(":"))
            guard case .text(let name) = try next() else { throw Failure(description: "a name is no string") }
            guard processes[name] == nil else { throw Failure(description: "'\(name)' occurs twice") }
            _ = try next(.symbol("{"))
            var settings: [String: Setting] = [:]
            while tokens.first != .symbol("}") {
                guard case .word(let key) = try next() else { throw Failure(description: "a setting without name") }
                _ = try next(.symbol("="))
                if tokens.first == .symbol("{") {
                    let end = tokens.firstIndex(of: .symbol("}"))
                    guard let end else { throw Failure(description: "a closure without end") }
                    settings[key] = Setting(tokens: Array(tokens[(tokens.startIndex + 1)..<end]))
                    tokens = tokens[(end + 1)...]
                } else {
                    var plain = [try next()]
                    while tokens.first == .symbol(".") { plain += [try next(), try next()] }
                    settings[key] = Setting(tokens: plain)
                }
            }
            _ = try next(.symbol("}"))
            processes[name] = settings
        }
        _ = try next(.symbol("}"))
        guard tokens.isEmpty else { throw Failure(description: "something follows the process block") }
    }
}

private enum Token: Equatable {
    case word(String)
    case number(Double)
    case text(String)
    case symbol(String)

    static func all(_ text: String) throws -> [Token] {
        var tokens: [Token] = []
        var rest = text[...]
        while let first = rest.first {
            if first.isWhitespace {
                rest.removeFirst()
            } else if rest.hasPrefix("//") {
                rest = rest.drop { !$0.isNewline }
            } else if first.isLetter {
                let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                tokens.append(.word(String(word)))
                rest = rest.dropFirst(word.count)
            } else if first.isNumber {
                let digits = rest.prefix { $0.isNumber }
                guard let value = Double(digits) else { throw GroovySubset.Failure(description: "number \(digits)") }
                tokens.append(.number(value))
                rest = rest.dropFirst(digits.count)
            } else if first == "'" {
                rest.removeFirst()
                var string = ""
                while let next = rest.popFirst(), next != "'" {
                    guard !next.isNewline else { throw GroovySubset.Failure(description: "a line end in a string") }
                    if next == "\\" {
                        guard let escaped = rest.popFirst(), "\\'".contains(escaped) else {
                            throw GroovySubset.Failure(description: "an unknown escape in a string")
                        }
                        string.append(escaped)
                    } else {
                        string.append(next)
                    }
                }
                tokens.append(.text(string))
            } else {
                let symbol = ["**", "..", "?", ":", "{", "}", "(", ")", "[", "]", "=", "*", "+", "-", ".", ","].first {
                    rest.hasPrefix($0)
                }
                guard let symbol else { throw GroovySubset.Failure(description: "character \(first)") }
                tokens.append(.symbol(symbol))
                rest = rest.dropFirst(symbol.count)
            }
        }
        return tokens
    }
}

private struct Evaluator {
    let tokens: [Token]
    let attempt: Int
    let exitStatus: Int
    var position = 0

    var isAtEnd: Bool { position == tokens.count }

    mutating func take(_ symbol: Token) -> Bool {
        guard position < tokens.count, tokens[position] == symbol else { return false }
        position += 1
        return true
    }

    mutating func ternary() throws -> GroovySubset.Value {
        let condition = try membership()
        guard take(.symbol("?")) else { return condition }
        let (yes, colon, no) = (try membership(), take(.symbol(":")), try membership())
        guard colon, case .truth(let holds) = condition else { throw fail("the ternary") }
        return holds ? yes : no
    }

    private mutating func membership() throws -> GroovySubset.Value {
        let value = try sum()
        guard take(.word("in")) else { return value }
        guard case .list(let list) = try sum() else { throw fail("'in' wants a list") }
        return .truth(list.contains(value))
    }

    private mutating func sum() throws -> GroovySubset.Value {
        var value = try product()
        while true {
            if take(.symbol("+")) {
                switch (value, try product()) {
                case (.number(let a), .number(let b)): value = .number(a + b)
                case (.list(let a), let b): value = .list(a + [b])
                default: throw fail("'+'")
                }
            } else if take(.symbol("-")) {
                guard case (.number(let a), .number(let b)) = (value, try product()) else { throw fail("'-'") }
                value = .number(a - b)
            } else if take(.symbol("..")) {
                guard case (.number(let a), .number(let b)) = (value, try product()), a <= b else { throw fail("'..'") }
                value = .list((Int(a)...Int(b)).map { .number(Double($0)) })
            } else {
                return value
            }
        }
    }

    private mutating func product() throws -> GroovySubset.Value {
        var value = try power()
        while take(.symbol("*")) {
            switch (value, try power()) {
            case (.number(let a), .number(let b)): value = .number(a * b)
            case (.bytes(let a), .number(let b)): value = .bytes(a * b)
            case (.seconds(let a), .number(let b)): value = .seconds(a * b)
            default: throw fail("'*'")
            }
        }
        return value
    }

    private mutating func power() throws -> GroovySubset.Value {
        let base = try postfix()
        guard take(.symbol("**")) else { return base }
        guard case (.number(let a), .number(let b)) = (base, try postfix()) else { throw fail("'**'") }
        return .number((0..<Int(b)).reduce(1) { product, _ in product * a })
    }

    private mutating func postfix() throws -> GroovySubset.Value {
        var value = try primary()
        while take(.symbol(".")) {
            guard position < tokens.count, case .word(let name) = tokens[position] else { throw fail("after '.'") }
            position += 1
            switch (value, name) {
            case (.number(let n), "MB"): value = .bytes(n * 1_048_576)
            case (.number(let n), "GB"): value = .bytes(n * 1_073_741_824)
            case (.number(let n), "min"): value = .seconds(n * 60)
            case (.number(let n), "h"): value = .seconds(n * 3600)
            case (.list(let list), "min"):
                guard take(.symbol("(")), take(.symbol(")")) else { throw fail("min()") }
                value = try least(list)
            default: throw fail("'.\(name)'")
            }
        }
        return value
    }

    private func least(_ list: [GroovySubset.Value]) throws -> GroovySubset.Value {
        var least: (value: GroovySubset.Value, amount: Double)?
        for value in list {
            let amount: Double
            switch value {
            case .bytes(let n), .seconds(let n): amount = n
            default: throw fail("min() of such values")
            }
            if amount < least?.amount ?? .infinity { least = (value, amount) }
        }
        guard let least else { throw fail("min() of nothing") }
        return least.value
    }

    private mutating func primary() throws -> GroovySubset.Value {
        guard position < tokens.count else { throw fail("the expression ends early") }
        defer { position += 1 }
        switch tokens[position] {
        case .number(let n): return .number(n)
        case .text(let text): return .text(text)
        case .word("task"):
            guard position + 2 < tokens.count, tokens[position + 1] == .symbol("."),
                case .word(let name) = tokens[position + 2]
            else { throw fail("task") }
            position += 2
            switch name {
            case "attempt": return .number(Double(attempt))
            case "exitStatus": return .number(Double(exitStatus))
            default: throw fail("task.\(name)")
            }
        case .symbol("("):
            position += 1
            let value = try ternary()
            guard position < tokens.count, tokens[position] == .symbol(")") else { throw fail("')' is missing") }
            return value
        case .symbol("["):
            var list: [GroovySubset.Value] = []
            repeat {
                position += 1
                list.append(try ternary())
            } while position < tokens.count && tokens[position] == .symbol(",")
            guard position < tokens.count, tokens[position] == .symbol("]") else { throw fail("']' is missing") }
            return .list(list)
        case let token: throw fail("\(token)")
        }
    }

    private func fail(_ what: String) -> GroovySubset.Failure {
        .init(description: "not understood: \(what) in \(tokens)")
    }
}
