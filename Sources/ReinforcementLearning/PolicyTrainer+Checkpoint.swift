public import ModelFiles

/// The kind that the file of an interrupted training carries.
private let checkpointKind = "policy-training"

extension PolicyTrainer {
    /// Everything that the next iteration depends on: weights, the optimiser's memory, counters, seed and options.
    public func checkpoint() throws -> ModelFile {
        var file = ModelFile(kind: checkpointKind, schemaVersion: 1)
        try policy.store(in: &file)
        try file.set("adam.means", adam.means)
        try file.set("adam.squares", adam.squares)
        try file.set("adam.steps", [Int64(adam.steps)])
        try file.set("value_scale", [valueScale])
        return file
    }

    /// Goes on where ``checkpoint()`` was taken, bit for bit as if nothing had happened.
    ///
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ReinforcementLearningError`` for one whose
    ///   contents do not fit each other.
    public convenience init(
        resuming path: String, threads: Int = 1, makeEnvironment: @escaping () -> World
    ) throws {
        try self.init(
            ModelFile(contentsOf: path, kind: checkpointKind, schemaVersion: 1), path: path, threads: threads,
            makeEnvironment: makeEnvironment)
    }

    convenience init(_ file: ModelFile, path: String, threads: Int, makeEnvironment: @escaping () -> World) throws {
        let policy = try GraphPolicy(file, path: path)
        guard let options = policy.origin.options else {
            throw ReinforcementLearningError.format(file: path, found: "no options", expected: "those of the training")
        }
        try self.init(
            policy, options: options, seed: policy.origin.seed, threads: threads, makeEnvironment: makeEnvironment)
        let (means, squares) = (
            try file.values("adam.means", as: Float.self), try file.values("adam.squares", as: Float.self)
        )
        let steps = try file.values("adam.steps", as: Int64.self).first ?? -1
        let scale = try file.doubles("value_scale").first ?? .nan
        let (iterations, decisions) = (policy.origin.iterations, policy.origin.decisions)
        guard means.count == weights.count, squares.count == weights.count, means.isFinite, squares.isFinite,
            squares.allSatisfy({ $0 >= 0 }), scale >= 0, scale.isFinite,
            0..<1 << 40 ~= Int(steps), 0..<1 << 40 ~= iterations, 0..<1 << 60 ~= decisions
        else {
            throw ReinforcementLearningError.format(
                file: path, found: "a state of the optimiser that does not fit the weights", expected: "its own")
        }
        (adam.means, adam.squares, adam.steps, valueScale) = (means, squares, Int(steps), scale)
        (iteration, self.decisions) = (iterations, decisions)
    }
}
