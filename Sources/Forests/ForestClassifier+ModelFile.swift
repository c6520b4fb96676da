public import ModelFiles

extension ForestClassifier {
    /// The kind that a model file of a classifier carries.
    public static let modelKind = "forest-classifier"
    static let schemaVersion = 1

    /// The model file of this model: those of its forests, and the classes.
    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: ForestClassifier.modelKind, schemaVersion: ForestClassifier.schemaVersion)
        try file.setJSON("classes", classes)
        try file.set("shares", shares)
        switch parts {
        case .boosted(let forests):
            for (place, forest) in forests.enumerated() { file.embed(try forest.modelFile(), as: "class\(place)") }
        case .averaged(let forests):
            for (place, forest) in forests.enumerated() { file.embed(try forest.modelFile(), as: "class\(place)") }
        }
        return file
    }

    /// Writes the model. Reading it back gives the same probabilities bit for bit.
    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// Reads a model that ``write(to:)`` wrote.
    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForestError`` for an inconsistent one.
    public init(contentsOf path: String) throws {
        try self.init(
            ModelFile(
                contentsOf: path, kind: ForestClassifier.modelKind, schemaVersion: ForestClassifier.schemaVersion),
            path: path)
    }

    /// Reads a model from an open model file; `path` is for messages.
    public init(_ file: ModelFile, path: String = "model file") throws {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: 0, found: found, expected: expected)
        }
        let classes = try file.json("classes", as: [String].self)
        guard 2...Self.largestClassCount ~= classes.count, Set(classes).count == classes.count else {
            throw fail("\(Set(classes).count) classes", "2 to \(Self.largestClassCount)")
        }
        let shares = try file.doubles("shares")
        guard shares.count == classes.count, shares.allSatisfy({ 0...1 ~= $0 }) else {
            throw fail("\(shares.count) shares of classes", "one from 0 to 1 for each of \(classes.count)")
        }
        var (boosted, averaged) = ([BoostedForest](), [RegressionForest]())
        let count = classes.count == 2 ? 1 : classes.count
        for place in 0..<count {
            switch file.embedded("class\(place)") {
            case let part? where part.kind == BoostedForest.modelKind:
                boosted.append(try BoostedForest(part, path: path))
            case let part? where part.kind == RegressionForest.modelKind:
                averaged.append(try RegressionForest(part, path: path))
            default: throw fail("no forest 'class\(place)'", "\(count) of them")
            }
        }
        guard boosted.isEmpty || averaged.isEmpty else { throw fail("forests of two kinds", "one kind") }
        let features = boosted.map(\.features) + averaged.map(\.features)
        guard features.allSatisfy({ $0 == features[0] }) else {
            throw fail("forests of other features", "the same features in all")
        }
        self.init(
            classes: classes, shares: shares, parts: boosted.isEmpty ? .averaged(averaged) : .boosted(boosted))
    }
}
