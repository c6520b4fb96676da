internal import Foundation

extension PortableTrees {
    /// The model as XGBoost's JSON format, which computes in single precision.
    ///
    /// Thresholds of our own models are single-precision numbers, so rows take the same paths; sums agree to about
    /// 1e-6.
    public func xgboostJSON() -> String {
        var text = #"{"learner":{"attributes":{},"feature_names":["#
        text += features.map { quoted($0.name) }.joined(separator: ",")
        text += #"],"feature_types":["# + features.map { $0.levels == nil ? "\"q\"" : "\"c\"" }.joined(separator: ",")
        text += #"],"gradient_booster":{"model":{"cats":{"enc":[],"feature_segments":[],"sorted_idx":[]},"#
        text += #""gbtree_model_param":{"num_parallel_tree":"1","num_trees":"\#(trees.count)"},"#
        let rounds = (0...trees.count / outputs).map { String($0 * outputs) }
        text += #""iteration_indptr":["# + rounds.joined(separator: ",") + "],"
        text += #""tree_info":["# + trees.indices.map { String($0 % outputs) }.joined(separator: ",") + #"],"trees":["#
        text += trees.enumerated().map { tree($1, id: $0) }.joined(separator: ",")
        // The base is on the scale of the prediction; that of each class counts for nothing.
        let (objective, base) =
            switch link {
            case .identity, .signedSquare: ("reg:squarederror", "0")
            case .exponential: ("reg:gamma", "1")
            case .logistic: ("binary:logistic", "0.5")
            case .softmax: ("multi:softprob", "0.5")
            }
        let classes = link == .softmax ? outputs : 0
        text += #"]},"name":"gbtree"},"learner_model_param":{"base_score":"\#(base)","boost_from_average":"0","#
        text += #""num_class":"\#(classes)","num_feature":"\#(features.count)","num_target":"1"},"#
        let parameters =
            link == .softmax
            ? #""softmax_multiclass_param":{"num_class":"\#(classes)"}"# : #""reg_loss_param":{"scale_pos_weight":"1"}"#
        text += #""objective":{"name":"\#(objective)",\#(parameters)}},"version":[3,0,0]}"#
        return text
    }

    func quoted(_ name: String) -> String {
        let data = (try? JSONEncoder().encode(name)) ?? Data("\"feature\"".utf8)
        return String(decoding: data, as: UTF8.self)
    }

    /// The nodes as XGBoost numbers them: it finds a right child right after its left sibling. Members of a set go
    /// right there and left here, so the children of tests of levels change places.
    private func renumbered(_ nodes: [Node]) -> [Node] {
        var (result, next) = ([nodes[0]], 0)
        while next < result.count {
            let node = result[next]
            if node.feature >= 0 {
                let pair = node.levels == nil ? [node.left, node.right] : [node.right, node.left]
                (result[next].left, result[next].right) = (result.count, result.count + 1)
                result += pair.map { nodes[$0] }
            }
            next += 1
        }
        return result
    }

