internal import Foundation

/// What a sample costs, and how that changes with what the network says.
struct SampleLoss: Sendable {
    let imitating: Bool
    let clip: Double?
    let entropyWeight: Double
    let valueWeight: Double
}

/// One of the fixed parts that a minibatch is split into, with a network of its own.
final class TrainingWorker {
    static let count = 8
    /// The number of nodes after which a pass is made: their activations stay in the cache, and OpenBLAS has kernels of its
    /// own for products of that size.
    private static let nodes = 800

    /// Totals over samples.
    struct Sums {
        var count = 0.0, entropy = 0.0, divergence = 0.0, clipped = 0.0, loss = 0.0

        mutating func add(_ other: Sums) {
            count += other.count
            entropy += other.entropy
            divergence += other.divergence
            clipped += other.clipped
            loss += other.loss
        }
    }

    private(set) var sums = Sums()
    private(set) var gradient: [Float]
    private let network: GraphNetwork<Float>
    private var batch = GraphBatch()
    private var decisions: [Decision] = []
    private var advantages: [Float] = []
    private var targets: [Float] = []

    init(_ layout: NetworkLayout) {
        network = GraphNetwork(layout)
        gradient = Array(repeating: 0, count: layout.count)
    }

    func begin() {
        sums = Sums()
        for k in gradient.indices { gradient[k] = 0 }
    }

    var isFull: Bool { batch.nodes >= TrainingWorker.nodes || batch.count >= TrainingWorker.nodes }

    func add(_ log: borrowing EpisodeLog, step: Int, advantage: Float, target: Float, _ layout: NetworkLayout) {
        batch.append(log.graphs, graph: step, shape: layout)
        decisions.append(log.decisions[step])
        advantages.append(advantage)
        targets.append(target)
    }

    /// Adds the gradients of what was added since the last time.
    func flush(_ weights: [Float], _ loss: SampleLoss) {
        guard batch.count > 0 else { return }
        weights.withUnsafeBufferPointer { weights in
            gradient.withUnsafeMutableBufferPointer { gradient in
                guard let weights = weights.baseAddress, let gradient = gradient.baseAddress else { return }
                network.accumulate(batch, decisions, weights, to: gradient) { graph, logProbability, entropy, value in
                    slope(loss, graph, logProbability, entropy, value)
                }
            }
        }
        batch.removeAll()
        decisions.removeAll(keepingCapacity: true)
        advantages.removeAll(keepingCapacity: true)
        targets.removeAll(keepingCapacity: true)
    }

    /// The clipped objective.
    /// Source: Schulman, Wolski, Dhariwal, Radford, Klimov, *Proximal Policy Optimization Algorithms* (2017).
    private func slope(
        _ loss: SampleLoss, _ graph: Int, _ logProbability: Float, _ entropy: Float, _ value: Float
    ) -> GraphNetwork<Float>.LossGradient {
        sums.count += 1
        sums.entropy += Double(entropy)
        if loss.imitating {
            sums.loss -= Double(logProbability)
            return .init(byLogProbability: -1, byEntropy: 0, byValue: 0)
        }
        let change = logProbability - decisions[graph].logProbability
        let (ratio, advantage) = (expf(min(change, 20)), advantages[graph])
        let isClipped = loss.clip.map { advantage > 0 ? Double(ratio) > 1 + $0 : Double(ratio) < 1 - $0 } ?? false
        sums.divergence += Double(ratio - 1 - change)
        sums.clipped += isClipped ? 1 : 0
        sums.loss -= Double(ratio * advantage)
        return .init(
            byLogProbability: isClipped ? 0 : -ratio * advantage, byEntropy: -Float(loss.entropyWeight),
            byValue: Float(loss.valueWeight) * (value - targets[graph]))
    }
}
