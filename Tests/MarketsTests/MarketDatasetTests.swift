import Foundation
import Markets
import Reading
import TestSupport
import Testing

/// The folder `datasets/markets` is what the generator makes. `scripts/generate-markets` runs this suite with
/// `ALMANAC_WRITE_DATASETS` set, which writes the folder instead of comparing it.
@Suite("Bundled generated markets", .serialized) struct MarketDatasetTests {
    static let isWriting = ProcessInfo.processInfo.environment["ALMANAC_WRITE_DATASETS"] != nil
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "datasets/markets")

    @Test("the files are, bit for bit, what the seed gives")
    func files() throws {
        var size = 0
        for (path, content) in try MarketDataset.files() {
            let url = Self.folder.appending(path: path)
            if Self.isWriting {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                let bytes = Array(content.utf8)
                try Data(path.hasSuffix(".gz") ? gzip(bytes) : bytes).write(to: url)
            }
            let stored = try ByteSource(url.path()).readAll()
            #expect(stored == Array(content.utf8), "\(path): run scripts/generate-markets")
            size += try url.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
        }
        #expect(size < 400_000)
    }

    @Test("the files import like recorded ones")
    func imports() throws {
        var markets = 0
        for (path, _) in try MarketDataset.files() {
            let result = try MarketImport.read(Self.folder.appending(path: path).path())
            #expect(result.report.rowsSkipped == 0 && result.report.rowsRead > 0)
            if case .prices(let table) = result.content { markets += table.markets.count }
        }
        #expect(markets == 24)
    }

    @Test(
        "the table of the README is measured",
        .enabled(if: isWriting && SharedData.isThere, "set ALMANAC_WRITE_DATASETS and ALMANAC_SHARED_DATA"))
    func readme() throws {
        let url = Self.folder.appending(path: "README.md")
        let text = try String(contentsOf: url, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- measured -->\n"))
        let end = try #require(text.range(of: "<!-- end -->"))
        let new = text[..<begin.upperBound] + (try table()) + text[end.lowerBound...]
        try Data(new.utf8).write(to: url)
    }

    private func table() throws -> String {
        let recorded = try linuxPrices(
            SharedData.files(
                in: "spot/price-history/us-east-1_2021-03-02_2021-05-31", suffix: ".json.gz"))
        let bundled = try linuxPrices(
            MarketDataset.files().map(\.path).filter { $0.hasSuffix(".gz") }
                .map { Self.folder.appending(path: $0).path() })
        let generated = MarketStatistics.prices(try MarketDataset.comparisonPrices())
        var lines = ["| prices | recorded | generated | bundled files |", "|---|---|---|---|"]
        let (real, ours) = (MarketStatistics.prices(recorded), MarketStatistics.prices(bundled))
        for value in real.values {
            lines.append(
                "| \(value.name) | \(text(value.value)) | \(text(generated[value.name])) | \(text(ours[value.name])) |")
        }
        lines += ["", "| availability | recorded | generated |", "|---|---|---|"]
        // Zones of one region and one kind of instance: their correlation is what the generator imitates.
        let probes = try [
            ["aws-02-15-2023/us-east-1a", "aws-02-15-2023/us-east-1c", "aws-02-15-2023/us-east-1d"],
            ["aws-02-15-2023/us-east-2a"], ["aws-02-15-2023/us-west-2a", "aws-02-15-2023/us-west-2b"],
            ["aws-10-26-2022/us-west-2a", "aws-10-26-2022/us-west-2b"],
        ].map { region in
            try region.map { zone in
                try trace(SharedData.path("spot/traces/availability/1-node/\(zone)_v100_1.json"))
            }
        }
        let (all, made) = (availability(probes), availability(try MarketDataset.comparisonAvailability()))
        for (name, value) in all {
            lines.append("| \(name) | \(text(value)) | \(text(made.first { $0.0 == name }?.1 ?? .nan)) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Spells of all regions together, correlations within each.
    private func availability(_ regions: [[AvailabilityTrace]]) -> [(String, Double)] {
        let name = "correlation of two zones of a region, median"
        let correlations = regions.map { MarketStatistics.availability($0)[name] }.filter { !$0.isNaN }.sorted()
        let all = MarketStatistics.availability(regions.flatMap { $0 }).values.map { ($0.name, $0.value) }
        return all.filter { $0.0 != name } + [(name, correlations[correlations.count / 2])]
    }

    private func trace(_ path: String) throws -> AvailabilityTrace {
        guard case .availability(let trace) = try MarketImport.read(path).content else {
            throw TraceError.empty(path: path)
        }
        return trace
    }

    private func linuxPrices(_ paths: [String]) throws -> SpotPriceTable {
        let tables = try paths.compactMap { path -> SpotPriceTable? in
            guard case .prices(let table) = try MarketImport.read(path).content else { return nil }
            return table.selecting { $0.product == SpotMarket.linux }
        }
        return SpotPriceTable.merging(tables).table
    }

    private func text(_ value: Double) -> String {
        if value >= 10, value == value.rounded() { return String(Int(value)) }
        return abs(value) >= 100
            ? String(format: "%.0f", value) : String(format: abs(value) >= 10 ? "%.1f" : "%.2f", value)
    }
}
