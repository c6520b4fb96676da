internal import Forests
public import ModelFiles

extension TaskModel {
    public static let modelKind = "task-model"
    static let schemaVersion = 2

    /// The model file. Add what else it should say (held-out errors, checksum of the data) before writing it.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        file.metadata["target"] = target.rawValue
        file.metadata["training_rows"] = String(trainingRows)
        file.metadata["seed"] = String(seed)
        file.metadata["unit"] = target.unit
        try file.set("trained_until", [trainedUntil])
        try file.setJSON("machines", machines.logarithms)
        if !machines.instanceTypes.isEmpty { try file.setJSON("instance_types", machines.instanceTypes) }
        if let reference = machines.reference {
            try file.setJSON("machine_scores", machines.scores)
            file.metadata["machine_reference"] = reference
        }
        try file.setJSON("features", featureNames)
        let names = typeNames
        let all = names.compactMap { types[$0] } + [unseen]
        try file.setJSON("types", names)
        try file.setJSON("chosen", all.map(\.chosen))
        try file.setJSON("centers", all.map(\.center))
        try file.set("runs", all.map { Int64($0.runs) })
        try file.set("size_feature", all.map { Int32($0.models.sizeFeature) })
        try file.set("median", all.map(\.models.median))
        try file.set("recent", all.map(\.models.recent))
        try file.set(
            "residual_quantiles", all.flatMap(\.residuals.grid), shape: [all.count, ResidualQuantiles.points])
        for (name, line) in Self.lines {
            try file.set(name, all.flatMap { Self.numbers($0.models[keyPath: line]) }, shape: [all.count, 5])
        }
        try file.set(
            "neighbour_starts",
            all.reduce(into: [Int64(0)]) { starts, type in
                starts.append((starts.last ?? 0) + Int64(type.models.neighbours?.sizes.count ?? 0))
            })
        try file.set("neighbour_sizes", all.flatMap { $0.models.neighbours?.sizes ?? [] })
        try file.set("neighbour_values", all.flatMap { $0.models.neighbours?.values ?? [] })
        for (candidate, part) in PooledForest.kinds {
            if let forest = forests[candidate] { file.embed(try forest.forest.modelFile(), as: part) }
        }
        if !sizers.isEmpty { file.embed(try MemorySizer.modelFile(sizers), as: "requests") }
        return file
    }

    /// Reads the model that ``modelFile()`` described: equal predictions, bit for bit.
    ///
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``PredictionError/unreadable(_:reason:)`` for
    ///   one whose parts do not fit together.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(contentsOf: path, kind: Self.modelKind, schemaVersion: Self.schemaVersion), path: path)
    }

    /// Reads a model that must predict `target`.
    ///
    /// - Throws: ``PredictionError/wrongTarget(_:found:expected:)`` for one that predicts something else, otherwise as
    ///   ``init(contentsOf:)``.
    public init(contentsOf path: String, target: TaskTarget) throws {
        try self.init(contentsOf: path)
        guard self.target == target else {
            throw PredictionError.wrongTarget(path, found: self.target, expected: target)
        }
    }

    /// Reads a model from an open file; `path` is for messages.
    public init(_ file: ModelFile, path: String) throws {
        func check(_ condition: Bool, _ reason: String) throws(PredictionError) {
            if !condition { throw .unreadable(path, reason: reason) }
        }
        guard let target = TaskTarget(rawValue: try file.text("target")),
            let rows = Int(try file.text("training_rows")), let seed = UInt64(try file.text("seed"))
        else { throw PredictionError.unreadable(path, reason: "its metadata hold no target, rows or seed") }
        let featureNames = try file.json("features", as: [String].self).map {
            $0 == TaskFeatures.oldSize ? TaskFeatures.size : $0
        }
        let names = try file.json("types", as: [String].self)
        let chosen = try file.json("chosen", as: [Candidate].self)
        // Files of a release before have none: all intervals were about what was chosen.
        let centers = file.metadata["centers"] == nil ? chosen : try file.json("centers", as: [Candidate].self)
        let count = names.count + 1
        let runs = try file.values("runs", as: Int64.self)
        let sizeFeatures = try file.values("size_feature", as: Int32.self)
        let (medians, recents) = (try file.doubles("median"), try file.doubles("recent"))
        let grids = try file.doubles("residual_quantiles")
        let starts = try file.values("neighbour_starts", as: Int64.self).map { Int(clamping: $0) }
        let (sizes, values) = (try file.doubles("neighbour_sizes"), try file.doubles("neighbour_values"))
        try check(!featureNames.isEmpty && Set(names).count == names.count, "names repeat or are missing")
        try check(
            chosen.count == count && centers.count == count && runs.count == count && sizeFeatures.count == count
                && medians.count == count
                && recents.count == count && grids.count == count * ResidualQuantiles.points
                && starts.count == count + 1,
            "its tensors have different lengths")
        try check(sizeFeatures.allSatisfy { featureNames.indices.contains(Int($0)) }, "a feature does not exist")
        try check(
            starts.first == 0 && starts.last == sizes.count && sizes.count == values.count
                && zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 },
            "the neighbours do not fit")

        var all: [TypeModel] = []
        let known = Set(file.tensorNames)
        // A file of a release before may lack one: no type of it chose that line.
        let lines = try Self.lines.map { name, _ in
            known.contains(name) ? try file.doubles(name) : [Double](repeating: .nan, count: count * 5)
        }
        try check(lines.allSatisfy { $0.count == count * 5 }, "a regression is incomplete")
        for index in 0..<count {
            var models = TypeModels(median: medians[index], recent: recents[index])
            models.sizeFeature = Int(sizeFeatures[index])
            for ((name, line), numbers) in zip(Self.lines, lines) {
                models[keyPath: line] = Self.line(
                    numbers[(index * 5)..<(index * 5 + 5)], logarithmic: name == "log_log")
            }
            let range = starts[index]..<starts[index + 1]
            if range.count >= SizeNeighbours.nearest {
                models.neighbours = SizeNeighbours(sizes: Array(sizes[range]), values: Array(values[range]))
            }
            let grid = grids[(index * ResidualQuantiles.points)..<((index + 1) * ResidualQuantiles.points)]
            all.append(
                TypeModel(
                    runs: Int(clamping: runs[index]), chosen: chosen[index], center: centers[index], models: models,
                    residuals: ResidualQuantiles(grid: Array(grid))))
        }
        self.init(
            target: target, featureNames: featureNames, trainingRows: rows, seed: seed,
            trainedUntil: try file.doubles("trained_until").first ?? .nan,
            machines: MachineFactors(
                logarithms: try file.json("machines", as: [String: Double].self),
                // Files of a release before have none.
                instanceTypes: file.metadata["instance_types"] == nil
                    ? [:] : try file.json("instance_types", as: [String: Double].self),
                scores: file.metadata["machine_reference"] == nil
                    ? .init() : try file.json("machine_scores", as: MachineScores.self),
                reference: file.metadata["machine_reference"]),
            types: Dictionary(zip(names, all), uniquingKeysWith: { first, _ in first }), unseen: all[count - 1],
            forests: try PooledForest.kinds.reduce(into: [:]) { forests, kind in
                forests[kind.candidate] = try file.embedded(kind.part).map {
                    PooledForest(try FittedForest($0, path: path))
                }
            },
            sizers: try file.embedded("requests").map { try MemorySizer.read($0, path: path) } ?? [:])
    }

    private static var lines: [(String, WritableKeyPath<TypeModels, SizeRegression?>)] {
        [("linear", \.linear), ("proportional", \.proportional), ("relative", \.relative), ("log_log", \.logLog)]
    }

    /// Intercept, slope, bounds and largest size; NaN for a line that could not be fitted.
    private static func numbers(_ line: SizeRegression?) -> [Double] {
        guard let line else { return [Double](repeating: .nan, count: 5) }
        return [line.intercept, line.slope, line.lowest, line.highest, line.largestSize]
    }

    private static func line(_ numbers: ArraySlice<Double>, logarithmic: Bool) -> SizeRegression? {
        let n = Array(numbers)
        guard n.allSatisfy(\.isFinite) else { return nil }
        return SizeRegression(
            intercept: n[0], slope: n[1], logarithmic: logarithmic, lowest: n[2], highest: n[3], largestSize: n[4])
    }
}
