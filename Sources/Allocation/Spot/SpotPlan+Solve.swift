extension SpotPlan {
    /// Solves the programme.
    ///
    /// - Parameters:
    ///   - coversArrival: Also for states of which nobody has seen the beginning: twice the work.
    ///   - resolution: The distance of values of slack, in seconds, is the largest divisor of the tick up to this (the
    ///     next one where that is less than a quarter of it); values between are interpolated.
    /// - Precondition: The deadline can be met.
    /// - Complexity: O(ticks · slack ÷ resolution · classes · (1 + changeover ÷ tick)) time.
    public init(_ job: SpotJob, in chain: SpotChain, coversArrival: Bool = true, resolution: Int = 120) {
        precondition(job.isFeasible, "Who plans has time enough.")
        var solver = SpotSolver(job, chain, coversArrival: coversArrival, resolution: resolution)
        solver.solve()
        (self.job, self.chain, self.coversArrival) = (job, chain, coversArrival)
        (offsets, slacks, choices) = (solver.offsets, solver.slacks, solver.choices)
        (stateCount, startCosts) = (solver.states.count, solver.startCosts)
    }
}

/// One pass backwards over the ticks. A row holds costs over the slack, one for each multiple of `unit` from below the safety
/// net up to all of the slack; there is a row for each state.
private struct SpotSolver {
    /// What happens to a state from one tick to the next.
    struct State {
        let isUp: Bool
        /// The states of an older spell, and of a new one of the other kind.
        let older: Int
        let flipped: Int
        /// The probabilities of the same state, an older one, and the other kind.
        let weights: SIMD4<Float>
        /// Among the states in which spot is there.
        let upIndex: Int
    }

    let job: SpotJob
    let states: [State]
    /// The number of classes of age, which is the first state in which spot has just been lost.
    let classes: Int
    /// Seconds from one value of slack to the next: a divisor of the tick.
    let unit: Int
    /// The index at which slack is twice the changeover: below it there is only on demand.
    let net: Int
    /// The last index that can occur.
    let top: Int
    let width: Int
    /// Ticks until a spot machine has nothing left of its changeover.
    let begun: Int
    /// For each state in which spot is there: the probability that it is lost after so many ticks, less than `begun`.
    let lossAfter: [[Float]]

    private(set) var offsets: [UInt32] = []
    private(set) var slacks: [Float] = []
    private(set) var choices: [SpotMachine] = []
    private(set) var startCosts: [Double] = []

    init(_ job: SpotJob, _ chain: SpotChain, coversArrival: Bool, resolution: Int) {
        self.job = job
        let classes = chain.classCount
        self.classes = classes
        states = (0..<(coversArrival ? 4 : 2) * classes).map { state in
            let (kind, index) = state.quotientAndRemainder(dividingBy: classes)
            let (hazard, advance) = (chain.hazard(state), chain.advance(index))
            return State(
                isUp: kind % 2 == 0, older: state + (index + 1 < classes ? 1 : 0),
                flipped: kind % 2 == 0 ? classes : 0,
                weights: SIMD4(
                    Float((1 - hazard) * (1 - advance)), Float((1 - hazard) * advance), Float(hazard), 0),
                upIndex: kind / 2 * classes + index)
        }
        unit = Self.unit(job.tick, resolution)
        net = (job.changeover + unit - 1) / unit + 1
        top = max(net, net + ceilDivide(job.deadline - job.work - 2 * job.changeover, unit))
        width = (top + (job.changeover + unit - 1) / unit + 3 + 15) & ~7
        begun = max(1, (job.changeover + job.tick - 1) / job.tick)
        lossAfter = Self.lossChances(states, ticks: begun - 1)
    }

    /// The largest divisor of a tick up to a resolution, or the next one above if that is far below.
    private static func unit(_ tick: Int, _ resolution: Int) -> Int {
        let divisors = (1...tick).filter { tick % $0 == 0 }
        guard let fine = divisors.last(where: { $0 <= max(1, resolution) }), 4 * fine < min(resolution, tick) else {
            return divisors.last { $0 <= max(1, resolution) } ?? tick
        }
        return divisors.first { $0 > fine } ?? tick
    }

