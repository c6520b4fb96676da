internal import Glibc
internal import Scheduling
import Workloads

/// The pairs of ready tasks and instances that could be had at one moment, with their features.
struct PairView: Sendable {
    struct Pair: Sendable {
        /// The class of the task.
        var place: Int
        var task: TaskIndex
        var instance: InstanceIndex
    }

    private(set) var pairs: [Pair] = []
    /// The features of all pairs, one row after the other.
    private(set) var features: [Float] = []

    /// How fast each kind of task of each job is on each offer; one number if all kinds are alike.
    private var speeds: [[[Double]]] = []
    private var reclaimsPerHour: [Double] = []
    /// The moment to which what follows belongs.
    private var seconds = -Double.infinity
    /// When an instance of each offer will have room that has none now, as far as is known.
    private var freeSeconds: [Double] = []
    private var processors = 0.0
    private var freeProcessors = 0.0
    /// By job: how small it is, and the processors that are its share.
    private var smallness: [Float] = []
    private var shares: [Double] = []
    private var usages: [Float] = []
    /// What is known of the task of each pair, and of the pair.
    private var raw: [Raw] = []
    private var known = Known()

    private struct Known: Sendable {
        var task: TaskIndex = -1
        var least = Double.infinity
        var cheapest = Double.infinity
        /// How soon it could end on an offer that has no room now.
        var soonest = Double.infinity
    }

    private struct Raw: Sendable {
        var seconds: Double
        var transfer: Double
        var price: Double
        var isPlanned: Bool
        var known: Known
    }
}

extension PairView {
    /// Begins a look at the present.
    mutating func begin(
        _ state: RunState, reclaimsPerHour: [Double], skew: Float, skewByLoad: Float
    ) {
        self.reclaimsPerHour = reclaimsPerHour
        pairs.removeAll(keepingCapacity: true)
        raw.removeAll(keepingCapacity: true)
        features.removeAll(keepingCapacity: true)
        known.task = -1
        for index in speeds.count..<max(speeds.count, state.jobs.count) {
            let estimates = state.jobs[index].estimates
            speeds.append(
                state.offers.map { offer in
                    (estimates?.learntSpeeds(on: offer.type) ?? [offer.type.speed]).map { max($0, 1e-9) }
                })
        }
        if state.seconds != seconds { lookAround(state) }
        share(state, skew: Double(skew), skewByLoad: Double(skewByLoad))
    }

    /// Adds a pair.
    mutating func add(
        _ place: Int, _ task: TaskIndex, _ instance: InstanceIndex, isPlanned: Bool, _ state: RunState
    ) {
        if known.task != task { known = lookAt(task, state) }
        let offer = Int(state.instances.offer[Int(instance)])
        let seconds = secondsOf(task, on: offer, state)
        pairs.append(Pair(place: place, task: task, instance: instance))
        raw.append(
            Raw(
                seconds: seconds, transfer: transfer(task, instance, state),
                price: seconds * state.pricePerHour(state.tasks.request[Int(task)], on: OfferIndex(offer)),
                isPlanned: isPlanned, known: known))
    }

    /// The instance that has most of a task's data, or -1.
    func nearest(_ task: TaskIndex, _ state: RunState) -> InstanceIndex {
        let job = state.jobs[Int(state.tasks.job[Int(task)])]
        guard let flow = job.flow else { return -1 }
        var best = (instance: InstanceIndex(-1), seconds: 0.0)
        for edge in flow.edges(of: Int(task - job.first)).prefix(64) {
            let seconds = flow.seconds(along: edge)
            let source = Int(job.first + flow.predecessors[edge])
            if seconds > best.seconds { best = (state.tasks.lastInstance[source], seconds) }
        }
        return best.instance
    }

    /// The expected run time of a task on speed 1; a second if nobody knows.
    func typicalSeconds(of task: TaskIndex, _ state: RunState) -> Double {
        let job = state.jobs[Int(state.tasks.job[Int(task)])]
        guard let seconds = job.estimates?.expectedSeconds[Int(task - job.first)], seconds.isFinite else { return 1 }
        return max(0, seconds)
    }

    private func secondsOf(_ task: TaskIndex, on offer: Int, _ state: RunState) -> Double {
        let job = Int(state.tasks.job[Int(task)])
        let speeds = speeds[job][offer]
        let kind = speeds.count > 1 ? Int(state.jobs[job].estimates?.kind[Int(task - state.jobs[job].first)] ?? 0) : 0
        return max(
            1e-6, typicalSeconds(of: task, state) * (1 - Double(state.tasks.savedShare[Int(task)])) / speeds[kind])
    }

