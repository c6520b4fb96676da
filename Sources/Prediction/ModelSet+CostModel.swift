internal import Forecasting
internal import Foundation
public import Scheduling
public import Workloads

extension ModelSet {
    /// What a scheduler needs to know of a job on a pool, from these models, made in one batch.
    ///
    /// - Parameters:
    ///   - host: The machine that will run all tasks, if it is one.
    ///   - startTime: When the plan starts, in Unix seconds; `nil` is the end of the price history.
    ///   - unknownSeconds: The time of a task of which nothing is known.
    /// - Throws: What a model throws that cannot read the tasks.
    public func costModel(
        for graph: TaskGraph, on pool: ResourcePool, host: String? = nil, startTime: Double? = nil,
        unknownSeconds: Double = 1
    ) throws -> CostModel {
        CostModel(
            try estimates(of: graph, on: pool.entries.map(\.type), host: host, unknownSeconds: unknownSeconds),
            outlook: outlook(of: pool, startTime: startTime))
    }

    /// What is expected of every task: as an imported model says, or else as one that learnt its type, or else what the task
    /// claims, or else what is typical of all types.
    ///
    /// Tasks that ask for no memory get the request of least expected wastage. Speeds are those learnt for a type of
    /// instance and for the host; types that never ran anything are as fast beside those that did as the pool says.
    ///
    /// - Parameters:
    ///   - types: The types of instances that may run them.
    ///   - host: The machine that will run all tasks, if it is one.
    ///   - unknownSeconds: The time of a task of which nothing is known, where no model says what is typical.
    /// - Throws: What a model throws that cannot read the tasks.
    /// - Complexity: O(*V* + *kinds* · *types*), and one question to a forest for all tasks that need it.
    public func estimates(
        of graph: TaskGraph, on types: [InstanceType] = [], host: String? = nil, unknownSeconds: Double = 1
    ) throws -> Estimates {
        let tasks = graph.tasks
        let kinds = Kinds(tasks, claimed: { imported[.runtime] == nil && runtime?.choice(for: $0) == nil })
        var result = Estimates(claimedBy: graph, unknownSeconds: unknownSeconds)
        var features: [String: [Double]] = [:]
        result.kind = kinds.ofTask
        if let model = imported[.runtime] {
            (result.expectedSeconds, result.secondsQuantiles) = try model.estimates(of: tasks)
        } else if let runtime {
            let rows = tasks.indices.filter { !kinds.isClaimed[Int(kinds.ofTask[$0])] }
            let own = rows.count == tasks.count ? kinds.ofTask : rows.map { kinds.ofTask[$0] }
            let found = try runtime.estimates(
                of: tasks, rows: rows, kinds: own, types: kinds.names, features: &features)
            if rows.count == tasks.count {
                result.expectedSeconds = found.expected
                result.secondsQuantiles = rows.indices.map { found.quantiles(of: $0) }
            } else {
                result.secondsQuantiles = result.expectedSeconds.map { .init(exactly: $0) }
                for (place, row) in rows.enumerated() {
                    result.expectedSeconds[row] = found.expected[place]
                    result.secondsQuantiles[row] = found.quantiles(of: place)
                }
            }
        }
        try fillMemory(&result, tasks, kinds, &features)
        fillSpeeds(&result, kinds, types, host: host)
        return result
    }

    private func fillMemory(
        _ result: inout Estimates, _ tasks: [TaskSpec], _ kinds: Kinds, _ features: inout [String: [Double]]
    ) throws {
        if let model = imported[.peakMemory] {
            let (_, quantiles) = try model.estimates(of: tasks)
            result.memoryQuantiles = zip(tasks, quantiles).map { task, own in
                .init(ascending: pointwiseMax(own.values, SIMD8(repeating: task.request.memoryBytes)))
            }
            result.memoryRequestBytes = result.memoryQuantiles.map { $0(0.95) }
        } else if let memory {
            let known = kinds.names.map { memory.choice(for: $0) != nil }
            let rows = tasks.indices.filter { known[Int(kinds.ofTask[$0])] }
            let own = rows.map { kinds.ofTask[$0] }
            let found = try memory.estimates(
                of: tasks, rows: rows, kinds: own, types: kinds.names, features: &features)
            let requests = memory.memoryRequests(found, types: kinds.names)
            for (place, row) in rows.enumerated() {
                result.memoryQuantiles[row] = found.quantiles(of: place)
                result.memoryRequestBytes[row] = requests[place]
            }
        }
    }