    private static func lossChances(_ states: [State], ticks: Int) -> [[Float]] {
        states.indices.filter { states[$0].isUp }.map { first in
            var chances = Array(repeating: Float(0), count: states.count)
            chances[first] = 1
            return (0..<ticks).map { _ in
                var next = Array(repeating: Float(0), count: states.count)
                var lost = Float(0)
                for (state, chance) in zip(states, chances.enumerated()) where chance.element > 0 {
                    next[chance.offset] += chance.element * state.weights.x
                    next[state.older] += chance.element * state.weights.y
                    lost += chance.element * state.weights.z
                }
                chances = next
                return lost
            }
        }
    }

    /// The first index with at least so much slack.
    func index(ofSlack seconds: Int) -> Int { net + ceilDivide(seconds - 2 * job.changeover, unit) }

    func slack(_ index: Int) -> Int { 2 * job.changeover + (index - net) * unit }

    mutating func solve() {
        let (size, ratio) = (job.tick, Float(job.onDemandRatio))
        let upCount = states.count / 2
        // Reads to the left of a row's beginning meet the row before it, or this margin.
        let margin = (net + size / unit + 16 + 7) & ~7
        let rowCount = 4 * states.count + 2 * upCount + 2 * (begun - 1) + 4
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: margin + rowCount * width)
        memory.initialize(repeating: 0, count: margin + rowCount * width)
        defer { memory.deallocate() }
        // Costs from this tick on while nothing or on demand is held, and what they are expected to be a tick later; on spot
        // past its changeover, and on spot that is started now; just after a loss in each of the next ticks, and how much
        // less that is with what is left of a changeover given back.
        let empty = Rows(memory + margin, width)
        let demand = Rows(empty.end(states.count), width)
        let emptyLater = Rows(demand.end(states.count), width)
        let demandLater = Rows(emptyLater.end(states.count), width)
        let spot = Rows(demandLater.end(states.count), width)
        let fresh = Rows(spot.end(upCount), width)
        let losses = Rows(fresh.end(upCount), width)
        let refunds = Rows(losses.end(begun - 1), width)
        let scratch = Rows(refunds.end(begun - 1), width)
        let codes = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * width)
        codes.initialize(repeating: 2, count: 2 * width)
        defer { codes.deallocate() }
        offsets.reserveCapacity(job.tickCount * states.count * 2 + 1)
        offsets.append(0)
        let down = Shift(job.changeover, unit)
        for tick in stride(from: job.tickCount - 1, through: 0, by: -1) {
            let timeLeft = job.deadline - tick * size
            // With as much slack as there is time, the work is done.
            let high = min(top, index(ofSlack: timeLeft) - 1)
            // From here on the work ends within this tick, on a machine that is held, on one that is started.
            let ends = max(0, min(high + 1, index(ofSlack: timeLeft - size)))
            let endsFresh = max(0, min(high + 1, index(ofSlack: timeLeft - size + job.changeover)))
            // Expectations first, all of the next tick.
            for (number, state) in states.enumerated() {
                mix(emptyLater[number], empty[number], empty[state.older], empty[state.flipped], state.weights)
                mix(demandLater[number], demand[number], demand[state.older], demand[state.flipped], state.weights)
            }
            for (number, state) in states.enumerated() where state.isUp {
                let held = spot[state.upIndex]
                let older = state.older == number ? held : held + width
                mix(fresh[state.upIndex], held, older, empty[classes], state.weights, plus: Float(size))
            }
            for index in 0..<upCount {
                // As long as its changeover is over, a machine that is started is like one that is held.
                let (held, started) = (spot[index], fresh[index])
                for k in stride(from: 0, to: width, by: 8) { store(held, k, load(started, k)) }
                for k in ends..<max(ends, high + 1) { held[k] = Float(timeLeft - slack(k)) }
                for k in max(0, high + 1)..<width { held[k] = 0 }
            }
            if begun > 1 {
                for ticks in 1..<begun {
                    let lost = losses[(tick + ticks) % (begun - 1)]
                    let shift = Shift(job.changeover - ticks * size, unit)
                    for k in stride(from: 0, to: width - 8 - shift.whole, by: 8) {
                        store(refunds[ticks - 1], k, shift.above(lost, k) - load(lost, k))
                    }
                }
                addRefunds(to: fresh, refunds)
            }
            for (number, state) in states.enumerated() {
                let (idle, started, ordered, kept) = (scratch[0], scratch[1], scratch[2], scratch[3])
                for k in 0..<width { idle[k] = never }
                let idleFrom = net + size / unit
                for k in stride(from: idleFrom, through: high, by: 8) {
                    store(idle, k, load(emptyLater[number], k - size / unit))
                }
                for k in 0..<width { started[k] = never }
                if state.isUp {
                    for k in stride(from: net, through: high, by: 8) {
                        store(started, k, down.below(fresh[state.upIndex], k))
                    }
                    for k in max(net, endsFresh)..<max(net, endsFresh, high + 1) {
                        started[k] = Float(timeLeft - slack(k) + job.changeover)
                    }
                }
                let full = SIMD8(repeating: ratio * Float(size))
                for k in stride(from: 0, through: high, by: 8) {
                    store(kept, k, full + load(demandLater[number], k))
                }
                for k in stride(from: net, through: high, by: 8) {
                    store(ordered, k, full + down.below(demandLater[number], k))
                }
                for k in 0..<max(0, min(net, high + 1)) {
                    ordered[k] = ratio * Float(timeLeft - slack(k) + job.changeover)
                }
                for k in ends..<max(ends, high + 1) { kept[k] = ratio * Float(timeLeft - slack(k)) }
                for k in max(endsFresh, net)..<max(endsFresh, net, high + 1) {
                    ordered[k] = ratio * Float(timeLeft - slack(k) + job.changeover)
                }
                for k in stride(from: 0, through: high, by: 8) {
                    let (a, b) = (load(started, k), load(idle, k))
                    let other = least(a, b)
                    // The first of the least: on demand, spot, idle.
                    let code = SIMD8<Int32>(repeating: 1).replacing(with: 0, where: b .< a)
                    let (fromNone, fromDemand) = (load(ordered, k), load(kept, k))
                    store(empty[number], k, least(fromNone, other))
                    store(demand[number], k, least(fromDemand, other))
                    store(codes, k, SIMD8(repeating: 2).replacing(with: code, where: other .< fromNone))
                    store(codes + width, k, SIMD8(repeating: 2).replacing(with: code, where: other .< fromDemand))
                }
                for k in max(0, high + 1)..<width { (empty[number][k], demand[number][k]) = (0, 0) }
                append(codes, [idle, started, ordered], from: net, through: high)
                append(codes + width, [idle, started, kept], from: net, through: high)
            }
            if begun > 1 {
                let now = losses[tick % (begun - 1)]
                for k in stride(from: 0, to: width, by: 8) { store(now, k, load(empty[classes], k)) }
            }
        }
        let start = Double(job.deadline - job.work - slack(net)) / Double(unit) + Double(net)
        let k = max(0, Int(start.rounded(.down)))
        let share = start - Double(k)
        startCosts = states.indices.map { Double(empty[$0][k]) * (1 - share) + Double(empty[$0][k + 1]) * share }
    }

    /// Writes down where the choice changes along a row, to where the two costs cross.
    private mutating func append(
        _ codes: UnsafeMutablePointer<Int32>, _ costs: [UnsafeMutablePointer<Float>], from low: Int, through high: Int
    ) {
        var last = Int32(2)
        var k = low
        while k <= high {
            if codes[k] == last {
                k += 1
                let same = SIMD8(repeating: last)
                while k + 7 <= high, load(codes, k) == same { k += 8 }
                continue
            }
            var at = Float(slack(k))
            if k > low {
                let (old, new) = (costs[Int(last)], costs[Int(codes[k])])
                let (before, after) = (new[k - 1] - old[k - 1], old[k] - new[k])
                if before < never / 2, after < never / 2, before + after > 0 {
                    at -= Float(unit) * after / (before + after)
                }
            }
            last = codes[k]
            slacks.append(at)
            choices.append(SpotMachine(rawValue: UInt8(last)) ?? .onDemand)
            k += 1
        }
        offsets.append(UInt32(slacks.count))
    }

    /// `weights.x · a + weights.y · b + weights.z · c + plus`.
    private func mix(
        _ into: UnsafeMutablePointer<Float>, _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>,
        _ c: UnsafeMutablePointer<Float>, _ weights: SIMD4<Float>, plus: Float = 0
    ) {
        let (x, y, z) = (SIMD8(repeating: weights.x), SIMD8(repeating: weights.y), SIMD8(repeating: weights.z))
        let constant = SIMD8(repeating: plus)
        for k in stride(from: 0, to: width, by: 8) {
            store(into, k, constant + x * load(a, k) + y * load(b, k) + z * load(c, k))
        }
    }

    /// Adds to each row of machines that are started now what a loss after each number of ticks gives back, times its
    /// probability. Blocks of columns stay in the cache while all rows use them.
    private func addRefunds(to fresh: Rows, _ refunds: Rows) {
        for column in stride(from: 0, to: width, by: 16) {
            let isWhole = column + 16 <= width
            for (index, chances) in lossAfter.enumerated() {
                let row = fresh[index]
                var first = load(row, column)
                var second = isWhole ? load(row, column + 8) : first
                for (ticks, chance) in chances.enumerated() {
                    let refund = refunds[ticks]
                    first += chance * load(refund, column)
                    if isWhole { second += chance * load(refund, column + 8) }
                }
                store(row, column, first)
                if isWhole { store(row, column + 8, second) }
            }
        }
    }
}

