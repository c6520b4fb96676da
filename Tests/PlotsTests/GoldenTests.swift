import Foundation
import Plots
import Testing

@Suite("Golden charts") struct GoldenTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("golden")

    @Test(
        "a chart has the bytes of its golden file; ALMANAC_REWRITE=1 rewrites it", arguments: Samples.charts.map(\.name)
    )
    func matches(name: String) throws {
        let chart = try #require(Samples.charts.first { $0.name == name }).chart
        try compare(chart.svg(), with: name + ".svg")
    }

    @Test("the report has the bytes of its golden file") func report() throws {
        let page = Samples.report.html()
        try compare(page, with: "report.html")
        #expect(page == Samples.report.html())
    }

    private func compare(_ text: String, with name: String) throws {
        let file = Self.folder.appendingPathComponent(name)
        if ProcessInfo.processInfo.environment["ALMANAC_REWRITE"] == "1" {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        let expected = try String(contentsOf: file, encoding: .utf8)
        #expect(text == expected, "\(name) differs; look at it and run with ALMANAC_REWRITE=1")
    }
}
