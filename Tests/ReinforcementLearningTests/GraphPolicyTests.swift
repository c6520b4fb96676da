import Foundation
import LinearAlgebra
import ModelFiles
import ReinforcementLearning
import TestSupport
import Testing

@Suite("A policy's file") struct GraphPolicyTests {
    static func trained() throws -> GraphPolicy {
        var options = LearningOptions()
        (options.problems, options.rollouts, options.minibatches) = (4, 2, 2)
        let trainer = try PolicyTrainer(shape: Bandit.shape(), options: options, seed: 3) { Bandit() }
        try trainer.improve()
        var policy = trainer.policy
        (policy.origin.dataDigest, policy.origin.heldOut) = ("00c0ffee", ["ratio to the rule": 0.97])
        return policy
    }

    @Test("gives the policy back bit for bit, with its origin")
    func roundTrip() throws {
        let (policy, folder) = (try Self.trained(), TemporaryFolder())
        let path = folder.path + "/policy.safetensors"
        try policy.write(to: path)
        let read = try GraphPolicy(contentsOf: path)
        #expect(read == policy)
        #expect(read.origin.iterations == 1 && read.origin.seed == 3 && read.origin.options?.problems == 4)
        #expect(try ModelFile(contentsOf: path).kind == "graph-policy")
    }

    @Test("tells what is far from anything seen in training")
    func ranges() throws {
        let policy = try Self.trained()
        var (bandit, scene) = (Bandit(), GraphObservation())
        bandit.reset(seed: 77, luck: 0)
        bandit.observe(into: &scene)
        #expect(policy.ranges.strangeness(of: scene) < 0.5)
        let (low, high) = (policy.ranges.lowest[1], policy.ranges.highest[1])
        #expect(low < -0.5 && high > 0.5)
        scene.nodeFeatures[3] = high + 2 * (high - low)
        #expect(abs(policy.ranges.strangeness(of: scene) - 2) < 1e-5)
        #expect(try GraphPolicy(shape: policy.shape, seed: 1).ranges.strangeness(of: scene) == .infinity)
    }

    @Test("is refused if it is damaged, of another kind, of another schema, or holds what is no number")
    func refused() throws {
        let (policy, folder) = (try Self.trained(), TemporaryFolder())
        let path = folder.path + "/policy.safetensors"
        func refused<E: Error>(_ type: E.Type, _ part: String, _ file: ModelFile) throws {
            try file.write(to: path)
            let error = #expect(throws: type) { try GraphPolicy(contentsOf: path) }
            #expect("\(error.map { "\($0)" } ?? "")".contains(part))
        }
        let file = try policy.modelFile()
        var changed = file
        try changed.set("hop0.bias", [Float](repeating: .nan, count: 8))
        try refused(ReinforcementLearningError.self, "'hop0.bias' that is not a number", changed)
        changed = file
        try changed.set("hop0.bias", [Float](repeating: 0, count: 7))
        try refused(ReinforcementLearningError.self, "shape [7], expected [8]", changed)
        changed = file
        try changed.set("hop0.bias", [Double](repeating: 0, count: 8))
        try refused(ModelFileError.self, "holds F64", changed)
        changed = file
        var shape = policy.shape
        shape.width = 100_000
        try changed.setJSON("shape", shape)
        try refused(ReinforcementLearningError.self, "'width' is 100000", changed)
        try refused(ModelFileError.self, "kind 'forest'", ModelFile(kind: "forest", schemaVersion: 1))
        try refused(ModelFileError.self, "schema version 9", ModelFile(kind: "graph-policy", schemaVersion: 9))
        try refused(ModelFileError.self, "does not say 'shape'", ModelFile(kind: "graph-policy", schemaVersion: 1))
        #expect(throws: ReinforcementLearningError.self) { try policy.require(featuresOf: RandomWalk.shape()) }
        try policy.require(featuresOf: Bandit.shape())
    }

    @Test("damage anywhere is an error, not a crash", arguments: UInt64(0)..<40)
    func damaged(seed: UInt64) throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/policy.safetensors"
        try Self.trained().write(to: path)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var generator = SeededGenerator(seed: seed)
        let damaged = ByteMutations.apply(&generator, to: bytes)
        guard damaged != bytes else { return }
        let other = try folder.write(damaged, "damaged.safetensors")
        #expect(throws: (any Error).self) { try GraphPolicy(contentsOf: other) }
        #expect(throws: (any Error).self) { try PolicyTrainer(resuming: other) { Bandit() } }
    }
}
