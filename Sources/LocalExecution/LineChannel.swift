package import Execution
import Foundation
import Glibc

/// A connection between a run and a worker, over which both send lines without waiting for each other.
package struct LineChannel {
    package let file: Int32
    private var received: [UInt8] = []
    private var unsent: [UInt8] = []

    /// A line is never longer; who sends more is none of us.
    private static let longest = 16 << 20

    /// Takes over a connection that is open.
    package init(_ file: Int32) {
        self.file = file
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        _ = fcntl(file, F_SETFL, O_NONBLOCK)
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
        setsockopt(file, SOL_SOCKET, SO_KEEPALIVE, &one, size)
        // A machine that is gone says nothing: it is noticed within a minute.
        for (option, seconds) in [(TCP_KEEPIDLE, 20), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 4)] {
            var value = Int32(seconds)
            setsockopt(file, Int32(IPPROTO_TCP), option, &value, size)
        }
    }

    /// Whether something is left to be sent.
    package var isBusy: Bool { !unsent.isEmpty }

    /// Sends a line, now or when there is room.
    package mutating func send(_ line: WorkerLine) {
        unsent += (try? JSONEncoder().encode(line)) ?? Data()
        unsent.append(UInt8(ascii: "\n"))
    }

    /// Sends what there is room for; false when the connection is closed.
    package mutating func flush() -> Bool {
        var start = 0
        defer { unsent.removeFirst(start) }
        while start < unsent.count {
            let count = unsent[start...].withUnsafeBytes {
                Glibc.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno == EAGAIN }
            start += count
        }
        return true
    }

    /// The lines that have come; `nil` when the connection is closed, or what comes is no line of ours.
    package mutating func receive() -> [WorkerLine]? {
        var isOpen = true
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(file, &buffer, buffer.count, 0)
            if count > 0 {
                received += buffer[..<count]
            } else if count == 0 || errno != EINTR {
                isOpen = count < 0 && errno == EAGAIN
                break
            }
        }
        var lines: [WorkerLine] = []
        if let last = received.lastIndex(of: UInt8(ascii: "\n")) {
            let decoder = JSONDecoder()
            for text in received[..<last].split(separator: UInt8(ascii: "\n")) {
                guard let line = try? decoder.decode(WorkerLine.self, from: Data(text)) else { return nil }
                lines.append(line)
            }
            received.removeFirst(last + 1)
        }
        guard isOpen || !lines.isEmpty, received.count < Self.longest else { return nil }
        return lines
    }

    package func close() { Glibc.close(file) }

    /// Connects to where a run listens; `nil` if nobody does.
    package static func connect(to address: String, port: UInt16) -> LineChannel? {
        guard var place = socketAddress(address, port) else { return nil }
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { return nil }
        let channel = LineChannel(file)
        let result = withSocketAddress(&place) { Glibc.connect(file, $0, $1) }
        if result != 0, errno == EINPROGRESS {
            var polled = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
            poll(&polled, 1, 2000)
        }
        var (error, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        guard result == 0 || errno == EINPROGRESS, getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size) == 0,
            error == 0
        else {
            channel.close()
            return nil
        }
        return channel
    }

    /// Listens at an address of this machine, at any port that is free.
    package static func listen(at address: String) throws(ExecutionError) -> (file: Int32, port: UInt16) {
        guard var place = socketAddress(address, 0) else { throw .lastError("listen at", address, code: EINVAL) }
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { throw .lastError("listen at", address) }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        _ = fcntl(file, F_SETFL, O_NONBLOCK)
        guard withSocketAddress(&place, { bind(file, $0, $1) }) == 0, Glibc.listen(file, 1000) == 0 else {
            let error = errno
            Glibc.close(file)
            throw .lastError("listen at", address, code: error)
        }
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(file, $0, &size) }
        }
        return (file, UInt16(bigEndian: place.sin_port))
    }

    /// The numbers of an address of a host, or of this one.
    package static func numbers(of host: String) -> String? {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &found) == 0, let found else { return nil }
        defer { freeaddrinfo(found) }
        var text = [CChar](repeating: 0, count: 64)
        let size = found.pointee.ai_addrlen
        guard getnameinfo(found.pointee.ai_addr, size, &text, 64, nil, 0, NI_NUMERICHOST) == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func socketAddress(_ address: String, _ port: UInt16) -> sockaddr_in? {
        var place = sockaddr_in()
        (place.sin_family, place.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
        return inet_pton(AF_INET, address, &place.sin_addr) == 1 ? place : nil
    }

    private static func withSocketAddress(
        _ place: inout sockaddr_in, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
