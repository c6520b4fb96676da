import Foundation
import FoundationXML
import Plots
import TestSupport
import Testing

/// Any data gives a well-formed picture without a number that a browser cannot draw.
@Suite("Robustness") struct RobustnessTests {
    @Test("random data gives well-formed pictures", arguments: UInt64(0)..<250)
    func wellFormed(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        for chart in Self.charts(&generator) {
            let svg = chart.svg()
            try Self.expectDrawable(svg)
            #expect(svg == chart.svg())
        }
    }

    @Test("a report of random text and charts is well-formed", arguments: UInt64(0)..<40)
    func report(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let rows = (0..<4).map { _ in
            [HTMLTable.Cell.text(generator.text()), .number(Self.wild(&generator)), .number(Self.wild(&generator))]
        }
        let columns: [HTMLTable.Column] = [
            .init(generator.text()), .init(generator.text(), .seconds), .init("b", .number),
        ]
        let table = HTMLTable(columns: columns, rows: rows + [[]], best: .lowestInColumn)
        let figures = Self.charts(&generator).map { HTMLReport.Block.figure($0, caption: "`c` **d") }
        let report = HTMLReport(
            generator.text(), subtitle: generator.text(),
            tiles: [.init(generator.text(), generator.text(), note: generator.text())],
            sections: [
                .init(generator.text(), [.prose(generator.text()), .table(table, caption: generator.text())]),
                .init(generator.text(), [.code(generator.text())] + figures),
            ], footer: generator.text())
        let page = report.html()
        try Self.expectDrawable(page)
        #expect(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"))
    }

    @Test("much data stays a small file") func size() throws {
        var generator = TestGenerator(seed: 1)
        let n = 100_000
        let x = (0..<n).map { 1_700_000_000 + Double($0) * 60 }
        let y = (0..<n).map { _ in Double.random(in: 1...9, using: &generator) }
        let line = LineChart("", x: Axis("", .date), y: Axis(""), series: [.init("a", x: x, y: y)])
        let scatter = ScatterChart("", x: Axis(""), y: Axis(""), groups: [.init("a", x: y, y: y.reversed())])
        let bars = (0..<20_000).map { index in
            GanttChart.Bar(
                "t", type: "t\(index % 12)", row: "r\(index % 50)", start: Double(index), end: Double(index + 40))
        }
        let gantt = GanttChart("", panels: [.init("Plan", bars), .init("Run", bars)])
        #expect(line.svg().utf8.count < 100_000)
        #expect(scatter.svg().utf8.count < 400_000)
        #expect(gantt.svg().utf8.count < 1_500_000)
        #expect(Samples.report.html().utf8.count < 100_000)
        #expect(scatter.svg().contains("100,000 points"))
    }

    @Test("values that cannot be drawn are counted") func skipped() {
        let line = LineChart(
            "", x: Axis(""), y: Axis(""), series: [.init("a", x: [0, 1, 2], y: [1, .nan, .infinity])])
        #expect(line.svg().contains("2 values not drawn"))
        let axis = Axis("", spacing: .logarithmic)
        let scatter = ScatterChart("", x: axis, y: axis, groups: [.init("a", x: [0, 1, -2, 4, 5], y: [1, 1, 1, 1])])
        #expect(scatter.svg().contains("3 values not drawn: not finite, or not positive"))
        let bars = BarChart("", axis: Axis(""), categories: ["a", "b"], series: [.init("s", [1])])
        #expect(bars.svg().contains("1 value missing"))
        let gantt = GanttChart("", panels: [.init("p", [.init("t", type: "t", row: "r", start: 2, end: 1)])])
        #expect(gantt.svg().contains("1 bar not drawn") && gantt.svg().contains("No data to draw"))
        #expect(CalibrationChart("", series: []).svg().contains("No data to draw"))
    }

    @Test("text and marks stand out from their background in light and dark")
    func contrast() {
        for palette in [ChartTheme.light, ChartTheme.dark] {
            for text in [palette.ink, palette.muted, palette.good, palette.bad] {
                #expect(contrastRatio(text, palette.surface) >= 4.5, "\(text)")
                #expect(contrastRatio(text, palette.panel) >= 4.5, "\(text)")
            }
            for mark in palette.categories + [palette.other] {
                #expect(contrastRatio(mark, palette.surface) >= 3, "\(mark)")
            }
            #expect(palette.categories.count == ChartTheme.categoryCount)
        }
    }
}

extension RobustnessTests {
    private static func expectDrawable(_ text: String) throws {
        let parser = XMLParser(data: Data(text.utf8))
        let checker = NumberChecker()
        parser.delegate = checker
        #expect(parser.parse(), "\(String(describing: parser.parserError)) in \(text.prefix(2000))")
        #expect(checker.offending == [])
    }

