internal import LinearAlgebra

/// Trains a policy on an environment: first by imitation of a teacher, where there is one, then by trial.
///
///     let trainer = try PolicyTrainer(shape: Machines.shape, seed: 1, threads: 2) { Machines() }
///     for iteration in 0..<100 {
///         let report = try trainer.improve(progress: Double(iteration) / 100)
///     }
///     try trainer.policy.write(to: "policy.safetensors")
///
/// The result depends on the arguments and the seed, not on the number of threads. A trainer is used by one thread, and
/// starts others itself.
public final class PolicyTrainer<World: Environment> {
    public let shape: PolicyShape
    public let seed: UInt64
    /// May be changed between iterations.
    public var options: LearningOptions
    /// Calls of ``improve(problems:horizon:maximumDecisions:progress:)`` and ``imitate(_:_:teacherShare:progress:)``.
    public internal(set) var iteration = 0
    /// Decisions that were learnt from.
    public internal(set) var decisions = 0

    var weights: [Float]
    var adam: Adam
    /// The typical size of returns, for a value of order one; 0 before the first.
    var valueScale = 0.0
    /// What was seen until now.
    var ranges: FeatureRanges
    var rollouts: Rollouts<World>
    private let layout: NetworkLayout
    private let workers: [TrainingWorker]

    public convenience init(
        shape: PolicyShape, options: LearningOptions = LearningOptions(), seed: UInt64, threads: Int = 1,
        makeEnvironment: @escaping () -> World
    ) throws(ReinforcementLearningError) {
        try self.init(
            GraphPolicy(shape: shape, seed: seed), options: options, seed: seed, threads: threads,
            makeEnvironment: makeEnvironment)
    }

    /// Goes on from a trained policy, with a fresh optimiser.
    public init(
        _ policy: GraphPolicy, options: LearningOptions = LearningOptions(), seed: UInt64, threads: Int = 1,
        makeEnvironment: @escaping () -> World
    ) throws(ReinforcementLearningError) {
        try options.validate(policy.shape)
        (shape, self.seed, self.options) = (policy.shape, seed, options)
        (weights, ranges) = (policy.weights, policy.ranges)
        adam = Adam(count: weights.count)
        rollouts = Rollouts(threads: threads, makeEnvironment: makeEnvironment)
        let layout = NetworkLayout(shape)
        self.layout = layout
        workers = (0..<TrainingWorker.count).map { _ in TrainingWorker(layout) }
    }

    /// The policy as it is now.
    public var policy: GraphPolicy {
        var origin = PolicyOrigin(seed: seed)
        (origin.options, origin.iterations, origin.decisions) = (options, iteration, decisions)
        return GraphPolicy(shape: shape, weights: weights, ranges: ranges, origin: origin)
    }

    /// A generator that is the same whenever an iteration is, so that a resumed training draws what it would have drawn.
    func generator(_ purpose: UInt64) -> SeededGenerator {
        SeededGenerator(seed: seed, stream: UInt64(iteration) << 16 | purpose)
    }

    /// One decision to learn from.
    struct Sample {
        let episode: Int
        let step: Int
        /// How much better than expected it turned out; unused by imitation.
        var advantage: Float = 0
        /// What the value should have been.
        var target: Float = 0
    }

    /// Passes over the samples in random order and updates the weights after each minibatch.
    /// - Parameter imitating: Whether decisions are examples to follow, not trials to judge.
    func learn(
        _ samples: [Sample], imitating: Bool, progress: Double
    ) throws(ReinforcementLearningError) -> LearningReport {
        var report = LearningReport(iteration: iteration)
        guard !samples.isEmpty else { return report }
        var order = Array(samples.indices)
        var generator = generator(1)
        let size = max(1, (samples.count + options.minibatches - 1) / options.minibatches)
        var total = TrainingWorker.Sums()
        passes: for _ in 0..<options.epochs {
            order.shuffle(using: &generator)
            for start in stride(from: 0, to: order.count, by: size) {
                let rows = order[start..<min(order.count, start + size)]
                var (sums, gradient) = gradient(samples, rows, imitating: imitating, progress: progress)
                total.add(sums)
                if !imitating, let target = options.targetDivergence, sums.divergence / sums.count > 1.5 * target {
                    report.stoppedEarly = true
                    break passes
                }
                let norm = scale(&gradient, by: 1 / sums.count)
                report.gradientNorm = norm
                report.learningRate = options.rate(update: adam.steps, progress: progress)
                adam.update(&weights, gradient, rate: report.learningRate)
                report.updates += 1
            }
        }
        guard weights.isFinite else { throw .diverged(iteration: iteration) }
        report.decisions = samples.count
        (report.entropy, report.divergence) = (total.entropy / total.count, total.divergence / total.count)
        (report.clippedShare, report.loss) = (total.clipped / total.count, total.loss / total.count)
        decisions += samples.count
        iteration += 1
        rollouts.includeRanges(in: &ranges)
        return report
    }

    /// The sum of the gradients of some samples, the same on any number of threads: their parts and the order in which
    /// these are added are fixed.
    private func gradient(
        _ samples: [Sample], _ rows: ArraySlice<Int>, imitating: Bool, progress: Double
    ) -> (TrainingWorker.Sums, [Float]) {
        let loss = SampleLoss(
            imitating: imitating, clip: options.clip, entropyWeight: options.entropyWeight(progress: progress),
            valueWeight: options.baseline == .value ? options.valueWeight : 0)
        nonisolated(unsafe) let (workers, rollouts) = (workers, rollouts)  // Each worker is used by one thread.
        let (layout, weights) = (layout, weights)
        let part = (rows.count + workers.count - 1) / workers.count
        _ = Parallel.map(count: workers.count, threads: rollouts.threads) { index in
            let worker = workers[index]
            worker.begin()
            let first = min(rows.endIndex, rows.startIndex + index * part)
            for row in first..<min(rows.endIndex, first + part) {
                let sample = samples[rows[row]]
                rollouts.log(sample.episode) { log in
                    worker.add(log, step: sample.step, advantage: sample.advantage, target: sample.target, layout)
                }
                if worker.isFull { worker.flush(weights, loss) }
            }
            worker.flush(weights, loss)
        }
        var (sums, gradient) = (TrainingWorker.Sums(), [Float](repeating: 0, count: weights.count))
        for worker in workers {
            sums.add(worker.sums)
            for k in gradient.indices { gradient[k] += worker.gradient[k] }
        }
        return (sums, gradient)
    }

    /// Multiplies a gradient and cuts it to the longest allowed.
    /// - Returns: Its length before it was cut.
    private func scale(_ gradient: inout [Float], by factor: Double) -> Double {
        var squares = 0.0
        for value in gradient { squares += Double(value) * Double(value) }
        let norm = squares.squareRoot() * factor
        let cut = Float(factor * (norm > options.gradientNorm ? options.gradientNorm / norm : 1))
        for k in gradient.indices { gradient[k] *= cut }
        return norm
    }
}
