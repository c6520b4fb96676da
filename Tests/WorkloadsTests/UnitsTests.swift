import TestSupport
import Testing
import Workloads

@Suite("Units") struct UnitsTests {
    @Test(
        "bytes are read as people write them",
        arguments: [
            ("389 B", 389), ("4.5 GB", 4.5e9), ("4Gi", 4_294_967_296), ("12G", 12e9), ("1048576", 1_048_576),
            ("0", 0), ("3.2 kB", 3200), ("1 KiB", 1024), ("2tb", 2e12), (" 7 MB ", 7e6), ("1e3 MB", 1e9),
            ("5 bytes", 5),
            ("1.5Pi", 1.5 * 1_125_899_906_842_624), (".5 MB", 5e5), ("1 EB", 1e18),
        ] as [(String, Double)])
    func bytes(text: String, expected: Double) { #expect(Units.parseBytes(text) == expected) }

    @Test("binary makes short units powers of 1024")
    func binaryBytes() {
        #expect(Units.parseBytes("4.5 GB", binary: true) == 4.5 * 1_073_741_824)
        #expect(Units.parseBytes("12G", binary: true) == 12.0 * 1_073_741_824)
        #expect(Units.parseBytes("10 B", binary: true) == 10)
    }

    @Test(
        "what is no size is refused",
        arguments: [
            "", "-", "GB", "4 XB", "4.5.6 GB", "-3 MB", "nan", "inf", "0x10", "1e400", "3 GB x", "1e308 GB", "4 G i",
        ])
    func badBytes(text: String) { #expect(Units.parseBytes(text) == nil) }

    @Test(
        "times are read as workflow engines write them",
        arguments: [
            ("1h 36m 57s", 5817), ("31.4s", 31.4), ("325ms", 0.325), ("24h", 86400), ("02:03:04", 7384),
            ("1-02:03:04", 93784), ("90", 90), ("02:03.5", 123.5), ("2d 3h", 183_600), ("1-00", 86400),
            ("1-01:30", 91800),
            ("0-00:00:07", 7), ("10 minutes", 600), ("1m30s", 90), ("4 us", 4e-6), ("1.5 days", 129_600),
        ] as [(String, Double)])
    func seconds(text: String, expected: Double) throws {
        let found = try #require(Units.parseSeconds(text))
        #expect(abs(found - expected) <= 1e-12 * expected)
    }

    @Test(
        "what is no time is refused",
        arguments: [
            "", "-", "s", "1 parsec", "1:2:3:4", "1-", "3s 4", "3 4", "-5s", "1:", "nan", "inf", "1e400", "2 h x",
        ])
    func badSeconds(text: String) { #expect(Units.parseSeconds(text) == nil) }

    @Test("quantities are written with three digits")
    func formats() {
        #expect(Units.formatBytes(389) == "389 B")
        #expect(Units.formatBytes(4.5e9) == "4.50 GB")
        #expect(Units.formatBytes(999_999) == "1.00 MB")
        #expect(Units.formatBytes(123_456) == "123 kB")
        #expect(Units.formatBytes(.nan) == "?")
        #expect(Units.formatSeconds(0.325) == "325 ms")
        #expect(Units.formatSeconds(31.4) == "31.4 s")
        #expect(Units.formatSeconds(5817) == "1h 36m 57s")
        #expect(Units.formatSeconds(59.99) == "1m 0s")
        #expect(Units.formatSeconds(183_600) == "2d 3h 0m")
        #expect(Units.formatSeconds(-90) == "-1m 30s")
        #expect(Units.formatPrice(12.3) == "$12.30")
        #expect(Units.formatPrice(0.0312) == "$0.0312")
        #expect(Units.format(-0.004, digits: 2) == "0.00")
        #expect(Units.format(2.5, digits: 0) == "3")
        #expect(Units.format(1.05, digits: 3) == "1.050")
        #expect(Units.format(1e300, digits: 2) == "1e+300")
    }

    @Test("any text is answered without a crash", arguments: UInt64(0)..<50)
    func fuzz(seed: UInt64) {
        var generator = TestGenerator(seed: seed)
        let alphabet = Array("0123456789.:-eE+ kKmMgGiIbBsShHdDnu\u{b5}é\t\n")
        for _ in 0..<200 {
            let text = String(
                (0..<Int.random(in: 0..<14, using: &generator)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                })
            for value in [Units.parseBytes(text), Units.parseSeconds(text)] {
                if let value { #expect(value >= 0 && value.isFinite, "\(text)") }
            }
        }
    }
}
