internal import Execution
internal import Foundation
internal import Store

/// Where runs are kept, `STORE/runs/NAME/NUMBER`, and what they are called.
enum RunFolders {
    /// The name of a new run, reserved in the store: no other has it, before or at the same time.
    static func name(of folder: String, _ workflow: String, in store: TraceStore) throws -> String {
        let plain = "\(workflow)/\(URL(fileURLWithPath: folder).lastPathComponent)"
        var (name, number) = (plain, 1)
        // The folders of earlier runs may have been removed.
        while try !store.reserve(workflow: workflow, job: name) {
            number += 1
            name = "\(plain)#\(number)"
        }
        return name
    }

    /// Takes the empty folder of a run that was refused away if an older run waits to be resumed, for which `--resume` then is.
    static func withdraw(_ folder: String) {
        let parent = (folder as NSString).deletingLastPathComponent
        let numbers = ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).compactMap { Int($0) }
        let own = Int((folder as NSString).lastPathComponent)
        guard let newest = numbers.filter({ $0 != own }).max(),
            RunJournal.isUnfinished(inRunFolder: "\(parent)/\(newest)")
        else { return }
        rmdir(folder)
    }

    /// The folder of the newest run of the job that began; of one that was refused there is nothing to see.
    static func newest(_ name: String, in store: String) throws -> String {
        let newest = try next(name, in: store, resuming: true)
        let parent = (newest as NSString).deletingLastPathComponent
        guard let number = Int((newest as NSString).lastPathComponent) else { return newest }
        for earlier in stride(from: number, to: 0, by: -1).prefix(1000) {
            let folder = "\(parent)/\(earlier)"
            if FileManager.default.fileExists(atPath: RunJournal.path(in: folder)) { return folder }
        }
        return newest
    }

    /// The folder of the newest run of the job to resume, or a new one that is ours alone.
    ///
    /// - Parameter resuming: The newest one, whatever became of it.
    static func next(_ name: String, in store: String, resuming: Bool) throws -> String {
        let plain = String(name.map { $0 == "/" || $0 == "\0" ? "_" : $0 })
        let parent = "\(store)/runs/\((plain.hasPrefix(".") ? "_" : "") + plain.prefix(60))"
        let files = FileManager.default
        let numbers = ((try? files.contentsOfDirectory(atPath: parent)) ?? []).compactMap { Int($0) }.filter {
            1..<1_000_000_000 ~= $0
        }
        // The newest one, whatever became of it: an older one's success is not its own.
        if resuming { return "\(parent)/\(numbers.max() ?? 1)" }
        do { try files.createDirectory(atPath: parent, withIntermediateDirectories: true) } catch {
            throw ServiceError.work("\(parent): the folder cannot be made. Name another folder with --store.")
        }
        // Another run of this job may take a number at the same time.
        let first = numbers.max() ?? 0
        for number in first + 1...first + 1000 {
            if mkdir("\(parent)/\(number)", 0o777) == 0 { return "\(parent)/\(number)" }
            guard errno == EEXIST else {
                let reason = String(cString: strerror(errno))
                throw ServiceError.work("\(parent)/\(number): the folder cannot be made: \(reason).")
            }
        }
        throw ServiceError.work("\(parent): there is no number left for another run.")
    }
}
