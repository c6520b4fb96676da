import Forests
import Foundation
import LinearAlgebra
import Testing

/// One test of a feature in the text of LightGBM, as small as it reads.
private func lightGBM(
    _ names: String, infos: String, pandas: String = "null", objective: String = "regression",
    leaves: String = "50 -20",
    tree: String = "split_feature=0\nthreshold=0\ndecision_type=1\ncat_boundaries=0 1\ncat_threshold=4", sets: Int = 1
) -> String {
    """
    tree
    num_class=1
    num_tree_per_iteration=1
    label_index=0
    max_feature_idx=\(names.split(separator: " ").count - 1)
    objective=\(objective)
    feature_names=\(names)
    feature_infos=\(infos)

    Tree=0
    num_leaves=2
    num_cat=\(sets)
    left_child=-1
    right_child=-2
    leaf_value=\(leaves)
    \(tree)

    end of trees
    pandas_categorical:\(pandas)
    """
}

/// A model of XGBoost: trees with one test each, of a set of levels where one is given.
private func xgboost(
    leaves: [(Double, Double)] = [(-20, 50)], set: [Int]? = nil, condition: String = "0.5", model: String = "",
    booster: String = #""name":"gbtree""#, attributes: String = "", objective: String = "reg:squarederror",
    features: String = "1", trees: (String) -> String = { $0 }
) -> String {
    let list = leaves.map { left, right in
        """
        {"categories":\(set ?? []),"categories_nodes":\(set == nil ? "[]" : "[0]"),"categories_segments":\
        \(set == nil ? "[]" : "[0]"),"categories_sizes":\(set.map { "[\($0.count)]" } ?? "[]"),"default_left":[0,0,0],\
        "left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[\(condition),\(left),\(right)],\
        "split_indices":[0,0,0],"split_type":[\(set == nil ? 0 : 1),0,0],"sum_hessian":[10,5,5]}
        """
    }
    let gbtree = """
        "model":{"gbtree_model_param":{"num_parallel_tree":"1"},"trees":[\(list.joined(separator: ","))]\(model)}
        """
    return """
        {"learner":{"attributes":{\(attributes)},"feature_names":["c"],"gradient_booster":{\(booster),\(trees(gbtree))},\
        "learner_model_param":{"base_score":"[0E0]","num_feature":"\(features)"},"objective":{"name":"\(objective)"}}}
        """
}

private func stored(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    return Array(try Data(contentsOf: folder.appendingPathComponent("models/\(name)")))
}

private func numbers(_ values: [Double], _ name: String = "c") throws -> ForestData {
    try ForestData([.numeric(name, values)])
}

