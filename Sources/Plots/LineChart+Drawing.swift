extension LineChart {
    public func picture() -> Picture {
        var skipped = 0
        let lines = series.map { Self.segments(of: $0, x, y, &skipped) }
        let areas = bands.map { Self.edges(of: $0, x, y, &skipped) }
        let points = lines.joined().joined()
        let edges = areas.joined()
        let drawnReferences = references.filter { ($0.direction == .x ? x : y).accepts($0.value) }
        let yReferences = drawnReferences.filter { $0.direction == .y }.map(\.value)
        var xs = points.map(\.x) + edges.map(\.x)
        if !xs.isEmpty { xs += drawnReferences.filter { $0.direction == .x }.map(\.value) }
        let ys = points.map(\.y) + edges.flatMap { [$0.lower, $0.upper] } + (xs.isEmpty ? [] : yReferences)
        let notes = Notes.skipped(skipped, x, y)
        guard
            var plane = Plane(
                title: title, x: x, x.range(of: xs), y: y, y.range(of: ys), legend: legend, notes: notes)
        else { return Heading.empty(title, notes: notes) }
        for (band, area) in zip(bands, areas) { plane.draw(band: area, class: "k\(category(band.series)) band") }
        plane.draw(drawnReferences)
        for (index, segments) in lines.enumerated() { draw(segments, of: index, on: &plane) }
        return plane.picture(summary: summary(yRange: y.range(of: ys)))
    }
}

extension LineChart {
    private func category(_ index: Int) -> Int {
        guard series.indices.contains(index) else { return 1 }
        if series[index].isBaseline { return 0 }
        let rank = series[..<index].count { !$0.isBaseline }
        return rank < ChartTheme.categoryCount ? rank + 1 : 0
    }

    private var legend: [LegendEntry] {
        guard series.count + bands.count > 1 else { return [] }
        let lines = series.indices.map { index in
            LegendEntry(
                name: series[index].name, category: category(index), swatch: .line(dash: dash(index)))
        }
        let areas = bands.enumerated().map { index, band in
            let layers = bands[...index].count { $0.series == band.series }
            return LegendEntry(name: band.name, category: category(band.series), swatch: .band(layers: layers))
        }
        return lines + areas
    }

    private func dash(_ index: Int) -> String {
        series[index].isBaseline ? "dotted" : series[index].isDashed ? "dashed" : ""
    }

    private func draw(_ segments: [[Point]], of index: Int, on plane: inout Plane) {
        let shape = series[index].shape
        let color = "k\(category(index))"
        for segment in segments {
            let places = segment.map { Point(x: plane.x($0.x), y: plane.y($0.y)) }
            var corners = Self.thinned(places)
            if shape == .steps || shape == .dottedSteps { corners = Self.stepped(corners) }
            if corners.count > 1 {
                plane.canvas.path(Canvas.polyline(corners), class: "\(color) stroke \(dash(index))")
            }
            let showsDots = shape == .dots || shape == .dottedSteps || corners.count == 1
            guard showsDots || segment.count <= 120 else { continue }
            for (value, place) in zip(segment, places) {
                let tip = "\(series[index].name): \(y.quantity.text(value.y)) at \(x.quantity.text(value.x))"
                let radius = showsDots ? 3.5 : 6
                plane.canvas.circle(
                    place.x, place.y, radius: radius, class: showsDots ? "\(color) fill" : "hit", tooltip: tip)
            }
        }
    }

    private func summary(yRange: (low: Double, high: Double)?) -> String {
        let names = (series.map(\.name) + bands.map(\.name)).joined(separator: ", ")
        let range = yRange.map { " from \(y.quantity.text($0.low)) to \(y.quantity.text($0.high))" } ?? ""
        return "\(title). Line chart of \(names). \(y.label)\(range)."
    }
}

