import Foundation
import Glibc
import Scheduling

extension RunSetup {
    /// Writes it as JSON, some hundred tasks at a time: what an encoder makes of all of a large job takes more memory than
    /// all else of its run.
    ///
    /// It is there whole and on disk, or not at all.
    package func write(to path: String) throws {
        let new = path + ".new"
        guard let file = fopen(new, "we") else { throw ExecutionError.lastError("write", path) }
        let text = JSONText(file: file)
        var isWhole = false
        defer {
            fclose(file)
            if !isWhole { unlink(new) }
        }
        // Keys are sorted: the tasks, of which there are none here, come last.
        var rest = self
        (rest.tasks, rest.ranks, rest.estimates) = ([], nil, nil)
        text.write(try Self.coders.0.encode(rest).dropLast(2))
        try text.write(items: tasks)
        if let ranks { try text.write(",\"ranks\":", ranks) }
        if let estimates {
            try text.write(",\"estimates\":{\"expectedSeconds\":", estimates.expectedSeconds)
            try text.write(",\"secondsQuantiles\":", estimates.secondsQuantiles)
            try text.write(",\"memoryQuantiles\":", estimates.memoryQuantiles)
            try text.write(",\"memoryRequestBytes\":", estimates.memoryRequestBytes)
            try text.write(",\"kind\":", estimates.kind)
            try text.write(",\"speeds\":", estimates.speeds)
            try text.write(",\"instanceTypes\":", estimates.instanceTypes)
            text.write(Data("}".utf8))
        }
        text.write(Data("}".utf8))
        guard fflush(file) == 0, ferror(file) == 0, fsync(fileno(file)) == 0, rename(new, path) == 0 else {
            throw ExecutionError.lastError("write", path)
        }
        isWhole = true
    }
}

/// JSON on its way to a file, which knows whether all could be written.
private struct JSONText {
    let file: UnsafeMutablePointer<FILE>

    func write(_ data: Data) { data.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) } }

    /// Writes a list behind something.
    func write(_ before: String, _ items: [some Encodable]) throws {
        write(Data("\(before)[".utf8))
        try write(items: items)
    }

    /// Writes what is in a list, and its end.
    func write(items: [some Encodable]) throws {
        for start in stride(from: 0, to: items.count, by: 256) {
            let some = Array(items[start..<min(start + 256, items.count)])
            if start > 0 { write(Data(",".utf8)) }
            write(try RunSetup.coders.0.encode(some).dropFirst().dropLast())
        }
        write(Data("]".utf8))
    }
}
