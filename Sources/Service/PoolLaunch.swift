public import CloudCapacity
internal import Foundation
internal import JobFiles
public import Workloads

/// Instances to be opened from the entries of a pool file, the cheapest first, and kept until they are not needed any more.
public struct PoolLaunch: Sendable {
    /// What is wanted of a pool file.
    public struct Wish: Sendable {
        /// A name for what is opened together.
        public var name = "almanac"
        /// Only entries of this type, in this zone, bought so.
        public var type: String?
        public var zone: String?
        public var purchase: PurchaseOption?
        /// How many, all from one entry.
        public var count = 1
        /// For how long.
        public var seconds = 3600.0
        /// The most that an hour of a spot instance may cost; the price on demand if `nil`.
        public var maximumPrice: Money?
        /// What they start with.
        public var start = LaunchRequest.Start()

        /// One instance of the cheapest entry for an hour.
        public init() {}
    }

    /// What is tried, one after the other until there is capacity.
    public let requests: [LaunchRequest]

    /// Reads a pool file and chooses.
    ///
    /// - Throws: `JobFileError` for the file, ``ServiceError/input(_:)`` if no entry is wanted, or its price is not known.
    public init(_ wish: Wish, poolFile: String, region: String) throws {
        let pool = try JobFile.readPool(poolFile).pool
        let wanted = pool.entries.filter { entry in
            (wish.type ?? entry.type.name) == entry.type.name && (wish.purchase ?? entry.purchase) == entry.purchase
                && (wish.zone == nil || entry.zone == nil || wish.zone == entry.zone)
        }
        guard !wanted.isEmpty else {
            let words = [wish.type, wish.purchase?.rawValue, wish.zone].compactMap(\.self).joined(separator: " ")
            let known = pool.entries.prefix(5).map { String($0.instanceID(0).rawValue.dropLast(2)) }
            throw ServiceError.input(
                "\(poolFile) has no entry \(words). It has \(known.joined(separator: ", "))"
                    + (pool.entries.count > known.count ? ", … ('--type', '--zone' and '--purchase' choose)." : "."))
        }
        guard !wish.name.isEmpty, wish.name.count <= 100, wish.name.wholeMatch(of: /[A-Za-z0-9._\-]+/) != nil else {
            throw ServiceError.input(
                "--name is '\(wish.name)', expected up to 100 letters, digits, points, hyphens and underscores.")
        }
        guard wish.start.image != nil || wish.start.launchTemplate != nil else {
            throw ServiceError.input(
                "What should the instances start? Name an image of the region (--image ami-…) or a launch template "
                    + "(--launch-template NAME).")
        }
        requests = try wanted.sorted { $0.price < $1.price }.map { entry in
            let onDemand = entry.type.onDemandPrice
            let listed =
                entry.purchase == .spot
                ? wish.maximumPrice ?? Money(dollars: onDemand.perHour) : Money(dollars: entry.price.perHour)
            guard listed > .zero else {
                throw ServiceError.input(
                    "\(poolFile): the \(entry.purchase == .spot ? "on-demand " : "")price of \(entry.type.name) is not known, "
                        + "so that no spend limit can be kept. Give it a 'price'"
                        + (entry.purchase == .spot ? ", or give --max-price." : "."))
            }
            return LaunchRequest(
                token: "almanac-\(UUID().uuidString.lowercased())", pool: wish.name, region: region,
                instanceType: entry.type.name, zone: entry.zone ?? wish.zone, purchase: entry.purchase,
                count: wish.count,
                hourlyLimit: listed, reservedSeconds: wish.seconds, start: wish.start)
        }
    }

    /// What a launch is told of while it goes on.
    public enum Progress: Sendable {
        /// There is none of this; the next entry is tried.
        case noCapacity(LaunchRequest, CloudError)
        /// These are open, until a time in Unix seconds.
        case open([CloudInstance], untilSeconds: Double)
        /// These were taken away.
        case gone([CloudInstance])
        /// EC2 cannot be asked now; what is open stays open.
        case notSeen(CloudError)
        /// What is open is closed now, and why.
        case closing(Ending)
    }

    /// Why instances were closed.
    public enum Ending: Hashable, Sendable {
        /// The time that was reserved is over.
        case timeIsUp
        /// A signal with this number.
        case signal(Int32)
        /// There are none any more.
        case allGone
        /// The command that they were for ended with this exit code.
        case commandEnded(Int32)
        /// They stay open.
        case detached
    }

