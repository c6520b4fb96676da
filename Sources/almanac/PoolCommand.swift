public import ArgumentParser
import CloudCapacity
import Foundation
import Plots
import Service
public import Workloads

/// `almanac pool`: capacity that is rented.
struct PoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool",
        abstract: "Find, open, list and close rented capacity, through the AWS CLI with your own credentials.",
        discussion: """
            Nothing is launched or closed without --yes, and nothing launched without --spend-limit: what all launches from \
            this store have cost, and may still cost at the greatest price for the time reserved, stays within it, also \
            across restarts. The ledger of that is STORE/cloud/ledger.jsonl. Disks and traffic are not counted.
            """,
        subcommands: [
            PoolDiscoverCommand.self, PoolOpenCommand.self, PoolListCommand.self, PoolCloseCommand.self,
            PoolWatchCommand.self,
        ])
}

/// How AWS is asked.
struct CloudOptions: ParsableArguments {
    @Option(name: .long, help: "The region; the AWS CLI's own default otherwise.")
    var region: String?

    @Option(name: .long, help: "The named profile; the AWS CLI's own default otherwise.")
    var profile: String?

    @Option(name: .long, help: "How long one call of the AWS CLI may take.")
    var awsTimeout = TimeSpan(seconds: 120)

    @OptionGroup var storage: StoreOptions

    func validate() throws {
        guard 1...3600 ~= awsTimeout.seconds else {
            throw ValidationError(
                "--aws-timeout is \(Units.formatSeconds(awsTimeout.seconds)), expected 1 s to 1 hour.")
        }
    }

    func commandLine() throws -> AWSCommandLine {
        var aws = try AWSCommandLine(region: region, profile: profile)
        aws.timeLimitSeconds = awsTimeout.seconds
        return aws
    }

    var ledger: SpendLedger { SpendLedger(path: "\(storage.store)/cloud/ledger.jsonl") }

    func pool() throws -> CloudPool { CloudPool(try commandLine(), ledger: ledger) }
}

