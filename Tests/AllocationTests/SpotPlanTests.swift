import Allocation
import Testing

@Suite("A plan for one job on spot") struct SpotPlanTests {
    /// A linear congruential generator of numbers below 1.
    struct Numbers {
        var state: UInt64
        mutating func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) * 0x1p-53
        }
        mutating func next(below bound: Int) -> Int { Int(next() * Double(bound)) }
    }

    /// The least expected cost by trying every move in every state of a chain, from the definition: seconds lost are
    /// charged when a machine starts, and given back as far as a spot machine is lost within its changeover.
    final class Exhaustive {
        let job: SpotJob
        let chain: SpotChain
        var known: [[Int]: Double] = [:]

        init(job: SpotJob, chain: SpotChain) { (self.job, self.chain) = (job, chain) }

        func next(_ isUp: Bool, _ index: Int) -> [(isUp: Bool, index: Int, chance: Double)] {
            let hazard = (isUp ? chain.loss : chain.return)[index]
            let width = index == 0 ? 1 : chain.upperAges[index] - chain.upperAges[index - 1]
            let advance = index + 1 == chain.classCount ? 0 : 1 / Double(width)
            return [
                (isUp, index, (1 - hazard) * (1 - advance)),
                (isUp, min(index + 1, chain.classCount - 1), (1 - hazard) * advance), (!isUp, 0, hazard),
            ]
        }

        /// - Parameters:
        ///   - lost: Seconds lost so far.
        ///   - since: Ticks that a spot machine has been held; 0 if none is.
        func cost(_ tick: Int, _ lost: Int, isUp: Bool, _ index: Int, onDemand: Bool, since: Int) -> Double {
            let left = job.work - tick * job.tick + lost
            if left <= 0 { return 0 }
            let key = [tick, lost, isUp ? 1 : 0, index, onDemand ? 1 : 0, since]
            if let cost = known[key] { return cost }
            let (size, slack) = (job.tick, job.deadline - job.work - lost)
            let ratio = job.onDemandRatio
            let successors = next(isUp, index)
            func mean(_ value: (Bool, Int) -> Double) -> Double {
                successors.reduce(0) { $0 + ($1.chance > 0 ? $1.chance * value($1.isUp, $1.index) : 0) }
            }
            func onSpot(_ lost: Int, _ since: Int) -> Double {
                Double(size)
                    + mean { up, index in
                        let back = up ? 0 : max(0, job.changeover - since * size)
                        return cost(tick + 1, lost - back, isUp: up, index, onDemand: false, since: up ? since : 0)
                    }
            }
            func elsewhere(_ lost: Int, onDemand: Bool) -> Double {
                mean { cost(tick + 1, lost, isUp: $0, $1, onDemand: onDemand, since: 0) }
            }
            var best: Double
            if since > 0 {
                best = left <= size ? Double(left) : onSpot(lost, since + 1)
            } else {
                let charged = onDemand ? 0 : job.changeover
                best =
                    left + charged <= size || slack < 2 * job.changeover
                    ? ratio * Double(left + charged)
                    : ratio * Double(size) + elsewhere(lost + charged, onDemand: true)
                if isUp, slack >= 2 * job.changeover {
                    best = min(
                        best,
                        left + job.changeover <= size
                            ? Double(left + job.changeover) : onSpot(lost + job.changeover, 1))
                }
                if slack - size >= 2 * job.changeover {
                    best = min(best, elsewhere(lost + size, onDemand: false))
                }
            }
            known[key] = best
            return best
        }
    }

    @Test("it costs what trying everything finds, on two thousand small jobs", arguments: 0..<20)
    func exhaustive(block: Int) {
        for seed in block * 100..<block * 100 + 100 {
            var numbers = Numbers(state: UInt64(seed) &* 7919 &+ 13)
            for _ in 0..<5 { _ = numbers.next() }
            let tick = 60 * (1 + numbers.next(below: 3))
            let changeover = 60 * numbers.next(below: 6)
            let work = 60 * (1 + numbers.next(below: 10))
            let job = SpotJob(
                work: work, deadline: work + changeover + 60 * numbers.next(below: 24), changeover: changeover,
                tick: tick, onDemandRatio: 1 + 4 * numbers.next())
            func hazards() -> [Double] { (0..<3).map { _ in 0.02 + 0.9 * numbers.next() } }
            let chain = SpotChain(upperAges: [1, 2, 5], loss: hazards(), return: hazards())
            let plan = SpotPlan(job, in: chain, resolution: 60)
            for (isUp, index) in [(true, 0), (true, 2), (false, 1)] {
                let search = Exhaustive(job: job, chain: chain)
                let best = search.cost(0, 0, isUp: isUp, index, onDemand: false, since: 0)
                let cost = plan.expectedCost(from: (isUp ? 0 : 3) + index)
                #expect(abs(cost - best) < 2e-5 * best, "seed \(seed), \(isUp), \(index)")
            }
        }
    }

    static let chain = SpotChain(
        upperAges: [1, 2, 4, 8, 16, 32], loss: [0.3, 0.2, 0.1, 0.05, 0.03, 0.01],
        return: [0.3, 0.2, 0.1, 0.08, 0.05, 0.05])

    @Test("a coarse lattice costs nearly what a fine one does, and waits out a young spell that a fine one does")
    func resolution() {
        let job = SpotJob(work: 36_000, deadline: 50_000, changeover: 720, tick: 600, onDemandRatio: 3)
        let (fine, coarse) = (
            SpotPlan(job, in: Self.chain, resolution: 10), SpotPlan(job, in: Self.chain, resolution: 300)
        )
        for state in 0..<12 {
            let (a, b) = (fine.expectedCost(from: state), coarse.expectedCost(from: state))
            #expect(abs(a - b) < 0.003 * a)
        }
        let choices = [fine, coarse].map { plan in
            (0..<12).map { plan.choice(tick: 3, slack: 12_000, state: $0, holdsOnDemand: false) }
        }
        #expect(choices[0] == choices[1] && choices[0].contains(.none) && choices[0].contains(.spot))
    }

    @Test("a tick without divisors, and one much shorter than the changeover, cost nearly what others do")
    func oddTicks() {
        let plain = SpotPlan(
            SpotJob(work: 36_000, deadline: 50_000, changeover: 720, tick: 600, onDemandRatio: 3), in: Self.chain)
        let prime = SpotPlan(
            SpotJob(work: 36_000, deadline: 50_000, changeover: 720, tick: 601, onDemandRatio: 3), in: Self.chain)
        #expect(abs(plain.expectedCost(from: 3) / prime.expectedCost(from: 3) - 1) < 0.01)
        let job = SpotJob(work: 300, deadline: 1200, changeover: 400, tick: 7, onDemandRatio: 3)
        let short = SpotPlan(job, in: Self.chain)
        #expect(short.expectedCost(from: 0) > 400 && short.expectedCost(from: 0) <= job.onDemandCost)
    }

    @Test("below the safety net there is only on demand") func net() {
        let job = SpotJob(work: 36_000, deadline: 50_000, changeover: 720, tick: 600, onDemandRatio: 3)
        let plan = SpotPlan(job, in: Self.chain)
        for state in 0..<24 {
            for tick in [0, 20, 70] {
                #expect(plan.choice(tick: tick, slack: 1439, state: state, holdsOnDemand: true) == .onDemand)
                #expect(plan.choice(tick: tick, slack: 2039, state: state, holdsOnDemand: false) != .none)
            }
            if (6..<12).contains(state) {
                #expect(plan.choice(tick: 3, slack: 9000, state: state, holdsOnDemand: false) != .spot)
            }
        }
    }

    @Test("a belief counts ages, knows them after the first turn, and learns how often spot is lost here")
    func belief() {
        var belief = SpotBelief(Self.chain, isUp: true, options: .init(halfLifeTicks: 1e9, priorEvents: 4))
        #expect(belief.state == 12 && !belief.ageIsKnown)
        for _ in 0..<3 { belief.observe(isUp: true) }
        #expect(belief.age == 4 && belief.state == 14)
        belief.observe(isUp: false)
        #expect(belief.age == 1 && belief.ageIsKnown && belief.state == 6)
        // Lost once where 0.3 + 0.2 + 0.1 + 0.1 losses were expected.
        #expect(abs(belief.lossFactor - 5 / 4.7) < 1e-8 && belief.returnFactor == 1)
        var stable = SpotBelief(Self.chain, isUp: true, age: 1, options: .init(halfLifeTicks: 1e9))
        for _ in 0..<1000 { stable.observe(isUp: true) }
        #expect(stable.lossFactor < 0.4)
    }

    @Test("a planner makes a plan once for each belief that differs") func planner() {
        let job = SpotJob(work: 36_000, deadline: 50_000, changeover: 720, tick: 600, onDemandRatio: 3)
        var planner = SpotPlanner(job, in: Self.chain)
        let first = planner.plan(state: 0, lossFactor: 1, returnFactor: 1)
        _ = planner.plan(state: 0, lossFactor: 1.05, returnFactor: 0.97)
        #expect(planner.planCount == 1 && first.chain == Self.chain)
        let worse = planner.plan(state: 0, lossFactor: 3, returnFactor: 1)
        #expect(planner.planCount == 2 && worse.expectedCost(from: 0) > first.expectedCost(from: 0))
    }
}
