import LinearAlgebra
import ReinforcementLearning

/// Random observations.
enum Scenes {
    /// A DAG whose edges lead to later nodes, in up to three groups.
    static func random(_ shape: PolicyShape, nodes: Int, _ generator: inout SeededGenerator) -> GraphObservation {
        var scene = GraphObservation()
        func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(generator.nextNormal()) } }
        let groups = min(3, nodes)
        scene.groupFeatures = values(groups * shape.groupFeatures.count)
        scene.globalFeatures = values(shape.globalFeatures.count)
        scene.nodeFeatures = values(nodes * shape.nodeFeatures.count)
        for node in 0..<nodes {
            scene.groupOfNode.append(Int32(node % groups))
            for child in (node + 1)..<max(node + 1, nodes) where generator.nextUniform() < 0.25 {
                scene.addEdge(from: node, to: child)
            }
            guard generator.nextUniform() < 0.6 || node == 0 else { continue }
            scene.addCandidate(node, score: Float(generator.nextNormal()))
            for level in 0..<shape.levels {
                scene.levelScores.append(
                    level > 0 && generator.nextUniform() < 0.3 ? -.infinity : Float(generator.nextNormal()))
            }
        }
        if nodes == 0 || generator.nextUniform() < 0.7 { scene.idleScore = Float(generator.nextNormal()) }
        return scene
    }

    static func randomAction(
        _ scene: GraphObservation, _ shape: PolicyShape, _ generator: inout SeededGenerator
    ) -> GraphAction {
        while true {
            let candidate = generator.nextInt(below: scene.candidates.count + 1) - 1
            let level = shape.levels > 0 ? generator.nextInt(below: shape.levels) : 0
            let action = candidate < 0 ? GraphAction.idle : .take(candidate: candidate, level: level)
            if scene.allows(action, levels: shape.levels) { return action }
        }
    }
}
