/// An element of a heap: of two, one goes first.
@usableFromInline package protocol Urgent {
    /// Whether it goes before another.
    func precedes(_ other: Self) -> Bool
}

/// A binary heap: the first element goes before all others.
extension Array where Element: Urgent {
    /// Adds to a heap. O(log *n*).
    @inlinable package mutating func push(_ element: Element) {
        append(element)
        var child = count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard element.precedes(self[parent]) else { break }
            self[child] = self[parent]
            child = parent
        }
        self[child] = element
    }

    /// Takes the first element out of a heap; `nil` if it is empty. O(log *n*).
    @inlinable @discardableResult package mutating func popFirst() -> Element? {
        let top = first
        guard let last = popLast(), !isEmpty else { return top }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < count else { break }
            if child + 1 < count, self[child + 1].precedes(self[child]) { child += 1 }
            guard self[child].precedes(last) else { break }
            self[parent] = self[child]
            parent = child
        }
        self[parent] = last
        return top
    }
}
