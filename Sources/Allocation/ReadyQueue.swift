import Basics
import Workloads

/// Ready tasks by what they need: those that need the same are one class, with a heap by urgency.
///
/// A job has a few dozen classes, so whatever does not fit costs a look at a class, never at a task. A class is *blocked*
/// while no instance has room for it; only an instance that got room since then is asked again.
struct ReadyQueue: Sendable {
    /// The place of a task in the order: greatest first.
    struct Urgency: Urgent, Sendable {
        var priority: Int32
        var task: TaskIndex
        var rank: Double

        @inline(__always) func precedes(_ other: Urgency) -> Bool {
            if priority != other.priority { return priority > other.priority }
            return rank != other.rank ? rank > other.rank : task < other.task
        }
    }

    /// What makes tasks alike.
    struct Need: Hashable, Sendable {
        var resources: Resources
        /// What kinds of instances they may run on, a place in `RunState.allowed`.
        var restriction: Int32
        var avoided: InstanceIndex
        /// Tasks of different groups have heaps of their own: tenants under fair share, else 0.
        var group: Int32
    }

    struct Class: Sendable {
        let need: Need
        var heap: [Urgency] = []
        /// No instance has room, but for `candidates`.
        var isBlocked = false
        var candidates: [InstanceIndex] = []
    }

    private(set) var classes: [Class] = []
    /// Classes with tasks that may fit somewhere.
    private(set) var open: [Int] = []
    private var isOpen: [Bool] = []
    private var places: [Need: Int] = [:]
    /// The class that had the last task: the next is often alike.
    private var lastPlace = 0
    private(set) var count = 0
    /// Classes looked at and levels of heaps gone through so far, for tests that count.
    private(set) var steps = 0

    mutating func insert(_ need: Need, _ urgency: Urgency) {
        let place: Int
        if lastPlace < classes.count, classes[lastPlace].need == need {
            place = lastPlace
        } else if let known = places[need] {
            place = known
        } else {
            place = classes.count
            places[need] = place
            classes.append(Class(need: need))
            isOpen.append(false)
        }
        lastPlace = place
        classes[place].heap.push(urgency)
        count += 1
        steps += levels(place)
        openIfPossible(place)
    }

    /// Takes the most urgent task of a class.
    mutating func removeFirst(of place: Int) {
        steps += levels(place)
        classes[place].heap.popFirst()
        count -= 1
        if classes[place].heap.isEmpty { close(place) }
    }

    /// Nothing has room for the class any more.
    mutating func block(_ place: Int) {
        classes[place].isBlocked = true
        classes[place].candidates.removeAll(keepingCapacity: true)
        close(place)
    }

    /// The last candidate of a blocked class had no room.
    mutating func dropCandidate(of place: Int) {
        classes[place].candidates.removeLast()
        if classes[place].candidates.isEmpty { close(place) }
    }

    /// An instance has room: blocked classes that fit ask it.
    mutating func unblock(_ instance: InstanceIndex, _ state: RunState) {
        let (free, offer) = (state.instances.free[Int(instance)], Int(state.instances.offer[Int(instance)]))
        steps += classes.count
        for place in classes.indices where classes[place].isBlocked {
            let need = classes[place].need
            guard need.resources.fits(in: free), need.avoided != instance,
                classes[place].candidates.last != instance, state.allowed[Int(need.restriction)][offer]
            else { continue }
            classes[place].candidates.append(instance)
            if classes[place].candidates.count > 16 { unblock(place) }
            openIfPossible(place)
        }
    }

    /// All classes are asked again everywhere.
    mutating func unblockAll() {
        for place in classes.indices where classes[place].isBlocked {
            unblock(place)
            openIfPossible(place)
        }
    }

    /// Takes out all tasks that avoid some instance.
    mutating func takeAvoiding() -> [TaskIndex] {
        var taken: [TaskIndex] = []
        for place in classes.indices where classes[place].need.avoided >= 0 {
            taken += classes[place].heap.map(\.task)
            count -= classes[place].heap.count
            classes[place].heap.removeAll()
            close(place)
        }
        return taken
    }

    /// The class of the most urgent task of all, blocked or not.
    func first(_ precedes: (Class, Class) -> Bool) -> Int? {
        var best: Int?
        for place in classes.indices where !classes[place].heap.isEmpty {
            if let known = best, !precedes(classes[place], classes[known]) { continue }
            best = place
        }
        return best
    }

    /// The levels of the heap of a class.
    private func levels(_ place: Int) -> Int { Int.bitWidth - classes[place].heap.count.leadingZeroBitCount }

    private mutating func unblock(_ place: Int) {
        classes[place].isBlocked = false
        classes[place].candidates.removeAll(keepingCapacity: true)
    }

    private mutating func openIfPossible(_ place: Int) {
        guard !isOpen[place], !classes[place].heap.isEmpty,
            !classes[place].isBlocked || !classes[place].candidates.isEmpty
        else { return }
        isOpen[place] = true
        open.append(place)
    }

    private mutating func close(_ place: Int) {
        guard isOpen[place], let index = open.firstIndex(of: place) else { return }
        isOpen[place] = false
        open.swapAt(index, open.count - 1)
        open.removeLast()
    }
}
