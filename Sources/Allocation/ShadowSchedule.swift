import Scheduling
import Workloads

/// A schedule of what is left of all jobs, from the present on.
struct ShadowSchedule: Sendable {
    /// The room of one instance over the time to come, as a step function.
    private struct Profile: Sendable {
        var times: [Double] = [0]
        var used: [Resources] = [.zero]
        var capacity = Resources.zero
        /// Nothing fits before this step.
        var first = 0

        mutating func copy(_ other: Profile) {
            times.removeAll(keepingCapacity: true)
            used.removeAll(keepingCapacity: true)
            times += other.times
            used += other.used
            (capacity, first) = (other.capacity, other.first)
        }

        mutating func reset(_ capacity: Resources, from seconds: Double) {
            times.removeAll(keepingCapacity: true)
            used.removeAll(keepingCapacity: true)
            times.append(seconds)
            used.append(.zero)
            (self.capacity, first) = (capacity, 0)
        }

        /// Before that there is no room at all.
        var roomSeconds: Double { times[first] }

        /// The earliest start from `ready` on at which a request fits for so many seconds, if that is before `latest`.
        func start(_ request: Resources, ready: Double, seconds: Double, before latest: Double) -> Double {
            var (low, high) = (first, times.count)
            while low < high {
                let middle = (low + high) / 2
                if times[middle] <= ready { low = middle + 1 } else { high = middle }
            }
            var step = max(first, low - 1)
            var start = max(ready, times[step])
            while step < times.count - 1, start < latest {
                if !(used[step] + request).fits(in: capacity) {
                    step += 1
                    start = times[step]
                } else if times[step + 1] >= start + seconds {
                    return start
                } else {
                    step += 1
                }
            }
            return start
        }

        mutating func book(_ request: Resources, from start: Double, to end: Double) {
            guard end > start else { return }
            let (begin, over) = (split(start), split(end))
            for step in begin..<over { used[step] += request }
            while first < times.count - 1, !(used[first] + Resources(cpus: 1e-6)).fits(in: capacity) { first += 1 }
        }

        private mutating func split(_ time: Double) -> Int {
            var (low, high) = (0, times.count)
            while low < high {
                let middle = (low + high) / 2
                if times[middle] <= time { low = middle + 1 } else { high = middle }
            }
            let step = max(0, low - 1)
            if times[step] >= time { return step }
            times.insert(time, at: step + 1)
            used.insert(used[step], at: step + 1)
            return step + 1
        }
    }

    /// What each task of a job waits for.
    private struct Edges: Sendable {
        var first: [Int32]
        var predecessors: [Int32]
        /// Seconds that what comes along an edge takes between instances; empty if that takes no time.
        var transfers: [Double]

        init(_ job: RunState.JobState, _ tasks: RunState.Tasks) {
            if let flow = job.flow {
                (first, predecessors) = (flow.firstEdge, flow.predecessors)
                transfers = predecessors.indices.map { flow.seconds(along: $0) }
                if transfers.allSatisfy({ $0 == 0 }) { transfers = [] }
                return
            }
            (first, transfers) = (Array(repeating: 0, count: Int(job.count) + 1), [])
            let all = tasks.firstSuccessor[job.range.lowerBound]..<tasks.firstSuccessor[job.range.upperBound]
            for place in all { first[Int(tasks.successors[Int(place)] - job.first) + 1] += 1 }
            for task in 0..<Int(job.count) { first[task + 1] += first[task] }
            predecessors = Array(repeating: 0, count: all.count)
            var next = first
            for task in job.range {
                for place in tasks.firstSuccessor[task]..<tasks.firstSuccessor[task + 1] {
                    let successor = Int(tasks.successors[Int(place)] - job.first)
                    predecessors[Int(next[successor])] = TaskIndex(task) - job.first
                    next[successor] += 1
                }
            }
        }

        func range(_ task: Int) -> Range<Int> { Int(first[task])..<Int(first[task + 1]) }
    }

