import Foundation
import Markets
import Reading
import TestSupport
import Testing
import Traces

/// Text as other systems save it is read as the same text, whatever reads it.
@Suite("Text of other systems") struct TextDecodingTests {
    enum Form: CaseIterable, Sendable {
        case mark, utf16LE, utf16BE, crLF, crOnly, noLastEnd, trailingSpaces, utf16CROnly, gzipUTF16

        func saved(_ text: String) -> [UInt8] {
            func utf16(_ text: String, bigEndian: Bool) -> [UInt8] {
                ("\u{FEFF}" + text).utf16.flatMap { unit in
                    let (high, low) = (UInt8(unit >> 8), UInt8(unit & 255))
                    return bigEndian ? [high, low] : [low, high]
                }
            }
            switch self {
            case .mark: return Array(("\u{FEFF}" + text).utf8)
            case .utf16LE: return utf16(text, bigEndian: false)
            case .utf16BE: return utf16(text, bigEndian: true)
            case .crLF: return Array(text.replacing("\n", with: "\r\n").utf8)
            case .crOnly: return Array(text.replacing("\n", with: "\r").utf8)
            case .noLastEnd: return Array(text.utf8.last == 10 ? text.dropLast() : text[...]).flatMap { $0.utf8 }
            case .trailingSpaces: return Array(text.replacing("\n", with: "   \n").utf8)
            case .utf16CROnly: return utf16(text.replacing("\n", with: "\r"), bigEndian: false)
            case .gzipUTF16: return gzipped(utf16(text, bigEndian: true))
            }
        }
    }

    @Test("recorded executions of every format", arguments: ExecutionFuzzTests.Fixture.all, Form.allCases)
    func executions(fixture: ExecutionFuzzTests.Fixture, form: Form) throws {
        let text = fixture.text.replacing("align", with: "aligné") + "\n"
        let plain = try ExecutionReader().read(ByteSource(bytes: Array(text.utf8), name: "t"))
        let other = try ExecutionReader().read(ByteSource(bytes: form.saved(text), name: "t"))
        #expect(other.report.rowsStored == plain.report.rowsStored && other.report.warnings == plain.report.warnings)
        #expect(other.table == plain.table)
    }

    @Test("prices and lifetimes", arguments: Form.allCases)
    func markets(form: Form) throws {
        let table = "InstanceType,AvailabilityZone,SpotPrice,Timestamp\nm5.large,a,0.031,2024-01-01T00:00:00Z\n"
        let json = """
            {"SpotPriceHistory": [{"AvailabilityZone": "a", "InstanceType": "m5.large",
            "SpotPrice": "0.031", "Timestamp": "2024-01-01T00:00:00Z"}]}

            """
        for text in [table, json] {
            let path = try folder.write(form.saved(text), "prices")
            guard case .prices(let prices) = try MarketImport.read(path).content else {
                throw TraceError.empty(path: "")
            }
            #expect(prices.count == 1 && prices.history(of: 0).prices == [0.031])
        }
        let lives = "vm_id,zone,machine_type,start_time,lifetime_sec,preempted\nv,a,n1,2024-01-01T00:00:00Z,60,True\n"
        guard case .lifetimes(let records) = try MarketImport.read(folder.write(form.saved(lives), "lives")).content
        else { throw TraceError.empty(path: "") }
        #expect(records.map(\.lifetimeSeconds) == [60])
    }

    let folder = TemporaryFolder()

    @Test("characters of every length arrive whole, whatever the pieces", arguments: [1, 2, 3, 5, 1000])
    func pieces(size: Int) throws {
        let text = "a,é,€,😀\n" + (0..<9_000).map { "\($0),ü\n" }.joined()
        for form in [Form.utf16LE, .utf16BE, .mark] {
            let source = try ByteSource(bytes: form.saved(text), name: "t")
            var (buffer, read): ([UInt8], [UInt8]) = ([UInt8](repeating: 0, count: size * 97), [])
            while case let count = try source.read(into: &buffer), count > 0 { read += buffer[..<count] }
            #expect(read == Array(text.utf8))
        }
    }

    @Test("a stray CR in a text with LF stays where it is; CR LF in a text with CR is one line end")
    func strayCR() throws {
        func read(_ text: String) throws -> [UInt8] { try ByteSource(bytes: Array(text.utf8), name: "t").readAll() }
        for text in ["a,b\r\n1\r2,3\r\n", "a\rb,c\n1,2\n3,4\n", "a\n1\r2\r3\r4\r"] {
            #expect(try read(text) == Array(text.utf8))
        }
        #expect(try read("a,b\r1,2\r\n3,4\r\r5,6") == Array("a,b\n1,2\n3,4\n\n5,6".utf8))
    }

    @Test("half a character is an error or counted as damage, NUL a binary file")
    func damage() throws {
        let good = Form.utf16LE.saved("task,runtime_seconds\nä,1\n")
        #expect(throws: TraceError.self) { try ByteSource(bytes: good + [65], name: "t").readAll() }
        let half = Form.utf16LE.saved("task,runtime_seconds\n") + [0x3D, 0xD8, 0x2C, 0, 0x31, 0, 10, 0]
        let report = try ExecutionReader().read(ByteSource(bytes: half, name: "t")).report
        #expect(report.rowsStored == 1 && report.warnings.first?.contains("not UTF-8") == true)
        #expect(throws: TraceError.self) { try ExecutionReader().read(ByteSource(bytes: Array(good[2...]), name: "t")) }
        #expect(throws: TraceError.empty(path: "t")) { try ByteSource(bytes: [0xFF, 0xFE], name: "t").readAll() }
    }
}
