import Basics

/// What is still to happen, the earliest first, and of what happens at one moment what was noted first.
struct Agenda<Item> {
    private struct Entry: Urgent {
        let seconds: Double
        let number: UInt64
        let item: Item

        func precedes(_ other: Self) -> Bool {
            seconds != other.seconds ? seconds < other.seconds : number < other.number
        }
    }

    private var heap: [Entry] = []
    private var count: UInt64 = 0

    var nextSeconds: Double { heap.first?.seconds ?? .infinity }

    mutating func add(_ item: Item, at seconds: Double) {
        guard seconds < .infinity else { return }
        heap.push(Entry(seconds: seconds, number: count, item: item))
        count += 1
    }

    mutating func removeFirst() -> Item? { heap.popFirst()?.item }
}