    /// Something that tasks can be put on: an instance, or one that the plan of a job will ask for.
    private struct Host {
        /// The instance, or -2 - the slot of the job's plan.
        var id: InstanceIndex
        var job: JobIndex
        var offer: OfferIndex
        var capacity: Resources
        /// When it takes tasks.
        var openSeconds: Double
    }

    /// A way to put all that is left somewhere, by place in ``line``.
    private struct Course {
        /// The host, as a place in ``hosts``; -1 is nowhere.
        var host: [Int32]
        var start: [Double]
        var end: [Double]
        var objective = 0.0
    }

    private var hosts: [Host] = []
    private var base: [Profile] = []
    private var profiles: [Profile] = []
    /// The host of every instance, or -1.
    private var hostOfInstance: [Int32] = []
    /// The host of the slots of plans that were not asked for yet, by job and slot.
    private var hostOfSlot: [[Int32]] = []

    /// Where each task was put: an instance, or -2 - slot of the plan, or -1; and when it starts there.
    private var place: [InstanceIndex] = []
    private var startSeconds: [Double] = []
    /// When each running task is expected to end.
    private var runningEnd: [Double] = []
    private var edges: [Edges] = []
    private var moved: [TaskIndex] = []
    /// A plan is given a chance before it is compared with others.
    private var isNewPlan = false
    /// Tasks of all jobs by falling rank; those that are over are taken out now and then.
    private var urgent: [TaskIndex] = []
    private var rank: [Double] = []
    /// Seconds on each offer, by offer and task; and from its end there to the end of the job if all that follows could choose
    /// freely, where data take time. Source of the latter: Arabnejad and Barbosa, *PEFT* (2014).
    private var seconds: [[Double]] = []
    private var restAtBest: [[Double]] = []

    /// The tasks that are scheduled now, in order of rank, and the place of each task among them.
    private var line: [TaskIndex] = []
    private var placeInLine: [Int32] = []
    /// The tasks of every instance in order of their starts, and how many of them are gone.
    private var queues: [[TaskIndex]] = []
    private var heads: [Int] = []
    private var isHomeless: [Bool] = []
    private var homeless: [TaskIndex] = []
    /// Whether there were tasks beyond the line, and whether each schedule is to cost less; how many of the line have started.
    private var hasMore = false
    private var isReduced = false
    private var started = 0
    private var hasTransfers: Bool { edges.contains { !$0.transfers.isEmpty } }
    /// When the first slot of a plan that was not asked for is not waited for any more.
    private(set) var patienceEnds = Double.infinity

    /// So many of the most urgent tasks are scheduled; a quarter of that in a large job, so that it is done more often.
    private static let window = 4096
}

extension ShadowSchedule {
    /// Where a task was put.
    /// The instance of a slot counts as the slot until the next schedule.
    func destination(of task: TaskIndex) -> InstanceIndex { Int(task) < place.count ? place[Int(task)] : -1 }

    /// Tasks that were put elsewhere since this was asked last.
    mutating func takeMoved() -> [TaskIndex] {
        defer { moved.removeAll(keepingCapacity: true) }
        return moved
    }

    /// What ``refresh(_:leastGain:)`` looks at, as far as is known before.
    func work(_ state: RunState) -> Double {
        let courses = isReduced ? hasTransfers ? 3 : 2 : 6
        return Double(courses * max(1, min(line.count, Self.open(state))) * max(1, hosts.count))
    }

    /// Tasks of all jobs that are not over.
    static func open(_ state: RunState) -> Int { state.jobs.reduce(0) { $0 + Int($1.open) } }

    /// Whether there is so much left that each schedule is to cost less.
    private static func isLarge(_ state: RunState) -> Bool { open(state) > 2 * window }

    /// A task of the line starts.
    mutating func noteStart() { started += 1 }

    /// Whether half of the line has started while there are tasks beyond it: no event may be left to wait for.
    var isUsedUp: Bool { hasMore && 2 * started >= line.count }

    /// Tasks that were found to fit nothing, or lie beyond the window, since they were asked for last.
    mutating func takeHomeless() -> [TaskIndex] {
        defer { homeless.removeAll(keepingCapacity: true) }
        return homeless
    }

