/// The layout of one Gantt chart.
struct GanttDrawing {
    /// Attempts of one instance that never overlap.
    private struct Row {
        var name: String
        var lanes: [[GanttChart.Bar]]
    }

    private static let laneLimit = 240
    /// Above this, bars have no tooltips and are drawn as one shape per colour.
    private static let barLimit = 1500
    /// Above this, links hide what they should show, and are not drawn.
    private static let linkLimit = 400

    private let chart: GanttChart
    private var panels: [(name: String, rows: [Row], links: [GanttChart.Link])] = []
    private var notes: [String] = []
    private var lanesShown = 0
    private var barsShown = 0

    init(_ chart: GanttChart) {
        self.chart = chart
        var skipped = 0
        var hidden = 0
        for panel in chart.panels {
            let drawable = panel.bars.filter {
                chart.axis.accepts($0.start) && chart.axis.accepts($0.end) && $0.start <= $0.end
            }
            skipped += panel.bars.count - drawable.count
            var rows: [Row] = []
            for row in Self.rows(drawable) {
                guard lanesShown + row.lanes.count <= Self.laneLimit else {
                    hidden += 1
                    continue
                }
                lanesShown += row.lanes.count
                barsShown += row.lanes.reduce(0) { $0 + $1.count }
                rows.append(row)
            }
            let shown = Set(rows.map(\.name))
            let links = panel.links.filter {
                chart.axis.accepts($0.start) && chart.axis.accepts($0.end) && $0.start <= $0.end
                    && shown.contains($0.from) && shown.contains($0.to)
            }
            if links.count > Self.linkLimit { notes.append("\(Notes.count(links.count, "transfer")) not drawn.") }
            panels.append((panel.name, rows, links.count > Self.linkLimit ? [] : links))
        }
        if skipped > 0 {
            notes.append("\(Notes.count(skipped, "bar")) not drawn: start or end not finite, or end before start.")
        }
        if hidden > 0 { notes.append("\(Notes.count(hidden, "more row")) not drawn.") }
    }

    /// Bars by row, in lanes: each bar goes to the first lane that is free at its start.
    private static func rows(_ bars: [GanttChart.Bar]) -> [Row] {
        var order: [String] = []
        var barsOfRow: [String: [GanttChart.Bar]] = [:]
        for bar in bars {
            if barsOfRow[bar.row] == nil { order.append(bar.row) }
            barsOfRow[bar.row, default: []].append(bar)
        }
        return order.map { name in
            var lanes: [[GanttChart.Bar]] = []
            for bar in stableSort(barsOfRow[name] ?? [], by: \.start) {
                let free = lanes.firstIndex { $0.last.map { $0.end <= bar.start } ?? true }
                if let free { lanes[free].append(bar) } else { lanes.append([bar]) }
            }
            return Row(name: name, lanes: lanes)
        }
    }
}

extension GanttDrawing {
    func picture() -> Picture {
        let bars = panels.flatMap(\.rows).flatMap(\.lanes).joined()
        let deadline = chart.deadline.flatMap { chart.axis.accepts($0) ? $0 : nil }
        let moments = bars.flatMap { [$0.start, $0.end] }
        guard let range = chart.axis.range(of: moments + (moments.isEmpty ? [] : deadline.map { [$0] } ?? [])) else {
            return Heading.empty(chart.title, notes: notes)
        }
        let categories = Categories(bars.map(\.type), weights: bars.map { _ in 1 })
        var canvas = Canvas()
        let top = Heading.draw(chart.title, legend(categories), width: Plane.width, on: &canvas)
        let names = panels.flatMap(\.rows).map(\.name)
        let labelWidth = min(150, names.map { TextWidth.of($0, size: 11) }.max() ?? 0)
        let left = 12 + labelWidth + 8
        let ticked = TickedRange(range.low, range.high, on: chart.axis, limit: 8, covering: false)
        let scale = Scale(range: ticked, start: left, end: Plane.width - Plane.rightMargin)
        let layout = lay(below: top)
        for (panel, place) in zip(panels, layout.panels) {
            draw(panel.name, panel.rows, at: place, layout, scale, categories, on: &canvas)
            draw(panel.links, between: panel.rows, at: place + 22, layout, scale, on: &canvas)
        }
        if let deadline {
            let x = scale(deadline)
            canvas.line(x, top + 6, x, layout.bottom, class: "late")
            canvas.text("deadline", x - 5, top + 12, class: "small end")
        }
        var end = Plane.drawXAxis(scale, at: layout.bottom, on: &canvas)
        if !chart.axis.label.isEmpty {
            end += 19
            canvas.text(chart.axis.label, (scale.start + scale.end) / 2, end, class: "middle")
        }
        let height = Heading.draw(notes: notes, below: end, width: Plane.width - 12, on: &canvas)
        return Picture(width: Plane.width, height: height, summary: summary, elements: canvas.elements)
    }
}

