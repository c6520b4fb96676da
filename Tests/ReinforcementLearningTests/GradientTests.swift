import LinearAlgebra
import ReinforcementLearning
import Testing

@Suite("Gradients") struct GradientTests {
    static func shape(levels: Int, hops: Int, hasValue: Bool) -> PolicyShape {
        var shape = PolicyShape(
            nodeFeatures: ["a", "b", "c"], groupFeatures: ["d", "e"], globalFeatures: ["f"], levels: levels)
        (shape.width, shape.hops, shape.headWidth, shape.hasValue) = (5, hops, 7, hasValue)
        return shape
    }

    @Test(
        "those of every layer are those that finite differences give",
        arguments: [(0, 0, false), (0, 1, true), (3, 2, false), (3, 3, true)])
    func finiteDifferences(levels: Int, hops: Int, hasValue: Bool) throws {
        let shape = Self.shape(levels: levels, hops: hops, hasValue: hasValue)
        var generator = SeededGenerator(seed: 7, stream: UInt64(hops))
        var (batch, decisions) = (GraphBatch(), [Decision]())
        for graph in 0..<4 {
            let observation = Scenes.random(shape, nodes: [9, 1, 0, 14][graph], &generator)
            try observation.validate(for: shape)
            batch.append(observation, groups: observation.groupFeatures.count / 2)
            decisions.append(Decision(Scenes.randomAction(observation, shape, &generator)))
        }
        let layout = NetworkLayout(shape)
        let weights = (0..<layout.count).map { _ in 0.5 * generator.nextNormal() }
        let network = GraphNetwork<Double>(layout)
        // Any smooth function of what the network says will do; its own derivatives are known.
        func loss(_ weights: [Double], _ gradient: inout [Double]) -> Double {
            var sum = 0.0
            weights.withUnsafeBufferPointer { weights in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    network.accumulate(batch, decisions, weights.baseAddress!, to: gradient.baseAddress!) {
                        graph, logProbability, entropy, value in
                        let (a, b) = (0.3 + Double(graph), 0.7 - 0.2 * Double(graph))
                        sum += a * logProbability + b * entropy + 0.5 * value * value
                        return .init(byLogProbability: a, byEntropy: b, byValue: value)
                    }
                }
            }
            return sum
        }
        var gradient = [Double](repeating: 0, count: layout.count)
        _ = loss(weights, &gradient)
        for tensor in layout.tensors {
            var (difference, size) = (0.0, 0.0)
            for k in tensor.offset..<(tensor.offset + tensor.count) {
                var (ignored, above, below) = (gradient, weights, weights)
                let step = 1e-5
                above[k] += step
                below[k] -= step
                let slope = (loss(above, &ignored) - loss(below, &ignored)) / (2 * step)
                difference += (slope - gradient[k]) * (slope - gradient[k])
                size += slope * slope
            }
            #expect(difference.squareRoot() <= 1e-6 * size.squareRoot() + 1e-10, "\(tensor.name)")
            #expect(size > 0, "\(tensor.name)")
        }
    }
}
