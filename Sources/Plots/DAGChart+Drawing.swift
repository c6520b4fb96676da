/// The layout of one picture of a graph.
struct DAGDrawing {
    private let chart: DAGChart
    private let edges: [DAGChart.Edge]
    private let layout: LayeredLayout
    /// Whether nodes are boxes with names; otherwise they are dots.
    private let isNamed: Bool
    private let rowHeight: Double
    private let radius: Double
    /// Where the nodes of each layer begin and end.
    private var columns: [(left: Double, right: Double)] = []

    private static let labelSize = 11.0
    private static let boxHeight = 20.0

    init(_ chart: DAGChart) {
        // Empty layers take no room.
        var chart = chart
        let layers = Set(chart.nodes.map(\.layer)).sorted()
        let ranks = Dictionary(zip(layers, layers.indices)) { first, _ in first }
        for index in chart.nodes.indices { chart.nodes[index].layer = ranks[chart.nodes[index].layer] ?? 0 }
        self.chart = chart
        let last = chart.nodes.count
        edges = chart.edges.filter {
            0..<last ~= $0.from && 0..<last ~= $0.to && chart.nodes[$0.from].layer < chart.nodes[$0.to].layer
        }
        layout = LayeredLayout(layers: chart.nodes.map(\.layer), edges: edges.map { ($0.from, $0.to) })
        let height = Self.range(layout).height
        let labels = layout.rows.map { row in
            row.map { $0 < last ? TextWidth.of(Self.label(chart.nodes[$0]), size: Self.labelSize) : 0 }.max() ?? 0
        }
        let boxes = labels.map { max(28, $0 + 18) }
        let gap = 46.0
        isNamed = height <= 40 && boxes.reduce(0) { $0 + $1 + gap } <= 2000
        let areStacked = chart.nodes.contains { $0.count > 1 }
        rowHeight = isNamed ? areStacked ? 34 : 27 : min(15, max(6, 640 / max(1, height)))
        radius = isNamed ? Self.boxHeight / 2 : min(5.5, rowHeight * 0.42)
        var left = 16.0
        let step = max(16, min(110, (Plane.width - 44) / Double(max(1, layout.rows.count - 1))))
        for box in boxes {
            columns.append((left, left + (isNamed ? box : 2 * radius)))
            left += isNamed ? box + gap : step
        }
    }

    private static func label(_ node: DAGChart.Node) -> String {
        TextWidth.cutInside(node.name, to: 150, size: labelSize)
    }

    private static func range(_ layout: LayeredLayout) -> (low: Double, height: Double) {
        let (low, high) = (layout.places.min() ?? 0, layout.places.max() ?? 0)
        return (low, high - low + 1)
    }

    func picture() -> Picture {
        guard !chart.nodes.isEmpty else { return Heading.empty(chart.title, notes: chart.notes) }
        let categories = Categories(chart.nodes.map(\.type), weights: chart.nodes.map(\.count))
        var legend = categories.legend { _ in .bar(BarOutline()) }
        if chart.nodes.contains(where: \.isCritical) {
            let swatch = LegendEntry.Swatch.bar(BarOutline(isCritical: true))
            legend.append(LegendEntry(name: "critical path", category: 0, swatch: swatch))
        }
        let width = max(Plane.width, (columns.last?.right ?? 0) + 16)
        // A narrow graph stands in the middle.
        let shift = (width - (columns.last?.right ?? 0) - 16) / 2
        var canvas = Canvas()
        var top = Heading.draw(chart.title, legend, width: width, on: &canvas) + 4
        if !isNamed { top = drawCounts(at: top, shift, on: &canvas) }
        let (low, height) = Self.range(layout)
        let y = layout.places.map { top + ($0 - low + 0.5) * rowHeight }
        drawEdges(y, shift, on: &canvas)
        for (index, node) in chart.nodes.enumerated() {
            draw(node, y[index], shift, "k\(categories.number(of: node.type))", on: &canvas)
        }
        let bottom = top + height * rowHeight + 2
        let total = Heading.draw(notes: chart.notes, below: bottom, width: width, on: &canvas)
        let summary =
            "\(chart.title). Graph of \(Notes.count(chart.nodes.count, "node")) and "
            + "\(Notes.count(edges.count, "edge")) in \(Notes.count(layout.rows.count, "layer"))."
        return Picture(width: width, height: total, summary: summary, elements: canvas.elements)
    }