extension GanttDrawing {
    private struct Layout {
        var laneHeight: Double
        var rowGap: Double
        /// The top of every panel.
        var panels: [Double]
        var bottom: Double
    }

    private func lay(below top: Double) -> Layout {
        let laneHeight = min(18, max(3, (420 / Double(max(lanesShown, 1))).rounded(.down)))
        let rowGap = laneHeight >= 8 ? 5.0 : 1.5
        var layout = Layout(laneHeight: laneHeight, rowGap: rowGap, panels: [], bottom: top)
        for panel in panels {
            layout.panels.append(layout.bottom)
            let lanes = panel.rows.reduce(0) { $0 + $1.lanes.count }
            layout.bottom += 24 + Double(lanes) * laneHeight + Double(panel.rows.count) * rowGap + 6
        }
        return layout
    }

    private func legend(_ categories: Categories) -> [LegendEntry] {
        let bars = panels.flatMap(\.rows).flatMap(\.lanes).joined()
        var entries = categories.legend { _ in .bar(BarOutline()) }
        for (outcome, name) in [(GanttChart.Outcome.failed, "failed"), (.reclaimed, "reclaimed")]
        where bars.contains(where: { $0.outcome == outcome }) {
            entries.append(LegendEntry(name: name, category: 0, swatch: .bar(Self.outline(outcome))))
        }
        if bars.contains(where: \.isCritical) {
            let swatch = LegendEntry.Swatch.bar(BarOutline(isCritical: true))
            entries.append(LegendEntry(name: "critical path", category: 0, swatch: swatch))
        }
        return entries
    }

    private static func outline(_ outcome: GanttChart.Outcome, isCritical: Bool = false) -> BarOutline {
        let fill: BarOutline.Fill = outcome == .succeeded ? .solid : outcome == .failed ? .hatched : .backhatched
        return BarOutline(fill: fill, isCritical: isCritical)
    }

    private func makespan(_ rows: [Row]) -> String {
        let range = chart.axis.range(of: rows.flatMap(\.lanes).joined().flatMap { [$0.start, $0.end] })
        guard let range else { return "nothing to draw" }
        return "makespan " + Quantity.seconds.text(range.high - range.low)
    }

    private var summary: String {
        let parts = panels.map { panel in
            let bars = panel.rows.flatMap(\.lanes).reduce(0) { $0 + $1.count }
            return "\(panel.name): \(bars) bars in \(panel.rows.count) rows, \(makespan(panel.rows))"
        }
        return "\(chart.title). Gantt chart. " + parts.joined(separator: "; ") + "."
    }
}

extension GanttDrawing {
    private func draw(
        _ name: String, _ rows: [Row], at top: Double, _ layout: Layout, _ scale: Scale, _ categories: Categories,
        on canvas: inout Canvas
    ) {
        canvas.text(name, 12, top + 13, class: "strong")
        canvas.text(makespan(rows), 12 + TextWidth.of(name, size: 13) + 10, top + 13, class: "small")
        drawBackground(of: rows, at: top + 22, layout, scale, on: &canvas)
        var y = top + 22
        var lastLabel = -Double.infinity
        var shapes: [String: String] = [:]
        for row in rows {
            let height = Double(row.lanes.count) * layout.laneHeight
            let baseline = y + (height + layout.rowGap) / 2 + 4
            if baseline - lastLabel >= 12 {
                let label = TextWidth.cut(row.name, to: 150, size: 11)
                canvas.text(
                    label, scale.start - 8, baseline, class: "small end", tooltip: label == row.name ? "" : row.name)
                lastLabel = baseline
            }
            for (lane, bars) in row.lanes.enumerated() {
                let laneTop = y + layout.rowGap / 2 + Double(lane) * layout.laneHeight
                if barsShown > Self.barLimit {
                    merge(bars, at: laneTop, layout, scale, categories, into: &shapes)
                } else {
                    for bar in bars { draw(bar, at: laneTop, layout, scale, categories, on: &canvas) }
                }
            }
            y += height + layout.rowGap
        }
        for (name, data) in shapes.sorted(by: { $0.key < $1.key }) { canvas.path(data, class: name) }
    }

