import Allocation
import Foundation
import LinearAlgebra
import Markets
import Simulation
import TestSupport
import Testing

@Suite("A job on spot under a deadline") struct SpotRunTests {
    static let ratio = 3.06 / 0.9731
    static let rules: [SpotRule] = [
        .greedy, .eager, .uniformProgressIdle, .uniformProgressEager, .uniformProgress,
    ]
    static let allRules = rules + [.onDemandOnly, .timeSliced(4), .attempts(3), .waiting(seconds: 1800)]

    /// Spells in turn, the first one with spot.
    static func isUp(_ lengths: [Int]) -> [Bool] {
        lengths.enumerated().flatMap { Array(repeating: $0.offset % 2 == 0, count: $0.element) }
    }

    static let spells = isUp([7, 1, 3, 12, 1, 2, 40, 5, 1, 9, 300, 2, 6, 1, 1, 30, 11, 4])

    /// A random market, job and chain, small.
    static func random(_ seed: UInt64) -> (SpotTrace, SpotJob, SpotChain) {
        var generator = SeededGenerator(seed: seed)
        let tick = 60 * (1 + generator.nextInt(below: 3))
        let changeover = 60 * generator.nextInt(below: 5)
        let work = 60 * (2 + generator.nextInt(below: 12))
        let job = SpotJob(
            work: work, deadline: work + changeover + 60 * generator.nextInt(below: 20), changeover: changeover,
            tick: tick, onDemandRatio: 1 + 4 * generator.nextUniform())
        let turns = 0.05 + 0.6 * generator.nextUniform()
        var isUp = generator.nextUniform() < 0.5
        let ticks = (0..<job.tickCount + 3).map { _ in
            if generator.nextUniform() < turns { isUp.toggle() }
            return isUp
        }
        func hazards() -> [Double] { (0..<3).map { _ in 0.02 + 0.9 * generator.nextUniform() } }
        let chain = SpotChain(
            upperAges: [1, 2, 5], loss: hazards(), return: hazards(), lossSinceArrival: hazards(),
            returnSinceArrival: hazards())
        return (SpotTrace(tick: tick, isUp: ticks), job, chain)
    }

    /// Costs of ``rules`` and the optimum by the independent simulator in Python that the problem is defined by.
    static let reference: [(job: [Int], start: Int, costs: [Double], optimum: Double)] = [
        (
            [600, 20000, 30000, 720], 0,
            [56816.565615045, 44101.305107389, 49935.073476518, 37634.290412085, 37634.290412085], 29313.768369130
        ),
        (
            [600, 20000, 30000, 720], 11,
            [65755.893536122, 40774.551433563, 36194.290412085, 36194.290412085, 36194.290412085], 20720
        ),
        (
            [600, 20000, 30000, 720], 60,
            [60299.475901757, 41494.551433563, 35027.536738259, 38921.044085911, 38887.797759737], 24733.507347652
        ),
        (
            [600, 20000, 30000, 720], 380,
            [60899.475901757, 65050.333984174, 72548.206761895, 65050.333984174, 65755.893536122], 50468.580824170
        ),
        (
            [195, 6000, 9000, 180], 2,
            [17220.055492755, 13532.924159901, 13172.924159901, 11500.144383928, 11500.144383928], 8810.974719967
        ),
        (
            [195, 6000, 9000, 180], 75,
            [6180, 8869.169663961, 10123.754495941, 8450.974719967, 10123.754495941], 6180
        ),
        (
            [195, 6000, 9000, 180], 370,
            [13604.132154969, 14736.184359264, 14736.184359264, 13604.132154969, 13604.132154969], 13456.300996814
        ),
        (
            [600, 20000, 30000, 1440], 0,
            [63608.878840818, 47461.305107389, 46194.812455041, 47461.305107389, 48768.319802692], 37187.536738259
        ),
        (
            [600, 20000, 30000, 1440], 70,
            [22040, 36947.536738259, 50501.827150344, 35060.783064433, 50501.827150344], 21440
        ),
    ]