/// `almanac pool discover aws`: what a region rents out, as a pool file.
struct PoolDiscoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discover",
        abstract: "Make a pool file of what a region rents out now, and keep the history of its spot prices.",
        discussion: """
            Asks for types, the zones that have them, spot prices and prices on demand, and keeps the answers in \
            STORE/cloud. 'plan --pool', 'simulate --pool' and 'pool open' read the pool file, 'import aws-spot-prices' the \
            history.
            """)

    enum Provider: String, ExpressibleByArgument, CaseIterable { case aws }

    @Argument(help: "Whose capacity: aws.")
    var provider: Provider

    @Option(
        name: .long,
        help:
            "Types, with * and ? as wildcards, separated by commas; all current ones otherwise. For instance 'm5.*,c5.2xlarge'."
    )
    var types: String?

    @Option(name: .long, help: "Only these zones, separated by commas.")
    var zones: String?

    @Option(name: .long, help: "Processors of this kind: x86_64, arm64 or any.")
    var architecture = "x86_64"

    @Option(name: .long, help: "Only types with at least so many processors.")
    var minCpus: Double?

    @Option(name: .long, help: "Only types with at least so much memory, for instance '16 GB'.")
    var minMemory: ByteCount?

    @Option(name: .long, help: "Only types with at least so many GPUs.")
    var minGpus: Double?

    @Option(name: .long, help: "How far the history of spot prices goes back, at most 90 days.")
    var history = TimeSpan(seconds: 7 * 86_400)

    @Option(name: .long, help: "How many instances of each type the pool file allows at once.")
    var count = 4

    @Option(name: .long, help: "From asking for an instance until it takes tasks, as the pool file says.")
    var startUp = TimeSpan(seconds: 60)

    @Option(
        name: .long,
        help: "A CSV file with the columns type and price (US dollars an hour), instead of asking for prices on demand."
    )
    var onDemandPrices: String?

    @Option(name: .long, help: "Answers that are younger are not asked for again.")
    var maxAge = TimeSpan(seconds: 3600)

    @Flag(name: .long, help: "Ask again for everything.")
    var refresh = false

    @Option(name: .shortAndLong, help: "Write the pool file here instead of to standard output.")
    var output: String?

    @Option(name: .long, help: "Write the history of spot prices to this file, for 'almanac import aws-spot-prices'.")
    var prices: String?

    @OptionGroup var cloud: CloudOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard 1...1_000_000 ~= count else { throw ValidationError("--count is \(count), expected 1 to 1000000.") }
        guard 0...90 * 86_400 ~= history.seconds else {
            throw ValidationError("--history is \(Units.formatSeconds(history.seconds)), expected 0 to 90 days.")
        }
    }

    private struct Found: Encodable {
        var entries: [CapacityCatalog.Entry]
        var prices: Int
        var ageSeconds: Double
        var remarks: [String]
        var poolFile: String?
        var pricesFile: String?
    }

    func run() throws {
        func list(_ text: String?) -> [String] {
            (text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        var query = CapacityCatalog.Query()
        (query.types, query.zones) = (list(types), list(zones))
        query.architecture = architecture == "any" ? nil : architecture
        query.least = Resources(cpus: minCpus ?? 0, memoryBytes: minMemory?.bytes ?? 0, gpus: minGpus ?? 0)
        query.historyDays = history.seconds / 86_400
        let known = try onDemandPrices.map { try OnDemandPrices.read($0) } ?? [:]
        let aws = try cloud.commandLine()
        var cache = AnswerCache(folder: "\(cloud.storage.store)/cloud/aws")
        cache.maximumAgeSeconds = refresh ? -1 : maxAge.seconds
        let now = Date()
        let catalog = try CapacityCatalog.discover(
            query, with: aws, cache: cache, onDemandPrices: known, now: now.timeIntervalSince1970)
        let asOf = Quantity.date.text(now.timeIntervalSince1970 - catalog.ageSeconds)
        let text = catalog.poolFile(
            count: count, startUpSeconds: startUp.seconds,
            source: "EC2\(cloud.region.map { " in \($0)" } ?? ""), as of \(asOf) UTC, by 'almanac pool discover aws'")
        if let output { try Console.write(Data(text.utf8), toFile: output) }
        if let prices { try Console.write(catalog.priceHistory, toFile: prices) }
        for remark in catalog.remarks { global.console.remark(remark) }
        let unpriced = catalog.entries.filter { $0.onDemandPrice == nil && $0.spotPrices.isEmpty }
        if !unpriced.isEmpty {
            global.console.remark("left out, for want of a price: \(unpriced.map(\.type.name).joined(separator: ", "))")
        }
        let spot = catalog.entries.reduce(0) { $0 + $1.spotPrices.count }
        let age =
            catalog.ageSeconds < 1 ? "now" : "\(Units.formatSeconds(catalog.ageSeconds)) old (--refresh asks again)"
        let summary =
            "\(Units.count(catalog.entries.count, "type")), \(Units.count(spot, "spot market")), "
            + "\(Units.count(catalog.priceCount, "spot price")) of the last \(Units.formatSeconds(history.seconds)), \(age)"
        global.console.remark(summary)
        try global.console.result(
            Found(
                entries: catalog.entries, prices: catalog.priceCount, ageSeconds: catalog.ageSeconds,
                remarks: catalog.remarks, poolFile: output, pricesFile: prices),
            text: output.map { "pool file written to \($0)" } ?? String(text.dropLast()))
    }
}

/// `almanac pool open`: instances of a pool file.
struct PoolOpenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "Launch instances of a pool file, keep them for a while, and close them again.",
        discussion: """
            Without --yes the commands are printed and nothing else happens. Entries are tried from the cheapest to the \
            dearest until one has capacity. The instances are closed when the time is up, the command after '--' ends, \
            Ctrl-C or SIGTERM comes, or something goes wrong; after kill -9 'pool list' finds them and 'pool close' closes \
            them. Those that start from an image also shut themselves down at the end of the time.

              almanac pool open pool.yaml --image ami-0abc --for 2h --spend-limit 5 --yes -- ./use-them.sh

            A spot instance costs the market price, at most --max-price. AWS smooths these prices: they hardly ever come near \
            the price on demand, so that the greatest price hardly binds. What takes spot instances away is want of capacity.
            """)

    @Argument(help: "The pool file, for instance of 'pool discover'.")
    var pool: String

    @Argument(parsing: .postTerminator, help: "A command to run when they are launched; they are closed when it ends.")
    var command: [String] = []

    @Option(name: .long, help: "Only entries of this type.")
    var type: String?

    @Option(name: .long, help: "Only in this zone.")
    var zone: String?

    @Option(name: .long, help: "Only spot, or only on-demand.")
    var purchase: PurchaseOption?

    @Option(name: .long, help: "How many, all of one entry.")
    var count = 1

    @Option(name: .customLong("for"), help: "For how long; then they are closed.")
    var time = TimeSpan(seconds: 3600)

    @Option(
        name: .long,
        help: "The most that an hour of a spot instance may cost in US dollars; the price on demand by default.")
    var maxPrice: Money?

    @Option(name: .long, help: "The most, in US dollars, that all launches from this store may cost together.")
    var spendLimit: Money?

    @Option(name: .long, help: "The image (AMI) that they start.")
    var image: String?

    @Option(name: .long, help: "A launch template, by name or id, and maybe :VERSION.")
    var launchTemplate: String?

    @Option(
        name: .long, help: "A file that they run first, instead of one that shuts them down at the end of the time.")
    var userData: String?

    @Option(name: .long, help: "Their subnet.")
    var subnet: String?

    @Option(name: .long, help: "A security group; repeatable.")
    var securityGroup: [String] = []

    @Option(name: .long, help: "The key pair with which they are reached.")
    var keyName: String?

    @Option(name: .long, help: "A name for what is opened together.")
    var name = "almanac"

    @Flag(name: .long, help: "Return as soon as they are launched, and leave them open.")
    var detach = false

    @Option(name: .long, help: "How often to look whether they are still there.")
    var lookEvery = TimeSpan(seconds: 30)

    @Flag(name: .long, help: "Do it.")
    var yes = false

    @OptionGroup var cloud: CloudOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard 1...1000 ~= count else { throw ValidationError("--count is \(count), expected 1 to 1000.") }
        guard 60...2_592_000 ~= time.seconds else {
            throw ValidationError("--for is \(Units.formatSeconds(time.seconds)), expected 1 minute to 30 days.")
        }
        if let maxPrice, maxPrice <= .zero {
            throw ValidationError("--max-price is \(maxPrice), expected more than 0.")
        }
        if let spendLimit, spendLimit <= .zero {
            throw ValidationError("--spend-limit is \(spendLimit), expected more than 0.")
        }
        if yes, spendLimit == nil {
            throw ValidationError(
                "--yes needs --spend-limit: the most, in US dollars, that all launches may cost together.")
        }
        if detach, !command.isEmpty { throw ValidationError("--detach and a command after '--' exclude each other.") }
        if let userData, !FileManager.default.isReadableFile(atPath: userData) {
            throw ValidationError("--user-data is '\(userData)', expected a file that can be read.")
        }
    }

    private struct Opened: Encodable {
        var launched: Bool
        var commands: [String]
        var worstCost: Money
        var committed: Money
        var instances: [CloudInstance] = []
        var ending: String?

        enum CodingKeys: String, CodingKey {
            case launched, commands, instances, ending
            case worstCost = "worst_cost_nanodollars"
            case committed = "committed_nanodollars"
        }
    }

    func run() throws {
        let console = global.console
        let ledger = cloud.ledger
        let region: String
        if let named = cloud.region {
            region = named
        } else if yes {
            region = try cloud.commandLine().usualRegion()
        } else {
            let environment = ProcessInfo.processInfo.environment
            region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "REGION"
        }
        let launch = try PoolLaunch(wish, poolFile: pool, region: region)
        guard yes, let spendLimit else { return try explain(launch, ledger) }
        // Whoever reads our remarks may leave; what is open must be closed all the same.
        signal(SIGPIPE, SIG_IGN)
        let cloudPool = try cloud.pool()
        let (instances, ending) = try launch.keep(
            cloudPool, limit: spendLimit, command: command, staysOpen: detach, lookSeconds: max(1, lookEvery.seconds)
        ) { progress in say(progress, console) }
        let state = try ledger.read()
        let cost = state?.reservation(of: instances.first?.id ?? "")?.cost(at: cloudPool.time) ?? .zero
        try console.result(
            Opened(
                launched: true, commands: [], worstCost: cost, committed: state?.committed(at: cloudPool.time) ?? .zero,
                instances: instances, ending: ending.text),
            text: ending == .detached
                ? "\(table(instances))\nThey stay open. Close them with: almanac pool close --pool \(name) --yes"
                : "closed: \(ending.text); this cost at most \(cost)")
        switch ending {
        case .signal: throw ExitCode(130)
        case .commandEnded(let code) where code != 0: throw ExitCode(code)
        case .allGone: throw Failure.work("All instances were taken away. 'almanac pool list' shows that none is open.")
        default: return
        }
    }

    private var wish: PoolLaunch.Wish {
        var wish = PoolLaunch.Wish()
        (wish.name, wish.type, wish.zone, wish.purchase) = (name, type, zone, purchase)
        (wish.count, wish.seconds, wish.maximumPrice) = (count, time.seconds, maxPrice)
        (wish.start.image, wish.start.launchTemplate, wish.start.userDataFile) = (image, launchTemplate, userData)
        (wish.start.subnet, wish.start.securityGroups, wish.start.keyName) = (subnet, securityGroup, keyName)
        return wish
    }

    /// What would be done.
    private func explain(_ launch: PoolLaunch, _ ledger: SpendLedger) throws {
        let state = try ledger.read()
        let committed = state?.committed(at: Date().timeIntervalSince1970) ?? .zero
        let commands = launch.requests.map { request in
            AWSCommandLine.shell(request.words(ledger: state?.id ?? "LEDGER"), profile: cloud.profile)
        }
        guard let first = launch.requests.first, let command = commands.first else { return }
        var lines = [
            "This would launch \(Units.count(first.count, "instance")) for \(Units.formatSeconds(first.reservedSeconds)), at most "
                + "\(first.hourlyLimit) an hour each, \(first.worstCost) in all:", "", command, "",
        ]
        if commands.count > 1 {
            let next = launch.requests.dropFirst().map { request in
                [request.instanceType, request.purchase == .spot ? "spot" : nil, request.zone].compactMap(\.self)
                    .joined(separator: "/")
            }
            lines.append("If there is none: \(next.prefix(8).joined(separator: ", "))\(next.count > 8 ? ", …" : "").")
        }
        if !first.endsItself {
            lines.append(
                "They do not shut themselves down: only this program, while it runs, and 'pool close' end them.")
        }
        lines.append("Launches from this store have cost at most \(committed) so far.")
        if let spendLimit, committed + first.worstCost > spendLimit {
            lines.append("That is beyond --spend-limit \(spendLimit): it would be refused.")
        }
        lines.append("Nothing was launched: --yes does it.")
        try global.console.result(
            Opened(launched: false, commands: commands, worstCost: first.worstCost, committed: committed),
            text: lines.joined(separator: "\n"))
    }

    private func say(_ progress: PoolLaunch.Progress, _ console: Console) {
        switch progress {
        case .noCapacity(let request, let error):
            console.remark("\(request.instanceType)\(request.zone.map { " in \($0)" } ?? ""): \(error)")
        case .open(let instances, let until):
            guard !detach else { return }
            console.remark(table(instances))
            console.remark("open until \(Quantity.date.text(until)) UTC; Ctrl-C closes them")
        case .gone(let instances):
            for instance in instances {
                console.remark("\(instance.id) is gone: \(instance.reason ?? instance.state)")
            }
        case .notSeen(let error): console.remark("cannot look how they are: \(error)")
        case .closing(let ending): console.remark("closing: \(ending.text)")
        }
    }

    private func table(_ instances: [CloudInstance]) -> String {
        var table = TextTable(["instance", "type", "bought", "zone", "state", "address"])
        for instance in instances {
            table.add([
                instance.id, instance.instanceType, instance.purchase.rawValue, instance.zone ?? "–", instance.state,
                instance.publicAddress ?? instance.privateAddress ?? "–",
            ])
        }
        return table.text
    }
}

