internal import Foundation

/// Another program that runs to its end, or to a time limit.
///
/// It is a process group of its own: Ctrl-C at the terminal does not reach it, so a launch under way is not torn in two.
enum ChildProcess {
    struct Ended {
        var exitCode: Int32
        var output: Data
        var errors: Data
    }

    /// Runs `program`. `nil` if it took too long; it and what it started are then killed.
    ///
    /// - Throws: What keeps it from starting.
    static func run(
        _ program: String, _ arguments: [String], environment: [String: String], timeLimitSeconds: Double
    ) throws -> Ended? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: whatever it prints, it never waits for us.
        let (output, errors) = (try scratchFile(), try scratchFile())
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        let end = ContinuousClock.now + .seconds(timeLimitSeconds)
        var pause: UInt32 = 1000
        while process.isRunning, .now < end {
            usleep(pause)
            pause = min(20_000, pause * 2)
        }
        guard !process.isRunning else {
            kill(-process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            return nil
        }
        process.waitUntilExit()
        return Ended(
            exitCode: process.terminationReason == .uncaughtSignal
                ? 128 + process.terminationStatus : process.terminationStatus,
            output: try content(output), errors: try content(errors))
    }

    /// A file without a name.
    private static func scratchFile() throws -> FileHandle {
        var path = Array((FileManager.default.temporaryDirectory.path + "/almanac-XXXXXX").utf8CString)
        let descriptor = mkstemp(&path)
        guard descriptor >= 0, fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
        }
        unlink(path)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    private static func content(_ file: FileHandle) throws -> Data {
        try file.seek(toOffset: 0)
        return try file.readToEnd() ?? Data()
    }
}
