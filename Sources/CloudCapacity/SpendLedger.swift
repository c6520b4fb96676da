internal import Foundation
public import Workloads

/// What was launched and what it may cost: a file of one JSON object a line, that only grows and is on the disk before
/// anything is launched. The spend limit is kept by it, across restarts and among processes.
///
///     let ledger = SpendLedger(path: ".almanac/cloud/ledger.jsonl")
///     try ledger.reserve(request, limit: limit, now: now)      // refuses what could go beyond the limit
///     try ledger.record(.opened(token: request.token, instances: ["i-1"]), now: now)
public struct SpendLedger: Sendable {
    /// The file.
    public let path: String

    /// A ledger in a file, which is made by the first launch.
    public init(path: String) { self.path = path }

    /// What became of a request.
    public enum Event: Hashable, Sendable {
        /// These instances were launched.
        case opened(token: String, instances: [String])
        /// None was launched, and none will be.
        case refused(token: String, reason: String)
        /// These cost no more from a time on, in Unix seconds.
        case closed(token: String, instances: [String], end: InstanceLife.End, timeSeconds: Double)
    }

    /// What was set aside for one request, and what came of it.
    public struct Reservation: Hashable, Sendable, Codable {
        /// A launched instance.
        public struct Life: Hashable, Sendable, Codable {
            public var id: String
            public var openedTimeSeconds: Double
            /// `nil` while it is open, as far as is known.
            public var closedTimeSeconds: Double?
            public var end: InstanceLife.End?
        }

        public var request: LaunchRequest
        /// When it was set aside, in Unix seconds.
        public var timeSeconds: Double
        /// Why nothing was launched; `nil` if something was, or nobody knows.
        public var refusal: String?
        /// What was launched.
        public var lives: [Life] = []

        /// Whether nobody knows yet what came of it.
        public var isPending: Bool { refusal == nil && lives.isEmpty }

        /// What it costs at most: what has ended by its time, what is open by the time that is reserved, or longer if it is
        /// open for longer.
        public func cost(at now: Double) -> Money {
            if refusal != nil { return .zero }
            if lives.isEmpty { return request.worstCost }
            return lives.reduce(.zero) { sum, life in
                if let closed = life.closedTimeSeconds {
                    return sum + request.cost(ofSeconds: max(0, closed - life.openedTimeSeconds))
                }
                return sum + request.cost(ofSeconds: max(request.reservedSeconds, now - life.openedTimeSeconds))
            }
        }
    }

    /// What the file says.
    public struct State: Sendable {
        /// The name of the ledger, with which all launches are tagged.
        public var id: String
        /// In the order of the file.
        public var reservations: [Reservation]

        /// What was spent, or may be, at most.
        public func committed(at now: Double) -> Money { reservations.reduce(.zero) { $0 + $1.cost(at: now) } }

        /// The reservation with the instance.
        public func reservation(of instance: String) -> Reservation? {
            reservations.first { $0.lives.contains { $0.id == instance } }
        }
    }

    /// Reads it; `nil` if there is none. A last line that was not finished counts for nothing: nothing was launched by it.
    ///
    /// - Throws: ``CloudError/damagedLedger(path:line:found:)``, ``CloudError/file(path:reason:)``.
    public func read() throws(CloudError) -> State? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .file(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
        }
        return try Self.parse(data, path)
    }

    /// Sets aside what a request may cost, unless that goes beyond the limit.
    ///
    /// - Returns: What the ledger says then.
    /// - Throws: ``CloudError/beyondLimit(worst:committed:limit:reservedSeconds:count:)``, and if it cannot be written.
    @discardableResult
    public func reserve(_ request: LaunchRequest, limit: Money, now: Double) throws(CloudError) -> State {
        try locked { (file, data) throws(CloudError) in
            var state = try Self.parse(data, path)
            var lines: [Line] = []
            if state == nil {
                let id = UUID().uuidString.lowercased()
                state = State(id: id, reservations: [])
                lines.append(Line(kind: "ledger", time: now, id: id))
            }
            guard var state else { throw .file(path: path, reason: "cannot be begun") }
            let committed = state.committed(at: now)
            guard committed + request.worstCost <= limit else {
                throw .beyondLimit(
                    worst: request.worstCost, committed: committed, limit: limit,
                    reservedSeconds: request.reservedSeconds,
                    count: request.count)
            }
            lines.append(Line(kind: "reserved", time: now, token: request.token, request: request))
            try append(lines, to: file, after: data)
            state.reservations.append(Reservation(request: request, timeSeconds: now))
            return state
        }
    }

    /// Writes down what became of a request.
    public func record(_ event: Event, now: Double) throws(CloudError) {
        let line: Line
        switch event {
        case .opened(let token, let instances):
            line = Line(kind: "opened", time: now, token: token, instances: instances)
        case .refused(let token, let reason): line = Line(kind: "refused", time: now, token: token, reason: reason)
        case .closed(let token, let instances, let end, let time):
            line = Line(kind: "closed", time: time, token: token, instances: instances, end: end)
        }
        try locked { (file, data) throws(CloudError) in try append([line], to: file, after: data) }
    }
}

