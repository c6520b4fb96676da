import CZlib
import Foundation
import Reading
import TestSupport
import Testing

@Suite("Byte source") struct ByteSourceTests {
    let folder = TemporaryFolder()

    @Test("a plain file and its gzip file, in one or more members, read the same", arguments: [0, 1, 3, 7])
    func gzip(members: Int) throws {
        let text = Array((0..<50_000).map { "line \($0)\n" }.joined().utf8)
        var content: [UInt8] = members == 0 ? text : []
        for member in 0..<members {
            content += gzipped(Array(text[text.count * member / members..<text.count * (member + 1) / members]))
        }
        #expect(try ByteSource(folder.write(content, "a")).readAll() == text)
        #expect(try ByteSource(bytes: content, name: "memory").readAll() == text)
        if members > 0 {
            #expect(try ByteSource(bytes: content + [0, 0, 0], name: "padded").readAll() == text)
            #expect(throws: TraceError.self) { try ByteSource(bytes: content + [65], name: "trailing").readAll() }
        }
    }

    @Test("every truncation and every flipped byte of a gzip file is an error or changes nothing")
    func damage() throws {
        let text = Array("task,runtime_seconds\na,1\nb,2\n".utf8)
        let good = gzipped(text)
        for length in 2..<good.count {
            #expect(throws: TraceError.self) { try ByteSource(bytes: Array(good[..<length]), name: "cut").readAll() }
        }
        for position in 0..<good.count {
            var bad = good
            bad[position] ^= 0x10
            let read = try? ByteSource(bytes: bad, name: "flipped").readAll()
            // Only the header's time, flags and system may change without harm; without the magic it is plain text.
            #expect(read == nil || read == text || (position < 2 && read == bad), "byte \(position)")
        }
    }

    @Test("what cannot be read is told apart")
    func refusals() throws {
        func reading(_ path: String) -> TraceError? {
            do throws(TraceError) {
                _ = try ByteSource(path).readAll()
                return nil
            } catch { return error }
        }
        let missing = folder.path + "/missing"
        #expect(reading(missing) == .notFound(path: missing))
        #expect(reading(folder.path) == .isDirectory(path: folder.path))
        let empty = try folder.write([], "empty.csv")
        #expect(reading(empty) == .empty(path: empty))
        let emptyInside = try folder.write(gzipped([]), "empty.gz")
        #expect(reading(emptyInside) == .empty(path: emptyInside))
        let cut = try folder.write(gzipped(Array(repeating: 65, count: 5000)).dropLast(9), "cut.gz")
        #expect(reading(cut)?.description.contains("gzip data ends too early") == true)
        if geteuid() != 0 {
            let secret = try folder.write([65], "secret")
            chmod(secret, 0)
            #expect(reading(secret) == .notPermitted(path: secret))
        }
    }
}

@Suite("Delimited reader") struct DelimitedReaderTests {
    @Test("quotes, doubled quotes, line ends in fields, CRLF, byte-order mark, blank lines and a missing last line end")
    func rfc4180() throws {
        let text = "\u{FEFF}a,b,c\r\n1,\"x,\"\"y\"\"\nz\",\"\"\r\n\r\n,5\" disk,end\"x\n\"q\"r,,"
        let expected = [["a", "b", "c"], ["1", "x,\"y\"\nz", ""], ["", "5\" disk", "end\"x"], ["qr", "", ""]]
        for size in [16, 17, 19, 23, 64, 1 << 18] {
            let (records, lines) = try records(Array(text.utf8), delimiter: ",", quoting: true, blockBytes: size)
            #expect(records == expected, "block of \(size)")
            #expect(lines == [1, 2, 5, 6], "block of \(size)")
        }
    }

    @Test("without quoting a quote is an ordinary byte")
    func noQuoting() throws {
        let (found, _) = try records(Array("a\t\"b\n\"c\td\"\n".utf8), delimiter: "\t", quoting: false)
        #expect(found == [["a", "\"b"], ["\"c", "d\""]])
    }

    @Test("records come out the same for every block size", arguments: UInt64(0)..<200)
    func blockSizes(seed: UInt64) throws {
        var random = TestGenerator(seed: seed)
        let alphabet = Array("ab,,\"\n\r".utf8)
        var text = (0..<Int.random(in: 1...200, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 65
        }
        text.append(UInt8(ascii: "x"))
        let whole = try? records(text, delimiter: ",", quoting: true, blockBytes: 1 << 18)
        let pieces = try? records(text, delimiter: ",", quoting: true, blockBytes: 16)
        #expect(whole?.0 == pieces?.0)
        #expect(whole?.1 == pieces?.1)
    }

    @Test("a long line, a NUL byte and an open quote are errors that name the place")
    func refusals() throws {
        let long = Array("a,b\n".utf8) + Array(repeating: UInt8(ascii: "x"), count: 10_000_000)
        #expect(throws: TraceError.self) { try records(long, delimiter: ",", quoting: true) }
        #expect(throws: TraceError.self) { try records(long + [10], delimiter: ",", quoting: false) }
        #expect(throws: TraceError.binary(path: "memory", atByte: 3)) {
            try records([65, 44, 66, 0, 10], delimiter: ",", quoting: true)
        }
        #expect(throws: TraceError.self) { try records(Array("a\n\"b".utf8), delimiter: ",", quoting: true) }
        let opened = Array("a\n\"".utf8) + Array(repeating: UInt8(ascii: "\n"), count: 9_000_000)
        #expect(throws: TraceError.self) { try records(opened, delimiter: ",", quoting: true) }
    }

    func records(_ bytes: [UInt8], delimiter: Character, quoting: Bool, blockBytes: Int = 1 << 18) throws -> (
        [[String]], [Int]
    ) {
        var reader = DelimitedReader(
            try ByteSource(bytes: bytes, name: "memory"), delimiter: delimiter.asciiValue ?? 0, quoting: quoting,
            blockBytes: blockBytes)
        var (found, lines): ([[String]], [Int]) = ([], [])
        while try reader.next() {
            found.append((0..<reader.fieldCount).map { reader.text($0) })
            lines.append(reader.line)
        }
        return (found, lines)
    }
}
