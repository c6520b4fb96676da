import Allocation
import Glibc
import Testing

@Suite("When to save work on machines that are lost") struct CheckpointPlanTests {
    /// Many young machines are lost, then few, then most at a wall after a day.
    static let bathtub = HazardRates(ends: [3600, 82_800], rates: [2e-4, 5e-6, 4e-4])

    @Test("survival and mean life are those of numeric integration", arguments: [0.0, 1000, 3600, 50_000, 100_000])
    func integration(age: Double) {
        var (hazard, life) = (0.0, 0.0)
        let steps = 20_000
        for step in 0..<steps {
            let middle = age * (Double(step) + 0.5) / Double(steps)
            let (before, width) = (hazard, age / Double(steps))
            hazard += Self.bathtub.rate(at: middle) * width
            life += exp(-(before + hazard) / 2) * width
        }
        #expect(abs(Self.bathtub.survival(to: age) - exp(-hazard)) < 1e-3)
        #expect(abs(Self.bathtub.meanLife(upTo: age) - life) < 0.1 + 1e-5 * life)
        #expect(Self.bathtub.meanLife > Self.bathtub.meanLife(upTo: 1e5))
    }

    /// With a constant rate the time of a job in equal parts is known: Daly (2006).
    @Test("with a constant rate it costs what the best equal intervals do", arguments: [1e-5, 5e-5, 2e-4])
    func constant(rate: Double) {
        let rates = HazardRates(ends: [], rates: [rate])
        let (work, checkpoint, restart) = (40_000.0, 120.0, 300.0)
        // n parts, the last of which is not saved; each is tried until it is done.
        let best =
            (1...400).map { parts in
                let part = work / Double(parts)
                func time(_ seconds: Double) -> Double { expm1(rate * seconds) / rate }
                // A loss in a part costs a restart, which may be lost too.
                func withRestarts(_ seconds: Double) -> Double {
                    time(seconds) + expm1(rate * seconds) * time(restart)
                }
                return time(restart) + Double(parts - 1) * withRestarts(part + checkpoint) + withRestarts(part)
            }.min() ?? 0
        let plan = CheckpointPlan(work: work, checkpoint: checkpoint, restart: restart, rates: rates, steps: 250)
        #expect(abs(plan.expectedSeconds / best - 1) < 3e-3)
        let young = (2 * checkpoint / rate).squareRoot()
        #expect(plan.interval(workLeft: 30_000, age: 5000) < 1.5 * young)
    }

    @Test("it saves often while machines are young, is better than formulas, and near the optimum on a finer grid")
    func ages() {
        let plan = CheckpointPlan(work: 72_000, checkpoint: 300, restart: 720, rates: Self.bathtub, steps: 120)
        #expect(plan.interval(workLeft: 72_000, age: 720) < 0.5 * plan.interval(workLeft: 60_000, age: 20_000))
        func seconds(_ rule: (Double, Double) -> Double) -> Double {
            CheckpointPlan.expectedSeconds(
                work: 72_000, checkpoint: 300, restart: 720, rates: Self.bathtub, steps: 240, rule: rule)
        }
        let ours = seconds { plan.interval(workLeft: $0, age: $1) }
        let optimum = CheckpointPlan(
            work: 72_000, checkpoint: 300, restart: 720, rates: Self.bathtub, steps: 240
        ).expectedSeconds
        let young = seconds { _, _ in (2 * 300 * Self.bathtub.meanLife).squareRoot() }
        let fluid = seconds { _, age in (2 * 300 / Self.bathtub.rate(at: age)).squareRoot() }
        #expect(ours < 1.01 * optimum && optimum <= ours && ours < young && ours < fluid)
    }
}
