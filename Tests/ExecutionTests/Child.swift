import Foundation
import Glibc
import Testing

/// A process that a test starts. Unlike Foundation's, it is over when it has ended, whatever it has left running.
final class Child {
    let id: pid_t
    private var status: Int32?

    /// - Parameters:
    ///   - environment: In addition to ours.
    ///   - output: The file for both outputs; none for nothing.
    init(_ words: [String], _ environment: [String: String] = [:], output: String = "/dev/null") throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // A daemon that it starts must not hold what is open here: whoever reads from us would wait for its end.
        let closing = #"for f in /proc/self/fd/*; do n=${f##*/}; [ "$n" -le 2 ] || eval "exec $n>&-"; done; exec "$@""#
        var arguments = (["/bin/bash", "-c", closing, "bash"] + words).map { strdup($0) } + [nil]
        var texts = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + texts { free(text) } }
        var child: pid_t = 0
        try #require(posix_spawn(&child, "/bin/bash", &actions, nil, &arguments, &texts) == 0)
        id = child
    }

    var isRunning: Bool { end(WNOHANG) == nil }

    /// Its exit code; a negated signal if that ended it.
    @discardableResult
    func wait() -> Int32 { end(0) ?? -1 }

    func send(_ signal: Int32) { if isRunning { kill(id, signal) } }

    private func end(_ options: Int32) -> Int32? {
        if let status { return status }
        var found: Int32 = 0
        while true {
            let result = waitpid(id, &found, options)
            if result == 0 { return nil }
            if result == id { break }
            guard errno == EINTR else { return -1 }
        }
        status = found & 0x7f == 0 ? (found >> 8) & 0xff : -(found & 0x7f)
        return status
    }
}
