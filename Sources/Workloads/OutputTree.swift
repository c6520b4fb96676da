/// Which outputs a path has to do with: itself, a folder above it, or what lies below it.
///
///     var outputs = OutputTree()
///     outputs.insert("out/a.txt", 0)
///     outputs.related(to: "out")         // [0]: the folder holds it
///     outputs.related(to: "out/b.txt")   // []
///
/// Paths are compared part by part as they are written; ``PathSpelling`` gives every file one spelling before.
/// A look-up costs O(length of the path), and what it finds.
package struct OutputTree: Sendable {
    private struct Folder {
        var children: [Substring: Int] = [:]
        var owner: Int?
    }

    /// The folder that all relative paths are in, the root of the absolute ones, and what was found below them.
    private var folders = [Folder(), Folder()]

    package init() {}

    /// Adds an output.
    ///
    /// - Returns: An output that was there before with this path, above it or below it; the new one is then left out.
    package mutating func insert(_ path: String, _ owner: Int) -> Int? {
        if let other = related(to: path).first { return other }
        var (at, parts) = Self.parts(path)
        for part in parts {
            if let next = folders[at].children[part] {
                at = next
            } else {
                folders[at].children[part] = folders.count
                at = folders.count
                folders.append(Folder())
            }
        }
        folders[at].owner = owner
        return nil
    }

    /// The outputs that are this path, hold it or lie below it, in the order of their numbers.
    package func related(to path: String) -> [Int] {
        var (at, parts) = Self.parts(path)
        for part in parts {
            if let owner = folders[at].owner { return [owner] }
            guard let next = folders[at].children[part] else { return [] }
            at = next
        }
        var found: [Int] = []
        var open = [at]
        while let next = open.popLast() {
            if let owner = folders[next].owner { found.append(owner) }
            open.append(contentsOf: folders[next].children.values)
        }
        return found.sorted()
    }

    /// Where to start, and the names on the way.
    private static func parts(_ path: String) -> (start: Int, names: [Substring]) {
        (path.hasPrefix("/") ? 1 : 0, path == "." ? [] : path.split(separator: "/"))
    }
}
