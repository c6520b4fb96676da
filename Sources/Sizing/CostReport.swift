internal import Basics
public import Workloads

/// Where the money of runs went: what instances cost is divided among the attempts that ran on them, to the last unit, so that
/// all sums agree however they are grouped.
///
///     let report = CostReport(attempts, lives, onDemandPrices: ["m5.large": Price(perHour: 0.096)])
///     report.total.paid                     // equals the sum of what the instances cost
///     report.rows(by: .tenant)              // who paid what
///
/// An instance costs from when it took tasks until it was gone, the last second not included, as its offer bills it. Each second
/// is divided among the attempts that ran in it, by the processors that they had; when none ran, and for what is billed beyond
/// the end, it was idle. Of an attempt that was reclaimed, what its successor took over from a checkpoint is not lost.
public struct CostReport: Sendable {
    /// What became of what was paid for.
    public enum Use: String, Hashable, Sendable, Codable, CaseIterable {
        /// Work that counts.
        case useful
        /// Work that went with an instance that was taken back or disappeared.
        case reclaimed
        /// Work of attempts that failed or were stopped.
        case failed
        /// Nothing ran.
        case idle
    }

    /// By what costs are grouped.
    public enum Grouping: String, Hashable, Sendable, Codable, CaseIterable {
        case run, task, type, tenant, day, instance
    }

    /// What one attempt, or idleness, cost on one instance on one day.
    public struct Part: Hashable, Sendable, Codable {
        public var workflow: String
        public var job: String
        public var tenant: String?
        /// `nil` if nothing ran.
        public var task: String?
        public var taskType: String?
        public var attempt: Int?
        public var instance: String
        public var purchase: PurchaseOption
        /// The day in UTC, in days since 1970-01-01.
        public var day: Int
        public var use: Use
        /// What it cost.
        public var paid: Money
        /// What it would have cost at the on-demand price of its type, unless it was lost; `nil` if that price is not known.
        public var onDemand: Money?
    }

    /// A sum of parts.
    public struct Row: Hashable, Sendable, Encodable {
        /// What they have in common; empty for the total.
        public var name: String
        /// What was paid, and for what.
        public var paid = Money.zero
        public var useful = Money.zero
        public var reclaimed = Money.zero
        public var failed = Money.zero
        public var idle = Money.zero
        /// What it would have cost on demand, where nothing is taken back; `nil` if some price is not known.
        public var onDemand: Money? = Money.zero
        /// What the cheapest course in hindsight would have cost; `nil` if that is not known.
        public var optimum: Money?

        /// What was saved against on demand; negative if it cost more.
        public var saved: Money? { onDemand.map { $0 - paid } }
        /// What was paid beyond the cheapest course in hindsight.
        public var regret: Money? { optimum.map { paid - $0 } }

        enum CodingKeys: String, CodingKey {
            case name
            case paid = "paid_nanodollars"
            case useful = "useful_nanodollars"
            case reclaimed = "lost_to_reclaims_nanodollars"
            case failed = "failed_nanodollars"
            case idle = "idle_nanodollars"
            case onDemand = "on_demand_nanodollars"
            case optimum = "optimum_nanodollars"
            case saved = "saved_nanodollars"
            case regret = "regret_nanodollars"
        }

