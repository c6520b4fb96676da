/// Why the trace store could not be opened, read or written. What it held before is unchanged, unless it was removed.
public enum StoreError: Error, Hashable, CustomStringConvertible {
    case cannotOpen(String, reason: String)
    case damaged(String, reason: String)
    case newer(String, found: Int, supported: Int)
    case full(String)
    case busy(String)
    case failed(String, reason: String)
    /// The file is not the one that was opened.
    case removed(String)

    /// What happened and what to do.
    public var description: String {
        switch self {
        case .cannotOpen(let path, let reason):
            "\(path): the trace store cannot be opened: \(reason). Name another folder with --store."
        case .damaged(let path, let reason):
            "\(path): not a readable trace store: \(reason). Restore a copy, or move it away and import the traces again."
        case .newer(let path, let found, let supported):
            "\(path): the store has schema version \(found), this program reads up to \(supported). Update almanac."
        case .full(let path):
            "\(path): the disk is full. Nothing of the last step was stored, all earlier rows are intact. "
                + "Free some space and try again."
        case .busy(let path):
            "\(path): another process has been writing for over a minute. Try again when it is done."
        case .failed(let path, let reason): "\(path): \(reason). The store is unchanged."
        case .removed(let path):
            "\(path): the file was removed or replaced while it was written to; what was stored meanwhile is gone with it."
        }
    }
}
