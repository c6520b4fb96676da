import Workloads

/// A pool for a stream of jobs: so much is kept ready as the forecast says will do with a probability, also while nobody has
/// come. More is opened when tasks wait, and given back after a while.
///
/// What is kept is a newsvendor's stock: an instance that is not wanted costs its rent, one that is wanted and not there a
/// wait, and the probability that weighs them is wait / (wait + rent). It is filled with the cheapest offers by what they have
/// room for. Beyond it, an instance that runs nothing is given back when it has cost what opening it anew would: after
/// ``Offer/openSeconds``, or one unit of its bill.
/// - Complexity: O(offers · log offers) a look, times the kinds of restrictions of tasks while some wait; O(instances) while one
///   is to be given back. Source: Arrow, Harris and Marschak, *Optimal inventory policy* (1951).
public struct ReservedPool: Provisioning {
    /// What the jobs are expected to want.
    public var forecast: DemandForecast
    /// The probability with which that is there.
    public var level: Double

    /// Makes a provisioning.
    ///
    /// - Parameter level: From 0 (nothing is kept) to 0.9999.
    public init(_ forecast: DemandForecast, level: Double) {
        (self.forecast, self.level) = (forecast, max(0, min(0.9999, level)))
    }

    /// The probability at which one more instance costs as much as it saves.
    ///
    /// - Parameters:
    ///   - waitPerHour: What it costs that tasks wait which an instance could run, in US dollars an hour.
    ///   - rentPerHour: What the instance costs.
    public static func level(waitPerHour: Double, rentPerHour: Double) -> Double {
        waitPerHour > 0 ? waitPerHour / (waitPerHour + max(0, rentPerHour)) : 0
    }

    public var followsDemand: Bool { true }

    public mutating func changes(_ state: RunState) -> [Action] {
        let reserve = reserve(state)
        var counts = state.openCounts.map { Int($0) }
        var actions: [Action] = []
        func open(_ offer: Int, _ count: Int) {
            for _ in 0..<max(0, count) {
                let instance = InstanceIndex(state.instances.count + actions.count)
                actions.append(.open(instance, OfferIndex(offer), job: -1, slot: -1))
                counts[offer] += 1
            }
        }
        let usable = byPrice(state).filter { state.retrySeconds($0) <= state.seconds }
        for offer in usable { open(offer, reserve[offer] - counts[offer]) }
        // What waits and has no room on what runs nothing and takes tasks, or will.
        var spare = state.offers.indices.map { Int(state.spareCounts[$0]) + counts[$0] - Int(state.openCounts[$0]) }
        for kind in state.waiting.indices where state.waiting[kind].count > 0 && state.isGoingOn {
            var missing = state.waiting[kind].sum
            let allowed = state.offers.indices.filter { state.allows(kind: kind, $0) }
            let large = allowed.filter { state.waiting[kind].largest.fits(in: state.offers[$0].capacity) }
            let fitting = large.isEmpty ? allowed : large
            for offer in fitting {
                let taken = min(spare[offer], Self.count(missing, state.offers[offer].capacity))
                spare[offer] -= taken
                missing.lanes -= state.offers[offer].capacity.lanes * Double(taken)
            }
            for offer in usable where fitting.contains(offer) {
                let room = state.offers[offer].maximumCount - counts[offer]
                let more = max(0, min(room, Self.count(missing, state.offers[offer].capacity)))
                missing.lanes -= state.offers[offer].capacity.lanes * Double(more)
                open(offer, more)
            }
        }
        if actions.isEmpty { actions = lastResort(state, usable) }
        return actions.isEmpty ? returns(reserve, state) : actions
    }

    public func wakeSeconds(_ state: RunState) -> Double {
        let reserve = reserve(state)
        let lead = lead(state)
        var earliest = forecast.stepEnd(after: state.seconds)
        let early = forecast.stepEnd(after: state.seconds + lead) - lead
        if early > state.seconds { earliest = min(earliest, early) }
        for offer in state.offers.indices {
            let retry = state.retrySeconds(offer)
            if retry > state.seconds { earliest = min(earliest, retry) }
            guard Int(state.openCounts[offer]) > reserve[offer], state.spareCounts[offer] > 0 else { continue }
            for instance in state.instances.offer.indices
            where state.instances.offer[instance] == OfferIndex(offer) && state.isSpare(InstanceIndex(instance)) {
                let end = state.instances.idleSeconds[instance] + patience(offer, state)
                if end > state.seconds { earliest = min(earliest, end) }
            }
        }
        return earliest
    }
}

