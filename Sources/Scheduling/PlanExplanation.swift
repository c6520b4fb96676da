public import Workloads

/// Why a plan puts a task where it is, and why it starts when it does.
///
///     let explanation = try PlanExplanation("align", in: plan, problem)
///     explanation.waits.first       // the predecessor, or the task whose room it takes
///     explanation.alternatives      // when it would end elsewhere, and by how much dearer
public struct PlanExplanation: Hashable, Sendable, Encodable {
    /// Something that the start waits for.
    public struct Wait: Hashable, Sendable, Encodable {
        /// What it is.
        public enum Reason: String, Hashable, Sendable, Encodable {
            /// The task's result is needed.
            case result
            /// The task holds room on the instance.
            case room
            /// The task has in use what the account may not have more of at once.
            case quota
        }

        /// The task.
        public let task: TaskID
        /// Why it is waited for.
        public let reason: Reason
        /// When it ends, in seconds.
        public let endSeconds: Double
        /// How long it takes from there until its data is on the instance, in seconds.
        public let transferSeconds: Double
        /// Whether the task starts at the moment when this has come.
        public let isBinding: Bool
    }

    /// What one offer could do for the task, while the rest of the plan stays as it is.
    public struct Alternative: Hashable, Sendable, Encodable {
        /// Its name, for instance `m5.large/spot/us-east-1a`.
        public let offer: String
        /// Whether the plan has the task there.
        public let isChosen: Bool
        /// When it would start and end at the earliest, in seconds; `nil` if it cannot run there.
        public let startSeconds: Double?
        public let endSeconds: Double?
        /// By how much that is later than the plan has it, in seconds; less than 0 if earlier.
        public let laterSeconds: Double?
        /// By how much the plan would be dearer, in US dollars; less than 0 if cheaper.
        public let dearer: Double?
        /// Whether that would need an instance that the plan does not rent.
        public let isNewInstance: Bool
        /// Why it cannot run there; `nil` if it can.
        public let obstacle: String?
    }

    /// The task.
    public let task: TaskID
    /// What kind it is.
    public let type: String
    /// Where it runs.
    public let instance: InstanceID
    /// When it starts and ends, in seconds.
    public let startSeconds: Double
    public let endSeconds: Double
    /// What it waits for, the last first; those that no room or result binds to are left out beyond the first five.
    public let waits: [Wait]
    /// When it may start first, and by when it must end, in seconds; `nil` if the job does not say.
    public let notBeforeSeconds: Double?
    public let deadlineSeconds: Double?
    /// For how long it waits though nothing that it waits for keeps it, in seconds.
    public let idleSeconds: Double
    /// By how much it could end later without a longer makespan, on the same instances in the same order, in seconds.
    public let slackSeconds: Double
    /// Whether the makespan follows from it, through instances too.
    public let isCritical: Bool
    /// What every offer of the pool could do, the earliest end first.
    public let alternatives: [Alternative]

    /// Explains one task of a plan for a problem.
    ///
    /// - Throws: ``PlanError/invalid(_:)`` if the plan does not have the task.
    /// - Complexity: O(*n* log *n* + *E* + *instances* · *predecessors*).
    public init(_ task: TaskID, in plan: Plan, _ problem: PlanningProblem) throws(PlanError) {
        let graph = problem.graph
        guard let index = graph.index(of: task), let place = plan.assignments.firstIndex(where: { $0.task == task })
        else {
            let nearest = nearestName(to: task.rawValue, among: graph.tasks.lazy.map(\.id.rawValue))
            throw .invalid("it has no task '\(task)'" + (nearest.map { ". Did you mean '\($0)'?" } ?? ""))
        }
        let own = plan.assignments[place]
        let waits = plan.waits(graph, quota: problem.quota) { problem.transferSeconds($0, $1, isFar: $2) }
        (self.task, type, instance) = (task, graph.tasks[index].type, own.instance)
        (startSeconds, endSeconds) = (own.startSeconds, own.endSeconds)
        let found = waits.links[place].map { link in
            let earlier = plan.assignments[link.piece]
            let arrival = earlier.endSeconds + link.seconds
            return Wait(
                task: earlier.task, reason: Wait.Reason(link.reason), endSeconds: earlier.endSeconds,
                transferSeconds: link.seconds, isBinding: arrival >= own.startSeconds - WaitGraph.tolerance)
        }.sorted { a, b in
            let (first, second) = (a.endSeconds + a.transferSeconds, b.endSeconds + b.transferSeconds)
            return first != second ? first > second : (a.reason == .result && b.reason == .room)
        }
        self.waits = found.enumerated().filter { $0.offset < 5 || $0.element.isBinding }.map(\.element)
        let open = plan.instances.first { $0.id == own.instance }?.entry.openSeconds ?? 0
        let arrival = found.first.map { $0.endSeconds + $0.transferSeconds } ?? 0
        (notBeforeSeconds, deadlineSeconds) = (graph.tasks[index].notBeforeSeconds, graph.tasks[index].deadlineSeconds)
        idleSeconds = max(0, own.startSeconds - max(open, arrival, notBeforeSeconds ?? 0))
        slackSeconds = waits.slacks[place]
        isCritical = waits.criticalPath.contains(place)
        let before = Set(graph.predecessors(of: index).map { graph.tasks[$0].id })
        let site = Site(
            task: index, own: own, predecessors: plan.assignments.filter { before.contains($0.task) },
            others: Dictionary(grouping: plan.assignments.filter { $0.task != task }, by: \.instance),
            zones: Dictionary(plan.instances.map { ($0.id, $0.entry.zone) }, uniquingKeysWith: { first, _ in first }),
            account: AccountTimeline(problem, of: plan, but: task))
        alternatives = problem.entries.indices.map { Self.alternative(problem, plan, site, entry: $0) }.sorted {
            ($0.endSeconds ?? .infinity, $0.offer) < ($1.endSeconds ?? .infinity, $1.offer)
        }
    }
}

