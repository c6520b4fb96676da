import Allocation
import Foundation
import Scheduling
import Simulation
import TestSupport
import Testing
import Workloads

typealias Allocator = Allocation.Allocator

@Suite("A pool for a stream of jobs") struct ReservedPoolTests {
    private static let offer = Offer(
        type: InstanceType(name: "m", cpus: 2, memoryBytes: 1e9), maximumCount: 16, price: Price(perHour: 1),
        openSeconds: 120)
    private static let meanGap = 1200.0

    /// A source, then five tasks at once.
    private static func job(_ generator: inout TestGenerator) throws -> TaskGraph {
        try TaskGraph(
            (0..<6).map { index in
                TaskSpec(
                    id: TaskID("t\(index)"), predecessors: index == 0 ? [] : ["t0"], request: Requirements(cpus: 1),
                    claimedSeconds: Double.random(in: 100...300, using: &generator))
            })
    }

    /// Twelve jobs that come at moments of their own.
    private static func stream(_ provisioning: any Provisioning, seed: UInt64) throws -> SimulatedRun {
        var generator = TestGenerator(seed: seed)
        let graphs = try (0..<12).map { _ in try job(&generator) }
        let estimates = graphs.map { Estimates(claimedBy: $0) }
        var seconds = 0.0
        let others = graphs.indices.dropFirst().map { index in
            seconds += -log(1 - Double.random(in: 0..<1, using: &generator)) * meanGap
            return SimulatedJob(Job(graphs[index]), arrivalSeconds: seconds, estimates: estimates[index])
        }
        var simulator = Simulator(
            Job(graphs[0]), estimates: estimates[0],
            allocator: Allocator(offers: [offer], policies: Policies(provisioning: provisioning)),
            world: World(Estimates(joining: estimates), noise: 0.3))
        simulator.others = others
        return simulator.run(seed: seed)
    }

    /// What such jobs want: the source for 200 seconds, then five tasks for as long.
    private static let forecast: DemandForecast = {
        let arrivals = (0..<400).flatMap { number in
            [(0.0, 1.0), (200, 5)].map { delay, cpus in
                (seconds: Double(number) * meanGap + delay, wants: Resources(cpus: cpus), forSeconds: 200.0)
            }
        }
        return DemandForecast(
            arrivals: arrivals, stepSeconds: meanGap, steps: 1, periods: 400, repeats: true)
    }()

    /// How much a way of renting costs and lets tasks wait, in each of many streams.
    private static func outcomes(_ provisioning: any Provisioning) throws -> (waits: [Double], costs: [Double]) {
        let runs = try (UInt64(0)..<60).map { try stream(provisioning, seed: $0) }
        #expect(runs.allSatisfy { $0.ending == .succeeded })
        return (runs.map(\.meanWaitSeconds), runs.map(\.cost))
    }

    @Test("the forecast of a stream of arrivals has the mean and the spread of a Poisson process")
    func campbell() {
        #expect(abs(Self.forecast.mean[0].cpus - 1) < 1e-9)
        // One arrival in 1200 s: 200 s of 1 and 200 s of 25.
        #expect(abs(Self.forecast.deviation[0].cpus - (26.0 / 6).squareRoot()) < 1e-9)
        #expect(abs(Self.forecast.quantile(0.9, at: 1e7).cpus - (1 + 1.2816 * 2.0817)) < 0.05)
        #expect(abs(Self.forecast.quantile(0.5, at: 0).cpus - 1) < 1e-9 && Self.forecast.quantile(0.01, at: 0) == .zero)
        var once = DemandForecast(
            arrivals: [(5, Resources(cpus: 2), 10), (25, Resources(gpus: 1), 100)], stepSeconds: 10, steps: 3)
        #expect(once.mean.map(\.cpus) == [1, 1, 0] && once.mean.map(\.gpus) == [0, 0, 0.5])
        #expect(once.quantile(0.9, at: 30) == .zero && once.quantile(0.9, at: 29).gpus > 0.5)
        once.repeats = true
        #expect(once.quantile(0.9, at: 30) == once.quantile(0.9, at: 0))
        #expect(ReservedPool.level(waitPerHour: 9, rentPerHour: 1) == 0.9)
        #expect(ReservedPool.level(waitPerHour: 0, rentPerHour: 1) == 0)
    }

    @Test("what is kept ready waits less than opening on demand and costs more, the more the higher the level")
    func levels() throws {
        var last = try Self.outcomes(ReservedPool(Self.forecast, level: 0))
        for level in [0.7, 0.98] {
            let next = try Self.outcomes(ReservedPool(Self.forecast, level: level))
            let waits = PairedDifference(from: last.waits, to: next.waits)
            let costs = PairedDifference(from: last.costs, to: next.costs)
            #expect(waits.mean < -waits.halfWidth, "level \(level)")
            #expect(costs.mean > costs.halfWidth, "level \(level)")
            last = next
        }
    }

    @Test("a reserve by forecast waits less than all of the pool while a job goes on, and costs less")
    func fixed() throws {
        let fixed = try Self.outcomes(FixedPool())
        let kept = try Self.outcomes(ReservedPool(Self.forecast, level: 0.98))
        let waits = PairedDifference(from: fixed.waits, to: kept.waits)
        let costs = PairedDifference(from: fixed.costs, to: kept.costs)
        #expect(waits.mean < -waits.halfWidth)
        #expect(costs.mean < -costs.halfWidth)
    }

    @Test("a stream runs twice the same, and what is kept ready is no longer there when nothing more is expected")
    func ends() throws {
        let once = DemandForecast(
            stepSeconds: 600, mean: [Resources(cpus: 8), Resources(cpus: 4)],
            deviation: [.zero, .zero])
        let runs = try (0..<2).map { _ in try Self.stream(ReservedPool(once, level: 0.9), seed: 1) }
        #expect(runs[0] == runs[1])
        var allocator = Allocator(
            offers: [Self.offer], policies: Policies(provisioning: ReservedPool(once, level: 0.9)))
        func opens(_ actions: [Action]) -> Int { actions.count { if case .open = $0 { true } else { false } } }
        #expect(opens(allocator.handle([.priced(0, Price(perHour: 2))], at: 0)) == 4, "nobody has come")
        let room = Self.offer.capacity
        _ = allocator.handle((0..<4).map { .opened($0, room) }, at: 120)
        // Half of it from the second step on, and none of it when that ends; each after 120 seconds.
        var closed = 0
        for time in stride(from: 130.0, to: 1500, by: 10) where allocator.state.wakeSeconds <= time {
            for case .close(let instance) in allocator.handle([.timer], at: time) {
                closed += 1
                #expect(closed <= 2 ? 600...640 ~= time : 1200...1240 ~= time, "\(closed) at \(time)")
                _ = allocator.handle([.closed(instance, nil)], at: time)
            }
        }
        #expect(closed == 4 && allocator.state.openCounts == [0])
        allocator.state.checkInvariants()
    }
}