    private func draw(
        _ links: [GanttChart.Link], between rows: [Row], at top: Double, _ layout: Layout, _ scale: Scale,
        on canvas: inout Canvas
    ) {
        guard !links.isEmpty else { return }
        var middles: [String: Double] = [:]
        var y = top
        for row in rows {
            let height = Double(row.lanes.count) * layout.laneHeight + layout.rowGap
            middles[row.name] = y + height / 2
            y += height
        }
        let name = links.count > 100 ? "link crowd" : "link"
        for link in links {
            guard let from = middles[link.from], let to = middles[link.to] else { continue }
            canvas.path(
                "M\(Canvas.pair(scale(link.start), from))L\(Canvas.pair(scale(link.end), to))", class: name,
                tooltip: "\(link.name): \(Quantity.seconds.text(link.end - link.start))")
        }
    }

    private func drawBackground(
        of rows: [Row], at top: Double, _ layout: Layout, _ scale: Scale, on canvas: inout Canvas
    ) {
        var y = top
        for (index, row) in rows.enumerated() {
            let height = Double(row.lanes.count) * layout.laneHeight + layout.rowGap
            if index.isMultiple(of: 2) {
                canvas.rectangle(x: scale.start, y: y, width: scale.end - scale.start, height: height, class: "stripe")
            }
            y += height
        }
        for tick in scale.range.ticks {
            canvas.line(scale(tick.value), top, scale(tick.value), y, class: "grid")
        }
    }

    private func draw(
        _ bar: GanttChart.Bar, at top: Double, _ layout: Layout, _ scale: Scale, _ categories: Categories,
        on canvas: inout Canvas
    ) {
        let x = scale(bar.start)
        let outcome = bar.outcome == .succeeded ? "" : ", \(bar.outcome.rawValue)"
        let length = Quantity.seconds.text(bar.end - bar.start)
        Self.outline(bar.outcome, isCritical: bar.isCritical).draw(
            x: x, y: top, width: max(scale(bar.end) - x - 0.5, 0.8), height: Self.height(layout),
            class: "k\(categories.number(of: bar.type))",
            tooltip: "\(bar.name) (\(bar.type)) on \(bar.row): \(length)\(outcome)", on: &canvas)
    }

    private static func height(_ layout: Layout) -> Double {
        layout.laneHeight - (layout.laneHeight >= 8 ? 2 : 0.6)
    }

    /// Adds the bars of a lane to the shape of their colour; neighbours of one colour that are narrower than a pixel
    /// become one.
    private func merge(
        _ bars: [GanttChart.Bar], at top: Double, _ layout: Layout, _ scale: Scale, _ categories: Categories,
        into shapes: inout [String: String]
    ) {
        let height = Canvas.coordinate(Self.height(layout))
        func add(_ name: String, _ from: Double, _ to: Double) {
            let width = max(to - from - 0.5, 0.8)
            shapes[name, default: ""] +=
                "M\(Canvas.pair(from, top))h\(Canvas.coordinate(width))v\(height)h\(Canvas.coordinate(-width))z"
        }
        var open: (name: String, from: Double, to: Double, isNarrow: Bool)?
        for bar in bars {
            let (from, to) = (scale(bar.start), scale(bar.end))
            let color = "k\(categories.number(of: bar.type))"
            let name = bar.outcome == .succeeded ? "\(color) fill" : "\(color) hollow"
            if bar.isCritical { add("critical thin", from, to) }
            let isNarrow = to - from < 1
            if let last = open, last.isNarrow, isNarrow, last.name == name, from - last.to < 1 {
                open?.to = to
                continue
            }
            if let last = open { add(last.name, last.from, last.to) }
            open = (name, from, to, isNarrow)
        }
        if let last = open { add(last.name, last.from, last.to) }
    }
}
