import CloudCapacity
import Foundation
import LinearAlgebra
import TestSupport
import Testing

@Suite("The metadata service of an instance") struct InstanceMetadataTests {
    private let action = #"{"action": "terminate", "time": "2026-11-29T21:22:00Z"}"#

    @Test("asks for a token first, then for what will happen")
    func notices() throws {
        let server = try MetadataServer(
            MetadataServer.ec2([
                "spot/instance-action": action,
                "events/recommendations/rebalance": #"{"noticeTime": "2026-11-29T21:10:00Z"}"#,
                "instance-id": "i-1", "instance-type": "m5.large", "placement/availability-zone": "eu-test-1a",
                "instance-life-cycle": "spot",
            ]))
        let service = try InstanceMetadata(address: server.address + "/")
        var token = try service.token()
        let notices = try service.notices(token: &token)
        #expect(notices.map(\.kind) == [.interruption, .rebalance] && notices[0].action == "terminate")
        #expect(notices.map(\.timeSeconds) == [1_795_987_320, 1_795_986_600])
        let identity = try service.identity(token: &token)
        #expect(identity.instance == "i-1" && identity.zone == "eu-test-1a" && identity.purchase == "spot")
        #expect(server.requests[0].hasPrefix("PUT /latest/api/token HTTP/1.1\r\n"))
        #expect(server.requests.dropFirst().allSatisfy { $0.hasPrefix("GET /latest/meta-data/") })
    }

    @Test("no notice is none; a token that has expired is renewed")
    func quiet() throws {
        let server = try MetadataServer(MetadataServer.ec2([:]))
        let service = try InstanceMetadata(address: server.address)
        var token = "expired"
        #expect(try service.notices(token: &token) == [] && token == "secret")
    }

    @Test("chunks, no length at all, and letters of any case are understood")
    func encodings() throws {
        let body = action
        for reply in [
            "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n5\r\n\(body.prefix(5))\r\n\(String(body.count - 5, radix: 16))\r\n"
                + "\(body.dropFirst(5))\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\n\r\n\(body)", "HTTP/1.1 200 OK\r\ncontent-length:\(body.count)\r\n\r\n\(body)and more",
        ] {
            let server = try MetadataServer { request in
                request.contains("spot/instance-action") ? reply : MetadataServer.reply(404)
            }
            var token = "secret"
            #expect(try InstanceMetadata(address: server.address).notices(token: &token).map(\.action) == ["terminate"])
        }
    }

    @Test(
        "what is no answer is an error that names the address",
        arguments: [
            nil, "", "HTTP/1.1", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] as [String?])
    func garbage(reply: String?) throws {
        let server = try MetadataServer { _ in reply }
        var service = try InstanceMetadata(address: server.address)
        service.timeLimitSeconds = 1
        var token = "secret"
        let error = #expect(throws: CloudError.self) { try service.notices(token: &token) }
        #expect(error?.description.hasPrefix("\(server.address) does not answer: ") == true, "\(error as Any)")
    }

    @Test("nobody there, and no time: errors that say what to do")
    func absent() throws {
        let port = try MetadataServer { _ in nil }.port
        let gone = #expect(throws: CloudError.self) {
            try InstanceMetadata(address: "http://127.0.0.1:\(port)").token()
        }
        #expect(gone?.description.contains("This works on an EC2 instance only") == true)
        let slow = try MetadataServer { _ in
            sleep(20)
            return nil
        }
        var service = try InstanceMetadata(address: slow.address)
        service.timeLimitSeconds = 0.1
        let late = #expect(throws: CloudError.self) { try service.token() }
        #expect(late?.description.hasPrefix("\(slow.address) does not answer: ") == true)
    }

    @Test("the address comes from the environment")
    func addresses() throws {
        func address(_ environment: [String: String]) throws -> String {
            try InstanceMetadata(environment: environment).address
        }
        #expect(try address([:]) == "http://169.254.169.254")
        #expect(try address(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://[::1]:81/x/"]) == "http://[::1]:81/x/")
        #expect(try address(["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"]) == "http://[fd00:ec2::254]")
        for wrong in [
            "169.254.169.254", "https://a", "http://", "http://a:b", "http://a:99999", "http://a b",
            "http://a:1\r\nX: y", "http://[::1",
        ] {
            #expect(throws: CloudError.self, "\(wrong)") { try InstanceMetadata(address: wrong) }
        }
    }

    @Test("damaged answers are errors or notices, never a crash or a hang", arguments: UInt64(0)..<60)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 2)
        let reply = String(
            decoding: ByteMutations.apply(&generator, to: Array(MetadataServer.reply(200, action).utf8)), as: UTF8.self)
        let server = try MetadataServer { _ in reply }
        var service = try InstanceMetadata(address: server.address)
        service.timeLimitSeconds = 1
        var token = "secret"
        do { _ = try service.notices(token: &token) } catch { #expect(error.description.hasPrefix(server.address)) }
    }
}