    /// When the data of a task that starts now would be there, in seconds from now.
    private func transfer(_ task: TaskIndex, _ instance: InstanceIndex, _ state: RunState) -> Double {
        let job = state.jobs[Int(state.tasks.job[Int(task)])]
        guard let flow = job.flow else { return 0 }
        let since = min(state.seconds, state.sendingSeconds(of: task, to: instance))
        var latest = state.seconds
        for edge in flow.edges(of: Int(task - job.first)).prefix(256) {
            let source = Int(job.first + flow.predecessors[edge])
            guard state.tasks.lastInstance[source] != instance else { continue }
            latest = max(latest, max(state.tasks.endSeconds[source], since) + flow.seconds(along: edge))
        }
        return latest.isFinite ? latest - state.seconds : 0
    }

    private func lookAt(_ task: TaskIndex, _ state: RunState) -> Known {
        var found = Known(task: task)
        let request = state.tasks.request[Int(task)]
        for offer in state.offers.indices
        where state.openCounts[offer] > 0 && request.fits(in: state.offers[offer].capacity)
            && state.allows(task, OfferIndex(offer))
        {
            let seconds = secondsOf(task, on: offer, state)
            found.least = min(found.least, seconds)
            found.cheapest = min(found.cheapest, seconds * state.pricePerHour(request, on: OfferIndex(offer)))
            found.soonest = min(found.soonest, max(0, freeSeconds[offer] - state.seconds) + seconds)
        }
        return found
    }
}

extension PairView {
    private mutating func lookAround(_ state: RunState) {
        seconds = state.seconds
        freeSeconds = Array(repeating: .infinity, count: state.offers.count)
        (processors, freeProcessors) = (0, 0)
        // Of very many instances some say enough.
        let step = max(1, state.instances.count / 512)
        for instance in stride(from: 0, to: state.instances.count, by: step) {
            let offer = Int(state.instances.offer[instance])
            switch state.instances.phase[instance] {
            case .open:
                processors += state.instances.capacity[instance].cpus
                freeProcessors += state.instances.free[instance].cpus
                for task in state.instances.running[instance] {
                    freeSeconds[offer] = min(freeSeconds[offer], state.expectedEnd(of: task))
                }
            case .opening:
                let opens = state.instances.requestedSeconds[instance] + state.offers[offer].openSeconds
                freeSeconds[offer] = min(freeSeconds[offer], max(state.seconds, opens))
            case .closing, .closed: break
            }
        }
        processors *= Double(step)
        freeProcessors *= Double(step)
    }

    /// What part of the pool each job should have: by its rank among all, the smaller the more.
    private mutating func share(_ state: RunState, skew: Double, skewByLoad: Double) {
        smallness = Array(repeating: 0, count: state.jobs.count)
        shares = Array(repeating: 0, count: state.jobs.count)
        usages = Array(repeating: 0, count: state.jobs.count)
        let active = state.jobs.indices.filter { state.jobs[$0].isAdmitted && state.jobs[$0].ending == nil }
        guard active.count > 1 else {
            for job in active { shares[job] = processors }
            return
        }
        let logs = active.map { log(max(state.jobs[$0].workLeft, 1e-3)) }
        let mean = logs.reduce(0, +) / Double(logs.count)
        let count = Double(active.count)
        let exponent = 1 + exp(min(8, max(-8, skew + skewByLoad * log(count / max(1, processors)))))
        let order = active.indices.sorted { logs[$0] != logs[$1] ? logs[$0] > logs[$1] : $0 < $1 }
        var before = 0.0
        for (rank, place) in order.enumerated() {
            let after = pow(Double(rank + 1) / count, exponent)
            shares[active[place]] = (after - before) * processors
            before = after
        }
        for (place, job) in active.enumerated() { smallness[job] = Float(mean - logs[place]) }
        guard state.tenants.count > 1 else { return }
        let used = state.tenants.indices.map { state.usage(ofTenant: Int32($0)) }
        let typical = used.reduce(0, +) / Double(used.count)
        guard typical > 0 else { return }
        for job in active { usages[job] = Float(log((used[Int(state.jobs[job].tenant)] + 0.1 * typical) / typical)) }
    }

