import Foundation

/// Reference data of our own making; its README says how.
package enum Fixtures {
    /// The path of a file or folder in `Tests/Fixtures`.
    package static func path(_ relative: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/\(relative)").path
    }
}