extension LineChart {
    /// The runs of drawable points in order of `x`.
    private static func segments(of series: Series, _ x: Axis, _ y: Axis, _ skipped: inout Int) -> [[Point]] {
        var points = zip(series.x, series.y).map { Point(x: $0, y: $1) }.filter { x.accepts($0.x) }
        skipped += max(series.x.count, series.y.count) - points.count
        if !zip(points, points.dropFirst()).allSatisfy({ $0.x <= $1.x }) {
            points = stableSort(points) { $0.x }
        }
        var segments: [[Point]] = [[]]
        for point in points {
            if y.accepts(point.y) {
                segments[segments.count - 1].append(point)
            } else {
                skipped += 1
                if segments.last?.isEmpty == false { segments.append([]) }
            }
        }
        return segments.filter { !$0.isEmpty }
    }

    private static func edges(of band: Band, _ x: Axis, _ y: Axis, _ skipped: inout Int) -> [BandEdge] {
        let count = min(band.x.count, band.lower.count, band.upper.count)
        let edges = (0..<count).map { BandEdge(x: band.x[$0], lower: band.lower[$0], upper: band.upper[$0]) }
        let drawable = edges.filter { x.accepts($0.x) && y.accepts($0.lower) && y.accepts($0.upper) }
        skipped += max(band.x.count, band.lower.count, band.upper.count) - drawable.count
        return stableSort(drawable) { $0.x }
    }

    /// At most four points per column of two pixels: its first, least, greatest and last.
    private static func thinned(_ points: [Point]) -> [Point] {
        guard points.count > Int(2 * Plane.width) else { return points }
        var result: [Point] = []
        var start = 0
        while start < points.count {
            let column = (points[start].x / 2).rounded(.down)
            let end = points[start...].firstIndex { ($0.x / 2).rounded(.down) != column } ?? points.count
            let indices = start..<end
            let least = indices.min { points[$0].y < points[$1].y } ?? start
            let greatest = indices.max { points[$0].y < points[$1].y } ?? start
            for index in Set([start, least, greatest, end - 1]).sorted() { result.append(points[index]) }
            start = end
        }
        return result
    }

    /// The corners of a step function through `points`.
    private static func stepped(_ points: [Point]) -> [Point] {
        var corners: [Point] = []
        for point in points {
            if let last = corners.last, last.y != point.y { corners.append(Point(x: point.x, y: last.y)) }
            corners.append(point)
        }
        return corners
    }
}

/// Lower and upper bound of a band at one `x`.
private struct BandEdge {
    var x: Double
    var lower: Double
    var upper: Double
}

extension Plane {
    fileprivate mutating func draw(band edges: [BandEdge], class name: String) {
        guard edges.count > 1 else {
            for edge in edges {
                let (top, bottom) = (y(max(edge.lower, edge.upper)), y(min(edge.lower, edge.upper)))
                canvas.rectangle(x: x(edge.x) - 3, y: top, width: 6, height: bottom - top, class: name)
            }
            return
        }
        let stride = edges.count / Int(Plane.width) + 1
        let kept = edges.enumerated().filter { $0.offset.isMultiple(of: stride) || $0.offset == edges.count - 1 }
        let upper = kept.map { Point(x: x($0.element.x), y: y($0.element.upper)) }
        let lower = kept.map { Point(x: x($0.element.x), y: y($0.element.lower)) }
        canvas.path(Canvas.polyline(upper + lower.reversed()) + "z", class: name)
    }

    /// Draws reference lines that lie inside the plot.
    fileprivate mutating func draw(_ references: [LineChart.Reference]) {
        for reference in references {
            let width = TextWidth.of(reference.name, size: 11)
            switch reference.direction {
            case .x:
                let place = x(reference.value)
                guard (x.start...x.end).contains(place) else { continue }
                canvas.line(place, y.start, place, y.end, class: "guide")
                let fitsRight = place + 5 + width < x.end
                canvas.text(
                    reference.name, place + (fitsRight ? 5 : -5), y.end + 10, class: fitsRight ? "small" : "small end")
            case .y:
                canvas.line(x.start, y(reference.value), x.end, y(reference.value), class: "guide")
                canvas.text(reference.name, x.end, y(reference.value) - 5, class: "small end")
            }
        }
    }
}

/// Sorts by a key; equal keys keep their order, which the standard library does not promise.
func stableSort<Element>(_ elements: [Element], by key: (Element) -> Double) -> [Element] {
    elements.enumerated().sorted { (key($0.element), $0.offset) < (key($1.element), $1.offset) }.map(\.element)
}