/// What is not allowed.
private let never = Float(1e30)

private func ceilDivide(_ a: Int, _ b: Int) -> Int { a >= 0 ? (a + b - 1) / b : -(-a / b) }

/// Rows of the same width, one after the other.
private struct Rows {
    let start: UnsafeMutablePointer<Float>
    let width: Int

    init(_ start: UnsafeMutablePointer<Float>, _ width: Int) { (self.start, self.width) = (start, width) }

    subscript(_ row: Int) -> UnsafeMutablePointer<Float> { start + row * width }

    func end(_ count: Int) -> UnsafeMutablePointer<Float> { start + count * width }
}

/// A distance in slack, in units: so many whole ones and a part of one.
private struct Shift {
    let whole: Int
    let part: Float

    init(_ seconds: Int, _ unit: Int) { (whole, part) = (seconds / unit, Float(seconds % unit) / Float(unit)) }

    @inline(__always)
    func above(_ row: UnsafeMutablePointer<Float>, _ k: Int) -> SIMD8<Float> {
        let near = load(row, k + whole)
        return part == 0 ? near : near + part * (load(row, k + whole + 1) - near)
    }

    @inline(__always)
    func below(_ row: UnsafeMutablePointer<Float>, _ k: Int) -> SIMD8<Float> {
        let near = load(row, k - whole)
        return part == 0 ? near : near + part * (load(row, k - whole - 1) - near)
    }
}

@inline(__always)
private func load(_ row: UnsafeMutablePointer<Float>, _ k: Int) -> SIMD8<Float> {
    UnsafeRawPointer(row + k).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
private func load(_ row: UnsafeMutablePointer<Int32>, _ k: Int) -> SIMD8<Int32> {
    UnsafeRawPointer(row + k).loadUnaligned(as: SIMD8<Int32>.self)
}

@inline(__always)
private func least(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { a.replacing(with: b, where: b .< a) }

@inline(__always)
private func store(_ row: UnsafeMutablePointer<Float>, _ k: Int, _ value: SIMD8<Float>) {
    UnsafeMutableRawPointer(row + k).storeBytes(of: value, as: SIMD8<Float>.self)
}

@inline(__always)
private func store(_ row: UnsafeMutablePointer<Int32>, _ k: Int, _ value: SIMD8<Int32>) {
    UnsafeMutableRawPointer(row + k).storeBytes(of: value, as: SIMD8<Int32>.self)
}