    private static func wild(_ generator: inout TestGenerator) -> Double {
        switch Int.random(in: 0..<14, using: &generator) {
        case 0: .nan
        case 1: .infinity
        case 2: -.infinity
        case 3: 1.7e308
        case 4: Double.leastNonzeroMagnitude
        case 5: 1_709_164_800
        default: generator.value(upTo: 1e308)
        }
    }

    private static func charts(_ generator: inout TestGenerator) -> [any Chart] {
        func values() -> [Double] {
            let count = [0, 1, 2, 5, 40].randomElement(using: &generator) ?? 3
            return (0..<count).map { _ in wild(&generator) }
        }
        let nodeCount = [0, 1, 40].randomElement(using: &generator) ?? 1
        func axis() -> Axis {
            Axis(
                generator.text(), Quantity.allCases.randomElement(using: &generator) ?? .number,
                spacing: Bool.random(using: &generator) ? .linear : .logarithmic,
                includesZero: Bool.random(using: &generator))
        }
        let series = (0..<Int.random(in: 0...10, using: &generator)).map { index in
            LineChart.Series(
                generator.text(), x: values(), y: values(), shape: [.line, .steps, .dots][index % 3],
                isDashed: index == 1)
        }
        let bands = [LineChart.Band(generator.text(), x: values(), lower: values(), upper: values(), series: 3)]
        let references: [LineChart.Reference] = [
            .init(generator.text(), at: wild(&generator), on: .x),
            .init(generator.text(), at: wild(&generator), on: .y),
        ]
        let bars = (0..<Int.random(in: 0...30, using: &generator)).map { index in
            let start = wild(&generator)
            return GanttChart.Bar(
                generator.text(), type: generator.text(), row: "r\(index % 4)", start: start,
                end: start + wild(&generator).magnitude, outcome: [.succeeded, .failed, .reclaimed][index % 3],
                isCritical: index % 5 == 0)
        }
        let groups = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
            ScatterChart.Group(generator.text(), x: values(), y: values())
        }
        return [
            LineChart(
                generator.text(), x: axis(), y: axis(), series: series, bands: bands, references: references),
            ScatterChart(
                generator.text(), x: axis(), y: axis(), groups: groups, comparesEqual: Bool.random(using: &generator),
                guideFactor: wild(&generator)),
            GanttChart(
                generator.text(), panels: [.init(generator.text(), bars)], axis: axis(), deadline: wild(&generator)),
            BarChart(
                generator.text(), axis: axis(), categories: (0..<5).map { _ in generator.text() },
                series: (0..<3).map { .init(generator.text(), values(), isBaseline: $0 == 2) }),
            DAGChart(
                generator.text(),
                nodes: (0..<nodeCount).map { _ in
                    .init(
                        generator.text(), type: generator.text(),
                        layer: [0, 1, 2, 7, -3, .max].randomElement(using: &generator) ?? 0,
                        count: Int.random(in: 0...3, using: &generator), detail: generator.text(),
                        isCritical: Bool.random(using: &generator))
                },
                edges: (0..<60).map { _ in
                    .init(Int.random(in: -1...40, using: &generator), Int.random(in: -1...40, using: &generator))
                }, notes: [generator.text()]),
            CalibrationChart(
                generator.text(), series: [.init(generator.text(), nominal: values(), observed: values())],
                outcomeCount: Int.random(in: -2...50, using: &generator)),
        ]
    }

    private func contrastRatio(_ first: String, _ second: String) -> Double {
        let (a, b) = (luminance(first), luminance(second))
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    /// Relative luminance as WCAG 2 defines it.
    private func luminance(_ color: String) -> Double {
        let value = Int(color.dropFirst(), radix: 16) ?? 0
        let parts = [value >> 16 & 255, value >> 8 & 255, value & 255].map { part in
            let share = Double(part) / 255
            return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
}

/// Finds numbers in drawing attributes that are none.
private final class NumberChecker: NSObject, XMLParserDelegate {
    var offending: [String] = []
    private static let numeric: Set<String> = ["x", "y", "cx", "cy", "r", "rx", "width", "height", "d", "viewBox"]

    func parser(
        _ parser: XMLParser, didStartElement elementName: String, namespaceURI: String?, qualifiedName qName: String?,
        attributes: [String: String]
    ) {
        for (name, value) in attributes where Self.numeric.contains(name) {
            let words = value.split { !$0.isLetter && !$0.isNumber && !"-.+–".contains($0) }
            let isDrawable = words.allSatisfy { word in
                word.allSatisfy { "0123456789-.MLHVChvlaz".contains($0) } && !word.contains("--")
            }
            if !isDrawable && value != "100%" { offending.append("\(elementName) \(name)=\(value.prefix(200))") }
        }
    }
}