    /// What of an instance's line can start now, in order.
    mutating func startable(on instance: InstanceIndex, _ state: RunState, _ starts: inout [(TaskIndex, InstanceIndex)])
    {
        let own = Int(instance)
        guard own < queues.count, state.instances.phase[own] == .open else { return }
        while heads[own] < queues[own].count, state.tasks.phase[Int(queues[own][heads[own]])].isRunningOrOver {
            heads[own] += 1
        }
        var free = state.instances.free[own]
        var looked = 0
        var isHeld = false
        for position in heads[own]..<queues[own].count where looked < 16 {
            let task = queues[own][position]
            let phase = state.tasks.phase[Int(task)]
            if phase.isRunningOrOver { continue }
            looked += 1
            let request = state.tasks.request[Int(task)]
            guard phase == .ready, state.mayStart(state.tasks.job[Int(task)]), request.fits(in: free),
                state.mayRisk(task, on: state.instances.offer[own])
            else {
                isHeld = true
                continue
            }
            // Its data may still be on their way: another waits for its time if one before it is not ready.
            let isInTime = startSeconds[Int(task)] <= state.seconds * (1 + 1e-12) + 1e-9
            guard !isHeld || isInTime else { continue }
            free -= request
            starts.append((task, instance))
        }
    }

    /// Follows the plan of a job, until there is a better one.
    mutating func take(_ job: JobIndex, _ state: RunState) {
        learn(state)
        let item = state.jobs[Int(job)]
        guard let plan = item.plan else { return }
        isNewPlan = true
        for (task, slot) in plan.slotOfTask.enumerated() where slot >= 0 {
            let index = Int(item.first) + task
            guard !state.tasks.phase[index].isRunningOrOver else { continue }
            let instance = item.instanceOfSlot[Int(slot)]
            place[index] = instance >= 0 ? instance : -2 - slot
            startSeconds[index] = plan.startSeconds.isEmpty ? Double(plan.order[task]) : plan.startSeconds[task]
        }
    }

    /// Schedules anew.
    ///
    /// - Returns: What was looked at.
    mutating func refresh(_ state: RunState, leastGain: Double) -> Double {
        learn(state)
        lookAround(state)
        var kept = course(state, order: keptOrder(), keeping: true, usable: nil)
        defer { isNewPlan = false }
        guard !isNewPlan, !isOnTrack(kept) else {
            follow(kept, state)
            return Double(line.count * hosts.count)
        }
        let all = Array(line.indices)
        var best = course(state, order: all, keeping: false, usable: nil)
        for (ahead, usable) in alternatives(state) {
            let other = course(state, order: all, keeping: false, usable: usable, lookingAhead: ahead)
            if other.objective < best.objective { best = other }
        }
        if best.objective * (1 + leastGain) < kept.objective { swap(&kept, &best) }
        follow(kept, state)
        return work(state)
    }
}

extension RunState.Phase {
    var isRunningOrOver: Bool { isRunning || isOver }
}

extension ShadowSchedule {
    /// Makes room for what was added.
    private mutating func learn(_ state: RunState) {
        guard edges.count < state.jobs.count else { return }
        if seconds.isEmpty { (seconds, restAtBest) = (state.offers.map { _ in [] }, state.offers.map { _ in [] }) }
        for index in edges.count..<state.jobs.count {
            let job = state.jobs[index]
            edges.append(Edges(job, state.tasks))
            isHomeless += repeatElement(false, count: Int(job.count))
            place += repeatElement(-1, count: Int(job.count))
            startSeconds += repeatElement(.infinity, count: Int(job.count))
            runningEnd += repeatElement(.infinity, count: Int(job.count))
            placeInLine += repeatElement(-1, count: Int(job.count))
            for (offer, item) in state.offers.enumerated() {
                for task in 0..<Int(job.count) {
                    let known = job.estimates?.seconds(of: task, on: item.type) ?? 1 / item.type.speed
                    seconds[offer].append(known.isFinite ? max(0, known) : 1)
                }
            }
            if job.count > 0 { rank += ranks(job, state) }
            if !edges[index].transfers.isEmpty { lookAhead(job, edges[index]) }
            for offer in seconds.indices {
                restAtBest[offer] += repeatElement(0, count: seconds[offer].count - restAtBest[offer].count)
            }
        }
        urgent = (0..<TaskIndex(place.count)).filter { !state.tasks.phase[Int($0)].isOver }
        urgent.sort { a, b in
            let (first, second) = (state.tasks.priority[Int(a)], state.tasks.priority[Int(b)])
            if first != second { return first > second }
            return rank[Int(a)] != rank[Int(b)] ? rank[Int(a)] > rank[Int(b)] : a < b
        }
    }

