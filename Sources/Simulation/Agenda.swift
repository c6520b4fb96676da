import Allocation
import Basics

/// What is still to happen, the earliest first, and of what happens at one moment what was noted first.
struct Agenda {
    enum Kind: UInt8 {
        /// The attempt `number` at task `subject` succeeds, or fails for the cause number `detail`, if it still runs.
        case finish, fail
        /// The attempt has its data and begins; it has saved its work.
        case start, save
        /// Instance `subject` takes tasks, is refused, was given back, hears that it will be taken back, or is taken back.
        case open, refuse, close, notice, reclaim
        /// Job `subject` gets plan `detail`, or is admitted.
        case plan, admit
        /// Offer `subject` has price number `detail` from now on.
        case price
        /// Data move, or the allocator wanted to be asked.
        case transfer, wake
    }

    /// Small, and without references: most of the work of a simulation is to move these.
    struct Entry: Urgent {
        let seconds: Double
        let order: UInt64
        let subject: Int32
        let number: Int32
        let detail: Int32
        let kind: Kind

        @inline(__always) func precedes(_ other: Self) -> Bool {
            seconds != other.seconds ? seconds < other.seconds : order < other.order
        }
    }

    private var heap: [Entry] = []
    private var count: UInt64 = 0

    var nextSeconds: Double { heap.first?.seconds ?? .infinity }

    mutating func add(_ kind: Kind, _ subject: Int32 = 0, number: Int32 = 0, detail: Int32 = 0, at seconds: Double) {
        guard seconds < .infinity else { return }
        heap.push(
            Entry(seconds: seconds, order: count, subject: subject, number: number, detail: detail, kind: kind))
        count += 1
    }

    mutating func removeFirst() -> Entry? { heap.popFirst() }
}
