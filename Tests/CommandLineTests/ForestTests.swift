import Foundation
import Testing

/// A Python with LightGBM, or `nil`.
private let peers: String? = {
    let made = Terminal.repository.appendingPathComponent(".bench/forests-venv/bin/python").path
    let path = Terminal.environment["FORESTS_PYTHON"] ?? made
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
}()

@Suite(
    "Forests of tables", .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY")
)
struct ForestTests {
    let terminal: Terminal

    init() throws { terminal = try Terminal() }

    /// Seconds that grow with the size, at a speed that depends on the kind.
    private func table(rows: Int = 200) -> String {
        var text = "kind,size,day,seconds\n"
        for row in 0..<rows {
            let (kind, size) = (row % 3, Double((row * 37) % 100) + 1)
            let noise = 1 + 0.05 * Double((row * 7919) % 11 - 5) / 5
            let value = Double(kind + 1) * (10 + 2 * size) * noise
            text += "kind\(kind),\(row % 29 == 0 ? "" : "\(size)"),\(row),\(value)\n"
        }
        return text
    }

    @Test(
        "every learner trains, predicts, explains, and says what it is",
        arguments: ["random", "extra", "quantile", "boosted", "boosted-quantiles", "linear", "boosted-linear"],
        ["", "--log"])
    func learners(learner: String, scale: String) throws {
        try terminal.write(table(), to: "a.csv")
        let trained = try terminal.shell(
            "almanac train forest a.csv --target seconds --learner \(learner) \(scale) --trees 30 -o m --json")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        let predicted = try terminal.shell("almanac predict m a.csv --json --level 0.8 --explain")
        try #require(predicted.exitCode == 0, "\(predicted.errors)")
        let rows = predicted.objects
        #expect(rows.count == 200)
        for row in rows.prefix(5) {
            let numbers = try #require(row["contributions"] as? [String: Double])
            let (base, value) = (try #require(row["base"] as? Double), try #require(row["value"] as? Double))
            let (lower, upper) = (try #require(row["lower"] as? Double), try #require(row["upper"] as? Double))
            #expect(lower <= value && value <= upper)
            // Of quantiles the mean is explained.
            if learner != "quantile" { #expect(abs(base + numbers.values.reduce(0, +) - value) < 1e-3 * value) }
            #expect((row["nearest"] as? [Any])?.count == 3)
        }
        let shown = try terminal.almanac("model", "show", "m")
        #expect(shown.exitCode == 0)
        for word in ["trees:", "leaves:", "feature", "kind", "kind0, kind1, kind2", "On rows that were held out"] {
            #expect(shown.output.contains(word), "\(word): \(shown.output)")
        }
    }

    @Test(
        "a column of words becomes classes with probabilities", arguments: ["boosted", "random", "extra"], [2, 3])
    func classes(learner: String, count: Int) throws {
        var text = "size,kind,outcome\n"
        for row in 0..<240 {
            let size = (row * 37) % 100
            let outcome = size > 70 ? "FAILED" : size > 40 && count == 3 ? "OOM" : "DONE"
            text += "\(size),k\(row % 4),\(row % 17 == 0 ? "DONE" : outcome)\n"
        }
        try terminal.write(text, to: "a.csv")
        let trained = try terminal.shell(
            "almanac train forest a.csv --target outcome --learner \(learner) --trees 30 -o m")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        #expect(trained.output.contains("log-loss") && trained.output.contains("\(count) classes"))
        let predicted = try terminal.shell("almanac predict m a.csv --json --explain")
        try #require(predicted.exitCode == 0, "\(predicted.errors)")
        let rows = predicted.objects
        #expect(rows.count == 240)
        for row in rows {
            let numbers = try #require(row["probabilities"] as? [String: Double])
            #expect(numbers.count == count && abs(numbers.values.reduce(0, +) - 1) < 1e-9)
            #expect(numbers.max { $0.value < $1.value }?.key == row["class"] as? String)
        }
        let judged = try terminal.shell("almanac evaluate forest a.csv --target outcome --learner \(learner) --json")
        let found = try #require(judged.json as? [String: Any], "\(judged.errors)")
        let errors = try #require(found["errors"] as? [[String: Any]])
        let losses = errors.compactMap { $0["log_loss"] as? Double }
        #expect(losses.count == 3 && losses[0] < 0.8 * losses[1])
        let shown = try terminal.almanac("model", "show", "m")
        #expect(shown.output.contains("classes: DONE, FAILED"))
        let exported = try terminal.shell("almanac export onnx m -o m.onnx")
        #expect(exported.exitCode == (count == 3 && learner != "boosted" ? 2 : 0), "\(exported.errors)")
    }

    @Test(
        "what does not go with classes is said",
        arguments: [
            "--log", "--learner linear", "--loss gamma", "--intervals-by kind", "--learner quantile",
        ])
    func classProblems(option: String) throws {
        var text = "size,kind,outcome\n"
        for row in 0..<60 { text += "\(row % 7),k\(row % 4),\(row % 3 == 0 ? "yes" : "no")\n" }
        try terminal.write(text, to: "a.csv")
        let answer = try terminal.shell("almanac train forest a.csv --target outcome -o m \(option)")
        #expect(answer.exitCode == 2, "\(answer.output)")
        #expect(!answer.errors.isEmpty)
    }

    @Test("equal on any number of threads, byte for byte", arguments: ["boosted", "linear", "quantile"])
    func threads(learner: String) throws {
        try terminal.write(table(), to: "a.csv")
        for threads in 1...2 {
            let answer = try terminal.shell(
                "almanac train forest a.csv --target seconds --learner \(learner) -o m\(threads) --threads \(threads)")
            #expect(answer.exitCode == 0, "\(answer.errors)")
        }
        #expect(try terminal.data("m1") == terminal.data("m2"))
    }

    @Test("judges rows at random, whole groups and later rows, with a report")
    func evaluates() throws {
        try terminal.write(table(), to: "a.csv")
        for split in ["", "--group kind", "--time day"] {
            let answer = try terminal.shell(
                "almanac evaluate forest a.csv --target seconds --trees 30 --folds 3 \(split) --report r.html --json")
            try #require(answer.exitCode == 0, "\(answer.errors)")
            let object = try #require(answer.json as? [String: Any])
            let errors = try #require(object["errors"] as? [[String: Any]])
            #expect(
                errors.compactMap { $0["name"] as? String } == [
                    "boosted", "mean", "median", "median per level", "line",
                ])
            let rmse = errors.compactMap { $0["rmse"] as? Double }
            if split.isEmpty { #expect(rmse[0] < 0.5 * rmse[1]) }
            let page = String(decoding: try terminal.data("r.html"), as: UTF8.self)
            #expect(page.contains("<svg") && page.contains("Predicted against actual seconds"))
        }
    }

    @Test(
        "says what is wrong with a table, and where",
        arguments: [
            ("a,b\n1,2\n", "--target c", "no column 'c'"), ("", "--target a", "is empty"),
            ("a,b\n", "--target a", "no rows"), ("a,b\n1,2\n", "--target a", "needs 10"),
            ("a,b\n1,2\n3\n", "--target a", "2:3: found 1 fields"),
            ("a,b\nx,2\n1,3\n", "--target a", "is 'x', expected a number"),
            ("a,a\n1,2\n", "--target a", "two columns are named 'a'"),
            ("a,b\n,1\n,2\n", "--target a", "no row has a value of 'a'"),
            ("a\n1\n2\n", "--target a", "no column is left"), ("a,b\n-1,2\n", "--target a --log", "more than 0"),
            ("a,b\n1,2\n", "--target a --drop z", "no column 'z'"),
            ("a,b\n1,2\n3,inf\n", "--target a", "2:3: 'b' is inf"),
            ("a,b\n1,2\n-inf,3\n", "--target a", "2:3: 'a' is -inf"),
            (
                "a,b\n1,2\n3,4\na,b\n", "--target b --drop a",
                "2:4: 'b' is 'b', expected a number. The header stands here"
            ),
            ("a;b\n1;2\n3\n", "--target a", "2:3: found 1 fields"),
            ("a,b\n1,2\n", "--target a --learner boost", "Did you mean 'boosted'?"),
            ("a,b\n1,2\n", "--target a --monotone b=2", "COL=+1"),
            ("a,b\n1,2\n", "--target a --loss huber", "quantile=0.9"),
            ("a,b\n1,2\n", "--target a -o nowhere/m", "no folder 'nowhere'"),
        ])
    func badTables(text: String, options: String, message: String) throws {
        try terminal.write(text, to: "2")
        let answer = try terminal.shell("almanac train forest 2 \(options)")
        #expect(answer.exitCode == 2)
        #expect(answer.errors.contains(message), "\(answer.errors)")
        #expect(!FileManager.default.fileExists(atPath: terminal.path("forest.safetensors")))
    }

    @Test("a word among numbers is an error that names its line; 'categorical' makes them names")
    func wordAmongNumbers() throws {
        let rows = (0..<40).map { "\($0),\($0 == 30 ? "oops" : "\($0 % 4)")" }
        try terminal.write("y,x\n" + rows.joined(separator: "\n") + "\n", to: "a.csv")
        let refused = try terminal.shell("almanac train forest a.csv --target y")
        #expect(refused.exitCode == 2 && refused.errors.contains("a.csv:32: 'x' is 'oops'"), "\(refused.errors)")
        #expect(try terminal.shell("almanac train forest a.csv --target y --categorical x --trees 5").exitCode == 0)
        // A target of names alone is one of classes; a name among numbers is a fault there as well.
        try terminal.write("y,x\n" + (0..<40).map { "\($0 % 2 == 0 ? "cat" : "dog"),\($0)\n" }.joined(), to: "b.csv")
        #expect(try terminal.shell("almanac train forest b.csv --target y --trees 5").exitCode == 0)
        try terminal.write("y,x\n" + (0..<40).map { "\($0 == 0 ? "cat" : "\($0 % 3)"),\($0)\n" }.joined(), to: "c.csv")
        let names = try terminal.shell("almanac train forest c.csv --target y")
        #expect(
            names.exitCode == 2 && names.errors.contains("c.csv:2: 'y' is 'cat', expected a number"), "\(names.errors)")
        #expect(try terminal.shell("almanac train forest c.csv --target y --categorical y --trees 5").exitCode == 0)
    }

    @Test("levels that look like numbers stay what they are, and no row with a known level is an error")
    func numberLevels() throws {
        // 00501 and 501 are two levels, 1e3 and 1000 too, and so are two long ids of equal value as a double.
        let levels = ["00501", "501", "1e3", "1000", "12345678901234567", "12345678901234569"]
        let rows = (0..<120).map { "\(levels[$0 % 6]),\(40 * ($0 % 6))" }
        try terminal.write("zip,y\n" + rows.joined(separator: "\n") + "\n", to: "a.csv")
        try terminal.write("zip\n" + levels.joined(separator: "\n") + "\n", to: "b.csv")
        let trained = try terminal.shell("almanac train forest a.csv --target y --categorical zip -o m --trees 100")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        let values = try terminal.shell("almanac predict m b.csv --json").objects.compactMap { $0["value"] as? Double }
        #expect(values.count == 6)
        for (index, value) in values.enumerated() { #expect(abs(value - 40 * Double(index)) < 2, "\(levels[index])") }
        try terminal.write("zip\n0501\n1001\n", to: "new.csv")
        let refused = try terminal.shell("almanac predict m new.csv")
        #expect(refused.exitCode == 2 && refused.errors.contains("all 2 rows have a zip that was never seen"))
        #expect(try terminal.shell("almanac predict m new.csv --allow-unseen").exitCode == 0)
        try terminal.write("zip\n0501\n501\n", to: "some.csv")
        let some = try terminal.shell("almanac predict m some.csv")
        #expect(some.exitCode == 0 && some.errors.contains("1 row has a zip that was never seen, such as '0501'"))
    }

    @Test("semicolons between fields and decimal commas are the same table")
    func semicolons() throws {
        let rows = (0..<60).map { "\(Double($0) / 4);a,\($0 % 3);\(Double($0 * $0) / 8)" }
        let text = "x;word;y\n" + rows.joined(separator: "\n") + "\n"
        try terminal.write(
            text.replacing(",", with: "_").replacing(".", with: ",").replacing("_", with: ","), to: "de.csv")
        try terminal.write(
            text.replacing(",", with: "_").replacing(";", with: ",").replacing("_", with: "-"), to: "en.csv")
        let answer = try terminal.shell(
            """
            almanac train forest de.csv --target y --trees 5 -o 1 --json | grep -v path &&
            almanac train forest en.csv --target y --trees 5 -o 2 -q > /dev/null &&
            almanac predict 1 de.csv -o 1.csv -q > /dev/null && almanac predict 2 en.csv -o 2.csv -q > /dev/null &&
            cmp 1.csv 2.csv
            """)
        #expect(answer.exitCode == 0, "\(answer.errors)")
    }

    @Test("words for a feature whose levels have no names are an error")
    func wordsForCodes() throws {
        let model =
            #"{"version":[3,2,0],"learner":{"attributes":{},"feature_names":["k"],"feature_types":["c"],"#
            + #""gradient_booster":{"name":"gbtree","model":{"gbtree_model_param":{"num_trees":"1"},"tree_info":[0],"#
            + #""trees":[{"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[NaN,10,20],"#
            + #""split_indices":[0,0,0],"split_type":[1,0,0],"default_left":[0,0,0],"categories":[1],"#
            + #""categories_nodes":[0],"categories_segments":[0],"categories_sizes":[1]}]}},"#
            + #""learner_model_param":{"base_score":"0","num_feature":"1","num_target":"1","num_class":"0"},"#
            + #""objective":{"name":"reg:squarederror"}}}"#
        try terminal.write(model, to: "m.json")
        try terminal.write("k\n1.0\n0\n7\n", to: "codes.csv")
        try terminal.write("k\n1\nred\n", to: "words.csv")
        try #require(terminal.shell("almanac model import m.json -o m").exitCode == 0)
        let codes = try terminal.shell("almanac predict m codes.csv --json")
        #expect(codes.objects.compactMap { $0["value"] as? Double } == [20, 10, 10], "\(codes.errors)")
        let words = try terminal.shell("almanac predict m words.csv")
        #expect(words.exitCode == 2 && words.errors.contains("'red' is no code of k"), "\(words.errors)")
        try #require(terminal.shell("almanac model import m.json -o m --levels k=blue,red").exitCode == 0)
        try terminal.write("k\nblue\nred\n", to: "words.csv")
        let named = try terminal.shell("almanac predict m words.csv --json")
        #expect(named.objects.compactMap { $0["value"] as? Double } == [10, 20], "\(named.errors)")
    }

    @Test("standard input is read whole, in whatever pieces it comes")
    func standardInput() throws {
        let rows = (0..<20_000).map { "\($0 % 997),\(3 * ($0 % 997))" }
        try terminal.write("x,y\n" + rows.joined(separator: "\n") + "\n", to: "a.csv")
        let answer = try terminal.shell(
            """
            almanac train forest a.csv --target y --trees 5 -o 1 -q > /dev/null &&
            (head -101 a.csv; sleep 0.2; tail -n +102 a.csv) | almanac train forest - --target y --trees 5 -o 2 --json &&
            (head -101 a.csv; sleep 0.2; tail -n +102 a.csv) | almanac predict 2 - -o 2.csv -q > /dev/null &&
            almanac predict 1 a.csv -o 1.csv -q > /dev/null && cmp 1.csv 2.csv
            """)
        #expect(answer.exitCode == 0, "\(answer.errors)")
        #expect((answer.json as? [String: Any])?["rows"] as? Int == 20_000)
    }

    @Test("leaves of one row are chosen where a small table is smooth, and not where it is noise")
    func leafRows() throws {
        let smooth = (0..<90).map { "\($0),\(exp(Double($0) / 10))" }
        var random: UInt64 = 1
        let noise = (0..<300).map { row in
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return "\(row),\(random >> 40)"
        }
        for (name, rows, expected) in [("smooth", smooth, 1), ("noise", noise, 5)] {
            try terminal.write("x,y\n" + rows.joined(separator: "\n") + "\n", to: name)
            let answer = try terminal.shell(
                "almanac train forest \(name) --target y --learner random -o m -q > /dev/null && almanac model show m")
            #expect(answer.output.contains("minimumLeafRows:\(expected)"), "\(name): \(answer.output) \(answer.errors)")
        }
    }

    @Test("exports are read again with equal predictions", arguments: ["lightgbm", "xgboost", "onnx"])
    func exports(format: String) throws {
        try terminal.write(table(), to: "a.csv")
        let answer = try terminal.shell(
            """
            almanac train forest a.csv --target seconds --trees 30 -o m -q > /dev/null &&
            almanac export \(format) m -o theirs -q > /dev/null &&
            almanac model import theirs -o again --features kind,size,day --levels kind=kind0,kind1,kind2 -q > /dev/null &&
            almanac predict m a.csv -o 1.csv -q > /dev/null && almanac predict again a.csv -o 2.csv -q > /dev/null
            """)
        try #require(answer.exitCode == 0, "\(answer.errors)")
        let (ours, theirs) = (terminal.lines("1.csv").dropFirst(), terminal.lines("2.csv").dropFirst())
        #expect(ours.count == 200)
        for (a, b) in zip(ours, theirs) {
            let values = [a, b].compactMap { Double($0.split(separator: ",")[1]) }
            #expect(values.count == 2 && abs(values[0] - values[1]) <= 1e-5 * abs(values[0]))
        }
        let lines = try terminal.shell(
            "almanac train forest a.csv --target seconds --learner linear -o l -q && almanac export \(format) l -o x")
        #expect(lines.exitCode == 2 && lines.errors.contains("lines that end"))
    }

    @Test("files that are no model are refused")
    func badModels() throws {
        try terminal.write("hello", to: "text")
        try terminal.write("{}", to: "json")
        try terminal.write("tree\nnum_class=1\n", to: "cut")
        for name in ["text", "json", "cut", "none"] {
            let answer = try terminal.almanac("model", "import", name, "--target", "runtime")
            #expect(answer.exitCode == 2 && !answer.errors.isEmpty, "\(name)")
            #expect(!FileManager.default.fileExists(atPath: terminal.path("models")))
        }
    }

    @Test(
        "a model that LightGBM trained in Python predicts tasks and plans jobs",
        .enabled(if: peers != nil, "scripts/test installs LightGBM where it can; or set FORESTS_PYTHON"))
    func lightGBM() throws {
        let script = """
            import lightgbm, numpy, pandas
            random = numpy.random.default_rng(1)
            n = 3000
            kind = random.integers(0, 3, n)
            size = random.uniform(1e6, 1e9, n)
            seconds = (kind + 1) * (5 + size * 1e-7)
            x = pandas.DataFrame({"task_type": pandas.Categorical.from_codes(kind, ["align", "index", "sort"]),
                                  "input_bytes": size, "cpus": 2.0})
            model = lightgbm.LGBMRegressor(n_estimators=100, verbose=-1).fit(x, seconds)
            model.booster_.save_model("theirs.txt")
            asked = pandas.DataFrame({"task_type": pandas.Categorical(["sort"], ["align", "index", "sort"]),
                                      "input_bytes": [5e8], "cpus": [2.0]})
            print(repr(float(model.predict(asked)[0])))
            """
        try terminal.write(script, to: "train.py")
        let theirs = try terminal.shell("\(peers ?? "") -W ignore train.py", timeoutSeconds: 300)
        let expected = try #require(Double(theirs.output.split(separator: "\n").last ?? ""), "\(theirs.errors)")
        let imported = try terminal.almanac("model", "import", "theirs.txt", "--target", "runtime")
        try #require(imported.exitCode == 0, "\(imported.errors)")
        let answer = try terminal.almanac(
            "predict", "models/runtime.safetensors", "--type", "sort", "--input", "500MB", "--cpus", "2", "--json")
        #expect((answer.json as? [String: Any])?["value"] as? Double == expected, "\(answer.errors)")
        try terminal.write(
            "tasks:\n  - {id: a, type: sort, command: 'true', inputs: [{path: big, size: 500MB}], cpus: 2}\n",
            to: "job.yaml")
        let plan = try terminal.almanac("plan", "job.yaml", "--models", "models", "--json")
        let makespan = (plan.json as? [String: Any])?["makespan_seconds"] as? Double
        #expect(makespan.map { abs($0 - expected) < 1e-6 * expected } == true, "\(plan.output) \(plan.errors)")
    }
}
