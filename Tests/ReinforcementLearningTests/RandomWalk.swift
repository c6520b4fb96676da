import LinearAlgebra
import ReinforcementLearning

/// A Markov decision process of six states and five actions with random transitions and rewards, for eight steps.
///
/// Dynamic programming gives its optimum. Its problem is the same for all seeds; the state it begins in is not.
struct RandomWalk: Environment {
    static let states = 6, steps = 8
    /// Idle, and two nodes at two levels.
    static let actions: [GraphAction] =
        [.idle] + [(0, 0), (0, 1), (1, 0), (1, 1)].map { .take(candidate: $0.0, level: $0.1) }
    /// Probabilities of the next state and the reward, by state and action.
    static let model: [[(next: [Double], reward: Double)]] = {
        var generator = SeededGenerator(seed: 11, stream: 0)
        return (0..<states).map { _ in
            actions.map { _ in
                let weights = (0..<states).map { _ in pow3(generator.nextUniform()) }
                let sum = weights.reduce(0, +)
                return (weights.map { $0 / sum }, generator.nextUniform())
            }
        }
    }()
    private static func pow3(_ x: Double) -> Double { x * x * x * x }

    static func shape(hasValue: Bool = false) -> PolicyShape {
        var shape = PolicyShape(
            nodeFeatures: ["first", "second"], groupFeatures: ["one"],
            globalFeatures: (0..<states).map { "state \($0)" } + ["time left"], levels: 2)
        (shape.width, shape.hops, shape.headWidth, shape.hasValue) = (16, 0, 32, hasValue)
        return shape
    }

    private var state = 0, time = 0
    private var luck = SeededGenerator(seed: 0, stream: 0)

    mutating func reset(seed: UInt64, luck: UInt64) {
        (state, time) = (Int(seed % UInt64(RandomWalk.states)), 0)
        self.luck = SeededGenerator(seed: luck, stream: 3)
    }

    func observe(into observation: inout GraphObservation) {
        RandomWalk.observe(state: state, time: time, into: &observation)
    }

    static func observe(state: Int, time: Int, into observation: inout GraphObservation) {
        observation.groupFeatures.append(1)
        observation.globalFeatures += (0..<states).map { $0 == state ? 1 : 0 }
        observation.globalFeatures.append(Float(steps - time) / Float(steps))
        for node in 0..<2 {
            observation.nodeFeatures += node == 0 ? [1, 0] : [0, 1]
            observation.groupOfNode.append(0)
            observation.addCandidate(node)
            observation.levelScores += [0, 0]
        }
        observation.idleScore = 0
    }

    mutating func step(_ action: GraphAction) -> Transition {
        let index = RandomWalk.actions.firstIndex(of: action) ?? 0
        let (next, reward) = RandomWalk.model[state][index]
        var rest = luck.nextUniform()
        state =
            next.indices.first {
                rest -= next[$0]
                return rest < 0
            } ?? next.count - 1
        time += 1
        return Transition(reward: reward, duration: 1, isDone: time == RandomWalk.steps)
    }

    /// The mean over states of what is gained in all steps by a rule that picks an action from all their worths.
    static func value(_ pick: (_ state: Int, _ time: Int, _ worths: [Double]) -> Int) -> Double {
        var values = [Double](repeating: 0, count: states)
        for time in (0..<steps).reversed() {
            values = (0..<states).map { state in
                let worths = model[state].map { $0.reward + zip($0.next, values).reduce(0) { $0 + $1.0 * $1.1 } }
                return worths[pick(state, time, worths)]
            }
        }
        return values.reduce(0, +) / Double(states)
    }

    /// The action that dynamic programming finds best.
    static let best: [[Int]] = {
        var best = Array(repeating: [Int](repeating: 0, count: steps), count: states)
        _ = value { state, time, worths in
            let action = worths.indices.max { worths[$0] < worths[$1] } ?? 0
            best[state][time] = action
            return action
        }
        return best
    }()
    static var optimum: Double { value { state, time, _ in best[state][time] } }
    /// What the best of those rules gains that take one action always.
    static var bestConstant: Double { actions.indices.map { action in value { _, _, _ in action } }.max() ?? 0 }
    var bestAction: GraphAction { RandomWalk.actions[RandomWalk.best[state][time]] }

    /// What a policy's likeliest actions gain: exact, nothing is drawn.
    static func value(of policy: GraphPolicy) throws -> Double {
        let decider = PolicyDecider(policy)
        return try withoutActuallyEscaping({ (state: Int, time: Int) throws -> Int in
            var observation = GraphObservation()
            observe(state: state, time: time, into: &observation)
            return actions.firstIndex(of: try decider.decide(observation)) ?? 0
        }) { decide in
            let table = try (0..<states).map { state in try (0..<steps).map { try decide(state, $0) } }
            return value { state, time, _ in table[state][time] }
        }
    }
}
