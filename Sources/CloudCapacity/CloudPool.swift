internal import Foundation
public import Workloads

/// Instances that were launched through the AWS CLI: opens, lists and closes them, and writes down in the ledger what it does
/// before it is done.
public struct CloudPool: Sendable {
    /// How AWS is asked.
    public var aws: AWSCommandLine
    /// What was launched and what it may cost.
    public let ledger: SpendLedger
    /// Unix seconds.
    package var now: @Sendable () -> Double = { Date().timeIntervalSince1970 }

    /// The time, in Unix seconds.
    public var time: Double { now() }

    /// A pool whose launches are in `ledger`.
    public init(_ aws: AWSCommandLine, ledger: SpendLedger) { (self.aws, self.ledger) = (aws, ledger) }

    /// Launches what is asked for, or throws and leaves nothing open that is not in the ledger.
    ///
    /// What it may cost is set aside before. Where nobody knows whether AWS did it, because the network failed for instance,
    /// it is looked for by its tags; if it cannot be found either, the money stays set aside until ``listing()`` knows.
    ///
    /// - Throws: ``CloudError``.
    public func open(_ request: LaunchRequest, limit: Money) throws(CloudError) -> [CloudInstance] {
        let id = try ledger.reserve(request, limit: limit, now: now()).id
        let words = request.words(ledger: id)
        let command = AWSCommandLine.shell(words, profile: aws.profile)
        var instances: [CloudInstance]
        do throws(CloudError) {
            let data = try aws.call(words, isRepeatable: false)
            let answer: LaunchAnswer = try AWSCommandLine.decode(data, command: command)
            instances = answer.Instances.map { $0.instance(in: request.region) }
            guard !instances.isEmpty else {
                throw .notUnderstood(command: command, found: "no instances", expected: "\(request.count)")
            }
        } catch {
            if case .refused(_, let code, _) = error, !AWSRefusal(code: code).isUnclear {
                try ledger.record(.refused(token: request.token, reason: code), now: now())
                throw error
            }
            if case .noProgram = error {
                try ledger.record(.refused(token: request.token, reason: "no AWS CLI"), now: now())
            }
            if case .notStarted = error {
                try ledger.record(.refused(token: request.token, reason: "not started"), now: now())
            }
            instances = try found(request, or: error)
            guard !instances.isEmpty else { throw error }
        }
        do throws(CloudError) {
            try ledger.record(.opened(token: request.token, instances: instances.map(\.id)), now: now())
        } catch {
            // A full disk: what the ledger does not know must not stay open.
            try close(instances)
            throw error
        }
        return instances
    }

    /// Looks for what a launch that failed may have launched all the same.
    private func found(_ request: LaunchRequest, or error: CloudError) throws(CloudError) -> [CloudInstance] {
        for wait in [1.0, 2, 4] {
            aws.pause(wait)
            do throws(CloudError) {
                let instances = try described(
                    in: request.region, ["Name=tag:\(LaunchTags.requestKey),Values=\(request.token)"]
                ).filter(\.isOpen)
                if !instances.isEmpty { return instances }
            } catch {
                // The first error says more.
                break
            }
        }
        return []
    }

    /// What EC2 says of instances with our tags, those that have ended lately included.
    private func described(in region: String, _ filters: [String]) throws(CloudError) -> [CloudInstance] {
        var instances: [CloudInstance] = []
        let words = ["ec2", "describe-instances", "--region", region, "--filters"] + filters
        try aws.pages(words, pageItems: 1000) { (data, command) throws(CloudError) in
            let page: InstancesPage = try AWSCommandLine.decode(data, command: command)
            instances += page.Reservations.flatMap(\.Instances).map { $0.instance(in: region) }
        }
        return instances
    }