    /// Above every column of dots, how many there are, as far as there is room.
    private func drawCounts(at top: Double, _ shift: Double, on canvas: inout Canvas) -> Double {
        var end = -Double.infinity
        for (row, column) in zip(layout.rows, columns) {
            let count = row.reduce(0) { $0 + ($1 < chart.nodes.count ? chart.nodes[$1].count : 0) }
            let text = NumberText.fixed(Double(count), places: 0, grouped: true)
            let (x, half) = (shift + (column.left + column.right) / 2, TextWidth.of(text, size: 11) / 2)
            guard x - half > end + 4 else { continue }
            canvas.text(text, x, top + 8, class: "small middle")
            end = x + half
        }
        return top + 18
    }

    private func drawEdges(_ y: [Double], _ shift: Double, on canvas: inout Canvas) {
        var isCritical = layout.segments.map { _ in false }
        for (edge, pieces) in zip(edges, layout.pieces) where edge.isCritical {
            for piece in pieces { isCritical[piece] = true }
        }
        let last = chart.nodes.count
        var (plain, vital, arrows, strongArrows) = ("", "", "", "")
        func across(_ vertex: Int) -> String {
            let column = columns[layout.layers[vertex]]
            return vertex < last ? "" : "H" + Canvas.coordinate(shift + column.right)
        }
        for (place, segment) in layout.segments.enumerated() {
            let (from, to) = (columns[layout.layers[segment.from]], columns[layout.layers[segment.to]])
            let isNode = segment.to < last
            let start = Point(x: shift + from.right, y: y[segment.from])
            let end = Point(x: shift + to.left, y: y[segment.to])
            let middle = (start.x + end.x) / 2
            var data = "M" + Canvas.pair(start.x, start.y)
            if abs(start.y - end.y) < 0.05 {
                data += "H" + Canvas.coordinate(end.x)
            } else {
                data += "C\(Canvas.pair(middle, start.y)) \(Canvas.pair(middle, end.y)) \(Canvas.pair(end.x, end.y))"
            }
            data += across(segment.to)
            let arrow = isNode && isNamed ? "M\(Canvas.pair(end.x - 5, end.y - 3))l5 3l-5 3" : ""
            if isCritical[place] { vital += data } else { plain += data }
            if isCritical[place] { strongArrows += arrow } else { arrows += arrow }
        }
        let crowd = layout.segments.count > 150 ? " crowd" : ""
        if !plain.isEmpty { canvas.path(plain, class: "link\(crowd)") }
        if !arrows.isEmpty { canvas.path(arrows, class: "link") }
        if !vital.isEmpty { canvas.path(vital + strongArrows, class: "vital") }
    }

    private func draw(
        _ node: DAGChart.Node, _ y: Double, _ shift: Double, _ color: String, on canvas: inout Canvas
    ) {
        let column = columns[node.layer]
        let x = shift + (column.left + column.right) / 2
        let tip = node.detail.isEmpty ? "\(node.name) (\(node.type))" : node.detail
        guard isNamed else {
            canvas.circle(x, y, radius: radius, class: "\(color) fill", tooltip: tip)
            if node.isCritical { canvas.circle(x, y, radius: radius, class: "critical") }
            return
        }
        let (left, top) = (shift + column.left, y - Self.boxHeight / 2)
        // Several tasks are a stack.
        for behind in (0..<(node.count > 1 ? 3 : 1)).reversed() {
            let offset = Double(behind) * 2.5
            func box(_ name: String, _ tip: String = "") {
                canvas.rectangle(
                    x: left + offset, y: top - offset, width: column.right - column.left, height: Self.boxHeight,
                    corner: 5, class: name, tooltip: tip)
            }
            box("surface")
            box("\(color) hollow", behind == 0 ? tip : "")
            if node.isCritical, behind == 0 { box("critical") }
        }
        canvas.text(Self.label(node), x, y + 4, class: "small ink middle", tooltip: tip)
    }
}