extension SpendLedger {
    private struct Line: Codable {
        var kind: String
        var time: Double
        var id: String?
        var token: String?
        var request: LaunchRequest?
        var instances: [String]?
        var reason: String?
        var end: InstanceLife.End?
    }

    /// Reads the lines; `nil` if there is none.
    static func parse(_ data: Data, _ path: String) throws(CloudError) -> State? {
        var state: State?
        var places: [String: Int] = [:]
        var lines = data.split(separator: 10, omittingEmptySubsequences: false)
        // What comes after the last line end was not finished.
        lines.removeLast()
        for (number, bytes) in lines.enumerated() {
            func damaged() -> CloudError {
                .damagedLedger(path: path, line: number + 1, found: AWSCommandLine.quote(Data(bytes)))
            }
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(bytes)), line.time.isFinite else {
                throw damaged()
            }
            switch line.kind {
            case "ledger":
                guard number == 0, let id = line.id, !id.isEmpty else { throw damaged() }
                state = State(id: id, reservations: [])
            case "reserved":
                guard let request = line.request, let token = line.token, request.token == token, state != nil,
                    request.count > 0, request.count < 1_000_000, request.reservedSeconds >= 0,
                    request.hourlyLimit >= .zero,
                    places.updateValue(state?.reservations.count ?? 0, forKey: token) == nil
                else { throw damaged() }
                state?.reservations.append(Reservation(request: request, timeSeconds: line.time))
            default:
                guard let token = line.token, let place = places[token], var reservation = state?.reservations[place]
                else { throw damaged() }
                switch line.kind {
                case "opened":
                    for id in line.instances ?? [] where !reservation.lives.contains(where: { $0.id == id }) {
                        reservation.lives.append(.init(id: id, openedTimeSeconds: line.time))
                    }
                case "refused": reservation.refusal = reservation.lives.isEmpty ? line.reason ?? "" : nil
                case "closed":
                    for place in reservation.lives.indices
                    where (line.instances ?? []).contains(reservation.lives[place].id)
                        && reservation.lives[place].closedTimeSeconds == nil
                    {
                        reservation.lives[place].closedTimeSeconds = line.time
                        reservation.lives[place].end = line.end ?? .closed
                    }
                default: throw damaged()
                }
                state?.reservations[place] = reservation
            }
        }
        return state
    }

    /// Opens the file, alone.
    private func locked<Value>(
        _ body: (Int32, Data) throws(CloudError) -> Value
    ) throws(CloudError) -> Value {
        func failure(_ what: String) -> CloudError {
            .file(path: path, reason: "\(what): \(String(cString: strerror(errno)))")
        }
        let folder = (path as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(
            atPath: folder.isEmpty ? "." : folder, withIntermediateDirectories: true)
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot be opened") }
        defer { close(file) }
        while flock(file, LOCK_EX) != 0 { guard errno == EINTR else { throw failure("cannot be locked") } }
        guard let data = try? FileHandle(fileDescriptor: file, closeOnDealloc: false).readToEnd() ?? Data() else {
            throw failure("cannot be read")
        }
        return try body(file, data)
    }

    /// Writes lines at the end, in the place of a last line that was not finished, and waits for the disk.
    private func append(_ lines: [Line], to file: Int32, after data: Data) throws(CloudError) {
        func failure(_ what: String) -> CloudError {
            .file(
                path: path,
                reason: "\(what): \(String(cString: strerror(errno))). Free some space; nothing was launched")
        }
        let end = data.lastIndex(of: 10).map { $0 - data.startIndex + 1 } ?? 0
        var bytes = Data()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for line in lines {
            guard let text = try? encoder.encode(line) else { throw failure("cannot be written") }
            bytes += text + [10]
        }
        guard ftruncate(file, off_t(end)) == 0 else { throw failure("cannot be written") }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(file, $0.baseAddress?.advanced(by: written), $0.count - written, off_t(end + written))
            }
            guard count > 0 || errno == EINTR else { throw failure("cannot be written") }
            written += max(0, count)
        }
        guard fsync(file) == 0 else { throw failure("cannot be written") }
        // The name of a new file, too.
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }
}
