package import Foundation
internal import Workloads

/// The AWS CLI (version 1 or 2) with the user's own credentials, called as a process.
///
/// Each call has a time limit; what AWS throttles, or what fails on the way, is tried again after 1, 2, 4, … seconds: all
/// calls but launches may be made twice: they read, or they close what is open.
public struct AWSCommandLine: Sendable {
    /// The path of the program.
    public let program: String
    /// The region; the AWS CLI's own default if `nil`.
    public var region: String?
    /// The named profile; the AWS CLI's own default if `nil`.
    public var profile: String?
    /// How long one call may take.
    public var timeLimitSeconds = 120.0
    /// How often a call is tried.
    public var tries = 5
    /// Waits between tries; tests do not.
    package var pause: @Sendable (Double) -> Void = { Thread.sleep(forTimeInterval: $0) }
    /// Is told of each call before it is made, as a shell reads it.
    public var log: @Sendable (String) -> Void = { _ in }

    /// Finds the program on the `PATH`.
    ///
    /// - Throws: ``CloudError/noProgram(searched:)``.
    public init(region: String? = nil, profile: String? = nil, path: String? = nil) throws(CloudError) {
        let path = path ?? ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init)
        guard
            let found = folders.map({ $0 + "/aws" }).first(where: { file in
                var isFolder: ObjCBool = false
                return FileManager.default.isExecutableFile(atPath: file)
                    && FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) && !isFolder.boolValue
            })
        else { throw .noProgram(searched: path.isEmpty ? "an empty PATH" : path) }
        (program, self.region, self.profile) = (found, region, profile)
    }

    /// A command as a shell reads it.
    public static func shell(_ words: [String], region: String? = nil, profile: String? = nil) -> String {
        (["aws"] + complete(words, region: region, profile: profile)).map(quoted).joined(separator: " ")
    }

    private static func complete(_ words: [String], region: String?, profile: String?) -> [String] {
        var words = words
        if let region, !words.contains("--region") { words += ["--region", region] }
        if let profile { words += ["--profile", profile] }
        return words + ["--output", "json"]
    }

    static func quoted(_ word: String) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%")
        return !word.isEmpty && word.allSatisfy(plain.contains) ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }

    /// Calls `aws WORDS --output json`, and returns what it prints.
    ///
    /// - Parameter isRepeatable: Whether to try again where nobody knows if it was done.
    /// - Throws: ``CloudError`` that names the command, what AWS said, and what to do.
    package func call(_ words: [String], isRepeatable: Bool = true) throws(CloudError) -> Data {
        let command = Self.shell(words, region: region, profile: profile)
        var wait = 1.0
        for attempt in 1... {
            log(command)
            do { return try once(words, command) } catch {
                let isPassing =
                    switch error {
                    case .refused(_, let code, _):
                        isRepeatable ? AWSRefusal(code: code).isPassing : AWSRefusal(code: code).isThrottling
                    case .timedOut: isRepeatable && attempt < 2
                    default: false
                    }
                guard isPassing, attempt < tries else { throw error }
                pause(wait)
                wait = min(30, wait * 2)
            }
        }
        throw .notStarted(command: command, reason: "it was not tried")
    }

    /// The region that calls go to: the one that was named, or what the AWS CLI would take.
    public func usualRegion() throws(CloudError) -> String {
        let environment = ProcessInfo.processInfo.environment
        if let region = region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"], !region.isEmpty {
            return region
        }
        let words = ["configure", "get", "region"]
        let said: String
        do throws(CloudError) {
            said = String(decoding: try call(words), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            // It says nothing, with exit code 1, where none is set.
            guard case .refused(_, "", _) = error else { throw error }
            said = ""
        }
        guard !said.isEmpty else {
            throw .refused(command: Self.shell(words, profile: profile), code: "NoRegion", message: "no region is set")
        }
        return said
    }

    /// The answer as JSON.
    package func answer<Answer: Decodable>(_ words: [String], as type: Answer.Type = Answer.self) throws(CloudError)
        -> Answer
    {
        let command = Self.shell(words, region: region, profile: profile)
        return try Self.decode(try call(words), as: type, command: command)
    }

    /// Reads an answer.
    package static func decode<Answer: Decodable>(
        _ data: Data, as type: Answer.Type = Answer.self, command: String
    ) throws(CloudError) -> Answer {
        do { return try JSONDecoder().decode(type, from: data) } catch {
            throw .notUnderstood(
                command: command, found: quote(data), expected: "JSON with \(expectation(error) ?? "an object")")
        }
    }

    private static func expectation(_ error: any Error) -> String? {
        func place(_ path: [any CodingKey]) -> String {
            path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context): return "'\(place(context.codingPath + [key]))'"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return context.codingPath.isEmpty ? nil : "a fitting '\(place(context.codingPath))'"
        default: return nil
        }
    }

    /// The beginning of an answer, for an error.
    static func quote(_ data: Data) -> String {
        guard !data.isEmpty else { return "nothing" }
        let text = String(decoding: data.prefix(120), as: UTF8.self).map { $0.isNewline || $0 == "\0" ? " " : $0 }
        return "'\(String(text))\(data.count > 120 ? "…" : "")' (\(Units.count(data.count, "byte")))"
    }

    private func once(_ words: [String], _ command: String) throws(CloudError) -> Data {
        var environment = ProcessInfo.processInfo.environment
        // No pager, no questions, no other output, whatever the user's settings are.
        environment["AWS_PAGER"] = ""
        environment["AWS_CLI_AUTO_PROMPT"] = "off"
        environment["AWS_CLI_FILE_ENCODING"] = "UTF-8"
        let ended: ChildProcess.Ended?
        do {
            ended = try ChildProcess.run(
                program, Self.complete(words, region: region, profile: profile), environment: environment,
                timeLimitSeconds: timeLimitSeconds)
        } catch { throw .notStarted(command: command, reason: "\((error as NSError).localizedDescription)") }
        guard let ended else { throw .timedOut(command: command, seconds: timeLimitSeconds) }
        guard ended.exitCode == 0 else {
            let refusal = AWSRefusal(standardError: String(decoding: ended.errors.prefix(1 << 16), as: UTF8.self))
            throw .refused(
                command: command, code: refusal.code,
                message: refusal.code.isEmpty ? "\(refusal.message) (exit code \(ended.exitCode))" : refusal.message)
        }
        return ended.output
    }

    /// All pages of a list, one after the other.
    ///
    /// - Parameters:
    ///   - pageItems: Items of a page.
    ///   - take: Is given each page.
    package func pages(
        _ words: [String], pageItems: Int, take: (Data, _ command: String) throws(CloudError) -> Void
    ) throws(CloudError) {
        struct Page: Decodable { var NextToken: String? }
        var token: String?
        var seen: Set<String> = []
        repeat {
            let page = words + ["--max-items", "\(pageItems)"] + (token.map { ["--starting-token", $0] } ?? [])
            let command = Self.shell(page, region: region, profile: profile)
            let data = try call(page)
            token = try Self.decode(data, as: Page.self, command: command).NextToken.flatMap { $0.isEmpty ? nil : $0 }
            try take(data, command)
            if let token, !seen.insert(token).inserted {
                throw .notUnderstood(command: command, found: "the page that it gave before", expected: "the next page")
            }
        } while token != nil
    }
}