    private func tree(_ given: [Node], id: Int) -> String {
        let nodes = renumbered(given)
        let share = averages ? 1 / Double(trees.count) : 1
        var (left, right) = ([Int](), [Int]())
        var parents = [Int](repeating: 2_147_483_647, count: nodes.count)
        var (conditions, defaults, types) = ([Float](), [Int](), [Int]())
        var (categories, categoryNodes, segments, sizes) = ([Int](), [Int](), [Int](), [Int]())
        for (index, node) in nodes.enumerated() {
            guard node.feature >= 0 else {
                left.append(-1)
                right.append(-1)
                conditions.append(Float(node.value * share))
                defaults.append(0)
                types.append(0)
                continue
            }
            (parents[node.left], parents[node.right]) = (index, index)
            left.append(node.left)
            right.append(node.right)
            if let levels = node.levels {
                categoryNodes.append(index)
                segments.append(categories.count)
                sizes.append(levels.count)
                categories += levels
                conditions.append(0)
                defaults.append(node.missingGoesLeft ? 0 : 1)
                types.append(1)
            } else {
                // x ≤ t for single-precision x is x < the number after the largest one not above t.
                let nearest = Float(node.threshold)
                let below = Double(nearest) > node.threshold ? nearest.nextDown : nearest
                conditions.append(below.nextUp.isFinite ? below.nextUp : .greatestFiniteMagnitude)
                defaults.append(node.missingGoesLeft ? 1 : 0)
                types.append(0)
            }
        }
        // Its reader takes 0 and 0.0 for different types.
        let zeros = nodes.map { _ in Float(0) }
        func list(_ key: String, _ values: [some Any]) -> String {
            "\"\(key)\":[\(values.map { "\($0)" }.joined(separator: ","))]"
        }
        let parts = [
            list("base_weights", zeros), list("categories", categories), list("categories_nodes", categoryNodes),
            list("categories_segments", segments), list("categories_sizes", sizes), list("default_left", defaults),
            "\"id\":\(id)", list("left_children", left), list("loss_changes", zeros), list("parents", parents),
            list("right_children", right), list("split_conditions", conditions),
            list("split_indices", nodes.map { max(0, $0.feature) }), list("split_type", types),
            list("sum_hessian", nodes.map { Float($0.count) }),
            "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"\(features.count)\","
                + "\"num_nodes\":\"\(nodes.count)\",\"size_leaf_vector\":\"1\"}",
        ]
        return "{" + parts.joined(separator: ",") + "}"
    }

    /// Reads XGBoost's JSON format, as `Booster.save_model("….json")` and ``xgboostJSON()`` write it.
    ///
    /// Where early stopping marked a best iteration the later trees are left out, as `XGBRegressor.predict` does, and
    /// ``remarks`` say so.
    /// - Throws: ``ForestError`` for a damaged file and for what is not supported here: other boosters than trees,
    ///   several targets, and objectives that are neither regression nor the log-loss of classes.
    public init(xgboostJSON text: String, path: String = "XGBoost model") throws(ForestError) {
        try self.init(xgboost: Data(text.utf8), path: path)
    }

    /// Reads XGBoost's UBJSON format, which `Booster.save_model` writes unless the name ends in `.json`.
    ///
    /// - Throws: As ``init(xgboostJSON:path:)``.
    public init(xgboostUBJSON bytes: [UInt8], path: String = "XGBoost model") throws(ForestError) {
        try self.init(xgboost: UBJSON.json(bytes, path: path), path: path)
    }

