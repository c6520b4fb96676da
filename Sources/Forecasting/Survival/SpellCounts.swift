/// What was seen of the spells of some zones: for each class of age, how many ticks were at risk and how many spells ended.
///
/// Ages of which nobody knows the beginning are counted apart: as they look to someone who comes at any tick of a spell
/// with equal probability, and counts from then on.
///
///     var counts = SpellCounts(SpellBins(stepSeconds: 600))
///     for zone in zones { counts.add(zone) }        // [Bool]: spot could be had at each tick
///     let hazards = SpellHazards.fit(counts)
public struct SpellCounts: Sendable, Hashable, Codable {
    /// Ticks at risk of ending, and ends, by class of age.
    public struct Table: Sendable, Hashable, Codable {
        public var atRisk: [Double]
        public var ended: [Double]

        init(count: Int) { (atRisk, ended) = (Array(repeating: 0, count: count), Array(repeating: 0, count: count)) }

        mutating func add(_ other: Table, times factor: Double = 1) {
            for bin in atRisk.indices {
                atRisk[bin] += factor * other.atRisk[bin]
                ended[bin] += factor * other.ended[bin]
            }
        }
    }

    public let bins: SpellBins
    /// Of spells with capacity.
    public private(set) var up: Table
    /// Of spells without.
    public private(set) var down: Table
    /// The same by ticks since an observer came.
    public private(set) var upSinceArrival: Table
    public private(set) var downSinceArrival: Table

    /// Nothing seen yet.
    public init(_ bins: SpellBins) {
        self.bins = bins
        let empty = Table(count: bins.count)
        (up, down, upSinceArrival, downSinceArrival) = (empty, empty, empty, empty)
    }

    /// Adds a zone: whether spot could be had at each tick.
    ///
    /// The beginning of the first spell was not seen (left-truncated): its ages are not known. The last tick has no
    /// successor: whether the last spell ended there is not known (right-censored).
    public mutating func add(_ isUp: [Bool]) {
        var start = 0
        for tick in isUp.indices where tick + 1 == isUp.count || isUp[tick + 1] != isUp[tick] {
            add(
                spellOf: tick + 1 - start, isUp: isUp[start], beginningIsKnown: start > 0,
                endIsKnown: tick + 1 < isUp.count)
            start = tick + 1
        }
    }

    /// Adds one spell.
    ///
    /// - Parameters:
    ///   - ticks: How long it was seen, at least 1.
    ///   - beginningIsKnown: False if it had begun before (left-truncated).
    ///   - endIsKnown: False if it went on (right-censored).
    /// - Complexity: O(classes), whatever its length.
    public mutating func add(spellOf ticks: Int, isUp: Bool, beginningIsKnown: Bool = true, endIsKnown: Bool = true) {
        let counted = endIsKnown ? ticks : ticks - 1
        guard counted > 0 else { return }
        var known = Table(count: bins.count)
        var sinceArrival = known
        for bin in 0..<bins.count {
            let first = bins.lowerAge(of: bin)
            guard first <= counted else { break }
            let last = bin == bins.count - 1 ? counted : min(bins.upperAges[bin], counted)
            let ages = last - first + 1
            known.atRisk[bin] = Double(ages)
            // At n ticks since arrival, counted + 1 − n ticks of arrival are still in the spell; one of them sees it end.
            sinceArrival.atRisk[bin] = Double(ages) * (Double(counted + 1) - Double(first + last) / 2)
            if endIsKnown { sinceArrival.ended[bin] = Double(ages) }
        }
        if endIsKnown { known.ended[bins.bin(ofAge: ticks)] = 1 }
        if isUp {
            if beginningIsKnown { up.add(known) }
            upSinceArrival.add(sinceArrival)
        } else {
            if beginningIsKnown { down.add(known) }
            downSinceArrival.add(sinceArrival)
        }
    }

    /// Adds one more tick of a spell that goes on, and whether it ended after it: what a run sees as it goes.
    ///
    /// - Complexity: O(log classes).
    public mutating func observe(age ticks: Int, isUp: Bool, ended: Bool) {
        let bin = bins.bin(ofAge: ticks)
        if isUp {
            up.atRisk[bin] += 1
            if ended { up.ended[bin] += 1 }
        } else {
            down.atRisk[bin] += 1
            if ended { down.ended[bin] += 1 }
        }
    }

    /// Adds what was seen elsewhere, with a weight.
    ///
    /// - Precondition: The same classes.
    public mutating func add(_ other: SpellCounts, weight: Double = 1) {
        precondition(bins.upperAges == other.bins.upperAges, "Counts of other classes of age.")
        up.add(other.up, times: weight)
        down.add(other.down, times: weight)
        upSinceArrival.add(other.upSinceArrival, times: weight)
        downSinceArrival.add(other.downSinceArrival, times: weight)
    }
}