    @Test("rules and the optimum cost what they do in the independent simulator", arguments: 0..<9)
    func independent(number: Int) {
        let (numbers, start, costs, optimum) = Self.reference[number]
        let job = SpotJob(
            work: numbers[1], deadline: numbers[2], changeover: numbers[3], tick: numbers[0], onDemandRatio: Self.ratio)
        let trace = SpotTrace(tick: numbers[0], isUp: Self.spells)
        for (rule, cost) in zip(Self.rules, costs) {
            let outcome = SpotRun.outcome(of: job, on: trace, from: start, rule: rule)
            #expect(abs(outcome.cost(job) - cost) < 1e-9 * cost, "\(rule)")
        }
        #expect(abs(SpotOptimum.cost(of: job, on: trace, from: start) - optimum) < 1e-9 * optimum)
    }

    /// Means over 300 starts by the same simulator, of one recorded zone.
    @Test(
        "means over a recorded zone are those of the independent simulator",
        SharedData.isNeeded)
    func recorded() throws {
        let path = SharedData.path("spot/traces/availability/1-node/aws-10-26-2022/us-west-2b_v100_1.json")
        let content = try MarketImport.read(path).content
        guard case .availability(let trace) = content else { throw CocoaError(.fileReadCorruptFile) }
        let spot = SpotTrace(trace)
        let job = SpotJob(work: 172_800, deadline: 216_000, changeover: 720, tick: 600, onDemandRatio: Self.ratio)
        let expected: [(SpotRule, Double)] = [
            (.greedy, 0.59822278458794), (.eager, 0.5687135269106873), (.uniformProgressIdle, 0.5588949152044403),
            (.uniformProgressEager, 0.5089064148865324), (.uniformProgress, 0.5360401398795264),
        ]
        for (rule, share) in expected {
            let shares = spot.starts(300, of: job).map {
                SpotRun.outcome(of: job, on: spot, from: $0, rule: rule).costShare(job)
            }
            #expect(abs(mean(shares) - share) < 1e-9)
        }
    }

    /// The least cost over all ways to act on the ticks of a trace, by trying all of them.
    private func exhaustive(
        _ job: SpotJob, _ trace: SpotTrace, tick: Int, held: SpotMachine, changeoverLeft: Int, workLeft: Int
    ) -> Double {
        guard tick < job.tickCount else { return .infinity }
        let isUp = trace.isUp[tick]
        let (held, changeoverLeft) = held == .spot && !isUp ? (.none, 0) : (held, changeoverLeft)
        var best = Double.infinity
        for choice in [SpotMachine.none, .spot, .onDemand] where choice != .spot || isUp {
            if choice == .none {
                best = min(
                    best,
                    exhaustive(job, trace, tick: tick + 1, held: .none, changeoverLeft: 0, workLeft: workLeft))
                continue
            }
            let changeover = choice == held ? changeoverLeft : job.changeover
            let price = choice == .spot ? 1 : job.onDemandRatio
            if changeover + workLeft <= job.tick {
                let end = tick * job.tick + changeover + workLeft
                if end <= job.deadline { best = min(best, price * Double(changeover + workLeft)) }
                continue
            }
            let rest = exhaustive(
                job, trace, tick: tick + 1, held: choice, changeoverLeft: max(0, changeover - job.tick),
                workLeft: workLeft - max(0, job.tick - changeover))
            best = min(best, price * Double(job.tick) + rest)
        }
        return best
    }

    @Test("the optimum is that of trying everything, on hundreds of small markets") func optimum() {
        var tried = 0
        for seed in UInt64(0)..<3000 {
            let (trace, job, _) = Self.random(seed)
            guard job.tickCount <= 8, job.isFeasible else { continue }
            let best = exhaustive(job, trace, tick: 0, held: .none, changeoverLeft: 0, workLeft: job.work)
            #expect(abs(SpotOptimum.cost(of: job, on: trace, from: 0) - best) < 1e-9 * best, "seed \(seed)")
            tried += 1
        }
        #expect(tried > 800)
    }