    private init(xgboost json: Data, path: String) throws(ForestError) {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: 0, found: found, expected: expected)
        }
        let learner: XGBoostDocument.Learner
        do { learner = try LevelName.decode(XGBoostDocument.self, from: json).learner } catch {
            throw fail("no XGBoost model: \(XGBoostDocument.reason(error))", "learner, gradient_booster and trees")
        }
        let parameters = learner.learner_model_param
        guard ["0", "1"].contains(parameters.num_target ?? "1") else {
            throw fail("several targets", "one target")
        }
        let names = learner.feature_names ?? []
        // Only names that are in the file can be as many as that.
        guard let count = Int(parameters.num_feature), count > 0,
            names.isEmpty ? count <= 1 << 16 : count == names.count
        else {
            throw fail("num_feature \(parameters.num_feature)", names.isEmpty ? "1 to 65536" : "\(names.count)")
        }
        guard let link = Self.xgboostLink(learner.objective.name) else {
            throw fail(
                "objective \(learner.objective.name)",
                "one of regression, binary:logistic, multi:softprob or multi:softmax")
        }
        let outputs = link == .softmax ? Int(parameters.num_class ?? "") ?? 0 : 1
        guard outputs == 1 ? ["0", "1"].contains(parameters.num_class ?? "0") : link == .softmax,
            1...ForestClassifier.largestClassCount ~= outputs
        else {
            throw fail("num_class \(parameters.num_class ?? "")", "classes with the objective multi:softprob alone")
        }
        let baseText = parameters.base_score.trimmingCharacters(in: ["[", "]"])
        var bases = baseText.split(separator: ",").compactMap { Double($0) }
        if bases.count == 1, outputs > 1 { bases = Array(repeating: bases[0], count: outputs) }
        guard bases.count == outputs, bases.allSatisfy(\.isFinite),
            link == .exponential ? bases[0] > 0 : link == .logistic ? bases[0] > 0 && bases[0] < 1 : true
        else { throw fail("base_score \(baseText)", "a number that the objective can have") }
        let booster = learner.gradient_booster
        guard ["gbtree", "dart"].contains(booster.name ?? "gbtree") else {
            throw fail("booster \(booster.name ?? "")", "gbtree or dart: only trees can be imported")
        }
        guard let model = booster.model ?? booster.gbtree?.model else {
            throw fail("no trees", "gbtree with its model")
        }
        guard model.tree_info?.enumerated().allSatisfy({ $1 == $0 % outputs }) ?? (outputs == 1),
            model.trees.count % outputs == 0
        else { throw fail("trees of other targets", "one for each class in turn") }
        var trees = bases.map { base in
            var constant = Node()
            constant.value =
                switch link {
                case .exponential: log(base)
                case .logistic: log(base / (1 - base))
                case .identity, .signedSquare, .softmax: base
                }
            return [constant]
        }
        let weights = booster.weight_drop ?? model.weight_drop ?? []
        guard weights.isEmpty || weights.count == model.trees.count else {
            throw fail("weight_drop for \(weights.count) trees", "\(model.trees.count)")
        }
        for (index, tree) in model.trees.enumerated() {
            guard var nodes = tree.nodes(features: count) else {
                throw fail(
                    "tree \(index) with lists that do not fit together",
                    "one entry per node in each list, and levels from 0 to 16777215")
            }
            if !weights.isEmpty {
                for node in nodes.indices where nodes[node].feature < 0 { nodes[node].value *= Double(weights[index]) }
            }
            trees.append(nodes)
        }
        var remarks: [String] = []
        if let text = learner.attributes?["best_iteration"] {
            let parallel = Int(model.gbtree_model_param?.num_parallel_tree ?? "1") ?? 0
            guard let best = Int(text), best >= 0, parallel > 0,
                let used = model.iteration_indptr.map({ best + 1 < $0.count ? $0[best + 1] : -1 })
                    ?? (best < model.trees.count / parallel ? (best + 1) * parallel * outputs : nil),
                0...model.trees.count ~= used
            else { throw fail("best_iteration \(text)", "one of the iterations of \(model.trees.count) trees") }
            if used < model.trees.count {
                trees.removeLast(model.trees.count - used)
                remarks.append(
                    "best_iteration is \(best): the first \(used) of \(model.trees.count) trees are used, as by "
                        + "XGBRegressor.predict; Booster.predict uses all")
            }
        }
        let featureNames = names.isEmpty ? (0..<count).map { "f\($0)" } : names
        var levels = [[LevelName]?](repeating: nil, count: count)
        if let cats = model.cats, !cats.enc.isEmpty {
            guard cats.enc.count == count else {
                throw fail("names of levels for \(cats.enc.count) features", "\(count)")
            }
            for (index, list) in cats.enc.enumerated() where !list.values.isEmpty || list.offsets?.count ?? 0 > 1 {
                guard let names = list.names else {
                    throw fail("damaged names of levels of feature \(index)", "offsets into a list of bytes")
                }
                guard list.isBeyondASCII else {
                    levels[index] = names
                    continue
                }
                // Its Python counts letters of pandas where bytes are meant (3.2.0): names are cut, and shifted.
                let isWhole =
                    !names.contains { $0.text.contains("\u{FFFD}") } && Set(names.map(\.text)).count == names.count
                if isWhole { levels[index] = names }
                let read = names.prefix(5).map { "'\($0.text)'" }.joined(separator: ", ")
                remarks.append(
                    "XGBoost cuts names of levels with letters beyond ASCII: those of \(featureNames[index]) are "
                        + (isWhole ? "\(read) here; where these are not yours, give them" : "lost; give them")
                        + " with --levels \(featureNames[index])=A,B,C")
            }
        }
        let features = Self.features(featureNames, &trees, levels: levels)
        try self.init(features: features, trees: trees, link: link, outputs: outputs, roundsInputs: true, path: path)
        self.remarks = remarks
    }

    /// How the sum of the trees becomes the prediction; `nil` for objectives that are not supported.
    private static func xgboostLink(_ objective: String) -> Link? {
        switch objective {
        case "reg:gamma", "reg:tweedie", "count:poisson": .exponential
        case "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror",
            "reg:quantileerror", "reg:expectileerror":
            .identity
        case "binary:logistic": .logistic
        case "multi:softprob", "multi:softmax": .softmax
        default: nil
        }
    }
}