    /// Upward ranks by the mean time on all instances that are offered, and the time that data take if they must move.
    private func ranks(_ job: RunState.JobState, _ state: RunState) -> [Double] {
        let counts = state.offers.map { Double(max(0, $0.maximumCount)) }
        let all = max(1, counts.reduce(0, +))
        let first = Int(job.first)
        var ranks = (0..<Int(job.count)).map { task in
            zip(seconds, counts).reduce(0) { $0 + $1.0[first + task] * $1.1 } / all
        }
        let edges = edges[Int(state.tasks.job[first])]
        // From the last tasks on: each when all that wait for it are done.
        var waits = (first..<first + Int(job.count)).map {
            state.tasks.firstSuccessor[$0 + 1] - state.tasks.firstSuccessor[$0]
        }
        var open = waits.indices.filter { waits[$0] == 0 }
        var longest = [Double](repeating: 0, count: Int(job.count))
        while let task = open.popLast() {
            ranks[task] += longest[task]
            for edge in edges.range(task) {
                let predecessor = Int(edges.predecessors[edge])
                let transfer = edges.transfers.isEmpty ? 0 : edges.transfers[edge]
                longest[predecessor] = max(longest[predecessor], ranks[task] + transfer)
                waits[predecessor] -= 1
                if waits[predecessor] == 0 { open.append(predecessor) }
            }
        }
        return ranks
    }

    /// Whether all goes as the schedule in force says.
    private func isOnTrack(_ kept: Course) -> Bool {
        line.indices.allSatisfy { position in
            let scheduled = startSeconds[Int(line[position])]
            return scheduled.isFinite && abs(kept.start[position] - scheduled) <= 1e-6 * max(1, abs(scheduled))
        }
    }

    /// Finds what there is to run on, what occupies it, and what is to be scheduled.
    private mutating func lookAround(_ state: RunState) {
        let now = state.seconds
        hosts.removeAll(keepingCapacity: true)
        hostOfInstance = Array(repeating: -1, count: state.instances.count)
        for instance in 0..<state.instances.count {
            let phase = state.instances.phase[instance]
            guard phase == .open || phase == .opening else { continue }
            let offer = state.instances.offer[instance]
            let coming = state.instances.requestedSeconds[instance] + state.offers[Int(offer)].openSeconds
            hostOfInstance[instance] = Int32(hosts.count)
            hosts.append(
                Host(
                    id: InstanceIndex(instance), job: -1, offer: offer,
                    capacity: phase == .open ? state.instances.capacity[instance] : state.offers[Int(offer)].capacity,
                    openSeconds: phase == .open ? now : max(now, coming)))
        }
        hostOfSlot = state.jobs.map { Array(repeating: -1, count: $0.instanceOfSlot.count) }
        patienceEnds = .infinity
        for (index, job) in state.jobs.enumerated() where job.isAdmitted && job.ending == nil {
            for (slot, wanted) in (job.plan?.slots ?? []).enumerated()
            where job.instanceOfSlot[slot] < 0 && job.openOfSlot[slot] > 0 {
                let patience = state.askSeconds(for: wanted, of: job) + Rescheduling.patienceSeconds
                guard now < patience else { continue }
                patienceEnds = min(patienceEnds, patience)
                hostOfSlot[index][slot] = Int32(hosts.count)
                let offer = state.offers[Int(wanted.offer)]
                hosts.append(
                    Host(
                        id: -2 - Int32(slot), job: JobIndex(index), offer: wanted.offer, capacity: offer.capacity,
                        openSeconds: max(now + offer.openSeconds, wanted.startSeconds)))
            }
        }
        while base.count < hosts.count {
            base.append(Profile())
            profiles.append(Profile())
        }
        for running in state.instances.running {
            for task in running { runningEnd[Int(task)] = now + rest(of: task, state) }
        }
        for (index, host) in hosts.enumerated() {
            base[index].reset(host.capacity, from: now)
            guard host.id >= 0 else { continue }
            for task in state.instances.running[Int(host.id)] {
                base[index].book(state.tasks.request[Int(task)], from: now, to: runningEnd[Int(task)])
            }
        }
        let isLarge = Self.isLarge(state)
        for task in line { placeInLine[Int(task)] = -1 }
        line.removeAll(keepingCapacity: true)
        let isGoingOn = state.jobs.map { $0.isAdmitted && $0.ending == nil }
        var dead = 0
        let window = isLarge ? Self.window / 4 : Self.window
        for task in urgent {
            if line.count >= window { break }
            let phase = state.tasks.phase[Int(task)]
            if phase.isOver { dead += 1 }
            guard !phase.isRunningOrOver, isGoingOn[Int(state.tasks.job[Int(task)])] else { continue }
            placeInLine[Int(task)] = Int32(line.count)
            line.append(task)
        }
        hasMore = line.count == window
        (isReduced, started) = (isLarge, 0)
        if 2 * dead > urgent.count { urgent.removeAll { state.tasks.phase[Int($0)].isOver } }
    }