extension PoolLaunch.Ending {
    /// As a person reads it.
    var text: String {
        switch self {
        case .timeIsUp: "the time is up"
        case .signal(let number): number == SIGINT ? "Ctrl-C" : "signal \(number)"
        case .allGone: "all are gone"
        case .commandEnded(let code): "the command ended with exit code \(code)"
        case .detached: "they stay open"
        }
    }
}

/// `almanac pool list`: what is open.
struct PoolListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the instances that are open, by their tags, beside what the ledger of launches says.",
        discussion: """
            'recorded' is in the ledger; 'unrecorded' carries the tag of our ledger, which does not have it; 'other-ledger' was \
            launched from another store, or the ledger is lost. What has ended meanwhile is written down.
            """)

    @OptionGroup var cloud: CloudOptions
    @OptionGroup var global: GlobalOptions

    private struct Listed: Encodable {
        var instances: [CloudPool.Listing.Item]
        var launches: [SpendLedger.Reservation]
        var committed: Money

        enum CodingKeys: String, CodingKey {
            case instances, launches
            case committed = "committed_nanodollars"
        }
    }

    func run() throws {
        let listing = try cloud.pool().listing()
        var lines: [String] = []
        if listing.items.isEmpty {
            lines.append("nothing is open")
        } else {
            lines.append(PoolListCommand.table(listing.items))
        }
        let pending = listing.reservations.filter(\.isPending)
        for reservation in pending {
            lines.append(
                "of \(reservation.request.token) (\(reservation.request.instanceType)) nobody knows yet what came of it: "
                    + "\(reservation.request.worstCost) stay set aside")
        }
        if let error = listing.ledgerError {
            global.console.remark("\(error)")
        } else {
            lines.append("all launches from this store have cost, or may cost, at most \(listing.committed)")
        }
        try global.console.result(
            Listed(instances: listing.items, launches: listing.reservations, committed: listing.committed),
            text: lines.joined(separator: "\n"))
    }

    static func table(_ items: [CloudPool.Listing.Item]) -> String {
        var table = TextTable([
            "instance", "type", "bought", "zone", "state", "since", "until", "pool", "ledger", "at most",
        ])
        let now = Date().timeIntervalSince1970
        for item in items {
            let instance = item.instance
            let until = item.untilSeconds.map { Quantity.date.text($0) + ($0 < now ? " (overdue)" : "") }
            table.add([
                instance.id, instance.instanceType, instance.purchase.rawValue, instance.zone ?? "–", instance.state,
                instance.launchTimeSeconds.map { Quantity.date.text($0) } ?? "–", until ?? "–", instance.pool ?? "–",
                item.standing.rawValue, item.worstCost?.description ?? "–",
            ])
        }
        return table.text
    }
}

