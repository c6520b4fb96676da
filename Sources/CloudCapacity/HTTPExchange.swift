internal import Glibc

/// One request over plain HTTP, as the metadata service of an instance understands it.
enum HTTPExchange {
    struct Answer: Equatable {
        var status: Int
        var body: String
    }

    enum Failure: Error {
        case noConnection(String)
        case noAnswer(String)
    }

    /// Where a service is.
    struct Address: Equatable {
        var host: String
        var port: String
        var path: String

        /// Takes `http://HOST[:PORT][/PATH]` apart; `nil` if it is no such thing.
        init?(_ text: String) {
            guard text.hasPrefix("http://") else { return nil }
            let rest = text.dropFirst(7)
            let place = rest.prefix { $0 != "/" }
            var path = rest.dropFirst(place.count)
            while path.last == "/" { path.removeLast() }
            var (host, port) = (place, Substring("80"))
            if place.first == "[", let end = place.firstIndex(of: "]") {
                host = place[place.index(after: place.startIndex)..<end]
                let after = place[place.index(after: end)...]
                guard after.isEmpty || after.first == ":" else { return nil }
                if !after.isEmpty { port = after.dropFirst() }
            } else if let colon = place.lastIndex(of: ":") {
                (host, port) = (place[..<colon], place[place.index(after: colon)...])
            }
            let forbidden: (Character) -> Bool = { $0.isWhitespace || $0.isNewline || "@?#".contains($0) }
            guard !host.isEmpty, !host.contains("["), UInt16(port) != nil, !text.contains(where: forbidden) else {
                return nil
            }
            (self.host, self.port, self.path) = (String(host), String(port), String(path))
        }
    }

    /// Sends a request and reads the answer, of at most 64 KiB.
    static func send(
        _ method: String, _ path: String, headers: [(String, String)], to address: Address, timeLimitSeconds: Double
    ) throws(Failure) -> Answer {
        let end = ContinuousClock.now + .seconds(timeLimitSeconds)
        let socket = try connect(address, end)
        defer { close(socket) }
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        var text = "\(method) \(address.path)\(path) HTTP/1.1\r\nHost: \(host):\(address.port)\r\nConnection: close\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        text += (method == "GET" ? "" : "Content-Length: 0\r\n") + "\r\n"
        var request = Array(text.utf8)[...]
        while !request.isEmpty {
            try ready(socket, POLLOUT, end)
            let count = request.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw .noAnswer(reason()) }
            request = request.dropFirst(count)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 16 {
            if let answer = parse(bytes, isWhole: false) { return answer }
            try ready(socket, POLLIN, end)
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else { throw .noAnswer(reason()) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        guard let answer = parse(bytes, isWhole: true) else {
            throw .noAnswer(bytes.isEmpty ? "it closed the connection" : "what it says is not HTTP")
        }
        return answer
    }

    /// Reads an answer; `nil` if it is none, or not yet.
    ///
    /// - Parameter isWhole: Whether no more will come.
    static func parse(_ bytes: [UInt8], isWhole: Bool) -> Answer? {
        var head: ArraySlice<UInt8>?
        var bodyStart = 0
        for index in bytes.indices.dropFirst(3)
        where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 {
            (head, bodyStart) = (bytes[..<(index - 1)], index + 1)
            break
        }
        guard let head else { return nil }
        let lines = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), 100...599 ~= status else {
            return nil
        }
        var (length, isChunked): (Int?, Bool) = (nil, false)
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " }
            switch parts[0].lowercased() {
            case "content-length": length = Int(value)
            case "transfer-encoding": isChunked = value.lowercased().contains("chunked")
            default: break
            }
        }
        var body = bytes[bodyStart...]
        if isChunked {
            guard let joined = chunks(body) else { return nil }
            body = joined[...]
        } else if let length {
            guard length >= 0, body.count >= length else { return nil }
            body = body.prefix(length)
        } else if !isWhole, status != 204 {
            return nil
        }
        return Answer(status: status, body: String(decoding: body, as: UTF8.self))
    }

    private static func chunks(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var (rest, joined) = (bytes, [UInt8]())
        while let end = rest.firstIndex(of: 10) {
            let size = String(decoding: rest[..<end], as: UTF8.self).prefix { $0.isHexDigit }
            guard let count = Int(size, radix: 16), count >= 0, count <= 1 << 16 else { return nil }
            rest = rest[(end + 1)...]
            if count == 0 { return joined }
            guard rest.count >= count + 2 else { return nil }
            joined += rest.prefix(count)
            rest = rest.dropFirst(count + 2)
        }
        return nil
    }

    private static func connect(_ address: Address, _ end: ContinuousClock.Instant) throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(address.host, address.port, &hints, &list)
        guard code == 0, let list else { throw .noConnection(String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var failure = "there is no such address"
        for info in sequence(first: list, next: { $0.pointee.ai_next }) {
            let found = info.pointee
            let descriptor = socket(
                found.ai_family, found.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), found.ai_protocol)
            guard descriptor >= 0 else { continue }
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            var (status, size): (Int32, socklen_t) = (0, 4)
            if Glibc.connect(descriptor, found.ai_addr, found.ai_addrlen) == 0 { return descriptor }
            if errno == EINPROGRESS {
                do throws(Failure) { try ready(descriptor, POLLOUT, end) } catch { status = ETIMEDOUT }
                if status == 0, getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &status, &size) == 0, status == 0 {
                    return descriptor
                }
            } else {
                status = errno
            }
            failure = String(cString: strerror(status))
            close(descriptor)
        }
        throw .noConnection(failure)
    }

    private static func ready(_ socket: Int32, _ what: Int32, _ end: ContinuousClock.Instant) throws(Failure) {
        let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
        var watched = pollfd(fd: socket, events: Int16(what), revents: 0)
        let found = poll(&watched, 1, Int32(max(0, min(1e6, left)).rounded(.up)))
        guard found > 0 || (found < 0 && errno == EINTR && left > 0) else { throw .noAnswer("it takes too long") }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