@Suite("Models of other programs") struct ForeignModelTests {
    // What LightGBM 4.7.0 predicts of the same files and tables.
    @Test(
        "LightGBM's names of levels go to their columns",
        arguments: [
            ("c", "-1:1:2:0", #"[["blue","green","red"]]"#),
            ("c site", "-1:1:2:0 -1:0:1", #"[["blue","green","red"],["bergen","oslo"]]"#),
            ("c flag", "-1:1:2:0 -1:0:1", #"[["blue","green","red"],[false,true]]"#),
            ("c site", "-1:1:2:0 none", #"[["blue","green","red"],["oslo"]]"#),
            ("c x site", "-1:1:2:0 [0.5:2] none", #"[["blue","green","red"],["oslo"]]"#),
            ("c size", "-1:1:2:0 [0:2]", #"[["blue","green","red"],["lo","mid","hi"]]"#),
            ("c one", "-1:1:2:0 0", #"[["blue","green","red"],["oslo"]]"#),
            ("c id", "-1:1:2:0 -1:0:1", #"[["blue","green","red"],[10, 2.5]]"#),
        ])
    func lightGBMNames(names: String, infos: String, pandas: String) throws {
        let model = try PortableTrees(lightGBMText: lightGBM(names, infos: infos, pandas: pandas))
        let others = model.features.dropFirst().map { feature in
            feature.levels == nil
                ? ForestData.Column.numeric(feature.name, [1, 1, 1, 1])
                : .categorical(feature.name, Array(repeating: feature.levels?.first, count: 4))
        }
        let data = try ForestData([.categorical("c", ["red", "blue", "green", "pink"])] + others)
        #expect(try model.predict(data) == [50, -20, -20, -20])
        let known = try #require(names.split(separator: " ").count > 1 ? model.features.last?.levels : ["-"])
        #expect(!known.isEmpty)
    }

    @Test(
        "names that fit no column, or two, are refused",
        arguments: [
            ("c d", "0:1:2 0:1:2", #"[["blue","green","red"]]"#, 2), ("c", "0:1:2", #"[["blue","green"]]"#, 1),
            ("c", "0:1:2", #"[["blue","green","red"],["a"]]"#, 1), ("c", "0:1:2", "[[", 1), ("c", "0:1:2", "[{}]", 1),
        ])
    func lightGBMMisfits(names: String, infos: String, pandas: String, tested: Int) {
        // Of two columns the second is tested too, so that it matters whose names these are.
        let tree =
            "split_feature=\(tested - 1)\nthreshold=0\ndecision_type=1\ncat_boundaries=0 1\ncat_threshold=4"
        #expect(throws: ForestError.self) {
            try PortableTrees(lightGBMText: lightGBM(names, infos: infos, pandas: pandas, tree: tree))
        }
    }

    // What LightGBM 4.7.0 makes of leaves of 3 and −2 with these objectives.
    @Test(
        "LightGBM's objectives, with their words",
        arguments: [
            ("regression", [3, -2]), ("regression sqrt", [9, -4]), ("regression_l1 sqrt", [9, -4]),
            ("fair sqrt", [9, -4]), ("quantile alpha:0.9 sqrt", [9, -4]), ("mape sqrt", [9, -4]),
            ("huber sqrt", [3, -2]), ("quantile alpha:0.9", [3, -2]), ("custom", [3, -2]),
            ("poisson", [exp(3.0), exp(-2.0)]), ("tweedie tweedie_variance_power:1.5", [exp(3.0), exp(-2.0)]),
            ("gamma sqrt", [exp(3.0), exp(-2.0)]),
        ] as [(String, [Double])])
    func lightGBMObjectives(objective: String, expected: [Double]) throws {
        let text = lightGBM(
            "c", infos: "[0:1]", objective: objective, leaves: "3 -2", tree: "split_feature=0\nthreshold=0.5", sets: 0)
        let model = try PortableTrees(lightGBMText: text)
        #expect(try model.predict(numbers([0, 1])) == expected)
        let again = try PortableTrees(lightGBMText: model.lightGBMText())
        #expect(try again.predict(numbers([0, 1])) == expected)
        var onnx = try PortableTrees(onnx: model.onnx())
        onnx.features = model.features
        #expect(try onnx.predict(numbers([0, 1])) == expected)
    }

    @Test(
        "objectives and words that are not known are refused",
        arguments: [
            "regression log", "binary sigmoid:2", "binary", "multiclass num_class:3", "regression sqrt:2", "lambdarank",
            "poisson foo",
        ])
    func unknownObjectives(objective: String) {
        let text = lightGBM("c", infos: "-1:1:2:0", objective: objective)
        #expect(throws: ForestError.self) { try PortableTrees(lightGBMText: text) }
    }

    @Test("XGBoost's names of levels, texts and numbers, and its bare NaN") func xgboostNames() throws {
        let names =
            #","cats":{"enc":[{"offsets":[0,4,9,12],"values":[98,108,117,101,103,114,101,101,110,114,101,100]}]}"#
        let words = try PortableTrees(xgboostJSON: xgboost(set: [2], condition: "NaN", model: names))
        let data = try ForestData([.categorical("c", ["red", "blue", "green", nil])])
        #expect(try words.predict(data) == [50, -20, -20, 50])
        let whole = try PortableTrees(
            xgboostJSON: xgboost(
                set: [2], condition: "NaN", model: #","cats":{"enc":[{"type":15,"values":[10,20,35]}]}"#))
        let feature = try #require(whole.features.first)
        #expect(feature.levels == ["10", "20", "35"])
        #expect(["35", "35.0", "035", "36"].map(feature.level) == ["35", "35", "35", "36"])
        for values in ["[98,108]", "[98,300,\"a\"]"] {
            let damaged = #","cats":{"enc":[{"offsets":[0,4],"values":\#(values)}]}"#
            #expect(throws: ForestError.self) { try PortableTrees(xgboostJSON: xgboost(set: [0], model: damaged)) }
        }
    }

    @Test("names beyond ASCII, which XGBoost 3.2.0 cuts, are doubted or lost, and can be given")
    func cutNames() throws {
        // "Köln" and "Rom", with offsets that count letters: "Köl" and "nRo". "ü" alone is half a letter.
        let shifted = #"{"offsets":[0,4,7],"values":[75,-61,-74,108,110,82,111]}"#
        let half = #"{"offsets":[0,1,2],"values":[-61,97]}"#
        for (list, names, word) in [(shifted, ["Köl", "nRo"], "'Köl', 'nRo'"), (half, ["0"], "lost")] {
            var model = try PortableTrees(xgboostJSON: xgboost(set: [0], model: #","cats":{"enc":[\#(list)]}"#))
            #expect(model.features[0].levels == names && model.remarks.count == 1)
            #expect(model.remarks[0].contains(word) && model.remarks[0].contains("--levels c="))
            try model.setLevels(["Köln", "Rom"], ofFeature: 0)
            #expect(try model.predict(ForestData([.categorical("c", ["Köln", "Rom"])])) == [50, -20])
        }
    }

    // What XGBoost 3.2.0 and 3.4.1 predict.
    @Test("XGBoost's weights of trees, as dart and as gbtree") func dropout() throws {
        let leaves = [(10.0, 20.0), (1.0, 2.0)]
        let gbtree = xgboost(leaves: leaves, model: #","weight_drop":[0.5,1]"#)
        let dart = xgboost(leaves: leaves, booster: #""name":"dart","weight_drop":[0.5,1]"#) { #""gbtree":{\#($0)}"# }
        for text in [gbtree, dart] {
            #expect(try PortableTrees(xgboostJSON: text).predict(numbers([0, 1])) == [6, 12])
        }
        #expect(throws: ForestError.self) {
            try PortableTrees(xgboostJSON: xgboost(leaves: leaves, model: #","weight_drop":[0.5]"#))
        }
    }

    @Test("the best iteration of XGBoost is used, and it says so") func bestIteration() throws {
        let leaves = [(10.0, 20.0), (1.0, 2.0), (-5.0, -5.0)]
        let model = try PortableTrees(
            xgboostJSON: xgboost(leaves: leaves, attributes: #""best_iteration":"1""#))
        #expect(try model.predict(numbers([0, 1])) == [11, 22])
        #expect(model.remarks.count == 1 && model.remarks[0].contains("best_iteration is 1"))
        for wrong in ["3", "-1", "x", "9223372036854775807"] {
            let text = xgboost(leaves: leaves, attributes: #""best_iteration":"\#(wrong)""#)
            #expect(throws: ForestError.self, "\(wrong)") { try PortableTrees(xgboostJSON: text) }
        }
    }

    @Test("what is no regression by trees is refused by name") func refusals() throws {
        for (text, name) in [
            (xgboost(booster: #""name":"gblinear""#), "gblinear"), (xgboost(objective: "reg:logistic"), "reg:logistic"),
            (xgboost(objective: "reg:unheard"), "reg:unheard"), (xgboost(features: "16000000"), "num_feature 16000000"),
            (xgboost(set: [-1]), "tree 0"), (xgboost(set: [1 << 24]), "tree 0"),
            (xgboost(leaves: [(1e300, 1)]), "leaf"),
            (xgboost(condition: "NaN"), "threshold"), ("{\"learner\":{}}", "no 'learner"),
            ("{\"learner\":", "damaged JSON"),
        ] {
            let error = #expect(throws: ForestError.self) { try PortableTrees(xgboostJSON: text) }
            #expect(error?.description.contains(name) == true, "\(name): \(error?.description ?? "")")
        }
    }

    @Test("UBJSON is the same model, and cut or changed it is an error") func ubjson() throws {
        let bytes = try stored("model.ubj")
        let model = try PortableTrees(bytes: bytes, path: "model.ubj")
        #expect(try model.predict(numbers([0, 1], "x")) == [11, 22])
        for end in stride(from: 2, to: bytes.count, by: 7) {
            #expect(throws: ForestError.self) { try PortableTrees(bytes: Array(bytes[..<end]), path: "cut") }
        }
        // Whatever can still be read must also predict.
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            var changed = bytes
            changed[random.nextInt(below: bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            if let read = try? PortableTrees(bytes: changed, path: "changed") {
                _ = read.predict(row: read.features.map { _ in 0.3 })
            }
        }
    }

    // ONNX Runtime 1.32.0 on the same file.
    @Test("ONNX tests with > and ≥ are ≤ and < with the children exchanged") func greater() throws {
        let model = try PortableTrees(onnx: stored("greater.onnx"))
        #expect([[-1, 0], [1, 30], [0, 25]].map { model.predict(row: $0) } == [1.75, 1.5, 2.5])
        var mode = try stored("greater.onnx")
        let text = Array("SUM".utf8)
        if let at = mode.indices.first(where: { mode[$0...].starts(with: text) }) {
            mode.replaceSubrange(at..<at + 3, with: "MIN".utf8)
            let error = #expect(throws: ForestError.self) { try PortableTrees(onnx: mode) }
            #expect(error?.description.contains("MIN") == true)
        }
    }

    @Test("codes far apart cost as little as codes near to one another", arguments: [1_000_000, (1 << 24) - 1])
    func largeCodes(code: Int) throws {
        let model = try PortableTrees(xgboostJSON: xgboost(set: [code]))
        #expect(model.features[0].levels == [String(code)])
        let data = try ForestData([.categorical("c", ["2", String(code)])])
        #expect(try model.predict(data) == [-20, 50])
        let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count < 4096)
        #expect(try PortableTrees(contentsOf: path).predict(data) == [-20, 50])
        var named = model
        #expect(throws: ForestError.self) { try named.setLevels(["a", "b"], ofFeature: 0) }
    }

    @Test("a missing level goes where XGBoost sends it, also after the model was stored") func missingLevels() throws {
        let model = try PortableTrees(xgboostJSON: xgboost(set: [2]))
        let data = try ForestData([.categorical("c", ["2", "1", nil])])
        #expect(try model.predict(data) == [50, -20, 50])
        #expect(try PortableTrees(model.modelFile()).predict(data) == [50, -20, 50])
        // LightGBM knows no such thing, whatever the decision says.
        let text = lightGBM("c", infos: "0:1:2").replacing("decision_type=1", with: "decision_type=3")
        #expect(try PortableTrees(lightGBMText: text).predict(data) == [50, -20, -20])
    }

    @Test("names that are given to codes find them again") func naming() throws {
        var model = try PortableTrees(xgboostJSON: xgboost(set: [2000]))
        let names = (0..<2500).map { "level \($0)" }
        try model.setLevels(names, ofFeature: 0)
        let data = try ForestData([.categorical("c", ["level 2000", "level 1", "other"])])
        #expect(try model.predict(data) == [50, -20, -20])
        #expect(throws: ForestError.self) { try model.setLevels(["a", "a"], ofFeature: 0) }
    }

    @Test(
        "numbers beyond all range in any place are errors, not crashes",
        arguments: [
            "-1", "-2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "1e308", "16777216",
            "NaN",
        ])
    func directedChanges(number: String) throws {
        let base = lightGBM("c d", infos: "0:1:2 [0:1]", pandas: "null")
        let json = xgboost(leaves: [(1, 2), (3, 4)], set: [1, 2], features: "1")
        for (text, read) in [
            (base, { try PortableTrees(lightGBMText: $0) }), (json, { try PortableTrees(xgboostJSON: $0) }),
        ] as [(String, (String) throws -> PortableTrees)] {
            for match in text.matches(of: /-?[0-9]+(\.[0-9]+)?/) {
                let changed = text.replacingCharacters(in: match.range, with: number)
                if let model = try? read(changed) {
                    _ = model.predict(row: model.features.map { _ in 1 })
                    #expect(model.features.count < 100 && model.lightGBMText().utf8.count < 1 << 16)
                }
            }
        }
    }
}

@Suite("Numbers far from zero") struct OffsetTests {
    let values = (0..<200).map { Double($0) + 0.25 }
    let target = (0..<200).map { Double($0 % 50) }

    @Test("a feature of times gives the forest that the same feature near zero gives") func features() throws {
        let shift = 1_700_000_000.0
        let (near, far) = (
            try ForestData([.numeric("t", values)]), try ForestData([.numeric("t", values.map { $0 + shift })])
        )
        let forests = try [near, far].map { try RegressionForest.fit($0, target: target, seed: 1) }
        #expect(try forests[0].predict(near) == forests[1].predict(far))
        #expect(forests[1].predict(row: [values[7] + shift]) == forests[0].predict(row: [values[7]]))
        let boosted = try [near, far].map { try BoostedForest.fit($0, target: target, seed: 1) }
        #expect(try boosted[0].predict(near) == boosted[1].predict(far))
        #expect(try boosted[1].portable.predict(far) == boosted[1].predict(far))
        let linear = try [near, far].map { try LinearForest.fit($0, target: target, seed: 1) }
        for (a, b) in zip(try linear[0].predict(near), try linear[1].predict(far)) { #expect(abs(a - b) < 1e-6) }
        let again = try FittedForest(forests[1].modelFile())
        #expect(try again.predict(far) == forests[1].predict(far))
    }

    @Test("targets far from zero are learnt to the digit, in all that a forest does") func targets() throws {
        let (data, far) = (try ForestData([.numeric("t", values)]), target.map { 1_700_000_000.5 + $0 / 8 })
        for options in [ForestOptions(), .extraTrees] {
            var options = options
            options.minimumLeafRows = 1
            let forest = try RegressionForest.fit(data, target: far, options: options, seed: 1)
            let predicted = try forest.predict(data)
            let error = zip(predicted, far).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(error < 6)
            if options.bootstrap { #expect(forest.outOfBagError < 2) }
            #expect(try FittedForest(forest.modelFile()).predict(data) == predicted)
            #expect(forest.predict(row: [values[3]]) == predicted[3])
            for (a, b) in zip(try forest.portable.predict(data), predicted) { #expect(abs(a - b) < 1e-5) }
            let explained = try forest.explain(data)[3]
            #expect(abs(explained.base + explained.contributions.reduce(0, +) - predicted[3]) < 1e-5)
            let refreshed = try forest.refreshed(data, target: far)
            #expect(abs(refreshed.predict(row: [values[3]]) - far[3]) < 6)
        }
        let (few, more) = (try grown(data, far, 10), try grown(data, far, 20))
        #expect(try few.extended(data, target: far, by: 10).predict(data) == more.predict(data))
    }

    private func grown(_ data: ForestData, _ target: [Double], _ trees: Int) throws -> RegressionForest {
        var options = ForestOptions()
        options.treeCount = trees
        return try RegressionForest.fit(data, target: target, options: options, seed: 1)
    }
}
