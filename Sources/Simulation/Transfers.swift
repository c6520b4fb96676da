import Allocation
import Scheduling
import Workloads

/// When the data of a simulated run are where they are read.
///
/// Data are sent ahead as the allocator says; what was not sent ahead is sent when its reader is dispatched. What was made
/// stays to be had when its instance is gone. Without shared links every transfer has the whole bandwidth; with them those
/// that leave one instance, and those that come to one, share that instance's bandwidth equally, and each is as slow as the
/// slower of its two ends, and as the link between two zones.
struct Transfers {
    private let flow: DataFlow
    let sharesLinks: Bool

    // With shared links only.
    private struct Stream {
        let edge: Int32
        let from: InstanceIndex
        let to: InstanceIndex
        /// When its first byte moves.
        let startSeconds: Double
        var bytes: Double
        let isFar: Bool
        var rate = 0.0
    }
    private var streams: [Stream] = []
    /// Where what comes along each edge was sent last, and whether it is still on its way there.
    private var target: [InstanceIndex]
    private var isUnderWay: [Bool]
    private var seconds = 0.0
    /// What has been paid for data that moved to another zone, in US dollars.
    private(set) var dollars = 0.0
    /// How many edges each dispatched task still waits for.
    private var missing: [Int32: Int] = [:]

    init(_ flow: DataFlow, sharesLinks: Bool) {
        (self.flow, self.sharesLinks) = (flow, sharesLinks)
        target = sharesLinks ? Array(repeating: -1, count: flow.predecessors.count) : []
        isUnderWay = target.map { _ in false }
    }

    /// What comes along an edge was made now.
    mutating func made(_ edge: Int, for reader: TaskIndex, _ state: RunState) {
        let staged = state.tasks.staged[Int(reader)]
        if staged >= 0 { stream(edge, to: staged, state) }
    }

    /// What is there of a task's data is sent to an instance.
    mutating func send(_ task: TaskIndex, to instance: InstanceIndex, _ state: RunState) {
        for edge in flow.edges(of: Int(task)) where state.tasks.phase[Int(flow.predecessors[edge])] == .finished {
            stream(edge, to: instance, state)
        }
    }

    /// When all data of a task are on the instance on which it was dispatched now; `nil` if that depends on what else moves.
    mutating func arrival(_ task: TaskIndex, on instance: InstanceIndex, _ state: RunState) -> Double? {
        let since = min(state.seconds, state.sendingSeconds(of: task, to: instance))
        var latest = state.seconds
        var count = 0
        for edge in flow.edges(of: Int(task)) {
            let predecessor = Int(flow.predecessors[edge])
            let source = state.tasks.lastInstance[predecessor]
            guard source != instance else { continue }
            let isFar = isFar(source, instance, state)
            if isFar { dollars += flow.network.dollarsToOtherZone(flow.bytes[edge]) }
            if sharesLinks {
                if target[edge] != instance { stream(edge, to: instance, state) }
                if isUnderWay[edge] { count += 1 }
            } else {
                latest = max(
                    latest, max(state.tasks.endSeconds[predecessor], since) + flow.seconds(along: edge, isFar: isFar))
            }
        }
        guard count > 0 else { return latest }
        missing[task] = count
        return nil
    }

    /// The attempt at a task is over: nothing waits for its data.
    mutating func forget(_ task: TaskIndex) { missing[task] = nil }
}

extension Transfers {
    private mutating func stream(_ edge: Int, to instance: InstanceIndex, _ state: RunState) {
        let from = state.tasks.lastInstance[Int(flow.predecessors[edge])]
        guard from != instance, target[edge] != instance else { return }
        target[edge] = instance
        advance(to: state.seconds)
        if isUnderWay[edge] { streams.removeAll { $0.edge == Int32(edge) } }
        isUnderWay[edge] = true
        let isFar = isFar(from, instance, state)
        let latency = flow.network.seconds(0, isFar: isFar)
        streams.append(
            Stream(
                edge: Int32(edge), from: from, to: instance, startSeconds: state.seconds + latency,
                bytes: limit(isFar).isFinite ? flow.bytes[edge] : 0, isFar: isFar))
        share()
    }

    private func isFar(_ from: InstanceIndex, _ to: InstanceIndex, _ state: RunState) -> Bool {
        guard flow.network.betweenZones != nil else { return false }
        func zone(_ instance: InstanceIndex) -> String? { state.offers[Int(state.instances.offer[Int(instance)])].zone }
        return from >= 0 && to >= 0 && Network.isFar(zone(from), zone(to))
    }

    /// The bytes that a stream moves in a second if it shares nothing.
    private func limit(_ isFar: Bool) -> Double {
        let near = flow.network.bytesPerSecond ?? .infinity
        return isFar ? min(near, flow.network.betweenZones?.bytesPerSecond ?? .infinity) : near
    }

    /// When something changes next among what moves.
    var nextSeconds: Double {
        streams.reduce(.infinity) { least, stream in
            if stream.startSeconds > seconds { return min(least, stream.startSeconds) }
            return min(least, stream.bytes > 0 ? seconds + stream.bytes / stream.rate : seconds)
        }
    }

    /// The tasks that have all their data now, that were waiting for the last of them.
    ///
    /// - Parameter readers: The task that each edge leads to.
    mutating func arrivals(at now: Double, readers: [TaskIndex]) -> [TaskIndex] {
        // What ends now by what was computed is over, whatever rounding has left.
        let over = Set(
            streams.indices.filter {
                let stream = streams[$0]
                guard stream.startSeconds <= seconds else { return stream.bytes == 0 && stream.startSeconds <= now }
                return stream.bytes == 0 || seconds + stream.bytes / stream.rate <= now
            })
        advance(to: now)
        var tasks: [TaskIndex] = []
        for place in over.sorted() {
            let edge = Int(streams[place].edge)
            isUnderWay[edge] = false
            let task = readers[edge]
            guard let count = missing[task] else { continue }
            missing[task] = count > 1 ? count - 1 : nil
            if count == 1 { tasks.append(task) }
        }
        streams = streams.indices.filter { !over.contains($0) }.map { streams[$0] }
        share()
        return tasks
    }

    private mutating func advance(to now: Double) {
        for place in streams.indices where streams[place].startSeconds <= seconds {
            streams[place].bytes = max(0, streams[place].bytes - streams[place].rate * (now - seconds))
        }
        seconds = now
    }

    /// Gives every stream that moves its part of both ends.
    private mutating func share() {
        let bandwidth = flow.network.bytesPerSecond ?? .infinity
        var (leaving, coming): ([InstanceIndex: Double], [InstanceIndex: Double]) = ([:], [:])
        for stream in streams where stream.startSeconds <= seconds {
            leaving[stream.from, default: 0] += 1
            coming[stream.to, default: 0] += 1
        }
        for place in streams.indices where streams[place].startSeconds <= seconds {
            let share = bandwidth / max(leaving[streams[place].from] ?? 1, coming[streams[place].to] ?? 1)
            let rate = min(share, limit(streams[place].isFar))
            streams[place].rate = rate.isFinite ? rate : 0
        }
    }
}
