/// What each piece of planned or recorded work waited for: other work whose results it needs, or whose room it took.
///
/// From it follow the critical path through tasks and instances, the slack of each piece, and when all would have started
/// had some taken less time.
package struct WaitGraph: Sendable {
    /// One piece of work: a planned task, or an attempt that was made.
    package struct Piece: Sendable {
        /// When it starts and ends, in seconds.
        package var start: Double
        package var end: Double
        /// The instance that it is on; pieces of different instances take no room from each other.
        package var instance: Int
        /// What it occupies there.
        package var resources: Resources
        /// It does not start before, whatever it waits for; 0 if it may at once.
        package var notBefore: Double

        package init(start: Double, end: Double, instance: Int, resources: Resources, notBefore: Double = 0) {
            (self.start, self.end, self.instance, self.resources) = (start, max(start, end), instance, resources)
            self.notBefore = notBefore
        }
    }

    /// Why one piece waits for another.
    package enum Reason: Hashable, Sendable {
        /// It needs what the other makes.
        case result
        /// It needs the room of the other.
        case room
        /// It needs what the other takes of what the account may have in use at once.
        case quota
    }

    /// A piece that another waits for.
    package struct Link: Hashable, Sendable {
        package var piece: Int
        package var reason: Reason
        /// From the end of that piece until the other can start, in seconds.
        package var seconds: Double

        package init(_ piece: Int, _ reason: Reason, seconds: Double = 0) {
            (self.piece, self.reason, self.seconds) = (piece, reason, seconds)
        }
    }

    package let pieces: [Piece]
    /// What each piece waits for.
    package let links: [[Link]]
    /// An order in which each comes after what it waits for.
    private let order: [Int]

    /// Makes the graph.
    ///
    /// Room is handed on: what a piece occupies was free from the beginning, or given by those that ended earliest before.
    /// Pieces that take no time take no room.
    /// - Parameters:
    ///   - results: The pieces whose results each needs; those that end after it starts are left out.
    ///   - capacity: The room of each instance; where there is none, the most that was ever occupied.
    ///   - quota: The most that all pieces may have in use at once.
    ///   - pricesPerHour: What each piece counts against the price of the quota.
    /// - Complexity: O((*pieces* + *links*) log *pieces*).
    package init(
        _ pieces: [Piece], results: [[Link]], capacity: [Int: Resources] = [:], quota: Quota? = nil,
        pricesPerHour: [Double] = []
    ) {
        var links = results
        for (piece, own) in links.enumerated() {
            let latest = pieces[piece].start + Self.tolerance
            links[piece] = own.filter { $0.piece != piece && pieces[$0.piece].end <= latest }
        }
        let long = pieces.indices.filter { pieces[$0].end > pieces[$0].start + Self.tolerance }
        for (instance, own) in Dictionary(grouping: long, by: { pieces[$0].instance }) {
            let turns = Turns(own, pieces)
            let room = capacity[instance] ?? turns.most(pieces)
            for lane in 0..<4 {
                turns.handOn(room.lanes[lane], pieces, .room, &links) { pieces[$0].resources.lanes[lane] }
            }
        }
        if let quota {
            let turns = Turns(long, pieces)
            for lane in 0..<4 where quota.resources.lanes[lane].isFinite {
                turns.handOn(quota.resources.lanes[lane], pieces, .quota, &links) { pieces[$0].resources.lanes[lane] }
            }
            if quota.pricePerHour.isFinite {
                turns.handOn(quota.pricePerHour, pieces, .quota, &links) { pricesPerHour[$0] }
            }
        }
        (self.pieces, self.links, order) = (pieces, links, Self.order(links))
    }

    /// Pieces that share a room, by start and by end.
    private struct Turns {
        let starts: [Int]
        let ends: [Int]

        init(_ own: [Int], _ pieces: [Piece]) {
            starts = own.sorted { (pieces[$0].start, $0) < (pieces[$1].start, $1) }
            ends = own.sorted { (pieces[$0].end, $0) < (pieces[$1].end, $1) }
        }

        /// Links each piece to those whose amounts it takes over.
        func handOn(
            _ room: Double, _ pieces: [Piece], _ reason: Reason, _ links: inout [[Link]], amount: (Int) -> Double
        ) {
            var pool = Pool(room)
            var ended = 0
            for piece in starts where amount(piece) > 0 {
                while ended < ends.count, pieces[ends[ended]].end <= pieces[piece].start + WaitGraph.tolerance {
                    pool.give(amount(ends[ended]), by: ends[ended])
                    ended += 1
                }
                for giver in pool.take(amount(piece)) where !links[piece].contains(where: { $0.piece == giver }) {
                    links[piece].append(Link(giver, reason))
                }
            }
        }

        /// The most that is occupied at once, lane by lane.
        func most(_ pieces: [Piece]) -> Resources {
            var (used, most, ended) = (Resources.zero, Resources.zero, 0)
            for piece in starts {
                while ended < ends.count, pieces[ends[ended]].end <= pieces[piece].start + WaitGraph.tolerance {
                    used -= pieces[ends[ended]].resources
                    ended += 1
                }
                used += pieces[piece].resources
                most = most.maxima(used)
            }
            return most
        }
    }

    /// Kahn's algorithm; what rounding has tied in a knot comes last.
    private static func order(_ links: [[Link]]) -> [Int] {
        var (open, waiting) = (links.map(\.count), [[Int]](repeating: [], count: links.count))
        for (piece, own) in links.enumerated() { for link in own { waiting[link.piece].append(piece) } }
        var order = links.indices.filter { open[$0] == 0 }
        var next = 0
        while next < order.count {
            for piece in waiting[order[next]] {
                open[piece] -= 1
                if open[piece] == 0 { order.append(piece) }
            }
            next += 1
        }
        return order + links.indices.filter { open[$0] > 0 }
    }

    /// Times nearer than this are the same, in seconds.
    package static let tolerance = 1e-6

    /// What is free on an instance, the longest first.
    private struct Pool {
        private var tokens: [(giver: Int, amount: Double)]
        private var first = 0

        init(_ amount: Double) { tokens = [(-1, amount)] }

        mutating func give(_ amount: Double, by giver: Int) {
            if amount > 0 { tokens.append((giver, amount)) }
        }

        /// Takes so much and returns who gave it.
        mutating func take(_ amount: Double) -> [Int] {
            var (rest, givers): (Double, [Int]) = (amount, [])
            while rest > amount * 1e-9, first < tokens.count {
                let part = min(rest, tokens[first].amount)
                if tokens[first].giver >= 0 { givers.append(tokens[first].giver) }
                rest -= part
                tokens[first].amount -= part
                if tokens[first].amount <= amount * 1e-9 { first += 1 }
            }
            return givers
        }
    }
}

