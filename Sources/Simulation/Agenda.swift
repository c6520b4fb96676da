/// What is still to happen, the earliest first, and of what happens at one moment what was noted first.
struct Agenda<Item> {
    private var heap: [(seconds: Double, number: UInt64, item: Item)] = []
    private var count: UInt64 = 0

    var nextSeconds: Double { heap.first?.seconds ?? .infinity }

    mutating func add(_ item: Item, at seconds: Double) {
        guard seconds < .infinity else { return }
        let entry = (seconds, count, item)
        count += 1
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(entry, heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = entry
    }

    mutating func removeFirst() -> Item? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.item }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, Self.precedes(heap[child + 1], heap[child]) { child += 1 }
            guard Self.precedes(heap[child], last) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return first.item
    }

    private static func precedes(
        _ a: (seconds: Double, number: UInt64, item: Item), _ b: (seconds: Double, number: UInt64, item: Item)
    ) -> Bool {
        a.seconds != b.seconds ? a.seconds < b.seconds : a.number < b.number
    }
}