    /// What is open, and what the ledger says of it.
    public struct Listing: Sendable {
        /// Whose an instance is.
        public enum Standing: String, Hashable, Sendable, Codable {
            /// The ledger has it.
            case recorded
            /// It has our ledger's tag, but the ledger does not have it: an orphan.
            case unrecorded
            /// It has the tag of another ledger.
            case otherLedger = "other-ledger"
        }

        /// An instance that is open.
        public struct Item: Sendable, Codable {
            public var instance: CloudInstance
            public var standing: Standing
            /// Until when it is reserved, in Unix seconds; `nil` if the ledger does not have it.
            public var untilSeconds: Double?
            /// What it costs at most; `nil` if the ledger does not have it.
            public var worstCost: Money?
        }

        public var items: [Item]
        /// What was launched or tried, and what came of it.
        public var reservations: [SpendLedger.Reservation]
        /// What was spent, or may be, at most.
        public var committed: Money
        /// Why the ledger cannot be read; what is open is listed all the same.
        public var ledgerError: CloudError?
    }

    /// Lists what is open, by its tags, in the usual region and in all where the ledger has something, and writes down what has
    /// ended meanwhile.
    public func listing() throws(CloudError) -> Listing {
        let time = now()
        var (state, ledgerError): (SpendLedger.State?, CloudError?) = (nil, nil)
        do throws(CloudError) { state = try ledger.read() } catch { ledgerError = error }
        var regions: Set = [try aws.usualRegion()]
        for reservation in state?.reservations ?? [] where reservation.refusal == nil {
            let isOpen = reservation.isPending || reservation.lives.contains { $0.closedTimeSeconds == nil }
            if isOpen { regions.insert(reservation.request.region) }
        }
        var instances: [CloudInstance] = []
        for region in regions.sorted() {
            instances += try described(in: region, ["Name=tag-key,Values=\(LaunchTags.ledgerKey)"])
        }
        for reservation in state?.reservations ?? [] { try settle(reservation, instances, time) }
        let settled = ledgerError == nil ? try ledger.read() : nil
        let items = instances.filter(\.isOpen).map { instance -> Listing.Item in
            let reservation = settled?.reservation(of: instance.id)
            let opened = reservation?.lives.first { $0.id == instance.id }?.openedTimeSeconds
            let standing: Listing.Standing =
                reservation != nil ? .recorded : instance.ledger == settled?.id ? .unrecorded : .otherLedger
            return Listing.Item(
                instance: instance, standing: standing,
                untilSeconds: opened.flatMap { opened in reservation.map { opened + $0.request.reservedSeconds } },
                worstCost: reservation.flatMap { reservation in
                    opened.map {
                        reservation.request.cost(ofSeconds: max(reservation.request.reservedSeconds, time - $0))
                    }
                })
        }
        return Listing(
            items: items.sorted { ($0.standing.rawValue, $0.instance.id) < ($1.standing.rawValue, $1.instance.id) },
            reservations: settled?.reservations ?? [], committed: settled?.committed(at: time) ?? .zero,
            ledgerError: ledgerError)
    }

    /// EC2 shows what it launched after a while only; and what has ended, for an hour or so.
    private static let appearsWithinSeconds = 900.0

    /// Writes down what became of a request, by what EC2 shows.
    private func settle(
        _ reservation: SpendLedger.Reservation, _ instances: [CloudInstance], _ time: Double
    ) throws(CloudError) {
        let token = reservation.request.token
        guard reservation.refusal == nil else { return }
        let known = Set(reservation.lives.map(\.id))
        let late = instances.filter { $0.request == token && !known.contains($0.id) }
        if !late.isEmpty {
            try ledger.record(.opened(token: token, instances: late.map(\.id)), now: reservation.timeSeconds)
        }
        if reservation.isPending, late.isEmpty, time - reservation.timeSeconds > Self.appearsWithinSeconds {
            return try ledger.record(.refused(token: token, reason: "nothing of it ever appeared"), now: time)
        }
        let open = reservation.lives.filter { $0.closedTimeSeconds == nil }.map { ($0.id, $0.openedTimeSeconds) }
        for (id, opened) in open + late.map({ ($0.id, reservation.timeSeconds) }) {
            if let instance = instances.first(where: { $0.id == id }) {
                guard !instance.isOpen else { continue }
                let end = max(opened, min(time, instance.endTimeSeconds ?? time))
                try ledger.record(
                    .closed(token: token, instances: [id], end: instance.end, timeSeconds: end), now: time)
            } else if time - opened > Self.appearsWithinSeconds {
                try ledger.record(.closed(token: token, instances: [id], end: .lost, timeSeconds: time), now: time)
            }
        }
    }