        /// Writes all amounts, those that follow from others, too.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            for (amount, key) in [
                (paid, CodingKeys.paid), (useful, .useful), (reclaimed, .reclaimed), (failed, .failed), (idle, .idle),
            ] {
                try values.encode(amount, forKey: key)
            }
            for (amount, key) in [
                (onDemand, CodingKeys.onDemand), (optimum, .optimum), (saved, .saved), (regret, .regret),
            ] {
                try values.encodeIfPresent(amount, forKey: key)
            }
        }

        fileprivate init(_ name: String) { self.name = name }

        fileprivate mutating func add(_ part: Part) {
            paid += part.paid
            switch part.use {
            case .useful: useful += part.paid
            case .reclaimed: reclaimed += part.paid
            case .failed: failed += part.paid
            case .idle: idle += part.paid
            }
            guard part.use == .useful || part.use == .idle else { return }
            if let sum = onDemand, let more = part.onDemand { onDemand = sum + more } else { onDemand = nil }
        }
    }

    /// All parts, by instance and then by time.
    public let parts: [Part]
    /// What the cheapest course in hindsight would have cost, by run.
    public let optima: [String: Money]
    /// How much of each attempt that was reclaimed was saved by a checkpoint: a share of its time, by ``AttemptKey``.
    public let savedShares: [AttemptKey: Double]

    /// Names an attempt.
    public struct AttemptKey: Hashable, Sendable {
        public var job: String
        public var task: String
        public var attempt: Int

        /// Of a record; missing names are empty.
        public init(_ record: AttemptRecord) {
            (job, task, attempt) = (record.job ?? "", record.task ?? "", record.attempt ?? 1)
        }
    }

    /// Divides what instances cost.
    ///
    /// - Parameters:
    ///   - attempts: All attempts of the runs, in any order; those without times or instance cost nothing.
    ///   - lives: All instances of the runs.
    ///   - onDemandPrices: By type of instance; those that were bought on demand tell their own.
    ///   - optima: What the cheapest course in hindsight would have cost, by run (`AttemptRecord.job`), where the market is known.
    /// - Complexity: O(*n* log *n* + *k*), *k* the pairs of attempts that share an instance at a time.
    public init(
        _ attempts: [AttemptRecord], _ lives: [InstanceLife], onDemandPrices: [String: Price] = [:],
        optima: [String: Money] = [:]
    ) {
        var prices = onDemandPrices
        for life in lives where life.purchase == .onDemand && prices[life.instanceType] == nil {
            prices[life.instanceType] = Price(perHour: life.pricePerHour)
        }
        savedShares = Self.savedShares(attempts)
        var onInstance: [InstanceKey: [AttemptRecord]] = [:]
        var tenants: [String: Set<String>] = [:]
        for attempt in attempts {
            if let tenant = attempt.tenant { tenants[attempt.job ?? "", default: []].insert(tenant) }
            guard let instance = attempt.instance, attempt.startTimeSeconds != nil, attempt.endTimeSeconds != nil else {
                continue
            }
            onInstance[InstanceKey(attempt.workflow ?? "", attempt.job ?? "", instance), default: []].append(attempt)
        }
        let saved = savedShares
        parts = lives.flatMap { life in
            let owners = tenants[life.job] ?? []
            return Self.parts(
                of: life, onInstance[InstanceKey(life.workflow, life.job, life.instance.rawValue)] ?? [],
                tenant: owners.count == 1 ? owners.first : nil, onDemand: prices[life.instanceType], saved)
        }
        self.optima = optima
    }

    /// All of it.
    public var total: Row {
        var row = parts.reduce(into: Row("")) { $0.add($1) }
        let jobs = Set(parts.map(\.job))
        let known = jobs.compactMap { optima[$0] }
        if !jobs.isEmpty, known.count == jobs.count { row.optimum = known.reduce(.zero, +) }
        return row
    }

    /// Sums, the dearest first; days in their order.
    public func rows(by grouping: Grouping) -> [Row] {
        var rows: [String: Row] = [:]
        for part in parts {
            let name = self.name(part, grouping)
            rows[name, default: Row(name)].add(part)
        }
        if grouping == .run { for (name, optimum) in optima { rows[name]?.optimum = optimum } }
        return rows.values.sorted { a, b in
            grouping == .day || a.paid == b.paid ? a.name < b.name : a.paid > b.paid
        }
    }

    private func name(_ part: Part, _ grouping: Grouping) -> String {
        switch grouping {
        case .run: part.job
        case .task: part.task ?? "(idle)"
        case .type: part.taskType ?? "(idle)"
        case .tenant: part.tenant ?? "(unknown)"
        case .instance: part.instance
        case .day: CivilDate(secondsSince1970: Double(part.day) * 86_400).dateText
        }
    }

    /// The spending of a run against its progress: after each attempt that did useful work, what had been paid until then, and
    /// which share of all useful work (in seconds of the attempts) was done.
    public struct Progress: Hashable, Sendable, Codable {
        /// In Unix seconds.
        public var timeSeconds: Double
        /// From 0 to 1.
        public var share: Double
        /// In US dollars.
        public var paid: Double
    }
}

