internal import LinearAlgebra

/// Where the weights of each layer lie in one contiguous array.
package struct NetworkLayout: Sendable {
    /// A layer *y* = *x* · *W* + *b*; *W* is stored row after row, *inputs* × *outputs*.
    struct Dense: Sendable { var weight = 0, bias = 0, inputs = 0, outputs = 0 }
    package struct Tensor: Sendable {
        package let name: String
        package let shape: [Int]
        package let offset: Int
        package var count: Int { shape.reduce(1, *) }
    }

    let nodeFeatures: Int, groupFeatures: Int, globalFeatures: Int, levels: Int
    let width: Int, headWidth: Int, hasValue: Bool
    package private(set) var tensors: [Tensor] = []
    package private(set) var count = 0
    private(set) var input = Dense()
    /// The gain of each normalisation, followed by its shift: one before each hop and one after the last.
    private(set) var norms: [Int] = []
    private(set) var hops: [Dense] = []
    /// The direction that attention looks for: among the nodes of a group, among the groups of a graph.
    private(set) var nodeAttention = 0, groupAttention = 0
    private(set) var group = Dense(), global = Dense()
    private(set) var choice = [Dense](), idle = [Dense](), level = [Dense](), value = [Dense]()
    /// Logarithms of what the rule's scores are multiplied by: those of candidates, those of levels.
    private(set) var sharpness = 0

    package init(_ shape: PolicyShape) {
        (nodeFeatures, groupFeatures) = (shape.nodeFeatures.count, shape.groupFeatures.count)
        (globalFeatures, levels) = (shape.globalFeatures.count, shape.levels)
        (width, headWidth, hasValue) = (shape.width, shape.headWidth, shape.hasValue)
        input = dense("input", nodeFeatures, width)
        for hop in 0...shape.hops {
            norms.append(tensor("norm\(hop)", [2, width]))
            if hop < shape.hops { hops.append(dense("hop\(hop)", 3 * width, width)) }
        }
        nodeAttention = tensor("attention.nodes", [width])
        groupAttention = tensor("attention.groups", [width])
        group = dense("group", width + groupFeatures, width)
        global = dense("global", width + globalFeatures, width)
        choice = [dense("choice.hidden", 3 * width, headWidth), dense("choice.out", headWidth, 1)]
        idle = [dense("idle.hidden", width, headWidth), dense("idle.out", headWidth, 1)]
        if levels > 0 { level = [dense("level.hidden", 3 * width, headWidth), dense("level.out", headWidth, levels)] }
        if hasValue { value = [dense("value.hidden", width, headWidth), dense("value.out", headWidth, 1)] }
        sharpness = tensor("sharpness", [2])
    }

    private mutating func tensor(_ name: String, _ shape: [Int]) -> Int {
        tensors.append(Tensor(name: name, shape: shape, offset: count))
        defer { count += shape.reduce(1, *) }
        return count
    }

    private mutating func dense(_ name: String, _ inputs: Int, _ outputs: Int) -> Dense {
        Dense(
            weight: tensor("\(name).weight", [inputs, outputs]), bias: tensor("\(name).bias", [outputs]),
            inputs: inputs, outputs: outputs)
    }

    /// Weights to start from: those before a rectifier normal with variance 2/((1 + slope²)·inputs), the last ones 0, so
    /// that the policy begins as the rule whose scores it adds to.
    /// Source: He, Zhang, Ren, Sun, *Delving Deep into Rectifiers* (2015).
    func initialWeights(seed: UInt64) -> [Float] {
        var weights = [Float](repeating: 0, count: count)
        var generator = SeededGenerator(seed: seed, stream: 0)
        for norm in norms { for k in 0..<width { weights[norm + k] = 1 } }
        let hidden = [input, group, global] + hops + [choice, idle, level, value].compactMap(\.first)
        for layer in hidden {
            let deviation = (2 / ((1 + rectifierSlope * rectifierSlope) * Double(layer.inputs))).squareRoot()
            for k in 0..<(layer.inputs * layer.outputs) {
                weights[layer.weight + k] = Float(deviation * generator.nextNormal())
            }
        }
        return weights
    }
}

/// The slope of the rectifier below 0: a value and its derivative cost no exponential, and no unit dies.
let rectifierSlope = 0.2
