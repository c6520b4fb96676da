import Foundation

/// Recorded data of others, which is not part of the repository.
package enum SharedData {
    package static let folder = ProcessInfo.processInfo.environment["ALMANAC_SHARED_DATA"]
    package static var isThere: Bool { folder != nil }

    package static func path(_ relative: String) -> String { "\(folder ?? "")/\(relative)" }

    /// The files of a folder, sorted by name.
    package static func files(in relative: String, suffix: String) -> [String] {
        let names = FileManager.default.enumerator(atPath: path(relative))?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().map { path("\(relative)/\($0)") }
    }
}