extension CostReport {
    private struct InstanceKey: Hashable {
        var workflow: String
        var job: String
        var instance: String

        init(_ workflow: String, _ job: String, _ instance: String) {
            (self.workflow, self.job, self.instance) = (workflow, job, instance)
        }
    }

    /// What belongs together: an attempt, or idleness, on one day.
    private struct Slice: Hashable {
        var attempt: Int?
        var isSaved: Bool
        var day: Int
    }

    /// How much of the time of reclaimed attempts was saved: the next attempt says which share of the work it took over, and the
    /// one that completed how long the whole work takes.
    private static func savedShares(_ attempts: [AttemptRecord]) -> [AttemptKey: Double] {
        var shares: [AttemptKey: Double] = [:]
        let byTask = Dictionary(grouping: attempts.filter { $0.task != nil }) {
            [$0.workflow ?? "", $0.job ?? "", $0.task ?? ""]
        }
        for group in byTask.values where group.count > 1 {
            let tries = group.sorted { ($0.attempt ?? 1) < ($1.attempt ?? 1) }
            guard let last = tries.last(where: { $0.status == .completed }), let seconds = last.runtimeSeconds,
                let restored = last.restoredShare, 0..<1 ~= restored, seconds > 0
            else { continue }
            let whole = seconds / (1 - restored)
            for (attempt, next) in zip(tries, tries.dropFirst())
            where attempt.cause == .reclaimed || attempt.cause == .lost {
                let own = attempt.runtimeSeconds ?? (attempt.endTimeSeconds ?? 0) - (attempt.startTimeSeconds ?? 0)
                let gained = (next.restoredShare ?? 0) - (attempt.restoredShare ?? 0)
                guard own > 0, gained > 0 else { continue }
                shares[AttemptKey(attempt)] = min(1, gained * whole / own)
            }
        }
        return shares
    }

    /// Days since 1970-01-01, of the years that have a name.
    private static func day(_ seconds: Double) -> Int {
        Int(min(2_932_896, max(-719_162, (seconds / 86_400).rounded(.down))))
    }

