internal import Foundation

/// A level in a list that another program wrote: a text, a number, or true or false.
struct LevelName: Decodable {
    let text: String
    let isNumber: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            (self.text, isNumber) = (text, false)
        } else if let flag = try? container.decode(Bool.self) {
            // As pandas writes them into tables.
            (text, isNumber) = (flag ? "True" : "False", false)
        } else if let whole = try? container.decode(Int.self) {
            (text, isNumber) = (String(whole), true)
        } else {
            (text, isNumber) = (ForestFeature.canonical("\(try container.decode(Double.self))"), true)
        }
    }

    init(_ text: String) { (self.text, isNumber) = (text, false) }

    /// Reads JSON as Python writes it, with NaN and Infinity.
    static func decode<Value: Decodable>(_ type: Value.Type, from json: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        return try decoder.decode(type, from: json)
    }
}

extension ForestFeature {
    /// A feature whose levels have these names in the order of their codes.
    init(name: String, levels: [LevelName]) {
        self.init(
            name: name, levels: levels.map(\.text),
            levelKind: !levels.isEmpty && levels.allSatisfy(\.isNumber) ? .numbers : .words)
    }
}

extension PortableTrees {
    /// The features of a file.
    ///
    /// Levels that have no names are named by their codes. Codes far apart are numbered anew in `trees`, so that time and
    /// size follow how many there are and not the largest.
    ///
    /// - Parameters:
    ///   - levels: The names of levels that the file has, by feature.
    ///   - codes: Codes that the file lists, by feature; those that `trees` test are added.
    static func features(
        _ names: [String], _ trees: inout [[Node]], levels: [[LevelName]?] = [], codes: [Set<Int>?] = []
    ) -> [ForestFeature] {
        var codes = codes + names.dropFirst(codes.count).map { _ in nil }
        for node in trees.joined() where node.feature >= 0 && node.feature < names.count {
            if let levels = node.levels { codes[node.feature, default: []].formUnion(levels) }
        }
        var places = [[Int: Int]?](repeating: nil, count: names.count)
        let features = names.enumerated().map { index, name in
            if index < levels.count, let known = levels[index] { return ForestFeature(name: name, levels: known) }
            guard let own = codes[index] else { return ForestFeature(name: name, levels: nil) }
            let last = own.max() ?? -1
            if last < max(1024, 4 * own.count), own.min() ?? 0 >= 0 {
                return ForestFeature(name: name, levels: (0..<last + 1).map(String.init), levelKind: .codes)
            }
            let sorted = own.sorted()
            places[index] = Dictionary(uniqueKeysWithValues: zip(sorted, sorted.indices))
            return ForestFeature(name: name, levels: sorted.map(String.init), levelKind: .codes)
        }
        renumber(&trees, places)
        return features
    }

    private static func renumber(_ trees: inout [[Node]], _ places: [[Int: Int]?]) {
        guard places.contains(where: { $0 != nil }) else { return }
        for tree in trees.indices {
            for index in trees[tree].indices {
                let node = trees[tree][index]
                guard let levels = node.levels, let place = places[node.feature] else { continue }
                trees[tree][index].levels = levels.compactMap { place[$0] }
            }
        }
    }

    /// Names the levels of a feature, in the order of their codes.
    ///
    /// - Throws: ``ForestError`` if a level is named twice, or a code that is asked for has no name.
    public mutating func setLevels(_ names: [String], ofFeature feature: Int) throws(ForestError) {
        precondition(features.indices.contains(feature), "one of the features")
        let (old, what) = (features[feature], "levels of '\(features[feature].name)'")
        guard Set(names).count == names.count else {
            throw .option(what, found: "\(names.count) names, some equal", allowed: "each name once")
        }
        if let known = old.levels, known.count != names.count, old.levelKind == .codes {
            // Only codes that occur are there: put them back to where they were.
            let codes = known.map { Int($0) ?? -1 }
            guard let last = codes.max(), last < names.count else {
                throw .option(
                    what, found: "\(names.count) names", allowed: "\((codes.max() ?? 0) + 1) or more: codes begin at 0")
            }
            var places = [[Int: Int]?](repeating: nil, count: features.count)
            places[feature] = Dictionary(uniqueKeysWithValues: zip(codes.indices, codes))
            Self.renumber(&trees, places)
        } else if let known = old.levels, names.count < known.count {
            throw .option(what, found: "\(names.count) names", allowed: "\(known.count) or more")
        }
        features[feature] = ForestFeature(name: old.name, levels: names)
    }
}

extension [Set<Int>?] {
    fileprivate subscript(index: Int, default default: Set<Int>) -> Set<Int> {
        get { self[index] ?? `default` }
        set { self[index] = newValue }
    }
}