    /// Closes instances, waits until EC2 says so, and writes it down.
    ///
    /// - Throws: ``CloudError/stillOpen(_:reason:)`` if some may still be open.
    public func close(_ instances: [CloudInstance]) throws(CloudError) {
        var failure: CloudError?
        for (region, here) in Dictionary(grouping: instances, by: \.region).sorted(by: { $0.key < $1.key }) {
            do throws(CloudError) { try close(here, in: region) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// The words after `aws` that close instances.
    public static func closingWords(_ instances: [CloudInstance], in region: String) -> [String] {
        ["ec2", "terminate-instances", "--region", region, "--instance-ids"] + instances.map(\.id)
    }

    private func close(_ instances: [CloudInstance], in region: String) throws(CloudError) {
        var left = instances
        var reason = "EC2 did not say that they are"
        // One that does not exist keeps the others from being closed.
        for _ in 0...instances.count where !left.isEmpty {
            do throws(CloudError) {
                let answer: TerminationAnswer = try aws.answer(Self.closingWords(left, in: region))
                let ended = Set(
                    answer.TerminatingInstances.filter {
                        ["shutting-down", "terminated"].contains($0.CurrentState.Name)
                    }
                    .map(\.InstanceId))
                try note(left.filter { ended.contains($0.id) }, end: .closed)
                left.removeAll { ended.contains($0.id) }
                break
            } catch {
                reason = error.description
                guard case .refused(_, "InvalidInstanceID.NotFound", let message) = error else { break }
                let unknown = left.filter { message.contains($0.id) }
                guard !unknown.isEmpty else { break }
                // What was launched a moment ago may not be known everywhere yet.
                let young = unknown.filter { now() - ($0.launchTimeSeconds ?? now()) < 60 }
                if young.isEmpty {
                    try note(unknown, end: .lost)
                    left.removeAll { instance in unknown.contains { $0.id == instance.id } }
                } else {
                    aws.pause(3)
                }
            }
        }
        guard left.isEmpty else { throw .stillOpen(left.map(\.id), reason: reason) }
    }

    private func note(_ instances: [CloudInstance], end: InstanceLife.End) throws(CloudError) {
        // What is closed is closed, whatever became of the ledger.
        let state = try? ledger.read()
        for instance in instances {
            guard let token = state?.reservation(of: instance.id)?.request.token else { continue }
            try ledger.record(.closed(token: token, instances: [instance.id], end: end, timeSeconds: now()), now: now())
        }
    }

    /// How instances stand now.
    ///
    /// - Returns: Those that EC2 shows.
    public func look(at instances: [CloudInstance]) throws(CloudError) -> [CloudInstance] {
        var found: [CloudInstance] = []
        for (region, here) in Dictionary(grouping: instances, by: \.region).sorted(by: { $0.key < $1.key }) {
            let tokens = Set(here.compactMap(\.request)).sorted()
            found += try described(
                in: region, ["Name=tag:\(LaunchTags.requestKey),Values=\(tokens.joined(separator: ","))"])
        }
        return found
    }

    /// Writes down that instances are gone.
    public func noteGone(_ instances: [CloudInstance]) throws(CloudError) {
        for instance in instances { try note([instance], end: instance.end) }
    }
}