    /// How long a running task is expected to go on; it may have been started to wait for its data.
    private func rest(of task: TaskIndex, _ state: RunState) -> Double {
        let scheduled = startSeconds[Int(task)]
        return state.expectedRest(of: task, begin: scheduled.isFinite ? scheduled : -.infinity)
    }

    /// The order in which the schedule in force starts the tasks; by rank where it does not know them.
    private func keptOrder() -> [Int] {
        line.indices.sorted { a, b in
            let (first, second) = (startSeconds[Int(line[a])], startSeconds[Int(line[b])])
            return first != second ? first < second : a < b
        }
    }

    /// Fills ``restAtBest`` for a job. O(edges · offers).
    private mutating func lookAhead(_ job: RunState.JobState, _ edges: Edges) {
        let first = Int(job.first)
        for offer in seconds.indices {
            restAtBest[offer] += repeatElement(0, count: seconds[offer].count - restAtBest[offer].count)
        }
        // Those of falling rank come after all that they wait for: taken from the end, all that waits for them is done.
        for task in (0..<Int(job.count)).sorted(by: { rank[first + $0] < rank[first + $1] }) {
            var best = Double.infinity
            for offer in seconds.indices {
                best = min(best, restAtBest[offer][first + task] + seconds[offer][first + task])
            }
            for edge in edges.range(task) {
                let source = first + Int(edges.predecessors[edge])
                for offer in seconds.indices {
                    let here = restAtBest[offer][first + task] + seconds[offer][first + task]
                    let value = min(here, best + edges.transfers[edge])
                    restAtBest[offer][source] = max(restAtBest[offer][source], value)
                }
            }
        }
    }

    /// Ways to choose hosts besides the one where a task ends first: looking ahead, and only the faster ones.
    private func alternatives(_ state: RunState) -> [(lookingAhead: Bool, usable: [Bool]?)] {
        var found: [(Bool, [Bool]?)] = hasTransfers ? [(true, nil)] : []
        if isReduced { return found }
        let speeds = hosts.map { state.offers[Int($0.offer)].type.speed }
        for least in Set(speeds).sorted(by: >).dropLast().prefix(3) {
            found.append((false, speeds.map { $0 >= least }))
        }
        return found
    }

    private func hostOfPlace(_ place: InstanceIndex, job: Int, _ state: RunState) -> Int {
        var instance = place
        if place <= -2 {
            let slot = Int(-2 - place)
            guard slot < hostOfSlot[job].count else { return -1 }
            instance = state.jobs[job].instanceOfSlot[slot]
            if instance < 0 { return Int(hostOfSlot[job][slot]) }
        }
        return instance >= 0 && Int(instance) < hostOfInstance.count ? Int(hostOfInstance[Int(instance)]) : -1
    }
}

