internal import Foundation

/// The metadata service of the EC2 instance that this program runs on: what the instance is, and whether it is about to be
/// taken back.
///
/// Version 2 of the service: a token is asked for first, and again when it is not accepted any more.
public struct InstanceMetadata: Sendable {
    /// What the service says of the instance.
    public struct Notice: Hashable, Sendable, Codable {
        /// What is said.
        public enum Kind: String, Hashable, Sendable, Codable {
            /// It will be taken back, two minutes after this was said at the earliest.
            case interruption
            /// It is more likely than usual to be taken back.
            case rebalance
        }

        public var kind: Kind
        /// What happens to it: `terminate`, `stop` or `hibernate`; `nil` for a recommendation.
        public var action: String?
        /// When it happens, or when the recommendation was made, in Unix seconds; `nil` if the service does not say.
        public var timeSeconds: Double?
    }

    /// What an instance is.
    public struct Identity: Hashable, Sendable, Codable {
        public var instance: String?
        public var instanceType: String?
        public var zone: String?
        /// `spot`, `on-demand` or `scheduled`.
        public var purchase: String?
    }

    /// The address of the service.
    public let address: String
    /// How long one answer may take.
    public var timeLimitSeconds = 2.0
    private let place: HTTPExchange.Address

    /// The service at an address, by default the one that `AWS_EC2_METADATA_SERVICE_ENDPOINT` names, or the usual one.
    ///
    /// - Throws: ``CloudError/badRequest(found:expected:remedy:)`` if that is none.
    public init(address: String? = nil, environment: [String: String]? = nil) throws(CloudError) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        let named = address ?? environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 }
        let isIPv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
        let text = named ?? (isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
        guard let place = HTTPExchange.Address(text) else {
            throw .badRequest(
                found: "the address '\(text)'", expected: "http://HOST or http://HOST:PORT",
                remedy: "Correct AWS_EC2_METADATA_SERVICE_ENDPOINT.")
        }
        (self.address, self.place) = (text, place)
    }

    /// A token that allows to ask for so long.
    public func token(seconds: Int = 21_600) throws(CloudError) -> String {
        let answer = try send("PUT", "/latest/api/token", [("X-aws-ec2-metadata-token-ttl-seconds", "\(seconds)")])
        let token = answer.body.trimmingCharacters(in: .whitespacesAndNewlines)
        guard answer.status == 200, !token.isEmpty, token.utf8.allSatisfy({ 33...126 ~= $0 }) else {
            throw .noMetadata(address: address, reason: "it gives no token (HTTP \(answer.status))")
        }
        return token
    }

    /// What the service says now; the token is renewed where it is not accepted.
    ///
    /// - Returns: An interruption first.
    /// - Throws: ``CloudError/noMetadata(address:reason:)``, also for an answer that cannot be understood.
    public func notices(token: inout String) throws(CloudError) -> [Notice] {
        struct Action: Decodable {
            var action: String
            var time: String?
        }
        struct Rebalance: Decodable { var noticeTime: String? }
        var notices: [Notice] = []
        if let text = try get("/latest/meta-data/spot/instance-action", &token) {
            let found: Action = try decode(text)
            notices.append(
                Notice(kind: .interruption, action: found.action, timeSeconds: found.time.flatMap(Self.seconds)))
        }
        if let text = try get("/latest/meta-data/events/recommendations/rebalance", &token) {
            let found: Rebalance = try decode(text)
            notices.append(Notice(kind: .rebalance, action: nil, timeSeconds: found.noticeTime.flatMap(Self.seconds)))
        }
        return notices
    }

    /// What the instance is.
    public func identity(token: inout String) throws(CloudError) -> Identity {
        Identity(
            instance: try get("/latest/meta-data/instance-id", &token),
            instanceType: try get("/latest/meta-data/instance-type", &token),
            zone: try get("/latest/meta-data/placement/availability-zone", &token),
            purchase: try get("/latest/meta-data/instance-life-cycle", &token))
    }

    /// What is at a path; `nil` for what is not there.
    private func get(_ path: String, _ token: inout String) throws(CloudError) -> String? {
        for isAgain in [false, true] {
            let answer = try send("GET", path, [("X-aws-ec2-metadata-token", token)])
            switch answer.status {
            case 200: return answer.body.trimmingCharacters(in: .whitespacesAndNewlines)
            case 404: return nil
            case 401 where !isAgain: token = try self.token()
            default: throw .noMetadata(address: address, reason: "HTTP \(answer.status) for \(path)")
            }
        }
        return nil
    }

    private func send(_ method: String, _ path: String, _ headers: [(String, String)]) throws(CloudError)
        -> HTTPExchange.Answer
    {
        do throws(HTTPExchange.Failure) {
            return try HTTPExchange.send(method, path, headers: headers, to: place, timeLimitSeconds: timeLimitSeconds)
        } catch {
            switch error {
            case .noConnection(let why), .noAnswer(let why): throw .noMetadata(address: address, reason: why)
            }
        }
    }

    private func decode<Value: Decodable>(_ text: String) throws(CloudError) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(text.utf8)) } catch {
            throw .noMetadata(
                address: address, reason: "it says \(AWSCommandLine.quote(Data(text.utf8))), expected JSON")
        }
    }

    private static func seconds(_ text: String) -> Double? {
        (try? Date(text.replacing(/\.\d+/, with: ""), strategy: .iso8601))?.timeIntervalSince1970
    }
}