    private static func parts(
        of life: InstanceLife, _ attempts: [AttemptRecord], tenant: String?, onDemand: Price?,
        _ saved: [AttemptKey: Double]
    ) -> [Part] {
        let paid = Money(dollars: life.cost)
        guard let opened = life.openedTimeSeconds else { return [] }
        let closed = max(opened, life.closedTimeSeconds)
        // Time that was billed beyond the end is idle; so are the gaps.
        let billed = life.pricePerHour > 0 ? life.cost / life.pricePerHour * 3600 : closed - opened
        // What is no time is idle on the day that it began.
        let isTime = max(closed, opened + billed) - opened < 3.2e9
        let end = isTime ? max(closed, opened + billed) : opened
        var weights: [Slice: Double] = [:]
        func add(_ from: Double, _ to: Double, _ weight: Double, _ attempt: Int?, _ isSaved: Bool = false) {
            var start = from
            while start < to {
                let day = Self.day(start)
                let stop = min(to, Double(day + 1) * 86_400)
                guard stop > start else { return }
                weights[Slice(attempt: attempt, isSaved: isSaved, day: day), default: 0] += (stop - start) * weight
                start = stop
            }
        }
        // Attempts in the order of their times; saved work comes before lost work.
        var pieces: [(from: Double, to: Double, attempt: Int, isSaved: Bool, cpus: Double)] = []
        for (index, attempt) in attempts.enumerated() {
            let from = max(opened, attempt.startTimeSeconds ?? opened)
            let to = min(end, attempt.endTimeSeconds ?? opened)
            guard to > from else { continue }
            let cpus = attempt.cpus.flatMap { $0 > 0 && $0.isFinite ? $0 : nil } ?? 1
            let middle = from + (to - from) * (saved[AttemptKey(attempt)] ?? 0)
            if middle > from { pieces.append((from, middle, index, true, cpus)) }
            if to > middle { pieces.append((middle, to, index, false, cpus)) }
        }
        let cuts = (pieces.flatMap { [$0.from, $0.to] } + [opened, end]).sorted()
        pieces.sort { $0.from < $1.from }
        var (running, next) = ([Int](), 0)
        for (from, to) in zip(cuts, cuts.dropFirst()) where to > from {
            running.removeAll { pieces[$0].to <= from }
            while next < pieces.count, pieces[next].from <= from {
                running.append(next)
                next += 1
            }
            let cpus = running.reduce(0) { $0 + pieces[$1].cpus }
            if running.isEmpty { add(from, to, 1, nil) }
            for index in running {
                add(from, to, pieces[index].cpus / cpus, pieces[index].attempt, pieces[index].isSaved)
            }
        }
        if weights.isEmpty { weights[Slice(attempt: nil, isSaved: false, day: Self.day(opened))] = 1 }
        let slices = weights.sorted {
            ($0.key.day, $0.key.attempt ?? -1, $0.key.isSaved ? 0 : 1) < (
                $1.key.day, $1.key.attempt ?? -1, $1.key.isSaved ? 0 : 1
            )
        }
        let shares = paid.divided(by: slices.map(\.value))
        let factor = onDemand.flatMap { life.pricePerHour > 0 ? $0.perHour / life.pricePerHour : nil }
        return zip(slices, shares).map { slice, share in
            let attempt = slice.key.attempt.map { attempts[$0] }
            let use: Use =
                attempt.map { record in
                    if record.status == .completed || slice.key.isSaved { return .useful }
                    return record.cause == .reclaimed || record.cause == .lost ? .reclaimed : .failed
                } ?? .idle
            return Part(
                workflow: life.workflow, job: life.job, tenant: attempt?.tenant ?? tenant, task: attempt?.task,
                taskType: attempt?.taskType, attempt: attempt.map { $0.attempt ?? 1 }, instance: life.instance.rawValue,
                purchase: life.purchase, day: slice.key.day, use: use, paid: share,
                onDemand: use == .useful || use == .idle
                    ? factor.map { $0 == 1 ? share : Money(dollars: share.dollars * $0) }
                        ?? (paid == .zero ? onDemand.map { _ in .zero } : nil)
                    : nil)
        }
    }

    /// How one run spent and got on.
    public static func progress(_ attempts: [AttemptRecord], _ lives: [InstanceLife]) -> [Progress] {
        let done = attempts.filter { $0.status == .completed && $0.endTimeSeconds != nil }
            .sorted { ($0.endTimeSeconds ?? 0) < ($1.endTimeSeconds ?? 0) }
        let whole = done.reduce(0) { $0 + max(0, $1.runtimeSeconds ?? 0) }
        guard whole > 0 else { return [] }
        var reached = 0.0
        return done.map { attempt in
            let time = attempt.endTimeSeconds ?? 0
            reached += max(0, attempt.runtimeSeconds ?? 0)
            let paid = lives.reduce(0.0) { sum, life in
                guard let opened = life.openedTimeSeconds, time > opened else { return sum }
                return sum
                    + (time >= life.closedTimeSeconds
                        ? life.cost : min(life.cost, life.pricePerHour * (time - opened) / 3600))
            }
            return Progress(timeSeconds: time, share: min(1, reached / whole), paid: paid)
        }
    }
}
