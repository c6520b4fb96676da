internal import ModelFiles
internal import Synchronization

/// Whether the large parts of a mapped model file are what they should be.
///
/// They are looked at once, when they are first used: opening a file reads its header only. Until then every use asks
/// here, and a damaged model predicts NaN where it cannot throw.
final class FileCheck: Sendable {
    private let state = Atomic<UInt8>(0)
    private let look: @Sendable () -> ForestError?

    init(_ look: @escaping @Sendable () -> ForestError?) { self.look = look }

    var isSound: Bool {
        switch state.load(ordering: .acquiring) {
        case 0: problem == nil
        case let known: known == 1
        }
    }

    /// What is wrong with the file.
    var problem: ForestError? {
        guard state.load(ordering: .acquiring) != 1 else { return nil }
        let found = look()
        state.store(found == nil ? 1 : 2, ordering: .releasing)
        return found
    }

    func verify() throws(ForestError) { if let problem { throw problem } }
}

extension ModelFile {
    /// Models up to this size are checked when they are read.
    private static let smallBytes = 1 << 20

    /// Opens a file whose checksum is compared at once only if the file is small.
    init(mapping path: String, kind: String, schemaVersion: Int) throws(ModelFileError) {
        try self.init(contentsOf: path, kind: kind, schemaVersion: schemaVersion, verifying: false)
        if isSmall { try verify() }
    }

    var isSmall: Bool { tensorBytes <= ModelFile.smallBytes }

    /// A check of the checksum and of `parts`, made at once if the file is small.
    func check(_ path: String, _ parts: @escaping @Sendable () -> ForestError?) throws -> FileCheck {
        let check = FileCheck {
            do throws(ModelFileError) { try self.verify() } catch {
                return .format(
                    file: path, line: 0, found: "bytes that do not fit the file's checksum",
                    expected: "the file as it was written; restore it or train the model anew")
            }
            return parts()
        }
        if isSmall { try check.verify() }
        return check
    }
}
