import LinearAlgebra
import Markets
import Reading
import TestSupport
import Testing
import Traces

/// Damage to recorded files: no crash, no hang, and every row is kept or counted.
@Suite("Damaged recorded markets and workflows", .enabled(if: SharedData.isThere, "set ALMANAC_SHARED_DATA"))
struct RecordedFuzzTests {
    @Test(
        "mutations of slices",
        arguments: [
            ("spot/price-history/us-east-1_2021-03-02_2021-05-31/c5.large.json.gz", "},"),
            ("spot/price-history/sa-east-1_2019-12-31_2020-03-30/r5ad.16xlarge.json.gz", "},"),
            ("spot/traces/preemption/1-node/aws-04-19-2023/us-east-1b_intel_64.json", ","),
            ("spot/fleet/bamboo/p3-trace.csv", "\n"), ("spot/fleet/bamboo/v100x1-east1c.txt", "\n"),
            ("spot/vm-lifetimes/gcp_preemptible_lifetimes_2019.csv", "\n"),
        ])
    func markets(path: String, separator: String) throws {
        let text = try ByteSource(SharedData.path(path)).readAll()
        let format = try MarketFormat.detect(ByteSource(SharedData.path(path)))
        // A slice that is whole: as many records as fit, and the brackets that close them.
        let closing = [MarketFormat.awsPrices: "}]}", .availability: "]}"][format] ?? "\n"
        var slice = text.prefix(6000)
        while !slice.isEmpty, !slice.reversed().starts(with: separator.utf8.reversed()) { slice.removeLast() }
        let whole = slice.dropLast(separator.utf8.count) + closing.utf8
        var random = SeededGenerator(seed: UInt64(path.utf8.count), stream: 30)
        #expect(throws: Never.self) { try read(Array(whole), format) }
        for _ in 0..<400 { check(ByteMutations.apply(&random, to: Array(whole)), format) }
    }

    @Test(
        "mutations of workflows",
        arguments: [
            "helloworld/helloworld-chain-5-chameleon.json.gz", "nextflow/bacass/bacass-dirt02-001.json.gz",
            "pegasus/srasearch/srasearch-chameleon-10a-001.json.gz",
        ])
    func workflows(path: String) throws {
        let bytes = try ByteSource(SharedData.path("workflows/wfinstances/\(path)")).readAll()
        var random = SeededGenerator(seed: UInt64(path.utf8.count), stream: 31)
        for _ in 0..<300 {
            let damaged = ByteMutations.apply(&random, to: bytes)
            do {
                let instance = try WorkflowInstance.read(ByteSource(bytes: damaged, name: "fuzz"))
                #expect(instance.executions.rowCount == instance.report.rowsStored)
                #expect(instance.report.rowsSkipped == instance.report.reasons.reduce(0) { $0 + $1.rows })
            } catch {
                #expect("\(error)".hasPrefix("fuzz"))
            }
        }
    }

    private func read(_ bytes: [UInt8], _ format: MarketFormat) throws -> MarketImport {
        try MarketImport.read(ByteSource(bytes: bytes, name: "fuzz"), format: format)
    }

    private func check(_ bytes: [UInt8], _ format: MarketFormat) {
        do {
            let report = try read(bytes, format).report
            #expect(report.rowsSkipped == report.reasons.reduce(0) { $0 + $1.rows })
        } catch {
            #expect(error is TraceError && !"\(error)".isEmpty)
        }
    }
}