    /// Opens the first entry that has capacity.
    public func open(_ pool: CloudPool, limit: Money, report: (Progress) -> Void) throws(CloudError) -> [CloudInstance]
    {
        var last: CloudError?
        for request in requests {
            do throws(CloudError) {
                return try pool.open(request, limit: limit)
            } catch {
                guard case .refused(_, let code, _) = error, AWSRefusal(code: code).isForWantOfCapacity else {
                    throw error
                }
                report(.noCapacity(request, error))
                last = error
            }
        }
        throw last ?? .badRequest(found: "nothing to open", expected: "an entry", remedy: "Name another pool file.")
    }

    /// Opens the first entry that has capacity, runs a command if there is one, waits, and closes what is open: when the time is
    /// up, the command has ended, a signal comes, all are gone, or anything goes wrong.
    ///
    /// - Parameters:
    ///   - command: A program and its arguments; it finds addresses and names in `ALMANAC_POOL_ADDRESSES` and
    ///     `ALMANAC_POOL_INSTANCES`.
    ///   - staysOpen: Whether to return at once and leave them open.
    ///   - lookSeconds: How often EC2 is asked how they are.
    public func keep(
        _ pool: CloudPool, limit: Money, command: [String] = [], staysOpen: Bool = false, lookSeconds: Double = 30,
        report: (Progress) -> Void
    ) throws -> (instances: [CloudInstance], ending: Ending) {
        // From now on, so that a signal in the middle of a launch does not leave it behind.
        guard let signals = EndSignals() else {
            throw ServiceError.work("Signals cannot be caught; nothing was launched.")
        }
        let began = pool.time
        var instances = try open(pool, limit: limit, report: report)
        let all = instances
        let until = began + (requests.first?.reservedSeconds ?? 0)
        var ending = Ending.allGone
        do {
            report(.open(instances, untilSeconds: until))
            if staysOpen, signals.wait(seconds: 0) == nil { return (all, .detached) }
            let process = command.isEmpty ? nil : try start(command, all)
            defer { if let process, process.isRunning { kill(-process.processIdentifier, SIGTERM) } }
            var lookedAt = pool.time
            waiting: while !instances.isEmpty {
                if let number = signals.wait(seconds: min(process == nil ? 1 : 0.1, max(0, until - pool.time))) {
                    ending = .signal(number)
                    break waiting
                }
                if let process, !process.isRunning {
                    ending = .commandEnded(
                        process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
                    )
                    break waiting
                }
                guard pool.time < until else {
                    ending = .timeIsUp
                    break waiting
                }
                guard pool.time - lookedAt >= lookSeconds else { continue }
                lookedAt = pool.time
                do throws(CloudError) {
                    let gone = try pool.look(at: instances).filter { !$0.isOpen }
                    guard !gone.isEmpty else { continue }
                    report(.gone(gone))
                    try pool.noteGone(gone)
                    instances.removeAll { instance in gone.contains { $0.id == instance.id } }
                } catch { report(.notSeen(error)) }
            }
        } catch {
            try closeSurely(instances, pool)
            throw error
        }
        report(.closing(ending))
        try closeSurely(instances, pool)
        return (all, ending)
    }

    private func start(_ command: [String], _ instances: [CloudInstance]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        var environment = ProcessInfo.processInfo.environment
        environment["ALMANAC_POOL_INSTANCES"] = instances.map(\.id).joined(separator: " ")
        environment["ALMANAC_POOL_ADDRESSES"] = instances.compactMap { $0.publicAddress ?? $0.privateAddress }
            .joined(separator: " ")
        process.environment = environment
        try process.run()
        return process
    }

    /// Closes, and tries again for a while before it gives up.
    private func closeSurely(_ instances: [CloudInstance], _ pool: CloudPool) throws(CloudError) {
        guard !instances.isEmpty else { return }
        var left = instances
        for isLast in [false, false, true] {
            do throws(CloudError) { return try pool.close(left) } catch {
                guard !isLast else { throw error }
                if case .stillOpen(let ids, _) = error { left.removeAll { !ids.contains($0.id) } }
                sleep(2)
            }
        }
    }
}
