import Workloads

/// The free room of all instances, by offer.
struct Rooms: Sendable {
    private var rooms: [FreeCapacity] = []
    /// The leaf of every instance in the tree of its offer, or -1.
    private var leaf: [Int32] = []
    private var leaves: [Int] = []
    private var freeLeaves: [[Int32]] = []

    /// Nodes of the trees looked at so far.
    var steps: Int { rooms.reduce(0) { $0 + $1.steps } }

    /// The offers of which an instance was seen, or that come before one.
    var offers: Range<Int> { rooms.indices }

    /// The room or the phase of an instance is another than before.
    mutating func changed(_ instance: InstanceIndex, _ state: RunState) {
        prepare(instance, state)
        let (place, offer) = (Int(instance), Int(state.instances.offer[Int(instance)]))
        let phase = state.instances.phase[place]
        rooms[offer].set(Int(leaf[place]), instance, phase == .open ? state.instances.free[place] : .none)
        guard phase == .closed else { return }
        freeLeaves[offer].append(leaf[place])
        leaf[place] = -1
    }

    /// An instance of an offer with room for a request, rather one that has little room left, and its free room.
    mutating func find(
        _ request: Resources, on offer: Int, except avoided: InstanceIndex = -1, _ forbidden: InstanceIndex = -1
    ) -> (InstanceIndex, Resources)? {
        rooms[offer].find(request, except: avoided, forbidden)
    }

    private mutating func prepare(_ instance: InstanceIndex, _ state: RunState) {
        if rooms.isEmpty {
            rooms = state.offers.map { _ in FreeCapacity() }
            leaves = state.offers.map { _ in 0 }
            freeLeaves = state.offers.map { _ in [] }
        }
        while leaf.count <= Int(instance) { leaf.append(-1) }
        guard leaf[Int(instance)] < 0 else { return }
        let offer = Int(state.instances.offer[Int(instance)])
        if let free = freeLeaves[offer].popLast() {
            leaf[Int(instance)] = free
        } else {
            leaf[Int(instance)] = Int32(leaves[offer])
            leaves[offer] += 1
        }
    }
}
