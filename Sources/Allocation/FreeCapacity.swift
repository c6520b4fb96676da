import Workloads

/// The free room of the instances of one offer: finds one with room for a request in O(log *n*) steps.
///
/// A tournament tree whose nodes hold the greatest free room below them, lane by lane. Where one instance has the
/// processors and another the memory, a subtree may promise what none of its leaves has; the search then turns back.
struct FreeCapacity: Sendable {
    private var leaves: [InstanceIndex] = []
    /// Node 1 is the root, the children of `i` are `2i` and `2i + 1`, leaves begin at `width`.
    private var nodes: [Resources] = [.none, .none]
    private var width = 1
    /// Nodes looked at so far, for tests that count.
    private(set) var steps = 0

    /// Sets the free room of leaf `place`; ``Resources/none`` takes it out.
    mutating func set(_ place: Int, _ instance: InstanceIndex, _ free: Resources) {
        while place >= width { grow() }
        while leaves.count <= place { leaves.append(-1) }
        leaves[place] = instance
        var node = width + place
        nodes[node] = free
        while node > 1 {
            node /= 2
            steps += 1
            let greatest = nodes[2 * node].maxima(nodes[2 * node + 1])
            if greatest == nodes[node] { return }
            nodes[node] = greatest
        }
    }

    /// An instance with room for the request, rather one that has little room left, and its free room.
    mutating func find(
        _ request: Resources, except avoided: InstanceIndex = -1, _ forbidden: InstanceIndex = -1
    ) -> (InstanceIndex, Resources)? {
        guard request.fits(in: nodes[1]) else {
            steps += 1
            return nil
        }
        return search(1, request, avoided, forbidden)
    }

    private mutating func search(
        _ node: Int, _ request: Resources, _ avoided: InstanceIndex, _ forbidden: InstanceIndex
    ) -> (InstanceIndex, Resources)? {
        steps += 1
        if node >= width {
            let instance = leaves[node - width]
            return instance == avoided || instance == forbidden ? nil : (instance, nodes[node])
        }
        let (left, right) = (2 * node, 2 * node + 1)
        let (leftFits, rightFits) = (request.fits(in: nodes[left]), request.fits(in: nodes[right]))
        if leftFits, rightFits {
            let rightFirst = nodes[right].isSmaller(than: nodes[left])
            return search(rightFirst ? right : left, request, avoided, forbidden)
                ?? search(rightFirst ? left : right, request, avoided, forbidden)
        }
        if leftFits { return search(left, request, avoided, forbidden) }
        return rightFits ? search(right, request, avoided, forbidden) : nil
    }

    private mutating func grow() {
        let old = Array(nodes[width..<2 * width])
        width *= 2
        nodes = Array(repeating: .none, count: 2 * width)
        nodes.replaceSubrange(width..<width + old.count, with: old)
        for node in stride(from: width - 1, to: 0, by: -1) { nodes[node] = nodes[2 * node].maxima(nodes[2 * node + 1]) }
    }
}

extension Resources {
    /// No room, not even for nothing.
    static let none = Resources(lanes: SIMD4(repeating: -1))

    /// Fewer processors, or as many and less memory.
    func isSmaller(than other: Resources) -> Bool {
        cpus != other.cpus ? cpus < other.cpus : memoryBytes < other.memoryBytes
    }
}
