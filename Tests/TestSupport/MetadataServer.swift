import Foundation
import Synchronization

/// A metadata service on 127.0.0.1: answers each request with what a closure says.
package final class MetadataServer: Sendable {
    package let port: UInt16
    private let descriptor: Int32
    private let seen = Mutex<[String]>([])

    /// - Parameter answer: From a request's text to a whole answer; `nil` closes the connection.
    package init(_ answer: @escaping @Sendable (String) -> String?) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: UInt16? = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bare in
                bind(descriptor, bare, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, bare, &size) == 0
                    ? UInt16(0) : nil
            }
        }
        guard port != nil else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EADDRINUSE) }
        (self.descriptor, self.port) = (descriptor, UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(descriptor, nil, nil)
                guard client >= 0 else { return }
                var text = ""
                var buffer = [UInt8](repeating: 0, count: 4096)
                while !text.contains("\r\n\r\n") {
                    let count = recv(client, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    text += String(decoding: buffer[..<count], as: UTF8.self)
                }
                self?.seen.withLock { $0.append(text) }
                if let reply = answer(text) {
                    let bytes = Array(reply.utf8)
                    _ = bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                }
                close(client)
            }
        }
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    package var address: String { "http://127.0.0.1:\(port)" }
    package var requests: [String] { seen.withLock { $0 } }

    package static func reply(_ status: Int, _ body: String = "") -> String {
        "HTTP/1.1 \(status) X\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// As EC2 answers: a token first, then what is at the paths; what is not there is 404.
    package static func ec2(_ pages: [String: String]) -> @Sendable (String) -> String? {
        { request in
            let words = request.split(separator: " ")
            if words.first == "PUT" {
                return words[1] == "/latest/api/token" && request.contains("X-aws-ec2-metadata-token-ttl-seconds: ")
                    ? reply(200, "secret") : reply(400)
            }
            guard request.contains("X-aws-ec2-metadata-token: secret\r\n") else { return reply(401) }
            return pages[String(words[1].dropFirst("/latest/meta-data/".count))].map { reply(200, $0) } ?? reply(404)
        }
    }
}