extension ShadowSchedule {
    /// Puts all tasks of the line somewhere, in an order in which each comes after its predecessors.
    private mutating func course(
        _ state: RunState, order: [Int], keeping: Bool, usable: [Bool]?, lookingAhead: Bool = false
    ) -> Course {
        let (now, width) = (state.seconds, hosts.count)
        for host in 0..<width { profiles[host].copy(base[host]) }
        // What the innermost loop looks at, side by side.
        let (offerOfHost, openSeconds) = (hosts.map { Int($0.offer) }, hosts.map(\.openSeconds))
        var roomSeconds = (0..<width).map { profiles[$0].roomSeconds }
        var lasting = [Double](repeating: 0, count: seconds.count)
        var after = lasting
        var latest = lasting
        var course = Course(
            host: Array(repeating: -1, count: line.count), start: Array(repeating: .infinity, count: line.count),
            end: Array(repeating: now, count: line.count))
        var arrival = [Double](repeating: now, count: width)
        var sum = 0.0
        var last = [Double](repeating: now, count: state.jobs.count)
        for position in order {
            let task = line[position]
            let index = Int(task)
            let jobIndex = Int(state.tasks.job[index])
            let request = state.tasks.request[index]
            let avoided = state.tasks.avoided[index]
            arrivals(task, jobIndex, course, state, &arrival)
            let left = 1 - Double(state.tasks.savedShare[index])
            for offer in lasting.indices {
                lasting[offer] = state.allows(task, OfferIndex(offer)) ? seconds[offer][index] * left : .infinity
                if lookingAhead { after[offer] = restAtBest[offer][index] }
                latest[offer] = state.latestStart(of: task, on: OfferIndex(offer))
            }
            var (best, bestStart, bestEnd, bestScore) = (-1, Double.infinity, Double.infinity, Double.infinity)
            let own = hostOfPlace(place[index], job: jobIndex, state)
            func consider(_ host: Int) {
                let offer = offerOfHost[host]
                let (seconds, after) = (lasting[offer], after[offer])
                let ready = max(arrival[host], openSeconds[host])
                // Of equals the one where it is by now.
                let limit = host == own ? bestScore * (1 + 1e-12) : bestScore
                // It starts there no sooner than there is any room.
                let least = max(ready, roomSeconds[host]) + seconds + after
                guard least < limit || host == own && least <= limit, seconds < .infinity,
                    request.fits(in: hosts[host].capacity)
                else { return }
                let start = profiles[host].start(
                    request, ready: ready, seconds: seconds, before: limit - seconds - after)
                guard start <= latest[offer] else { return }
                let score = start + seconds + after
                if score < bestScore || host == own && score <= limit {
                    (best, bestStart, bestEnd, bestScore) = (host, start, start + seconds, score)
                }
            }
            if keeping, own >= 0 { consider(own) }
            if best < 0 {
                for host in 0..<width where usable?[host] ?? true && (avoided < 0 || avoided != hosts[host].id) {
                    consider(host)
                }
            }
            if best < 0 { for host in 0..<width { consider(host) } }
            guard best >= 0 else { continue }
            profiles[best].book(request, from: bestStart, to: bestEnd)
            roomSeconds[best] = profiles[best].roomSeconds
            course.host[position] = Int32(best)
            course.start[position] = bestStart
            course.end[position] = bestEnd
            last[jobIndex] = max(last[jobIndex], bestEnd)
            sum += bestEnd - now
        }
        let delays = last.map { $0 - now }.filter { $0 > 0 }
        let mean = sum / Double(max(1, line.count))
        course.objective = delays.reduce(0, +) / Double(max(1, delays.count)) + 0.01 * mean
        return course
    }

