import Foundation

/// Gives every file of a job one spelling: `out//a`, `./out/a`, `out/./a`, `x/../out/a`, `out/a/` and the absolute path
/// are all `out/a`.
///
/// Paths are relative to the working folder where they lie in it, else absolute. `..` takes the folder before it away by
/// the text alone, also where that folder is a link.
struct PathSpelling {
    /// The working folder, absolute; as the system and as the shell call it, where links make a difference.
    private let roots: [[Substring]]

    init(workingFolder: String) {
        let files = FileManager.default
        let system = files.currentDirectoryPath
        var starts = [system]
        if let shell = ProcessInfo.processInfo.environment["PWD"], shell != system,
            URL(fileURLWithPath: shell).resolvingSymlinksInPath().path
                == URL(fileURLWithPath: system).resolvingSymlinksInPath().path
        {
            starts.append(shell)
        }
        var found = starts.map { workingFolder.hasPrefix("/") ? workingFolder : "\($0)/\(workingFolder)" }
        found += found.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
        roots = found.map { Self.normal(("/" + $0).split(separator: "/")) }
    }

    /// The one spelling.
    func normal(_ path: String) -> String {
        var parts = Self.normal(path.split(separator: "/"))
        if path.hasPrefix("/") {
            parts = Array(parts.drop { $0 == ".." })
        } else if parts.first == ".." {
            parts = Array(Self.normal((roots.first ?? []) + parts).drop { $0 == ".." })
        } else {
            return parts.isEmpty ? "." : parts.joined(separator: "/")
        }
        for root in roots where parts.starts(with: root) {
            return parts.count == root.count ? "." : parts[root.count...].joined(separator: "/")
        }
        return "/" + parts.joined(separator: "/")
    }

    private static func normal(_ parts: [Substring]) -> [Substring] {
        var result: [Substring] = []
        for part in parts where part != "." {
            if part == "..", let last = result.last, last != ".." { result.removeLast() } else { result.append(part) }
        }
        return result
    }
}