extension PlanExplanation {
    /// A task of a plan, and what is around it.
    private struct Site {
        var task: Int
        var own: Plan.Assignment
        var predecessors: [Plan.Assignment]
        /// All other tasks of every instance.
        var others: [InstanceID: [Plan.Assignment]]
        var zones: [InstanceID: String?]
        /// What all other tasks have in use, if there is a quota.
        var account: AccountTimeline?
    }

    /// The best that instances of one entry can do for a task, while the rest of the plan stays.
    private static func alternative(
        _ problem: PlanningProblem, _ plan: Plan, _ site: Site, entry: Int
    ) -> Alternative {
        let (offer, task, own) = (problem.entries[entry], site.task, site.own)
        let name = String(offer.instanceID(0).rawValue.dropLast(2))
        let here = plan.instances.first { $0.id == own.instance }
        let isChosen = here.map { $0.entry.isSame(as: offer) } ?? false
        let seconds = problem.seconds(of: task, on: entry)
        guard seconds.isFinite else {
            return Alternative(
                offer: name, isChosen: isChosen, startSeconds: nil, endSeconds: nil, laterSeconds: nil, dearer: nil,
                isNewInstance: false, obstacle: obstacle(problem, task, own, offer))
        }
        let rented = plan.instances.filter { $0.entry.isSame(as: offer) }
        var best: (start: Double, added: Double, isNew: Bool)?
        func consider(_ start: Double, _ added: Double, isNew: Bool) {
            if let best, (best.start, best.added) <= (start, added) { return }
            best = (start, added, isNew)
        }
        let bill = problem.bills[entry]
        for instance in rented {
            let others = site.others[instance.id] ?? []
            let ready = arrival(problem, site, on: instance.id, entry: entry)
            let start = earliestStart(site, entry, seconds, from: ready, beside: others, in: offer.type)
            guard let first = others.map(\.startSeconds).min(), let last = others.map(\.endSeconds).max() else {
                consider(start, bill.total(from: start, to: start + seconds), isNew: false)
                continue
            }
            let before = bill.total(from: first, to: last)
            let after = bill.total(from: min(first, start), to: max(last, start + seconds))
            consider(start, after - before, isNew: false)
        }
        if rented.count < offer.maximumCount {
            let ready = arrival(problem, site, on: nil, entry: entry)
            let start = earliestStart(site, entry, seconds, from: ready, beside: [], in: offer.type)
            consider(start, bill.total(from: start, to: start + seconds), isNew: true)
        }
        guard let best else {
            return Alternative(
                offer: name, isChosen: isChosen, startSeconds: nil, endSeconds: nil, laterSeconds: nil, dearer: nil,
                isNewInstance: false, obstacle: "none is left")
        }
        return Alternative(
            offer: name, isChosen: isChosen, startSeconds: best.start, endSeconds: best.start + seconds,
            laterSeconds: best.start + seconds - own.endSeconds,
            dearer: best.added - saved(problem, site, here), isNewInstance: best.isNew, obstacle: nil)
    }

    /// What the plan would cost less without the task.
    private static func saved(_ problem: PlanningProblem, _ site: Site, _ here: Plan.Instance?) -> Double {
        guard let here, let entry = problem.entries.firstIndex(where: { $0.isSame(as: here.entry) }) else { return 0 }
        let others = site.others[here.id] ?? []
        let all = problem.bills[entry].total(from: here.startSeconds, to: here.endSeconds)
        guard let first = others.map(\.startSeconds).min(), let last = others.map(\.endSeconds).max() else {
            return all
        }
        return all - problem.bills[entry].total(from: first, to: last)
    }

