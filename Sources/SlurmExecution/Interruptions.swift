import Glibc

/// Signals that came through a pipe, a byte each.
struct Interruptions {
    private let wakeUp: Int32
    /// How often somebody asked the run to stop.
    private(set) var requests = 0

    init(wakeUp: Int32) { self.wakeUp = wakeUp }

    /// Waits for a signal, for a file to be readable, or for so many seconds; true if there was a signal.
    ///
    /// - Parameter writing: Files of which it is waited as well that they can be written to.
    mutating func wait(_ seconds: Double, for files: [Int32], writing: [Int32] = []) -> Bool {
        var polled = ([wakeUp] + files).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        polled += writing.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        poll(&polled, nfds_t(polled.count), Int32(min(max(0, seconds * 1000).rounded(.up), 1e6)))
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(wakeUp, &bytes, bytes.count)
        requests += max(0, count)
        return count > 0
    }
}
