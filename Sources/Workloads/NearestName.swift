/// The candidate most similar to a misspelt name, for "did you mean" in error messages.
///
/// Similar is at most a third of the letters inserted, deleted, replaced or swapped with a neighbour (optimal
/// string alignment distance); letter case does not count. `nil` if none is that near. The first of equals wins.
///
/// - Complexity: O(*candidates* · *length*²) at worst; candidates of other lengths are skipped at once.
public func nearestName(to name: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars.prefix(longestComparedName))
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let letters = Array(candidate.lowercased().unicodeScalars.prefix(longestComparedName))
        let limit = min((best?.distance ?? .max) - 1, max(1, max(wanted.count, letters.count) / 3))
        guard abs(letters.count - wanted.count) <= limit else { continue }
        let distance = editDistance(wanted, letters)
        if distance <= limit { best = (candidate, distance) }
    }
    return best?.name
}

/// Longer names are compared by their first letters only, so that hostile input stays cheap.
private let longestComparedName = 100

private func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        row.reserveCapacity(b.count + 1)
        for j in b.indices {
            var distance = min(last[j + 1], row[j]) + 1
            distance = min(distance, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { distance = min(distance, beforeLast[j - 1] + 1) }
            row.append(distance)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