    @Test("no deadline is missed and nothing is cheaper than the optimum, in any market", arguments: 0..<20)
    func safety(block: UInt64) {
        for seed in block * 100..<block * 100 + 100 {
            let (trace, job, chain) = Self.random(seed)
            let least = SpotOptimum.cost(of: job, on: trace, from: 0) * (1 - 1e-12)
            for rule in Self.allRules {
                let outcome = SpotRun.outcome(of: job, on: trace, from: 0, rule: rule)
                #expect(outcome.isOnTime(job) && outcome.cost(job) >= least, "seed \(seed), \(rule)")
            }
            var planner = SpotPlanner(job, in: chain, options: .init(halfLife: 3600, secondsBetweenPlans: 300))
            let beliefs = SpotBeliefs(trace, chain, planner.beliefOptions)
            let outcome = SpotRun.outcome(of: job, on: trace, from: 0, planner: &planner, beliefs: beliefs)
            #expect(outcome.isOnTime(job) && outcome.cost(job) >= least, "seed \(seed), planned")
        }
    }

    @Test("without slack all is on demand; where spot never goes, all is spot") func extremes() {
        let tight = SpotJob(work: 7200, deadline: 7320, changeover: 120, tick: 60, onDemandRatio: 3)
        let up = SpotTrace(tick: 60, isUp: Array(repeating: true, count: 400))
        for rule in Self.allRules {
            #expect(SpotRun.outcome(of: tight, on: up, from: 0, rule: rule).costShare(tight) == 1)
        }
        let loose = SpotJob(work: 7200, deadline: 14_400, changeover: 120, tick: 60, onDemandRatio: 3)
        let outcome = SpotRun.outcome(of: loose, on: up, from: 5, rule: .uniformProgress)
        #expect(outcome.spotSeconds == 7320 && outcome.onDemandSeconds == 0 && outcome.starts == 1)
        #expect(outcome.spotWork == 7200 && outcome.end == 7320)
    }

    @Test("a comparison does not depend on threads, and the plan wins where spells that last go on lasting")
    func comparison() {
        var generator = SeededGenerator(seed: 9)
        let traces = (0..<3).map { _ in
            // Many spells are lost at once; those that are not last.
            SpotTrace(
                tick: 600,
                isUp: Self.isUp(
                    (0..<400).map { _ in
                        generator.nextUniform() < 0.6
                            ? 1 + generator.nextInt(below: 2) : 5 + generator.nextInt(below: 60)
                    }))
        }
        let chain = SpotChain(
            upperAges: [1, 2, 4, 8, 1000], loss: [0.3, 0.4, 0.02, 0.03, 0.04], return: [0.3, 0.4, 0.02, 0.03, 0.04])
        let job = SpotJob(work: 36_000, deadline: 54_000, changeover: 900, tick: 600, onDemandRatio: 3)
        let zones = traces.map { SpotComparison.Zone($0, chain: chain, starts: $0.starts(60, of: job)) }
        let (one, two) = (SpotComparison.run(job, on: zones), SpotComparison.run(job, on: zones, threads: 2))
        #expect(one.rows == two.rows && one.exampleZone == two.exampleZone && one.starts == 180)
        #expect(one.rows[0].policy == "plan" && one.rows[0].meanCost < one.rows[1].meanCost)
        for (_, stretches, outcome) in one.example {
            for machine in [SpotMachine.spot, .onDemand] {
                let seconds = stretches.filter { $0.machine == machine }.map { $0.end - $0.start }.reduce(0, +)
                #expect(seconds == (machine == .spot ? outcome.spotSeconds : outcome.onDemandSeconds))
            }
            #expect(stretches.last?.end == outcome.end)
        }
    }

    @Test("coarser ticks have spot only where it is there throughout") func coarser() {
        let trace = SpotTrace(tick: 10, isUp: [true, true, true, false, true, true, true])
        #expect(trace.coarsened(by: 2).isUp == [true, false, true] && trace.coarsened(by: 2).tick == 20)
        #expect(trace.sampled(every: 20) == [true, true, true] && trace.sampled(every: 10) == trace.isUp)
    }
}
