import Foundation
import LinearAlgebra
import Reading
import TestSupport
import Testing

@Suite("JSON reader") struct JSONReaderTests {
    @Test(
        "accepts what the grammar allows, whatever the window",
        arguments: [
            "{}", "[]", " [ ] ", "0", "-0", "-0.0", "\"\"", "true", "false", "null", "[1,2 ,\n3]", "1e5", "1E+2",
            "0.1e-2",
            #"{"a":{"b":[{"c":[[]]}]},"d":""}"#, #""\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\uDE00""#, "\"é€😀\u{7f}\"",
            "\u{FEFF}{\"a\":1}",
            #"["long enough to straddle a window", "another string of some length", 123456.789e10]"#,
            "[\(String(repeating: "1,", count: 200))1]", #"{"":0,"a ":1,"a":2}"#,
        ])
    func valid(text: String) throws {
        let stripped = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
        let reference = try JSONSerialization.jsonObject(with: Data(stripped.utf8), options: .fragmentsAllowed)
        for window in [16, 17, 31, 4096] {
            let value = try JSONTree.read(Array(text.utf8), window: window)
            #expect(value.matches(reference), "\(value) for window \(window)")
            try JSONTree.skip(Array(text.utf8), window: window)
        }
    }

    @Test(
        "refuses what the grammar forbids, and says where",
        arguments: [
            ("[1,]", "1:4"), ("[,1]", "1:2"), ("[1 2]", "1:4"), ("{\"a\" 1}", "1:6"), ("{\"a\":1,}", "1:8"),
            ("{a:1}", "1:2"), ("{'a':1}", "1:2"), ("{\"a\":1 \"b\":2}", "1:8"), ("{\"a\":}", "1:6"), ("01", "1:1"),
            ("[\n  -]", "2:3"), ("[+1]", "1:2"), ("[.5]", "1:2"), ("[1.]", "1:2"), ("[1e]", "1:2"), ("[1e+]", "1:2"),
            ("[0x10]", "1:2"), ("[NaN]", "1:2"), ("[Infinity]", "1:2"), ("[-Infinity]", "1:2"), ("[1e999]", "1:2"),
            ("[tru]", "1:2"), ("[nul", "1:2"), ("[TRUE]", "1:2"), ("\"a", "1:1"), ("\"a\nb\"", "1:3"),
            ("\"\\x\"", "1:2"), ("\"\\u12g4\"", "1:2"), ("\"é\\ud800\"", "1:3"), ("\"\\udc00\\ud800\"", "1:2"),
            ("\"a\\u0000\"", "1:3"),
            ("\"\\", "1:1"), ("{}\n{}", "2:1"), ("{} x", "1:4"), ("[1]]", "1:4"), ("[", "1:2"), ("{\"a\":[1", "1:8"),
            ("{\"a\":1,\n \"b\":2, \"a\":3}", "2:9"), ("{\"a\":1, \"\\u0061\":3}", "1:9"), (" ", "1:2"),
            ("\"a\u{1}\"", "1:3"), ("[1,2,3", "1:7"), ("/* c */ 1", "1:1"), ("[1] // c", "1:5"), ("nan", "1:1"),
        ])
    func invalid(text: String, place: String) throws {
        for window in [16, 64, 4096] {
            let error = try #require(throws: TraceError.self) {
                try JSONTree.skip(Array(text.utf8), window: window)
            }
            #expect("\(error)".hasPrefix("test.json:\(place): found"), "\(error)")
            #expect(throws: TraceError.self) { try JSONTree.read(Array(text.utf8), window: window) }
        }
    }

    @Test(
        "invalid UTF-8 is refused",
        arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]])
    func invalidUTF8(bytes: [UInt8]) throws {
        let error = try #require(throws: TraceError.self) { try JSONTree.skip([34] + bytes + [34]) }
        #expect("\(error)".contains("UTF-8"))
    }

    @Test("an empty file, a cut-off one, a binary one and a second document have their own messages")
    func messages() {
        let cases: [(bytes: [UInt8], part: String)] = [
            ([], "is empty"), (Array("{\"a\":".utf8), "cut off"), (Array("{}{}".utf8), "second JSON document"),
            ([0, 1, 2], "found"), (Array("{\"a\":NaN}".utf8), "write null"), (Array("[None]".utf8), "write null"),
        ]
        for (bytes, part) in cases {
            let error = #expect(throws: TraceError.self) { try JSONTree.skip(bytes) }
            #expect(error.map { "\($0)".contains(part) } == true, "\(String(describing: error))")
        }
    }

    @Test("nesting and token length have limits")
    func limits() throws {
        let deep = [UInt8](repeating: 91, count: 128) + [UInt8](repeating: 93, count: 128)
        try JSONTree.skip(deep)
        #expect(throws: TraceError.self) { try JSONTree.skip([91] + deep + [93]) }
        #expect(throws: TraceError.self) { try JSONTree.skip([UInt8](repeating: 91, count: 1_000_000)) }
        let long = [34] + [UInt8](repeating: 97, count: 5000) + [34]
        try JSONTree.skip(long, window: 16)
        #expect(throws: TraceError.self) {
            var reader = try JSONReader(
                try ByteSource(bytes: long, name: "test.json"), maximumTokenBytes: 4096, windowBytes: 1024)
            try reader.skipValue()
        }
    }

    @Test("numbers are the nearest Double, as strtod finds it", arguments: UInt64(0)..<4)
    func exactNumbers(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 1)
        for _ in 0..<2000 {
            var text = generator.nextUniform() < 0.5 ? "-" : ""
            let digits = 1 + generator.nextInt(below: 22)
            text += String(1 + generator.nextInt(below: 9))
            for _ in 1..<max(2, digits) { text += String(generator.nextInt(below: 10)) }
            if generator.nextUniform() < 0.6 {
                text += "."
                for _ in 0...generator.nextInt(below: 20) { text += String(generator.nextInt(below: 10)) }
            }
            if generator.nextUniform() < 0.4 { text += "e\(generator.nextInt(below: 560) - 300)" }
            let expected = strtod(text, nil)
            guard expected.isFinite else { continue }
            #expect(try JSONTree.read(Array(text.utf8)) == .number(expected), "\(text)")
        }
    }

    @Test("random documents read as Foundation reads them, in windows of any size", arguments: UInt64(0)..<60)
    func randomDocuments(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 2)
        let tree = JSONTree.random(&generator, depth: 5)
        let text = tree.text(&generator)
        let read = try JSONTree.read(Array(text.utf8), window: 16 + generator.nextInt(below: 100))
        #expect(read == tree)
        let reference = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
        #expect(read.matches(reference))
    }

    @Test("thousands of damaged documents give a value or an error with a position", arguments: UInt64(0)..<8)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, stream: 3)
        var refused = 0
        for _ in 0..<1000 {
            let text = JSONTree.random(&generator, depth: 4).text(&generator)
            let bytes = ByteMutations.apply(&generator, to: Array(text.utf8))
            let window = 16 + generator.nextInt(below: 64)
            do {
                let tree = try JSONTree.read(bytes, window: window)
                // What we accept, a lenient parser accepts as well and reads alike.
                let data = Data(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes)
                let reference = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
                #expect(tree.matches(reference))
                try JSONTree.skip(bytes, window: window)
            } catch let error as TraceError {
                refused += 1
                #expect("\(error)".hasPrefix("test.json:"))
                #expect(throws: TraceError.self) { try JSONTree.skip(bytes, window: window) }
            }
        }
        #expect(refused > 300)
    }
}