extension WaitGraph {
    /// When the last piece ends, in seconds.
    package var end: Double { pieces.reduce(0) { max($0, $1.end) } }

    /// The link that keeps a piece longest, results before room; `nil` if it waits for none.
    package func binding(_ piece: Int) -> Link? {
        func time(_ link: Link) -> Double { pieces[link.piece].end + link.seconds }
        var best: Link?
        for link in links[piece] {
            guard let known = best else {
                best = link
                continue
            }
            let isLater = time(link) > time(known) + Self.tolerance
            let isSame = abs(time(link) - time(known)) <= Self.tolerance
            if isLater || (isSame && known.reason != .result && link.reason == .result) { best = link }
        }
        return best
    }

    /// Whether a piece starts when it may, and all that it waits for has come before.
    private func awaitsItsTime(_ piece: Int, _ link: Link) -> Bool {
        let own = pieces[piece]
        return own.notBefore > 0 && own.start <= own.notBefore + Self.tolerance
            && pieces[link.piece].end + link.seconds < own.start - Self.tolerance
    }

    /// The pieces that led to the end, each waiting for the one before, from first to last.
    package var criticalPath: [Int] {
        guard var piece = pieces.indices.max(by: { (pieces[$0].end, $1) < (pieces[$1].end, $0) }) else { return [] }
        var path = [piece]
        // Links lead to what ended before, but for rounding.
        while let link = binding(piece), !awaitsItsTime(piece, link), path.count <= pieces.count {
            piece = link.piece
            path.append(piece)
        }
        return path.reversed()
    }

    /// By how many seconds each piece could end later without making all end later, on the same instances in the same order.
    package var slacks: [Double] {
        let end = end
        var latest = pieces.map { _ in end }
        for piece in order.reversed() {
            let start = latest[piece] - (pieces[piece].end - pieces[piece].start)
            for link in links[piece] { latest[link.piece] = min(latest[link.piece], start - link.seconds) }
        }
        return pieces.indices.map { max(0, latest[$0] - pieces[$0].end) }
    }

    /// When all would have ended with other durations, on the same instances in the same order; every piece starts as long
    /// after what it waits for as it did.
    package func end(durations: [Double]) -> Double {
        var ends = pieces.map(\.end)
        for piece in order {
            var start = pieces[piece].start
            if let link = binding(piece) {
                let delay =
                    awaitsItsTime(piece, link) ? 0 : max(0, start - pieces[link.piece].end - link.seconds)
                start = links[piece].reduce(-.infinity) { max($0, ends[$1.piece] + $1.seconds) } + delay
                start = max(start, pieces[piece].notBefore)
            }
            ends[piece] = start + durations[piece]
        }
        return ends.reduce(0, max)
    }
}
