import Execution
import Glibc

/// A command of somebody else that runs: what it says on both outputs, and how it ends, within a time.
struct Command {
    /// How a command ended.
    struct Result {
        /// Its exit code; 128 + the number of a signal that ended it, `nil` if it took too long.
        var code: Int32?
        var text: String

        var succeeded: Bool { code == 0 }
    }

    /// Readable when it has said something, or has ended.
    let output: Int32
    private let id: pid_t
    private let deadline: Double
    private var received: [UInt8] = []

    /// Starts one, in a process group of its own: who interrupts us does not interrupt it.
    ///
    /// - Parameter seconds: After so long it is killed.
    init(_ words: [String], seconds: Double) throws {
        let ends = try openPipe(for: words[0])
        defer { close(ends.writeEnd) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends.writeEnd, 1)
        posix_spawn_file_actions_adddup2(&actions, ends.writeEnd, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (standard, none) = (sigset_t(), sigset_t())
        sigfillset(&standard)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &standard)
        posix_spawnattr_setsigmask(&attributes, &none)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var arguments = words.map { strdup($0) } + [nil]
        defer { for word in arguments { free(word) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, words[0], &actions, &attributes, &arguments, environ)
        guard code == 0 else {
            close(ends.readEnd)
            if code == ENOENT { throw SlurmError.noCommand(words[0]) }
            throw ExecutionError.lastError("run", words[0], code: code)
        }
        (output, id, deadline) = (ends.readEnd, child, unixSeconds() + seconds)
    }

    /// What came of it, if it has ended, or its time is over; then this must not be asked for anything again.
    mutating func result() -> Result? {
        let isOver = readsToEnd()
        guard isOver || unixSeconds() >= deadline else { return nil }
        if !isOver { kill(-id, SIGKILL) }
        close(output)
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        let code = isOver ? (signal == 0 ? (status >> 8) & 0xff : 128 + signal) : nil
        return Result(code: code, text: String(decoding: received, as: UTF8.self))
    }

    /// Runs one to its end.
    static func run(_ words: [String], seconds: Double) throws -> Result {
        var command = try Command(words, seconds: seconds)
        while true {
            if let result = command.result() { return result }
            var polled = [pollfd(fd: command.output, events: Int16(POLLIN), revents: 0)]
            poll(&polled, 1, 200)
        }
    }

    private mutating func readsToEnd() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(output, &buffer, buffer.count)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 {
                return true
            } else if errno != EINTR {
                return errno != EAGAIN
            }
        }
    }
}
