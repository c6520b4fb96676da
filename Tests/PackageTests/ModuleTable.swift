import Foundation

/// The table of modules in `CONTRIBUTING.md`: what each may import.
struct ModuleTable {
    struct Row {
        let names: [String]
        /// Modules of ours; `nil` stands for `all`.
        let imports: Set<String>?
        /// What it says of modules from elsewhere.
        let outside: String
    }

    let rows: [Row]

    /// Reads the rows below the header `| target | holds | imports | from outside |`.
    init(_ markdown: String) {
        let lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)
        let body = lines.drop { $0 != "| target | holds | imports | from outside |" }.dropFirst(2)
        rows = body.prefix { $0.hasPrefix("|") }.compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 6 else { return nil }
            func names(_ cell: String) -> [String] {
                cell.split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `–")) }
                    .filter { !$0.isEmpty }
            }
            return Row(
                names: names(cells[1]), imports: cells[3] == "all" ? nil : Set(names(cells[3])), outside: cells[4])
        }
    }

    /// What is wrong with sources and a package that import as given: one sentence each, in order.
    ///
    /// - Parameters:
    ///   - sources: What the files of each folder of `Sources` import.
    ///   - dependencies: What `Package.swift` lets each target depend on.
    func complaints(sources: [String: Set<String>], dependencies: [String: Set<String>]) -> [String] {
        let modules = Set(sources.keys)
        var complaints: [String] = []
        var above: Set<String> = []
        for row in rows {
            for name in row.names {
                guard let imported = sources[name] else {
                    complaints.append("\(name) is in the table and not in Sources")
                    continue
                }
                let (own, foreign) = (
                    imported.intersection(modules), imported.subtracting(modules).subtracting(platform)
                )
                for other in own.subtracting(above) {
                    complaints.append("\(name) imports \(other), which does not stand above it")
                }
                if let allowed = row.imports {
                    for other in own.subtracting(allowed) {
                        complaints.append("\(name) imports \(other), the table does not")
                    }
                    for other in allowed.subtracting(own) {
                        complaints.append("\(name) does not import \(other), the table does")
                    }
                }
                for other in foreign where !row.outside.contains(other) {
                    complaints.append("\(name) imports \(other) from outside, the table does not")
                }
                let declared = dependencies[name, default: []].intersection(modules)
                if declared != own {
                    complaints.append(
                        "Package.swift lets \(name) depend on \(declared.sorted()), it imports \(own.sorted())")
                }
            }
            above.formUnion(row.names)
        }
        for name in modules.subtracting(above) { complaints.append("\(name) is not in the table") }
        return complaints.sorted()
    }

    /// What comes with Swift.
    private let platform: Set<String> = ["Dispatch", "Foundation", "Glibc", "Synchronization"]
}

/// The repository as it lies on disk.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// What the Swift files of each folder of `Sources` import.
    static func imports() throws -> [String: Set<String>] {
        let folder = root.appending(path: "Sources")
        var found: [String: Set<String>] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where !name.hasPrefix(".") {
            let files = FileManager.default.enumerator(atPath: folder.appending(path: name).path)
            let paths = files?.compactMap { $0 as? String } ?? []
            // A folder that git does not know, left behind by a move, is empty.
            guard paths.contains(where: { $0.contains(".") }) else { continue }
            found[name] = []
            for path in paths where path.hasSuffix(".swift") {
                let text = try text("Sources/\(name)/\(path)")
                for line in text.split(separator: "\n") where line.contains("import ") {
                    if let match = line.wholeMatch(
                        of: #/(?:public |package |internal |private )?import (?:\w+ )?(\w+)\s*/#)
                    {
                        found[name]?.insert(String(match.1))
                    }
                }
            }
        }
        return found
    }

    /// The names between the brackets of `dependencies:` of each target of `Package.swift`.
    static func dependencies() throws -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        for match in try text("Package.swift").matches(of: #/name: "(\w+)",\s*dependencies: \[([^\]]*)\]/#) {
            found[String(match.1)] = Set(match.2.matches(of: #/"(\w+)"/#).map { String($0.1) })
        }
        return found
    }
}