    /// Computes the features of all pairs that were added.
    ///
    /// - Parameter isAdvised: Whether it is known what re-planning would do.
    mutating func finish(_ state: RunState, isAdvised: Bool) {
        guard !pairs.isEmpty else { return }
        var longestOf: [JobIndex: Double] = [:]
        var (longest, sum) = (1e-9, 0.0)
        let isPlanned = raw.contains(where: \.isPlanned)
        var ready = 0.0
        for (pair, item) in zip(pairs, raw) {
            let (job, rank) = (state.tasks.job[Int(pair.task)], state.tasks.rank[Int(pair.task)])
            longestOf[job] = max(longestOf[job] ?? 1e-9, rank)
            longest = max(longest, rank)
            sum += item.known.least
        }
        for job in longestOf.keys { ready += Double(state.jobs[Int(job)].ready) }
        let mean = max(1e-6, sum / Double(raw.count))
        let crowd = Float(log(1 + ready / max(1, freeProcessors)))
        let load = Float(1 - freeProcessors / max(1, processors))
        // The soonest end of the task of each pair on any instance that is free.
        var first = 0
        while first < pairs.count {
            var last = first
            var soonest = raw[first].known.soonest
            while last < pairs.count, pairs[last].task == pairs[first].task {
                soonest = min(soonest, raw[last].seconds + raw[last].transfer)
                last += 1
            }
            for row in first..<last {
                append(
                    row, isAdvised ? isPlanned : nil, soonest, longestOf[state.tasks.job[Int(pairs[row].task)]] ?? 1,
                    longest, mean, crowd, load,
                    state)
            }
            first = last
        }
    }

    private mutating func append(
        _ row: Int, _ isPlanned: Bool?, _ soonest: Double, _ longestOfJob: Double, _ longest: Double, _ mean: Double,
        _ crowd: Float,
        _ load: Float, _ state: RunState
    ) {
        let (pair, item) = (pairs[row], raw[row])
        let (task, instance) = (Int(pair.task), Int(pair.instance))
        let job = Int(state.tasks.job[task])
        let (jobState, offer) = (state.jobs[job], Int(state.instances.offer[instance]))
        let rank = max(0, state.tasks.rank[task])
        let start = features.count
        features.append(contentsOf: repeatElement(0, count: PairFeatures.count))
        func set(_ name: PairFeatures.Name, _ value: Double) {
            features[start + name.rawValue] = value.isFinite ? Float(min(8, max(-8, value))) : 0
        }
        let path = rank / longestOfJob
        set(.start, 1)
        set(.path, path)
        set(.pathAmongAll, log(max(rank, 1e-6) / longest))
        set(.smallness, Double(smallness[job]))
        let over = shares[job] > 0 ? (jobState.busyCPUs - shares[job]) / max(1, shares[job]) : 0
        set(.underShare, min(1, max(0, -over)))
        set(.overShare, min(4, max(0, over)))
        let slowness = log(item.seconds / item.known.least)
        set(.slowness, slowness)
        set(.slownessOnPath, slowness * path)
        let later = log((item.seconds + item.transfer) / max(soonest, 1e-6))
        set(.later, later)
        set(.laterOnPath, later * path)
        set(.slownessUnderLoad, slowness * Double(crowd))
        set(.price, item.known.cheapest > 0 ? log(item.price / item.known.cheapest) : 0)
        let hazard = offer < reclaimsPerHour.count ? min(0.999, max(0, reclaimsPerHour[offer])) : 0
        set(.risk, hazard > 0 ? 1 - exp(log1p(-hazard) * item.seconds / 3600) : 0)
        let (capacity, left) = (
            state.instances.capacity[instance], state.instances.free[instance] - state.tasks.request[task]
        )
        let cpus = capacity.cpus > 0 ? left.cpus / capacity.cpus : 0
        let memory =
            capacity.memoryBytes > 0 && capacity.memoryBytes.isFinite ? left.memoryBytes / capacity.memoryBytes : cpus
        set(.tightness, 1 - cpus)
        set(.imbalance, abs(cpus - memory))
        set(.transfer, item.transfer / (item.transfer + item.seconds))
        set(.length, log(item.known.least / mean))
        set(.waiting, log1p((state.seconds - state.tasks.readySeconds[task]) / item.known.least))
        set(.priority, min(3, max(-3, Double(state.tasks.priority[task]))))
        let slack = (jobState.deadlineSeconds - state.seconds - rank) / max(rank, 1)
        set(.urgency, slack.isFinite ? exp(-max(0, min(20, slack))) : 0)
        set(.fanOut, log1p(Double(state.tasks.firstSuccessor[task + 1] - state.tasks.firstSuccessor[task])))
        set(.usage, Double(usages[job]))
        set(.load, Double(load))
        set(.planned, item.isPlanned ? 1 : 0)
        set(.unplanned, isPlanned == false ? 1 : 0)
    }
}