extension ReservedPool {
    /// How many instances of each offer are to be there.
    func reserve(_ state: RunState) -> [Int] {
        var reserve = state.offers.map { _ in 0 }
        guard level > 0 else { return reserve }
        // What will be wanted when an instance that is asked for now has come.
        var wanted = forecast.quantile(level, at: state.seconds)
            .maxima(forecast.quantile(level, at: state.seconds + lead(state)))
        for offer in byPrice(state) {
            let capacity = state.offers[offer].capacity
            // Where it has nothing of what is wanted still, it does not help.
            guard any((capacity.lanes .> 0) .& (wanted.lanes .> 0)) else { continue }
            reserve[offer] = min(max(0, state.offers[offer].maximumCount), Self.count(wanted, capacity))
            wanted.lanes -= capacity.lanes * Double(reserve[offer])
        }
        return reserve
    }

    private func lead(_ state: RunState) -> Double { state.offers.reduce(0) { max($0, $1.openSeconds) } }

    /// How long an instance beyond the reserve may run nothing.
    private func patience(_ offer: Int, _ state: RunState) -> Double {
        max(1, max(state.offers[offer].openSeconds, state.offers[offer].billing.granularitySeconds))
    }

    /// How many instances have room for something, but for rounding.
    private static func count(_ wanted: Resources, _ capacity: Resources) -> Int {
        var most = 0.0
        for lane in 0..<4 where capacity.lanes[lane] > 0 && wanted.lanes[lane] > 0 {
            most = max(most, wanted.lanes[lane] / capacity.lanes[lane] - 1e-9)
        }
        return Int(min(1e6, most.rounded(.up)))
    }

    /// The offers, those first that give most processors and GPUs for their price.
    private func byPrice(_ state: RunState) -> [Int] {
        func price(_ offer: Int) -> Double {
            let capacity = state.offers[offer].capacity
            return state.offers[offer].price.perHour / max(1e-9, capacity.cpus + capacity.gpus)
        }
        return state.offers.indices.sorted { (price($0), $0) < (price($1), $1) }
    }

    /// Tasks wait, nothing runs and nothing is on its way: sums have hidden that one fits on nothing that is there.
    private func lastResort(_ state: RunState, _ usable: [Int]) -> [Action] {
        guard state.jobs.contains(where: { $0.ready > 0 && $0.ending == nil && !$0.isCancelled }),
            !state.jobs.contains(where: { $0.running > 0 }), !state.instances.phase.contains(.opening)
        else { return [] }
        for task in 0..<state.tasks.count
        where state.tasks.phase[task] == .ready && state.mayStart(state.tasks.job[task]) {
            let request = state.tasks.request[task]
            let isThere = state.instances.offer.indices.contains {
                state.instances.phase[$0] == .open && request.fits(in: state.instances.free[$0])
                    && state.allows(TaskIndex(task), state.instances.offer[$0])
            }
            if isThere { continue }
            let offer = usable.first {
                state.allows(TaskIndex(task), OfferIndex($0)) && request.fits(in: state.offers[$0].capacity)
                    && Int(state.openCounts[$0]) < state.offers[$0].maximumCount
            }
            guard let offer else { continue }
            return [.open(InstanceIndex(state.instances.count), OfferIndex(offer), job: -1, slot: -1)]
        }
        return []
    }

    /// Gives back what has run nothing for a while, is beyond the reserve, and is nothing that tasks wait for.
    private func returns(_ reserve: [Int], _ state: RunState) -> [Action] {
        var actions: [Action] = []
        for offer in state.offers.indices {
            guard Int(state.openCounts[offer]) > reserve[offer], state.spareCounts[offer] > 0 else { continue }
            let isWanted =
                state.isGoingOn
                && state.waiting.indices.contains { state.waiting[$0].count > 0 && state.allows(kind: $0, offer) }
            if isWanted { continue }
            // What is on its way out does not count.
            var surplus =
                state.instances.offer.indices.count {
                    state.instances.offer[$0] == OfferIndex(offer)
                        && (state.instances.phase[$0] == .open || state.instances.phase[$0] == .opening)
                } - reserve[offer]
            for instance in state.instances.offer.indices
            where surplus > 0 && state.instances.offer[instance] == OfferIndex(offer)
                && state.instances.phase[instance] == .open && state.isSpare(InstanceIndex(instance))
                && state.instances.idleSeconds[instance] + patience(offer, state) <= state.seconds
            {
                actions.append(.close(InstanceIndex(instance)))
                surplus -= 1
            }
        }
        return actions
    }
}
