import Foundation
import LinearAlgebra
import ReinforcementLearning
import Testing

@Suite("Returns") struct ReturnsTests {
    static let (rewards, durations): ([Double], [Double]) = ([2, -1, 4, 3], [1, 2, 0, 3])

    @Test("without a discount they are what is still to come")
    func sums() {
        #expect(Returns.discounted(Self.rewards, Self.durations, rate: 0) == [8, 6, 7, 3, 0])
        let halved = Returns.discounted(Self.rewards, Self.durations, rate: log(2))
        let expected: [Double] = [2 + (-1 + 7.0 / 4) / 2, -1 + 7.0 / 4, 7, 3, 0]
        #expect(zip(halved, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test("at the times of another rollout they flow evenly, jump with what takes no time, and end")
    func aligned() {
        let returns = Returns.discounted(Self.rewards, Self.durations, rate: 0)
        let times: [Double] = [0, 0, 0.25, 1, 2, 3, 3, 4.5, 6, 7]
        #expect(
            Returns.aligned(Self.rewards, Self.durations, returns, at: times, rate: 0)
                == [8, 8, 7.5, 6, 6.5, 3, 3, 1.5, 0, 0])
        #expect(Returns.aligned([5], [0], [5, 0], at: [0, 0], rate: 0) == [5, 5])
        #expect(Returns.aligned([], [], [0], at: [0, 1], rate: 0) == [0, 0])
        let own = Returns.discounted([1, 2, 3], [1, 0.5, 2], rate: 0.3)
        #expect(Returns.aligned([1, 2, 3], [1, 0.5, 2], own, at: [0, 1, 1.5], rate: 0.3) == Array(own.dropLast()))
    }

    @Test("advantages are returns less values for λ = 1, and one step ahead for λ = 0", arguments: [0, 0.2])
    func advantages(rate: Double) {
        let values = [1.0, 5, -2, 0.5]
        let returns = Returns.discounted(Self.rewards, Self.durations, rate: rate)
        let far = Returns.advantages(Self.rewards, Self.durations, values: values, rate: rate, lambda: 1)
        let near = Returns.advantages(Self.rewards, Self.durations, values: values, rate: rate, lambda: 0)
        for step in values.indices {
            #expect(abs(far[step] - (returns[step] - values[step])) < 1e-12)
            let next = step + 1 < values.count ? exp(-rate * Self.durations[step]) * values[step + 1] : 0
            #expect(abs(near[step] - (Self.rewards[step] + next - values[step])) < 1e-12)
        }
    }
}