private struct XGBoostDocument: Decodable {
    struct Learner: Decodable {
        let attributes: [String: String]?
        let feature_names: [String]?
        let gradient_booster: Booster
        let learner_model_param: Parameters
        let objective: Objective
    }
    struct Booster: Decodable {
        let name: String?
        let model: Model?
        /// Of the booster 'dart' before XGBoost 3.3.
        let gbtree: Inner?
        let weight_drop: [Float]?

        struct Inner: Decodable { let model: Model }

        enum CodingKeys: CodingKey { case name, model, gbtree, weight_drop }

        init(from decoder: any Decoder) throws {
            let stored = try decoder.container(keyedBy: CodingKeys.self)
            name = try stored.decodeIfPresent(String.self, forKey: .name)
            // That of other boosters looks different.
            let isLinear = name == "gblinear"
            model = try isLinear ? nil : stored.decodeIfPresent(Model.self, forKey: .model)
            gbtree = try stored.decodeIfPresent(Inner.self, forKey: .gbtree)
            weight_drop = try stored.decodeIfPresent([Float].self, forKey: .weight_drop)
        }
    }
    struct Model: Decodable {
        struct Parameters: Decodable { let num_parallel_tree: String? }
        let gbtree_model_param: Parameters?
        let trees: [Tree]
        let tree_info: [Int]?
        let iteration_indptr: [Int]?
        let weight_drop: [Float]?
        let cats: Categories?
    }
    struct Categories: Decodable { let enc: [LevelList] }
    struct Parameters: Decodable {
        let base_score: String
        let num_class: String?
        let num_feature: String
        let num_target: String?
    }
    struct Objective: Decodable {
        let name: String
    }
    /// 0 or 1, or as before XGBoost 1.6 false or true.
    struct Flag: Decodable {
        let isOn: Bool

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            isOn = try (try? container.decode(Bool.self)) ?? (container.decode(Int.self) != 0)
        }
    }
    /// The levels of one feature: numbers, or texts as offsets into a list of bytes.
    struct LevelList: Decodable {
        let offsets: [Int]?
        let values: [LevelName]

        /// Bytes are written as signed numbers or as others.
        var isBeyondASCII: Bool { offsets != nil && values.contains { Int($0.text).map { !(0..<128 ~= $0) } ?? false } }

        /// `nil` if they are damaged.
        var names: [LevelName]? {
            guard let offsets else { return values }
            let bytes = values.compactMap { Int($0.text) }.map { UInt8(truncatingIfNeeded: $0) }
            guard bytes.count == values.count, offsets.first == 0, offsets.last == bytes.count,
                zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
            else { return nil }
            return zip(offsets, offsets.dropFirst()).map { from, to in
                LevelName(String(decoding: bytes[from..<to], as: UTF8.self))
            }
        }
    }
    struct Tree: Decodable {
        struct Parameters: Decodable { let size_leaf_vector: String? }
        let left_children: [Int]
        let right_children: [Int]
        let split_conditions: [Double]
        let split_indices: [Int]
        let split_type: [Int]?
        let default_left: [Flag]
        let categories: [Int]?
        let categories_nodes: [Int]?
        let categories_segments: [Int]?
        let categories_sizes: [Int]?
        let sum_hessian: [Double]?
        let tree_param: Parameters?

        /// XGBoost's codes of levels are whole in single precision.
        private static let codes = 0..<(1 << 24)

        /// The nodes with parents before children; `nil` if the lists do not fit together.
        func nodes(features: Int) -> [PortableTrees.Node]? {
            let count = left_children.count
            guard count > 0, right_children.count == count, split_conditions.count == count,
                split_indices.count == count, default_left.count == count,
                split_type == nil || split_type?.count == count,
                ["0", "1"].contains(tree_param?.size_leaf_vector ?? "1")
            else { return nil }
            var sets: [Int: [Int]] = [:]
            let (members, at, from, size) = (
                categories ?? [], categories_nodes ?? [], categories_segments ?? [], categories_sizes ?? []
            )
            guard at.count == from.count, at.count == size.count, members.allSatisfy(Self.codes.contains) else {
                return nil
            }
            // Segments that overlap could add up to more than the file holds.
            var room = members.count
            for (index, node) in at.enumerated() {
                guard from[index] >= 0, size[index] >= 0, size[index] <= room,
                    from[index] <= members.count - size[index],
                    sets[node] == nil
                else { return nil }
                room -= size[index]
                sets[node] = Array(members[from[index]..<from[index] + size[index]])
            }
            var nodes: [PortableTrees.Node] = []
            var seen = [Bool](repeating: false, count: count)
            var open: [(index: Int, parent: Int, isLeft: Bool)] = [(0, -1, true)]
            while let (index, parent, isLeft) = open.popLast() {
                guard index >= 0, index < count, !seen[index] else { return nil }
                seen[index] = true
                if parent >= 0 {
                    if isLeft { nodes[parent].left = nodes.count } else { nodes[parent].right = nodes.count }
                }
                var node = PortableTrees.Node()
                node.count =
                    sum_hessian.flatMap { $0.indices.contains(index) ? Int(exactly: $0[index].rounded()) : nil } ?? 0
                let condition = Float(split_conditions[index])
                guard left_children[index] >= 0 else {
                    node.value = Double(condition)
                    nodes.append(node)
                    continue
                }
                guard split_indices[index] >= 0, split_indices[index] < features else { return nil }
                node.feature = split_indices[index]
                var (left, right) = (left_children[index], right_children[index])
                switch split_type?[index] ?? 0 {
                case 0:
                    node.threshold = Double(condition.nextDown)
                    node.missingGoesLeft = default_left[index].isOn
                case 1:
                    guard let set = sets[index] else { return nil }
                    node.levels = set
                    node.missingGoesLeft = !default_left[index].isOn
                    swap(&left, &right)
                default: return nil
                }
                nodes.append(node)
                open.append((right, nodes.count - 1, false))
                open.append((left, nodes.count - 1, true))
            }
            return nodes
        }
    }
    let learner: Learner

    /// What a decoder did not like, and where.
    static func reason(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String {
            path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: return "no '\(place(context.codingPath + [key]))'"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            return "something else in '\(place(context.codingPath))'"
        case .dataCorrupted(let context)?:
            let cause = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String
            return (context.codingPath.isEmpty ? "damaged JSON" : "'\(place(context.codingPath))'")
                + (cause.map { " (\($0))" } ?? "")
        default: return "\(error)"
        }
    }
}
