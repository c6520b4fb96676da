import LinearAlgebra
import ReinforcementLearning
import Testing

@Suite("The example of the page") struct PageTests {
    /// Two numbers; choosing the larger one earns 1.
    struct Larger: Environment {
        static let shape = PolicyShape(nodeFeatures: ["number"], groupFeatures: ["one"], globalFeatures: ["one"])
        private var numbers: [Float] = []

        mutating func reset(seed: UInt64, luck: UInt64) {
            var generator = SeededGenerator(seed: seed)
            numbers = (0..<2).map { _ in Float(generator.nextNormal()) }
        }

        func observe(into observation: inout GraphObservation) {
            observation.globalFeatures.append(1)
            for (index, number) in numbers.enumerated() {
                observation.groupFeatures.append(1)
                observation.nodeFeatures.append(number)
                observation.groupOfNode.append(Int32(index))
                observation.addCandidate(index)
            }
        }

        mutating func step(_ action: GraphAction) -> Transition {
            guard case .take(let candidate, _) = action else { return Transition(reward: 0, duration: 1, isDone: true) }
            return Transition(reward: numbers[candidate] == numbers.max() ? 1 : 0, duration: 1, isDone: true)
        }
    }

    @Test("learns to choose the larger number")
    func example() throws {
        let trainer = try PolicyTrainer(shape: Larger.shape, seed: 1, threads: 2) { Larger() }
        trainer.options.problems = 64
        for iteration in 0..<100 { try trainer.improve(progress: Double(iteration) / 100) }
        var rollouts = Rollouts(threads: 2) { Larger() }
        let episodes = try rollouts.play(trainer.policy, (1000..<1400).map { EpisodeStart(seed: $0) })
        let share = episodes.reduce(0) { $0 + $1.reward } / 400
        #expect(share > 0.99, "\(share)")
    }
}
