import Foundation
import Testing

/// The repository's walk-throughs and its README do what they show.
@Suite("Notebooks", .serialized) struct NotebookTests {
    private static let environment = ProcessInfo.processInfo.environment

    /// The folder of the package, also where its `Tests` folder is reached through a link.
    static let repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let binary =
        environment["ALMANAC_BINARY"].map { URL(fileURLWithPath: $0) }
        ?? repository.appendingPathComponent(".build/release/almanac")

    static var isBuilt: Bool { FileManager.default.isExecutableFile(atPath: binary.path) }

    /// Paths of the README and the walk-throughs, relative to the repository.
    static var names: [String] {
        let folder = repository.appendingPathComponent("notebooks-cli")
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return ["README.md"] + files.filter { $0.hasSuffix(".md") }.sorted().map { "notebooks-cli/" + $0 }
    }

    @Test(
        "every command prints what the text shows; scripts/notebooks --rewrite rewrites it",
        .enabled(if: isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"), arguments: names)
    func holds(name: String) throws {
        let file = Self.repository.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        let notebook = try Notebook(try String(contentsOf: file, encoding: .utf8))
        let runner = NotebookRunner(binary: Self.binary.resolvingSymlinksInPath(), repository: Self.repository)
        let (problems, rewritten) = try runner.check(notebook, named: name)
        if Self.environment["ALMANAC_REWRITE"] == "1" {
            try rewritten.write(to: file, atomically: true, encoding: .utf8)
        } else {
            for problem in problems { Issue.record(Comment(rawValue: problem)) }
        }
    }
}
