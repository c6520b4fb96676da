internal import Basics
internal import Foundation

/// Answers of AWS on disk, a file for each question, so that a region is not asked for the same again and again.
///
/// A file holds one page on a line. It is written whole or not at all.
public struct AnswerCache: Sendable {
    /// Where the files are.
    public let folder: String
    /// Older answers are asked for again.
    public var maximumAgeSeconds = 3600.0

    /// A cache in a folder, which is made when something is kept.
    public init(folder: String) { self.folder = folder }

    /// An answer, and how old it is.
    struct Answer {
        /// One page on a line.
        var pages: Data
        var ageSeconds: Double
    }

    /// The answer to a question, from the disk if it is there and young enough.
    ///
    /// - Parameter check: Throws for a page that must not be kept.
    func answer(
        _ words: [String], of aws: AWSCommandLine, pageItems: Int,
        check: (Data, _ command: String) throws(CloudError) -> Void
    ) throws(CloudError) -> Answer {
        let path = self.path(words, aws)
        if let kept = read(path), kept.ageSeconds <= maximumAgeSeconds { return kept }
        var pages = Data()
        try aws.pages(words, pageItems: pageItems) { (page, command) throws(CloudError) in
            try check(page, command)
            // Line ends inside texts are escaped in JSON.
            pages.append(contentsOf: page.lazy.map { $0 == 10 || $0 == 13 ? 32 : $0 })
            pages.append(10)
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try pages.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch { throw .file(path: path, reason: "cannot be written: \((error as NSError).localizedDescription)") }
        return Answer(pages: pages, ageSeconds: 0)
    }

    private func read(_ path: String) -> Answer? {
        guard let changed = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date,
            let pages = FileManager.default.contents(atPath: path)
        else { return nil }
        return Answer(pages: pages, ageSeconds: max(0, -changed.timeIntervalSinceNow))
    }

    /// Another account, region or endpoint gives other answers: zones have other letters, too.
    private func path(_ words: [String], _ aws: AWSCommandLine) -> String {
        let environment = ProcessInfo.processInfo.environment
        let account = [
            "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_REGION",
            "AWS_DEFAULT_REGION",
        ]
        .map { environment[$0] ?? "" }
        let key = (words + [aws.region ?? "", aws.profile ?? ""] + account).joined(separator: "\u{1F}")
        let name = words.prefix(2).joined(separator: "-")
        return "\(folder)/\(name)-\(String(FNV1a(key).value, radix: 16)).jsonl"
    }
}
