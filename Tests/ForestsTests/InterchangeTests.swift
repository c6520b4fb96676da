import Forests
import Foundation
import LinearAlgebra
import Testing

/// A Python with the peers: `FORESTS_PYTHON`, or the environment that `scripts/bench forests` makes.
let peerPython: String? = {
    let here = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let made = root.appendingPathComponent(".bench/forests-venv/bin/python").path
    let path = ProcessInfo.processInfo.environment["FORESTS_PYTHON"] ?? made
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
}()

/// 10,000 rows with missing numbers and levels; the levels are given as codes, so that all sides see the same.
private func peerTable(_ rows: Int = 10_000) throws -> (data: ForestData, target: [Double], plain: [[Double]]) {
    var random = SeededGenerator(seed: 11)
    var (x, z, codes, target) = ([Double](), [Double](), [Int32](), [Double]())
    for _ in 0..<rows {
        let (a, b, k) = (random.nextNormal(), random.nextUniform(), random.nextInt(below: 50))
        x.append(a)
        z.append(random.nextUniform() < 0.2 ? .nan : b)
        codes.append(random.nextUniform() < 0.05 ? -1 : Int32(k))
        target.append(3 * a + (z[z.count - 1].isNaN ? 2 : b) + Double(k * k % 17) + 0.1 * random.nextNormal() + 20)
    }
    let levels = (0..<50).map(String.init)
    let data = try ForestData([.numeric("x", x), .numeric("z", z), .categorical("k", codes: codes, levels: levels)])
    return (data, target, (0..<rows).map { [x[$0], z[$0], codes[$0] < 0 ? .nan : Double(codes[$0])] })
}

/// Rows of numbers as text that Python reads without loss; some codes are ones that no model has seen.
private func write(_ rows: [[Double]], _ path: String) throws {
    let text = rows.map { row in row.map { $0.isNaN ? "nan" : "\($0)" }.joined(separator: ",") }
    try text.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
}

private func python(_ script: String, in folder: String) throws -> [Double] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(peerPython))
    process.arguments = ["-W", "ignore", "-c", "import numpy as np\nimport os\nos.chdir(\(quote(folder)))\n" + script]
    let (output, errors) = (Pipe(), FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).log")
    _ = FileManager.default.createFile(atPath: errors, contents: nil)
    defer { try? FileManager.default.removeItem(atPath: errors) }
    process.standardOutput = output
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let log = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
    try #require(process.terminationStatus == 0, "\(log)")
    return text.split(separator: "\n").compactMap { Double($0) }
}

private func quote(_ text: String) -> String { "'" + text + "'" }

private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/forests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
}

@Suite("Interchange", .serialized) struct InterchangeTests {
    enum Learner: CaseIterable { case forest, boosting, gamma }

    private func models(_ learner: Learner, _ data: ForestData, _ target: [Double]) throws -> PortableTrees {
        if learner == .forest {
            var options = ForestOptions()
            options.treeCount = 20
            return try RegressionForest.fit(data, target: target, options: options, seed: 1).portable
        }
        var options = BoostingOptions()
        options.rounds = 50
        if learner == .gamma { options.loss = .gamma }
        return try BoostedForest.fit(data, target: target.map { max(1, $0) }, options: options, seed: 1).portable
    }

    @Test("portable trees predict what the model does, with equal bits") func portable() throws {
        let (data, target, plain) = try peerTable(2000)
        let forest = try RegressionForest.fit(data, target: target, seed: 1)
        let boosted = try BoostedForest.fit(data, target: target, seed: 1)
        #expect(try forest.portable.predict(data) == forest.predict(data))
        #expect(try boosted.portable.predict(data) == boosted.predict(data))
        #expect(try boosted.portable.predict(row: plain[3]) == boosted.predict(row: plain[3]))
    }