    /// Claims, and what imported models say, hold on speed 1: there the speed that the pool states is right.
    private func fillSpeeds(_ result: inout Estimates, _ kinds: Kinds, _ types: [InstanceType], host: String?) {
        guard let runtime, imported[.runtime] == nil else { return }
        var seen: Set<String> = []
        let types = types.filter { seen.insert($0.name).inserted }
        let speeds = zip(kinds.names, kinds.isClaimed).map { name, isClaimed -> [Double?] in
            types.map { type in
                let instanceType = type.name == InstanceType.localName ? nil : type.name
                return isClaimed ? nil : runtime.machines.knownFactor(host, on: instanceType, type: name).map { 1 / $0 }
            }
        }
        guard speeds.contains(where: { $0.contains { $0 != nil } }) else { return }
        result.instanceTypes = types.map(\.name)
        result.speeds = speeds.map { own in
            let ratios = zip(own, types).compactMap { speed, type in speed.map { log($0 / type.speed) } }
            let scale = ratios.isEmpty ? 1 : exp(ratios.reduce(0, +) / Double(ratios.count))
            return zip(own, types).map { speed, type in speed ?? type.speed * scale }
        }
    }

    /// What is believed of a pool: spot prices are forecast by the hour where the market is known, else those that the pool
    /// lists.
    public func outlook(of pool: ResourcePool, startTime: Double? = nil) -> MarketOutlook {
        var outlook = MarketOutlook(listedIn: pool)
        guard let prices else { return outlook }
        for (place, entry) in pool.entries.enumerated() where entry.purchase == .spot {
            guard
                let market = prices.market(instanceType: entry.type.name, zone: entry.zone)
                    ?? prices.market(instanceType: entry.type.name, zone: nil),
                let forecast = try? prices.forecast(market.market, hours: PriceModel.horizonHours, levels: [])
            else { continue }
            let hours = [market.lastPrice] + forecast.mean.map { max(0, $0) }
            let passed = (((startTime ?? market.lastTime) - market.lastTime) / 3600).rounded(.down)
            outlook.pricesPerHour[place] = Array(hours.dropFirst(min(hours.count - 1, Int(max(0, min(passed, 1e6))))))
        }
        return outlook
    }
}

/// The tasks of a job by their type, and by whether the time that they claim counts.
private struct Kinds {
    private(set) var ofTask: [Int32] = []
    private(set) var names: [String] = []
    private(set) var isClaimed: [Bool] = []
    /// By type: its kind without and with a claim, -1 before there is one; they are the same where no claim counts.
    private var known: [String: (plain: Int32, claimed: Int32)] = [:]

    /// - Parameter claimed: Whether tasks of a type keep the time that they claim.
    init(_ tasks: [TaskSpec], claimed: (String) -> Bool) {
        ofTask.reserveCapacity(tasks.count)
        // What came after each kind when it came last: jobs repeat themselves, and to compare is faster than to look up.
        var followers: [(kind: Int32, hasClaim: Bool)] = []
        var last = -1
        // By place, because a task is large to copy.
        for place in tasks.indices {
            let hasClaim = tasks[place].claimedSeconds != nil
            if last >= 0 {
                let guess = followers[last]
                if guess.kind >= 0, guess.hasClaim == hasClaim, names[Int(guess.kind)] == tasks[place].type {
                    ofTask.append(guess.kind)
                    last = Int(guess.kind)
                    continue
                }
            }
            let kind = find(tasks[place].type, hasClaim: hasClaim, claimed)
            while followers.count < names.count { followers.append((-1, false)) }
            if last >= 0 { followers[last] = (kind, hasClaim) }
            ofTask.append(kind)
            last = Int(kind)
        }
    }

    private mutating func find(_ type: String, hasClaim: Bool, _ claimed: (String) -> Bool) -> Int32 {
        var kinds = known[type] ?? (-1, -1)
        let kind = hasClaim ? kinds.claimed : kinds.plain
        if kind >= 0 { return kind }
        let new = Int32(names.count)
        let counts = claimed(type)
        if hasClaim || !counts { kinds.claimed = new }
        if !hasClaim || !counts { kinds.plain = new }
        known[type] = kinds
        names.append(type)
        isClaimed.append(hasClaim && counts)
        return new
    }
}
