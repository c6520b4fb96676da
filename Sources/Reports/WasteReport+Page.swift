public import Plots
internal import Prediction
public import Sizing
internal import Workloads

extension WasteReport {
    /// The page: what was wasted, by which tool, and what to request instead.
    public func page(title: String = "What was reserved and not used") -> HTMLReport {
        let wasteful = Array(judged.prefix(20))
        var blocks: [HTMLReport.Block] = []
        if !wasteful.isEmpty {
            blocks.append(
                .figure(
                    BarChart(
                        "Memory reserved and not used", axis: Axis("GiB·h", .number),
                        categories: wasteful.map(\.taskType),
                        series: [
                            .init(
                                "as requested", wasteful.map { gibibyteHours($0.wastedGBHours ?? .nan) },
                                isBaseline: true),
                            .init(
                                "with the suggested request",
                                wasteful.map { gibibyteHours($0.suggestedGBHours ?? .nan) }),
                        ]), caption: "The most wasteful task types; failed tries are charged whole."))
        } else {
            blocks.append(.prose("No run recorded what it requested, so that only its use can be shown."))
        }
        blocks.append(
            .table(table, caption: "By waste. 'Risk' is the probability that a first attempt gets too little."))
        var sections = [HTMLReport.Section("By task type", blocks)]
        if let check { sections.append(HTMLReport.Section("How far to trust the suggestions", [checkTable(check)])) }
        let courses = tools.filter { $0.profile != nil }.prefix(12).compactMap(\.course)
        if !courses.isEmpty {
            sections.append(
                HTMLReport.Section("Over the course of a run", courses.map { .figure($0.chart, caption: $0.caption) }))
        }
        return HTMLReport(title, subtitle: Self.subtitle(tools), tiles: tiles, sections: sections)
    }

    private static func subtitle(_ tools: [Tool]) -> String {
        let attempts = tools.reduce(0) { $0 + $1.attempts }
        return "\(Units.count(attempts, "attempt")) of \(Units.count(tools.count, "task type"))"
    }

    private var tiles: [HTMLReport.Tile] {
        let used = tools.reduce(0) { $0 + $1.usedGBHours }
        var tiles = [HTMLReport.Tile("Used", "\(amount(gibibyteHours(used))) GiB·h")]
        guard !judged.isEmpty else { return tiles }
        let suggested = judged.reduce(0) { $0 + ($1.suggestedGBHours ?? $1.wastedGBHours ?? 0) }
        tiles.append(.init("Reserved and not used", "\(amount(gibibyteHours(wastedGBHours))) GiB·h", verdict: .bad))
        tiles.append(
            .init(
                "With the suggestions", "\(amount(gibibyteHours(suggested))) GiB·h", note: "on the same runs",
                verdict: suggested < wastedGBHours ? .good : .neutral))
        let memory = tools.reduce(0) { $0 + $1.outOfMemory }
        tiles.append(.init("Out of memory", Units.count(memory, "attempt")))
        return tiles
    }

    private var table: HTMLTable {
        HTMLTable(
            columns: [
                .init("task type"), .init("attempts", .count), .init("failed", .count), .init("used GiB·h", .number),
                .init("wasted GiB·h", .number), .init("wasted CPU·h", .number), .init("requested"),
                .init("greatest peak"),
                .init("suggested"), .init("risk", .share), .init("would waste GiB·h", .number),
            ],
            rows: tools.map { tool in
                func bytes(_ value: Double?) -> HTMLTable.Cell { .text(value.map(gibibyteText) ?? "–") }
                return [
                    .text(tool.taskType), .number(Double(tool.attempts)), .number(Double(tool.failed)),
                    .number(gibibyteHours(tool.usedGBHours)), .number(gibibyteHours(tool.wastedGBHours ?? .nan)),
                    .number(tool.wastedCPUHours ?? .nan),
                    bytes(tool.request?.currentMemoryBytes), .text(tool.request?.peakText ?? "–"),
                    bytes(tool.request?.memoryBytes), .number(tool.request?.memoryRisk ?? .nan),
                    .number(gibibyteHours(tool.suggestedGBHours ?? .nan)),
                ]
            })
    }

    private func checkTable(_ check: RequestCheck) -> HTMLReport.Block {
        func row(_ name: String, _ result: RequestCheck.Result) -> [HTMLTable.Cell] {
            [
                .text(name), .number(gibibyteHours(result.wastedGBHours)),
                .number(Double(result.failedFirst) / Double(max(1, check.testRuns))),
            ]
        }
        return .table(
            HTMLTable(
                columns: [.init("request"), .init("wasted GiB·h", .number), .init("first tries too small", .share)],
                rows: (check.current.map { [row("as recorded", $0)] } ?? [])
                    + [row("greatest peak seen so far", check.greatestSeen), row("suggested", check.suggested)]),
            caption:
                "Learnt from the first 70 % of each task type, replayed on the last 30 % (\(check.testRuns) runs, which used "
                + "\(amount(gibibyteHours(check.usedGBHours))) GiB·h).")
    }
}

extension WasteReport.Tool {
    /// The reservations by segments, and what they spare.
    fileprivate var course: (chart: LineChart, caption: String)? {
        guard let profile, let last = profile.segments.last else { return nil }
        let x = profile.segments.map(\.from) + [1]
        let chart = LineChart(
            taskType, x: Axis("share of the run time", .share), y: Axis("memory", .bytes, includesZero: true),
            series: [
                .init("peak", x: [0, 1], y: [profile.peakBytes, profile.peakBytes], isDashed: true, isBaseline: true),
                .init("segments", x: x, y: profile.segments.map(\.memoryBytes) + [last.memoryBytes], shape: .steps),
            ])
        return (
            chart,
            "\(Units.count(profile.runs, "run")); the segments hold \(percentText(profile.reservedShare)) of what the peak "
                + "would hold."
        )
    }
}

private func amount(_ value: Double) -> String { Units.format(value, digits: value < 10 ? 2 : value < 1000 ? 1 : 0) }
