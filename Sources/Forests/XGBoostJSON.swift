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
        text += #""iteration_indptr":["# + (0...trees.count).map(String.init).joined(separator: ",") + "],"
        text += #""tree_info":["# + trees.map { _ in "0" }.joined(separator: ",") + #"],"trees":["#
        text += trees.enumerated().map { tree($1, id: $0) }.joined(separator: ",")
        text += #"]},"name":"gbtree"},"learner_model_param":{"base_score":"\#(link == .exponential ? 1 : 0)","#
        text += #""boost_from_average":"0","num_class":"0","num_feature":"\#(features.count)","num_target":"1"},"#
        let objective = link == .exponential ? "reg:gamma" : "reg:squarederror"
        text += #""objective":{"name":"\#(objective)","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[3,0,0]}"#
        return text
    }

    private func quoted(_ name: String) -> String {
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
    /// - Throws: ``ForestError`` for a damaged file and for what is not supported here: other boosters than gbtree,
    ///   several targets or classes, and objectives that are not regression.
    public init(xgboostJSON text: String, path: String = "XGBoost model") throws(ForestError) {
        func fail(_ found: String, _ expected: String) -> ForestError {
            .format(file: path, line: 0, found: found, expected: expected)
        }
        guard let document = try? JSONDecoder().decode(XGBoostDocument.self, from: Data(text.utf8)) else {
            throw fail("no XGBoost model", "JSON with learner, gradient_booster and trees")
        }
        let learner = document.learner
        let count = Int(learner.learner_model_param.num_feature) ?? 0
        guard count > 0, count < 1 << 24, ["0", "1"].contains(learner.learner_model_param.num_class ?? "0"),
            ["1"].contains(learner.learner_model_param.num_target ?? "1")
        else { throw fail("several targets, classes or no features", "one regression target") }
        let objective = learner.objective.name
        let logarithmic = ["reg:gamma", "count:poisson", "reg:tweedie"].contains(objective)
        guard logarithmic || (objective.hasPrefix("reg:") && objective != "reg:logistic") else {
            throw fail("objective \(objective)", "a regression objective")
        }
        let baseText = learner.learner_model_param.base_score.trimmingCharacters(in: ["[", "]"])
        guard let base = Double(baseText), !logarithmic || base > 0 else {
            throw fail("base_score \(baseText)", "a number")
        }
        var constant = Node()
        constant.value = logarithmic ? log(base) : base
        var trees = [[constant]]
        for (index, tree) in learner.gradient_booster.model.trees.enumerated() {
            guard let nodes = tree.nodes(features: count) else {
                throw fail("tree \(index) with lists that do not fit together", "one entry per node in each list")
            }
            trees.append(nodes)
        }
        let names = learner.feature_names ?? []
        try self.init(
            features: Self.features(names.count == count ? names : (0..<count).map { "f\($0)" }, trees, []),
            trees: trees, link: logarithmic ? .exponential : .identity, roundsInputs: true)
    }
}

private struct XGBoostDocument: Decodable {
    struct Learner: Decodable {
        let feature_names: [String]?
        let gradient_booster: Booster
        let learner_model_param: Parameters
        let objective: Objective
    }
    struct Booster: Decodable {
        let model: Model
    }
    struct Model: Decodable {
        let trees: [Tree]
    }
    struct Parameters: Decodable {
        let base_score: String
        let num_class: String?
        let num_feature: String
        let num_target: String?
    }
    struct Objective: Decodable {
        let name: String
    }
    struct Tree: Decodable {
        let left_children: [Int]
        let right_children: [Int]
        let split_conditions: [Double]
        let split_indices: [Int]
        let split_type: [Int]?
        let default_left: [Int]
        let categories: [Int]?
        let categories_nodes: [Int]?
        let categories_segments: [Int]?
        let categories_sizes: [Int]?
        let sum_hessian: [Double]?

        /// The nodes with parents before children; `nil` if the lists do not fit together.
        func nodes(features: Int) -> [PortableTrees.Node]? {
            let count = left_children.count
            guard count > 0, right_children.count == count, split_conditions.count == count,
                split_indices.count == count, default_left.count == count,
                split_type == nil || split_type?.count == count
            else { return nil }
            var sets: [Int: [Int]] = [:]
            let (members, at, from, size) = (
                categories ?? [], categories_nodes ?? [], categories_segments ?? [], categories_sizes ?? []
            )
            guard at.count == from.count, at.count == size.count else { return nil }
            for (index, node) in at.enumerated() {
                guard from[index] >= 0, size[index] >= 0, size[index] <= members.count,
                    from[index] <= members.count - size[index]
                else { return nil }
                sets[node] = Array(members[from[index]..<from[index] + size[index]])
            }
            var nodes: [PortableTrees.Node] = []
            var open: [(index: Int, parent: Int, isLeft: Bool)] = [(0, -1, true)]
            while let (index, parent, isLeft) = open.popLast() {
                guard index >= 0, index < count, nodes.count < count else { return nil }
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
                if split_type?[index] ?? 0 == 1 {
                    guard let set = sets[index] else { return nil }
                    node.levels = set
                    node.missingGoesLeft = default_left[index] == 0
                    swap(&left, &right)
                } else {
                    node.threshold = Double(condition.nextDown)
                    node.missingGoesLeft = default_left[index] == 1
                }
                nodes.append(node)
                open.append((right, nodes.count - 1, false))
                open.append((left, nodes.count - 1, true))
            }
            return nodes
        }
    }
    let learner: Learner
}