    @Test("every format reads back what it wrote", arguments: Learner.allCases)
    func roundTrips(_ learner: Learner) throws {
        let (data, target, _) = try peerTable(2000)
        let trees = try models(learner, data, target)
        let predicted = try trees.predict(data)
        let text = trees.lightGBMText()
        #expect(try PortableTrees(lightGBMText: text).predict(data) == predicted)
        let again = try PortableTrees(lightGBMText: text).lightGBMText()
        #expect(try PortableTrees(lightGBMText: again).lightGBMText() == again)
        var onnx = try PortableTrees(onnx: trees.onnx())
        onnx.features = trees.features
        #expect(try onnx.predict(data) == predicted)
        var json = try PortableTrees(xgboostJSON: trees.xgboostJSON())
        json.features = trees.features
        for (a, b) in zip(try json.predict(data), predicted) { #expect(abs(a - b) <= 1e-6 * abs(b)) }
        try withFolder { folder in
            try trees.write(to: folder + "/m.safetensors")
            #expect(try PortableTrees(contentsOf: folder + "/m.safetensors").predict(data) == predicted)
        }
    }

    @Test(
        "LightGBM, XGBoost and ONNX Runtime predict our models",
        .enabled(if: peerPython != nil, "run scripts/bench forests once, or set FORESTS_PYTHON"),
        arguments: Learner.allCases)
    func exports(_ learner: Learner) throws {
        let (data, target, all) = try peerTable()
        var plain = all
        for row in stride(from: 0, to: plain.count, by: 10) { plain[row][2] = 77 }  // a level never seen
        let trees = try models(learner, data, target)
        let predicted = plain.map { trees.predict(row: $0) }
        try withFolder { folder in
            try write(plain, folder + "/rows.csv")
            try trees.lightGBMText().write(toFile: folder + "/m.txt", atomically: true, encoding: .utf8)
            try trees.xgboostJSON().write(toFile: folder + "/m.json", atomically: true, encoding: .utf8)
            try Data(trees.onnx()).write(to: URL(fileURLWithPath: folder + "/m.onnx"))
            let load = "x=np.loadtxt('rows.csv',delimiter=',')\n"
            let printed = "\nprint('\\n'.join(repr(float(v)) for v in np.ravel(p)))"
            let lightGBM = try python(
                load + "import lightgbm as l\np=l.Booster(model_file='m.txt').predict(x)" + printed, in: folder)
            if learner == .gamma {
                for (a, b) in zip(lightGBM, predicted) { #expect(abs(a - b) <= 1e-14 * abs(b)) }
            } else {
                #expect(lightGBM == predicted)
            }
            let onnx = try python(
                load + "import onnxruntime as o,onnx\nonnx.checker.check_model('m.onnx')\n"
                    + "p=o.InferenceSession('m.onnx').run(None,{'x':x})[0]" + printed, in: folder)
            #expect(onnx.count == predicted.count)
            for (a, b) in zip(onnx, predicted) { #expect(abs(a - b) <= 1e-6 * abs(b)) }
            // XGBoost computes in single precision: give it numbers that are exact there.
            let singles = plain.map { $0.map { Double(Float($0)) } }
            try write(singles, folder + "/rows.csv")
            let xgboost = try python(
                load + "import xgboost as g\nb=g.Booster(model_file='m.json')\n"
                    + "p=b.inplace_predict(x.astype(np.float32),validate_features=False)" + printed, in: folder)
            #expect(xgboost.count == predicted.count)
            for (row, value) in zip(singles, xgboost) {
                let ours = trees.predict(row: row)
                #expect(abs(value - ours) <= 2e-6 * abs(ours))
            }
        }
    }

    private func classifier(_ classes: Int, isBoosted: Bool, _ data: ForestData, _ target: [Double]) throws
        -> ForestClassifier
    {
        var (boosting, averaging) = (BoostingOptions.logLoss, ForestOptions())
        (boosting.rounds, averaging.treeCount) = (30, 20)
        return try ForestClassifier.fit(
            data, labels: target.map { classes == 2 ? ($0 > 28 ? "b" : "a") : $0 > 31 ? "c" : $0 > 25 ? "b" : "a" },
            learner: isBoosted ? .boosted(boosting) : .averaged(averaging), seed: 1)
    }

    @Test("every format reads back the classes that it wrote", arguments: [2, 3]) func classRoundTrips(classes: Int)
        throws
    {
        let (data, target, _) = try peerTable(2000)
        for isBoosted in classes == 2 ? [true, false] : [true] {
            let model = try classifier(classes, isBoosted: isBoosted, data, target)
            let (trees, predicted) = (try model.portable, try model.probabilities(data).values)
            func found(_ trees: PortableTrees) throws -> [Double] {
                try #require(try FittedForest.imported(trees).probabilities(data)).values
            }
            #expect(trees.classNames == model.classes)
            for (a, b) in zip(try found(trees), predicted) { #expect(abs(a - b) <= 1e-12) }
            var others = [try PortableTrees(lightGBMText: trees.lightGBMText())]
            others.append(try PortableTrees(xgboostJSON: trees.xgboostJSON()))
            if classes == 2 { others.append(try PortableTrees(onnx: trees.onnx())) }
            for var other in others {
                (other.features, other.classes) = (trees.features, trees.classes)
                for (a, b) in zip(try found(other), predicted) { #expect(abs(a - b) <= 1e-6) }
            }
            try withFolder { folder in
                try trees.write(to: folder + "/m.safetensors")
                let read = try PortableTrees(contentsOf: folder + "/m.safetensors")
                #expect(try found(read) == found(trees))
                #expect(read.classNames == model.classes)
            }
        }
        if classes == 3 {
            let averages = try classifier(3, isBoosted: false, data, target)
            #expect(throws: ForestError.self) { try averages.portable }
        }
    }

    @Test(
        "LightGBM, XGBoost and ONNX Runtime predict our probabilities, and we theirs",
        .enabled(if: peerPython != nil, "run scripts/bench forests once, or set FORESTS_PYTHON"), arguments: [2, 3])
    func classPeers(classes: Int) throws {
        let (data, target, all) = try peerTable()
        // XGBoost computes in single precision: numbers that are exact there.
        let plain = all.map { $0.map { Double(Float($0)) } }
        let trees = try classifier(classes, isBoosted: true, data, target).portable
        func ours(_ trees: PortableTrees) -> [Double] {
            plain.flatMap { row in classes == 2 ? [trees.predict(row: row)] : trees.probabilities(row: row) }
        }
        try withFolder { folder in
            try write(plain, folder + "/rows.csv")
            try write(target.map { [$0] }, folder + "/y.csv")
            try trees.lightGBMText().write(toFile: folder + "/m.txt", atomically: true, encoding: .utf8)
            try trees.xgboostJSON().write(toFile: folder + "/m.json", atomically: true, encoding: .utf8)
            try Data(trees.onnx()).write(to: URL(fileURLWithPath: folder + "/m.onnx"))
            let start =
                "x=np.loadtxt('rows.csv',delimiter=','); y=np.loadtxt('y.csv')\n"
                + "c=(y>28).astype(int) if \(classes)==2 else (y>31).astype(int)+(y>25)\n"
            let printed = "\nprint('\\n'.join(repr(float(v)) for v in np.ravel(p)))"
            for (script, tolerance) in [
                ("import lightgbm as l\np=l.Booster(model_file='m.txt').predict(x)", 1e-13),
                (
                    "import onnxruntime as o,onnx\nonnx.checker.check_model('m.onnx')\n"
                        + "p=o.InferenceSession('m.onnx').run(None,{'x':x})[0]", 2e-6
                ),
                (
                    "import xgboost as g\nb=g.Booster(model_file='m.json')\n"
                        + "p=b.inplace_predict(x.astype(np.float32),validate_features=False)", 2e-6
                ),
            ] {
                let theirs = try python(start + script + printed, in: folder)
                #expect(theirs.count == ours(trees).count)
                for (a, b) in zip(theirs, ours(trees)) { #expect(abs(a - b) <= tolerance) }
            }
            let (lightGBM, xgboost) =
                classes == 2
                ? ("'objective':'binary'", "'objective':'binary:logistic'")
                : ("'objective':'multiclass','num_class':3", "'objective':'multi:softprob','num_class':3")
            let theirs = try python(
                start + "import lightgbm as l\nb=l.train({\(lightGBM),'verbosity':-1},"
                    + "l.Dataset(x,c,categorical_feature=[2]),20)\nb.save_model('m.txt'); p=b.predict(x)" + printed,
                in: folder)
            let model = try PortableTrees(
                lightGBMText: String(contentsOfFile: folder + "/m.txt", encoding: .utf8))
            for (a, b) in zip(ours(model), theirs) { #expect(abs(a - b) <= 1e-13) }
            let others = try python(
                start + "import xgboost as g\n"
                    + "d=g.QuantileDMatrix(x.astype(np.float32),c,feature_types=['q','q','c'],enable_categorical=True)\n"
                    + "b=g.train({'tree_method':'hist',\(xgboost)},d,20)\nb.save_model('m.json')\n"
                    + "p=b.inplace_predict(x.astype(np.float32),validate_features=False)" + printed, in: folder)
            let read = try PortableTrees(xgboostJSON: String(contentsOfFile: folder + "/m.json", encoding: .utf8))
            for (a, b) in zip(ours(read), others) { #expect(abs(a - b) <= 2e-6) }
        }
    }

    @Test(
        "we predict what LightGBM, XGBoost and scikit-learn trained",
        .enabled(if: peerPython != nil, "run scripts/bench forests once, or set FORESTS_PYTHON"))
    func imports() throws {
        let (_, target, plain) = try peerTable()
        try withFolder { folder in
            try write(plain, folder + "/rows.csv")
            try write(target.map { [$0] }, folder + "/y.csv")
            let start = """
                x=np.loadtxt('rows.csv',delimiter=','); y=np.loadtxt('y.csv'); t=x.copy(); t[::10,2]=77
                n=slice(0,8000)
                """
            let printed = "\nprint('\\n'.join(repr(float(v)) for v in np.ravel(p)))"
            var asked = plain
            for row in stride(from: 0, to: plain.count, by: 10) { asked[row][2] = 77 }
            for settings in [
                "'objective':'regression'", "'objective':'gamma'",
                "'objective':'regression','boosting':'rf','bagging_fraction':.6,'bagging_freq':1",
            ] {
                let theirs = try python(
                    start + "\nimport lightgbm as l\nb=l.train({\(settings),'verbosity':-1},"
                        + "l.Dataset(x[n],np.maximum(y[n],1),categorical_feature=[2]),60)\n"
                        + "b.save_model('m.txt'); p=b.predict(t)" + printed, in: folder)
                let text = try String(contentsOfFile: folder + "/m.txt", encoding: .utf8)
                let model = try PortableTrees(lightGBMText: text)
                let ours = asked.map { model.predict(row: $0) }
                if settings.contains("gamma") {
                    for (a, b) in zip(ours, theirs) { #expect(abs(a - b) <= 1e-14 * abs(b)) }
                } else {
                    #expect(ours == theirs)
                }
            }
            // XGBoost refuses codes that it has not seen, so those rows are missing to it.
            let theirs = try python(
                start + "\nimport xgboost as g\nt[t==77]=np.nan\n"
                    + "d=g.QuantileDMatrix(x[n].astype(np.float32),y[n],feature_types=['q','q','c'],enable_categorical=True)\n"
                    + "b=g.train({'tree_method':'hist'},d,60)\nb.save_model('m.json')\n"
                    + "p=b.inplace_predict(t.astype(np.float32),validate_features=False)" + printed, in: folder)
            let model = try PortableTrees(
                xgboostJSON: String(contentsOfFile: folder + "/m.json", encoding: .utf8))
            #expect(theirs.count == asked.count)
            for (row, value) in zip(asked, theirs) {
                let ours = model.predict(row: [row[0], row[1], row[2] == 77 ? .nan : row[2]])
                #expect(abs(ours - value) <= 2e-6 * abs(value))
            }
            let forest = try python(
                start + "\nfrom sklearn.ensemble import RandomForestRegressor as R\nimport skl2onnx as s\n"
                    + "t=np.nan_to_num(t); b=R(20,min_samples_leaf=5,random_state=0).fit(np.nan_to_num(x[n]),y[n])\n"
                    + "o=s.convert_sklearn(b,initial_types=[('x',s.common.data_types.FloatTensorType([None,3]))])\n"
                    + "open('m.onnx','wb').write(o.SerializeToString()); p=b.predict(t)" + printed, in: folder)
            let onnx = try PortableTrees(onnx: Array(Data(contentsOf: URL(fileURLWithPath: folder + "/m.onnx"))))
            #expect(forest.count == asked.count)
            for (row, value) in zip(asked, forest) {
                #expect(abs(onnx.predict(row: row.map { $0.isNaN ? 0 : $0 }) - value) <= 2e-6 * abs(value))
            }
        }
    }

    @Test("damaged models are errors, not crashes", arguments: 0..<60) func damage(seed: Int) throws {
        let (data, target, plain) = try peerTable(300)
        var options = BoostingOptions()
        options.rounds = 3
        let trees = try BoostedForest.fit(data, target: target, options: options, seed: 1).portable
        var random = SeededGenerator(seed: UInt64(seed), stream: 9)
        func damaged(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0..<(1 + random.nextInt(below: 4)) {
                let at = random.nextInt(below: bytes.count)
                switch random.nextInt(below: 3) {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes.remove(at: at)
                default: bytes.removeSubrange(at..<min(bytes.count, at + 40))
                }
                if bytes.isEmpty { return bytes }
            }
            return bytes
        }
        for _ in 0..<20 {
            // Whatever can still be read must also predict.
            let text = String(decoding: damaged(Array(trees.lightGBMText().utf8)), as: UTF8.self)
            if let read = try? PortableTrees(lightGBMText: text), read.features.count == 3 {
                _ = read.predict(row: plain[0])
            }
            let json = String(decoding: damaged(Array(trees.xgboostJSON().utf8)), as: UTF8.self)
            if let read = try? PortableTrees(xgboostJSON: json), read.features.count == 3 {
                _ = read.predict(row: plain[0])
            }
            if let read = try? PortableTrees(onnx: damaged(trees.onnx())), read.features.count == 3 {
                _ = read.predict(row: plain[0])
            }
        }
        #expect(throws: ForestError.self) { try PortableTrees(lightGBMText: "") }
        #expect(throws: ForestError.self) { try PortableTrees(xgboostJSON: "{}") }
        #expect(throws: ForestError.self) { try PortableTrees(onnx: []) }
    }
}
