internal import CShepherd
internal import Glibc

/// Ctrl-C and the like, which from now on end nothing by themselves but are asked for: SIGINT, SIGTERM and SIGHUP.
public final class EndSignals {
    private var ends: [Int32] = [-1, -1]

    /// Begins to catch signals; `nil` if the system does not let us. One at a time in a process.
    public init?() {
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        guard shepherd_watch_signals(ends[1]) == 0 else {
            closeEnds()
            return nil
        }
    }

    deinit {
        shepherd_unwatch_signals()
        closeEnds()
    }

    private func closeEnds() { for end in ends where end >= 0 { close(end) } }

    /// Waits so long, or until a signal comes; returns its number.
    public func wait(seconds: Double) -> Int32? {
        var watched = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
        _ = poll(&watched, 1, Int32(max(0, min(1e6, seconds * 1000)).rounded(.up)))
        var byte: UInt8 = 0
        return read(ends[0], &byte, 1) == 1 ? Int32(byte) : nil
    }
}