    /// When all data of a task can be on each host.
    private func arrivals(
        _ task: TaskIndex, _ jobIndex: Int, _ course: Course, _ state: RunState, _ arrival: inout [Double]
    ) {
        let now = state.seconds
        let begin = max(now, state.releaseSeconds(of: task))
        let (first, edges) = (state.jobs[jobIndex].first, edges[jobIndex])
        guard !edges.transfers.isEmpty else {
            var latest = begin
            for edge in edges.range(Int(task - first)) {
                let source = Int(first + edges.predecessors[edge])
                let phase = state.tasks.phase[source]
                if phase.isOver { continue }
                if phase.isRunning {
                    latest = max(latest, runningEnd[source])
                } else if placeInLine[source] >= 0 {
                    latest = max(latest, course.end[Int(placeInLine[source])])
                }
            }
            for host in arrival.indices { arrival[host] = latest }
            return
        }
        var sent = now
        let sentHost = hostOfPlace(state.tasks.staged[Int(task)], job: jobIndex, state)
        let isEverywhere = state.tasks.staged[Int(task)] == RunState.everywhere
        for host in arrival.indices { arrival[host] = begin }
        for edge in edges.range(Int(task - first)) {
            let source = Int(first + edges.predecessors[edge])
            let phase = state.tasks.phase[source]
            var (made, hereHost) = (now, -1)
            if phase.isOver {
                made = state.tasks.endSeconds[source]
                hereHost = hostOfPlace(state.tasks.lastInstance[source], job: jobIndex, state)
                sent = max(made, state.tasks.stagedSeconds[Int(task)])
            } else if phase.isRunning {
                made = runningEnd[source]
                hereHost = hostOfPlace(state.tasks.instance[source], job: jobIndex, state)
            } else if placeInLine[source] >= 0 {
                made = course.end[Int(placeInLine[source])]
                hereHost = Int(course.host[Int(placeInLine[source])])
            }
            let transfer = edges.transfers[edge]
            if !phase.isOver { sent = made }
            let away = phase.isOver ? now + transfer : made + transfer
            for host in arrival.indices {
                let isSent = isEverywhere || host == sentHost
                let seconds = host == hereHost ? made : isSent ? min(sent + transfer, away) : away
                if seconds > arrival[host] { arrival[host] = seconds }
            }
        }
    }

    /// Keeps to a course from now on.
    private mutating func follow(_ course: Course, _ state: RunState) {
        for position in line.indices {
            let task = Int(line[position])
            let host = Int(course.host[position])
            let next = host < 0 ? -1 : hosts[host].id
            if next != place[task] { moved.append(TaskIndex(task)) }
            place[task] = next
            startSeconds[task] = course.start[position]
            if host >= 0 {
                isHomeless[task] = false
            } else if state.tasks.phase[task] == .ready, !isHomeless[task] {
                isHomeless[task] = true
                homeless.append(TaskIndex(task))
            }
        }
        while queues.count < state.instances.count {
            queues.append([])
            heads.append(0)
        }
        for instance in queues.indices {
            queues[instance].removeAll(keepingCapacity: true)
            heads[instance] = 0
        }
        let order = line.indices.sorted { a, b in
            course.start[a] != course.start[b] ? course.start[a] < course.start[b] : a < b
        }
        for position in order where course.host[position] >= 0 {
            let host = hosts[Int(course.host[position])]
            if host.id >= 0 { queues[Int(host.id)].append(line[position]) }
        }
    }

    /// The ready task of an open instance that the schedule starts first: what goes on when nothing else does.
    func first(_ state: RunState) -> (task: TaskIndex, instance: InstanceIndex)? {
        var best: (task: TaskIndex, instance: InstanceIndex)?
        for instance in queues.indices where state.instances.phase[instance] == .open {
            for task in queues[instance].dropFirst(heads[instance])
            where state.tasks.phase[Int(task)] == .ready && state.mayStart(state.tasks.job[Int(task)])
                && state.tasks.request[Int(task)].fits(in: state.instances.free[instance])
                && state.mayRisk(task, on: state.instances.offer[instance])
            {
                if let known = best, startSeconds[Int(known.task)] <= startSeconds[Int(task)] { continue }
                best = (task, InstanceIndex(instance))
            }
        }
        return best
    }
}
