import Foundation
import Reading
import TestSupport
import Testing
import Workloads

@Suite("Numbers and times") struct NumberParsingTests {
    @Test("a number is the double that strtod finds", arguments: UInt64(0)..<4)
    func exact(seed: UInt64) {
        var random = TestGenerator(seed: seed)
        for _ in 0..<20_000 {
            var text = Bool.random(using: &random) ? "-" : ""
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                text += String(Int.random(in: 0...9, using: &random))
            }
            if Bool.random(using: &random) {
                text += "."
                for _ in 0..<Int.random(in: 0...20, using: &random) {
                    text += String(Int.random(in: 0...9, using: &random))
                }
            }
            if Int.random(in: 0..<4, using: &random) == 0 { text += "e\(Int.random(in: -330...330, using: &random))" }
            #expect(parse(text) == .value(strtod(text, nil)), "\(text)")
        }
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            #expect(parse(Units.shortest(number)) == .value(number))
        }
    }

    @Test("what is no number is told apart from what is missing")
    func others() {
        for text in ["", "-", " ", "NA", "n/a", "null", "None"] { #expect(parse(text) == .missing, "\(text)") }
        for text in ["x", "1x", "1 2", "0x10", "--1", "1e", "1,5", ".", "e5", "1.2.3", "12 MB", "infinit"] {
            #expect(parse(text) == .notANumber, "\(text)")
        }
        #expect(
            parse("-inf") == .value(-.infinity) && parse("1e999") == .value(.infinity) && parse(" 0E-7 ") == .value(0))
        if case .value(let number) = parse("NaN") { #expect(number.isNaN) } else { Issue.record("NaN is not a value") }
    }

    @Test("times are those of Foundation's calendar", arguments: UInt64(0)..<4)
    func times(seed: UInt64) {
        var random = TestGenerator(seed: seed)
        let formatter = ISO8601DateFormatter()
        for _ in 0..<500 {
            let seconds = Double(Int.random(in: -2_000_000_000...7_000_000_000, using: &random))
            #expect(time(formatter.string(from: Date(timeIntervalSince1970: seconds))) == seconds)
        }
    }

    @Test("times with fractions and offsets")
    func timeForms() {
        #expect(time("2015-05-10 09:14:35.319") == 1_431_249_275.319)
        #expect(time("2015-05-10T09:14:35,5Z") == 1_431_249_275.5)
        #expect(time("2015-05-10T11:14:35+02:00") == 1_431_249_275)
        #expect(time("2015-05-10T07:14:35-0200") == 1_431_249_275)
        #expect(time("2015-05-10") == 1_431_216_000 && time("2015-05-10T09:14") == 1_431_249_240)
        for text in [
            "", "2015", "2015-13-01", "2015-02-29", "2015-05-10 24:00:00", "2015-05-10 09:14:35.", "2015-05-10x",
        ] {
            #expect(time(text) == nil, "\(text)")
        }
    }

    func parse(_ text: String) -> ParsedNumber {
        let bytes = Array(text.utf8)
        return parseNumber(bytes.span, 0..<bytes.count)
    }

    func time(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        return parseTimestamp(bytes.span, 0..<bytes.count)
    }
}