    /// When an instance of an entry, or a new one, can be there and all data on it.
    private static func arrival(
        _ problem: PlanningProblem, _ site: Site, on instance: InstanceID?, entry: Int
    ) -> Double {
        let zone = problem.entries[entry].zone
        let begin = max(problem.opens[entry], problem.release(of: site.task))
        return site.predecessors.reduce(begin) { latest, earlier in
            let predecessor = earlier.instance == instance ? nil : problem.graph.index(of: earlier.task)
            let isFar = Network.isFar(site.zones[earlier.instance] ?? nil, zone)
            let transfer = predecessor.map { problem.transferSeconds($0, site.task, isFar: isFar) } ?? 0
            return max(latest, earlier.endSeconds + transfer)
        }
    }

    /// The first moment from which on there is room for so many seconds beside others, within the quota.
    private static func earliestStart(
        _ site: Site, _ entry: Int, _ seconds: Double, from ready: Double, beside others: [Plan.Assignment],
        in type: InstanceType
    ) -> Double {
        var start = ready
        while true {
            let found = earliestStart(site.own, seconds, from: start, beside: others, in: type)
            guard let account = site.account,
                let allowed = account.earliestStart(site.task, on: entry, ready: found), allowed > found
            else { return found }
            start = allowed
        }
    }

    /// The first moment from which on there is room for so many seconds beside others.
    private static func earliestStart(
        _ own: Plan.Assignment, _ seconds: Double, from ready: Double, beside others: [Plan.Assignment],
        in type: InstanceType
    ) -> Double {
        var changes: [(time: Double, cpus: Double, memory: Double)] = []
        for other in others where other.endSeconds > ready && other.endSeconds > other.startSeconds {
            changes.append((max(ready, other.startSeconds), other.cpus, other.memoryBytes))
            changes.append((other.endSeconds, -other.cpus, -other.memoryBytes))
        }
        changes.sort { $0.time < $1.time }
        let (cpus, memory) = (type.cpus * (1 + 1e-9), type.memoryBytes * (1 + 1e-9))
        var (usedCPUs, usedMemory, start, at) = (own.cpus, own.memoryBytes, ready, 0)
        var isOpen = true
        while at < changes.count {
            let time = changes[at].time
            if isOpen, time >= start + seconds { return start }
            while at < changes.count, changes[at].time == time {
                usedCPUs += changes[at].cpus
                usedMemory += changes[at].memory
                at += 1
            }
            let fits = usedCPUs <= cpus && usedMemory <= memory
            if fits, !isOpen { start = time }
            isOpen = fits
        }
        return start
    }

    private static func obstacle(
        _ problem: PlanningProblem, _ task: Int, _ own: Plan.Assignment, _ offer: Offer
    ) -> String {
        if own.cpus > offer.type.cpus {
            return "needs \(Units.format(own.cpus, digits: 1)) cpus, it has \(Units.format(offer.type.cpus, digits: 1))"
        }
        if own.memoryBytes > offer.type.memoryBytes {
            return "needs \(Units.formatBytes(own.memoryBytes)), it has \(Units.formatBytes(offer.type.memoryBytes))"
        }
        let request = problem.graph.tasks[task].request
        let (wanted, there) = (request.resources, offer.capacity)
        if wanted.gpus > there.gpus {
            return "needs \(Units.format(wanted.gpus, digits: 1)) gpus, it has \(Units.format(there.gpus, digits: 1))"
        }
        if wanted.storageBytes > there.storageBytes {
            return "needs \(Units.formatBytes(wanted.storageBytes)) of storage, it has "
                + Units.formatBytes(there.storageBytes)
        }
        if !request.allow(offer.type, offer.purchase, zone: offer.zone) { return "not allowed there" }
        if let quota = problem.quota, !quota.allows(problem.requests[task], on: offer) {
            return "beyond the quota of \(quota)"
        }
        return "never ends there"
    }
}

extension PlanExplanation.Wait.Reason {
    fileprivate init(_ reason: WaitGraph.Reason) {
        switch reason {
        case .result: self = .result
        case .room: self = .room
        case .quota: self = .quota
        }
    }
}

extension PlanningProblem {
    /// Seconds to bring what the second task needs of the first to another instance.
    func transferSeconds(_ predecessor: Int, _ task: Int, isFar: Bool) -> Double {
        let edge = edges(of: task).first { Int(predecessors[$0]) == predecessor }
        return edge.map { isFar && hasZones ? farTransfers[$0] : transfers[$0] } ?? 0
    }
}
