import Foundation
import ModelFiles
import Testing

/// A folder of its own for each test, removed afterwards.
private func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("model-files-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

private func sample() throws -> ModelFile {
    var file = ModelFile(kind: "test", schemaVersion: 2, metadata: ["features": "größe\n\"x\"", "seed": "7"])
    try file.set("weights", [1.5, -0.0, .infinity, .leastNonzeroMagnitude, 5, 6], shape: [2, 3])
    try file.set("codes", [Int32(-1), 2, 3])
    try file.set("bins", [UInt8(0), 255, 7])
    try file.set("halves", [UInt16(65_535)])
    try file.set("empty", [Float]())
    return file
}

@Suite("Model files") struct ModelFileTests {
    @Test("what is written is read back bit for bit")
    func roundTrip() throws {
        try withFolder { folder in
            let path = folder + "/model.safetensors"
            try sample().write(to: path)
            let read = try ModelFile(contentsOf: path, kind: "test", schemaVersion: 2)
            #expect(read.kind == "test" && read.schemaVersion == 2)
            #expect(read.metadata == ["features": "größe\n\"x\"", "seed": "7"])
            #expect(try read.doubles("weights").map(\.bitPattern) == sample().doubles("weights").map(\.bitPattern))
            #expect(try read.shape(of: "weights") == [2, 3])
            #expect(try read.values("codes") == [Int32(-1), 2, 3])
            #expect(try read.values("bins") == [UInt8(0), 255, 7])
            #expect(try read.values("halves") == [UInt16(65_535)])
            #expect(try read.values("empty", as: Float.self).isEmpty)
            #expect(try read.view("weights", as: Double.self).withElements { $0[4] } == 5)
            #expect(read.tensorNames == ["bins", "codes", "empty", "halves", "weights"])
            // Written again from the memory map: the same bytes.
            try read.write(to: folder + "/again.safetensors")
            let (first, second) = (
                FileManager.default.contents(atPath: path),
                FileManager.default.contents(atPath: folder + "/again.safetensors")
            )
            #expect(first == second)
        }
    }

    @Test("every truncation and every flipped bit of a file is an error")
    func damage() throws {
        try withFolder { folder in
            let (path, damaged) = (folder + "/model.safetensors", folder + "/damaged.safetensors")
            try sample().write(to: path)
            let bytes = Array(try #require(FileManager.default.contents(atPath: path)))
            func isRefused(_ bytes: some Collection<UInt8>) throws -> Bool {
                try Data(bytes).write(to: URL(fileURLWithPath: damaged))
                do throws(ModelFileError) {
                    _ = try ModelFile(contentsOf: damaged)
                    return false
                } catch {
                    #expect(!error.description.isEmpty)
                    return true
                }
            }
            #expect(try !isRefused(bytes))
            for length in 0..<bytes.count { #expect(try isRefused(bytes[..<length]), "truncated to \(length)") }
            for index in bytes.indices {
                for bit in [index % 8, (index + 5) % 8] {
                    var copy = bytes
                    copy[index] ^= 1 << bit
                    #expect(try isRefused(copy), "bit \(bit) of byte \(index)")
                }
            }
            #expect(try isRefused(bytes + [0]))
        }
    }

    @Test("another kind, a newer version, a missing tensor or one of another type say so")
    func refusals() throws {
        try withFolder { folder in
            let path = folder + "/model.safetensors"
            try sample().write(to: path)
            #expect(throws: ModelFileError.wrongKind(path, found: "test", expected: "forest")) {
                try ModelFile(contentsOf: path, kind: "forest")
            }
            #expect(throws: ModelFileError.newer(path, found: 2, supported: 1)) {
                try ModelFile(contentsOf: path, kind: "test", schemaVersion: 1)
            }
            let file = try ModelFile(contentsOf: path)
            #expect(throws: ModelFileError.missingTensor("none")) { try file.doubles("none") }
            #expect(throws: ModelFileError.wrongType("codes", found: "I32", expected: "F64")) {
                try file.doubles("codes")
            }
            #expect(throws: ModelFileError.missingMetadata("none")) { try file.text("none") }
            var other = file
            #expect(throws: ModelFileError.shape("x", shape: [2], elements: 1)) {
                try other.set("x", [1.0], shape: [2])
            }
            #expect(throws: ModelFileError.self) { try ModelFile(contentsOf: folder) }
            #expect(throws: ModelFileError.self) { try ModelFile(contentsOf: folder + "/none") }
            #expect(throws: ModelFileError.self) { try file.write(to: folder + "/no/such/folder") }
        }
    }

    @Test(
        "hostile headers are refused",
        arguments: [
            #"{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}}"#,
            #"{"x":{"dtype":"F99","shape":[1],"data_offsets":[0,8]}}"#,
            #"{"x":{"dtype":"F64","shape":[-1],"data_offsets":[0,8]}}"#,
            #"{"x":{"dtype":"F64","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}"#,
            #"{"x":{"dtype":"F64","shape":[1],"data_offsets":[8,0]}}"#,
            #"{"x":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}"#,
            #"{"x":{"dtype":"F64","shape":[1],"data_offsets":[-8,0]}}"#,
            #"{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"y":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
            #"{"x":{"dtype":"F64","shape":[],"data_offsets":[0,9223372036854775807]}}"#,
            #"{"x":7}"#, "[]", "{", "",
        ])
    func hostile(header: String) throws {
        try withFolder { folder in
            let path = folder + "/hostile.safetensors"
            var data = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
            data.append(Data(header.utf8))
            data.append(Data(count: 8))
            try data.write(to: URL(fileURLWithPath: path))
            #expect(throws: ModelFileError.self) { try ModelFile(safetensors: path) }
        }
    }

    @Test("JSON values in the metadata")
    func json() throws {
        var file = ModelFile(kind: "test", schemaVersion: 1)
        try file.setJSON("levels", ["sort", "gzip"])
        #expect(try file.json("levels", as: [String].self) == ["sort", "gzip"])
        #expect(throws: ModelFileError.self) { try file.json("levels", as: Int.self) }
    }

    @Test("a model inside a model comes out as it went in")
    func embedding() throws {
        try withFolder { folder in
            var outer = ModelFile(kind: "outer", schemaVersion: 1, metadata: ["seed": "1"])
            outer.embed(try sample(), as: "inner")
            try outer.write(to: folder + "/outer.safetensors")
            let read = try ModelFile(contentsOf: folder + "/outer.safetensors", kind: "outer")
            let inner = try #require(read.embedded("inner"))
            #expect(inner.kind == "test" && inner.schemaVersion == 2)
            #expect(inner.metadata == (try sample().metadata))
            #expect(try inner.values("codes") == [Int32(-1), 2, 3])
            #expect(read.embedded("other")?.kind == nil)
        }
    }

    /// `scripts/test` prepares a Python with `safetensors` and names it in `ALMANAC_PYTHON`.
    static let python = ProcessInfo.processInfo.environment["ALMANAC_PYTHON"]

    @Test(
        "Python's safetensors opens our file, and we open one that Python wrote",
        .enabled(if: python != nil, "set ALMANAC_PYTHON to a Python that has safetensors and numpy"))
    func pythonInterchange() throws {
        let script = """
            import sys, numpy as np
            from safetensors import safe_open
            from safetensors.numpy import save_file
            with safe_open(sys.argv[1], "np") as f:
                assert f.metadata()["features"] == 'größe\\n"x"', f.metadata()
                w = f.get_tensor("weights")
                assert w.dtype == np.float64 and w.shape == (2, 3) and np.isinf(w[0, 2]) and w[1, 2] == 6, w
                assert f.get_tensor("codes").tolist() == [-1, 2, 3]
                assert f.get_tensor("bins").dtype == np.uint8 and f.get_tensor("empty").shape == (0,)
            save_file({"a": np.array([[1.5, 2.5]]), "b": np.array([7], dtype=np.int32)}, sys.argv[2], metadata={"x": "y"})
            """
        try withFolder { folder in
            let (ours, theirs) = (folder + "/ours.safetensors", folder + "/theirs.safetensors")
            try sample().write(to: ours)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(Self.python))
            process.arguments = ["-c", script, ours, theirs]
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            let file = try ModelFile(safetensors: theirs)
            #expect(try file.doubles("a") == [1.5, 2.5])
            #expect(try file.shape(of: "a") == [1, 2])
            #expect(try file.values("b") == [Int32(7)])
            #expect(file.metadata["x"] == "y")
            #expect(throws: ModelFileError.notAlmanac(theirs)) { try ModelFile(contentsOf: theirs) }
        }
    }
}