/// `almanac pool close`: ends what is open.
struct PoolCloseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Close instances that almanac launched: those named, those of a pool, or all.",
        discussion: """
            They are found by their tags, also after the program that opened them was killed. --all is all of this store's \
            ledger; an instance of another ledger is closed when it is named. Without --yes the command is printed only.
            """)

    @Argument(help: "Instances, for instance i-0123456789abcdef0.")
    var instances: [String] = []

    @Option(name: .customLong("pool"), help: "All that were opened under this name.")
    var pool: String?

    @Flag(name: .long, help: "All that were opened from this store.")
    var all = false

    @Flag(name: .long, help: "Do it.")
    var yes = false

    @OptionGroup var cloud: CloudOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard [all, pool != nil, !instances.isEmpty].count(where: { $0 }) == 1 else {
            throw ValidationError("Say what to close: instances, --pool NAME, or --all.")
        }
    }

    private struct Closed: Encodable {
        var closed: Bool
        var commands: [String]
        var instances: [CloudInstance]
    }

    func run() throws {
        let cloudPool = try cloud.pool()
        let items = try cloudPool.listing().items
        let unknown = instances.filter { id in !items.contains { $0.instance.id == id } }
        guard unknown.isEmpty else { throw CloudError.notOurs(unknown) }
        let chosen = items.filter { item in
            if !instances.isEmpty { return instances.contains(item.instance.id) }
            return item.standing != .otherLedger && (pool == nil || item.instance.pool == pool)
        }.map(\.instance)
        let commands = Dictionary(grouping: chosen, by: \.region).sorted { $0.key < $1.key }.map { region, here in
            AWSCommandLine.shell(CloudPool.closingWords(here, in: region), profile: cloud.profile)
        }
        if yes { try cloudPool.close(chosen) }
        let text =
            chosen.isEmpty
            ? "nothing is open"
            : yes
                ? "closed: \(chosen.map(\.id).joined(separator: ", "))"
                : "This would close \(Units.count(chosen.count, "instance")):\n\n\(commands.joined(separator: "\n"))\n\n"
                    + "Nothing was closed: --yes does it."
        try global.console.result(
            Closed(closed: yes && !chosen.isEmpty, commands: commands, instances: chosen), text: text)
    }
}

