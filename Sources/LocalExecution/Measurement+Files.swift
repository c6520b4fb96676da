package import Execution
import Foundation
import Glibc
package import Workloads

// Measurement is a type of Foundation as well.
typealias Measurement = Execution.Measurement

extension Execution.Measurement {
    /// What is to be said of an attempt whose files this machine sees, wherever it ran.
    ///
    /// - Parameters:
    ///   - workingFolder: Where its command ran.
    ///   - report: What its shepherd said; `nil` if that disappeared.
    ///   - cause: Why it was told to stop; `nil` if it was not.
    ///   - state: The word of a scheduler for its end.
    package init(
        of task: TaskSpec, in workingFolder: String, files: Shepherd.Files, _ report: Shepherd.Report?,
        stoppedFor cause: FailureCause?, machine: String?, inputBytes: Double?, schedulerState state: String? = nil
    ) {
        let missing = task.outputs.map(\.path).filter { !exists(absolute($0, in: workingFolder)) }
        self.init(FailureEvidence(report, stoppedFor: cause, missesOutput: !missing.isEmpty, schedulerState: state))
        missingOutputs = missing
        self.machine = machine
        demand = files.demand()
        self.inputBytes = inputBytes ?? totalSize(task.inputs, in: workingFolder)
        guard let report else { return }
        leftBehind = report.leftBehind
        startTimeSeconds = report.startSeconds
        endTimeSeconds = report.endSeconds
        runtimeSeconds = report.wallSeconds
        cpuSeconds = report.cpuSeconds
        peakMemoryBytes = report.peakBytes
        readBytes = report.readBytes
        writtenBytes = report.writtenBytes
        if report.startError != 0 {
            let reason = String(cString: strerror(Int32(clamping: report.startError)))
            explanation = "No process could be started: \(reason)."
        } else if evidence.cause == nil {
            outputBytes = totalSize(task.outputs, in: workingFolder)
        } else {
            lastWords = lastLine(files.error)
        }
    }

    /// What is to be said of an attempt that was stopped for a cause before it had a process.
    package init(stoppedBeforeItBegan cause: FailureCause) {
        self.init(FailureEvidence(killer: .init(cause)), explanation: "It was stopped before it began.")
    }
}

extension FailureEvidence {
    fileprivate init(
        _ report: Shepherd.Report?, stoppedFor cause: FailureCause?, missesOutput: Bool, schedulerState: String?
    ) {
        guard let report, report.startError == 0 else {
            self.init(exitCode: report?.exitCode, schedulerState: schedulerState, disappeared: true)
            return
        }
        let killer: FailureEvidence.Killer? =
            switch report.cause {
            case .timeLimit: .timeLimit
            case .memoryLimit: .memoryLimit
            case .cancelled: .init(cause ?? .cancelled)
            case .none: nil
            }
        self.init(
            exitCode: report.exitCode, signal: report.signal, killer: killer, memoryKills: report.kernelKills,
            schedulerState: schedulerState, missesOutput: missesOutput)
    }
}

extension FailureEvidence.Killer {
    /// Who it is that stops an attempt for this cause.
    package init(_ cause: FailureCause) {
        self =
            switch cause {
            case .timeLimit: .timeLimit
            case .outOfMemory: .memoryLimit
            case .reclaimed: .reclaim
            case .programError, .lost, .cancelled, .noCapacity: .person
            }
    }
}

/// The size of files together; `nil` if there are none, or one is not there.
package func totalSize(_ files: [FileSpec], in folder: String) -> Double? {
    guard !files.isEmpty else { return nil }
    var total = 0.0
    for file in files {
        guard let size = sizeOfFile(absolute(file.path, in: folder)) else { return nil }
        total += size
    }
    return total
}

/// The last line that is not blank, at most 200 characters of it.
private func lastLine(_ path: String) -> String? {
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    let end = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: end > 2000 ? end - 2000 : 0)
    guard let data = try? handle.readToEnd() else { return nil }
    let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
    let line = lines.last { !$0.allSatisfy(\.isWhitespace) }
    return line.map { String($0.prefix(200)) }
}