/// `almanac pool watch`: whether this instance is about to be taken back.
struct PoolWatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "On an EC2 instance: wait until its metadata service says that it will be taken back.",
        discussion: """
            Prints a recommendation to rebalance when it comes, and ends with exit code 0 at the notice of an interruption, two \
            minutes before it at most: 'almanac pool watch && ./save-and-leave.sh'. With --once it says what is known now, \
            and ends with exit code 1 if nothing is. The address is taken from AWS_EC2_METADATA_SERVICE_ENDPOINT, if set.
            """)

    @Flag(name: .long, help: "Look once.")
    var once = false

    @Option(name: .long, help: "How often to look.")
    var every = TimeSpan(seconds: 5)

    @Flag(name: .long, help: "End at a recommendation to rebalance, too.")
    var rebalance = false

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard 0.01...3600 ~= every.seconds else {
            throw ValidationError("--every is \(Units.formatSeconds(every.seconds)), expected 10 ms to 1 hour.")
        }
    }

    private struct Seen: Encodable {
        var instance: InstanceMetadata.Identity
        var notices: [InstanceMetadata.Notice]
    }

    func run() throws {
        let service = try InstanceMetadata()
        var token = try service.token()
        let identity = try service.identity(token: &token)
        let name = [identity.instance, identity.instanceType, identity.purchase, identity.zone].compactMap(\.self)
        if !once { global.console.remark("watching \(name.joined(separator: ", "))") }
        var told: Set<InstanceMetadata.Notice.Kind> = []
        var failures = 0
        while true {
            var notices: [InstanceMetadata.Notice] = []
            do throws(CloudError) {
                notices = try service.notices(token: &token)
                failures = 0
            } catch {
                // It may be busy; it must not be gone.
                failures += 1
                guard !once, failures < 5 else { throw error }
            }
            let isEnd = notices.contains { $0.kind == .interruption || rebalance }
            if once || isEnd {
                let text = notices.isEmpty ? "no notice" : notices.map(\.text).joined(separator: "\n")
                try global.console.result(Seen(instance: identity, notices: notices), text: text)
                if notices.isEmpty { throw ExitCode(1) }
                return
            }
            for notice in notices where told.insert(notice.kind).inserted { global.console.remark(notice.text) }
            Thread.sleep(forTimeInterval: every.seconds)
        }
    }
}

extension InstanceMetadata.Notice {
    /// As a person reads it.
    var text: String {
        let time = timeSeconds.map { Quantity.date.text($0) + " UTC" }
        return switch kind {
        case .interruption: "this instance will \(action ?? "end")" + (time.map { " at \($0)" } ?? "")
        case .rebalance:
            "this instance is more likely than usual to be taken back" + (time.map { " (said at \($0))" } ?? "")
        }
    }
}

extension PurchaseOption: ExpressibleByArgument {}

extension Money: ExpressibleByArgument {
    /// US dollars, for instance `5` or `0.25`.
    public init?(argument: String) { self.init(argument) }

    /// As it is typed.
    public var defaultValueDescription: String { decimal }
}
