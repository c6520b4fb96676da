import Glibc

/// Maps values of an axis to places in a drawing.
struct Scale {
    let range: TickedRange
    let start: Double
    let end: Double

    /// - Precondition: The axis of `range` accepts `value`.
    func callAsFunction(_ value: Double) -> Double {
        let isLinear = range.spacing == .linear
        let low = isLinear ? range.low : log10(range.low)
        let high = isLinear ? range.high : log10(range.high)
        // Halves, because the difference of two accepted values is finite but that of their sums need not be.
        let share = ((isLinear ? value : log10(value)) / 2 - low / 2) / (high / 2 - low / 2)
        return start + share * (end - start)
    }
}

/// One entry of a legend: a small picture of the mark and its name.
struct LegendEntry {
    enum Swatch {
        case line(dash: String)
        case band(layers: Int)
        case marker(Int)
        case bar(BarOutline)
    }

    var name: String
    /// Colour class: 1...8, 0 is "other".
    var category: Int
    var swatch: Swatch
}

/// The part that charts share: title, legend and notes, around a plot area with two axes.
struct Plane {
    static let width = 760.0
    static let rightMargin = 22.0

    var canvas: Canvas
    let x: Scale
    let y: Scale
    let height: Double
    var notes: [String]

    /// Draws everything but the marks.
    ///
    /// - Parameters:
    ///   - xRange: The smallest and largest value, or `nil` where there is nothing to draw.
    ///   - plotHeight: Height of the plot area; `nil` makes it square.
    ///   - coversX: Whether the x axis ends at ticks, too.
    init?(
        title: String, x xAxis: Axis, _ xRange: (low: Double, high: Double)?, y yAxis: Axis,
        _ yRange: (low: Double, high: Double)?, legend: [LegendEntry], notes: [String], width: Double = width,
        plotHeight: Double = 300, coversX: Bool = false
    ) {
        guard let xRange, let yRange else { return nil }
        canvas = Canvas()
        self.notes = notes
        var top = Heading.draw(title, legend, width: width, on: &canvas)
        if !yAxis.label.isEmpty {
            canvas.text(yAxis.label, 12, top + 10, class: "label")
            top += 22
        }
        let bottom = top + plotHeight
        let yTicks = TickedRange(
            yRange.low, yRange.high, on: yAxis, limit: Int(plotHeight / 42), covering: true)
        y = Scale(range: yTicks, start: bottom, end: top)
        let labelWidth = yTicks.ticks.map { TextWidth.of($0.label, size: 12) }.max() ?? 0
        let left = 12 + labelWidth + 8
        x = Self.xScale(xRange, xAxis, from: left, to: width - Self.rightMargin, covering: coversX)
        height = Self.drawAxes(x, y, label: xAxis.label, notes: notes, on: &canvas)
    }

    /// The densest ticks whose labels do not touch.
    private static func xScale(
        _ range: (low: Double, high: Double), _ axis: Axis, from start: Double, to end: Double, covering: Bool
    ) -> Scale {
        var limit = Int((end - start) / 58)
        while true {
            let scale = Scale(
                range: TickedRange(range.low, range.high, on: axis, limit: limit, covering: covering), start: start,
                end: end)
            let spans = scale.range.ticks.map { tick in
                let half = TextWidth.of(tick.label, size: 12) / 2 + 6
                return (scale(tick.value) - half, scale(tick.value) + half)
            }
            let overlaps = zip(spans, spans.dropFirst()).contains { $0.1 > $1.0 }
            if !overlaps || limit <= 2 { return scale }
            limit -= 1
        }
    }

    private static func drawAxes(
        _ x: Scale, _ y: Scale, label: String, notes: [String], on canvas: inout Canvas
    ) -> Double {
        for tick in y.range.ticks where y(tick.value) >= y.end - 0.5 && y(tick.value) <= y.start + 0.5 {
            canvas.line(x.start, y(tick.value), x.end, y(tick.value), class: "grid")
            canvas.text(tick.label, x.start - 8, y(tick.value) + 4, class: "end")
        }
        var bottom = drawXAxis(x, at: y.start, on: &canvas)
        if !label.isEmpty {
            bottom += 19
            canvas.text(label, (x.start + x.end) / 2, bottom, class: "middle")
        }
        return Heading.draw(notes: notes, below: bottom, width: x.end, on: &canvas)
    }

    /// Draws the x axis with its ticks below `y` and returns the baseline of the lowest label.
    static func drawXAxis(_ x: Scale, at y: Double, on canvas: inout Canvas) -> Double {
        canvas.line(x.start, y, x.end, y, class: "axis")
        var contextEnd = -Double.infinity
        var hasContext = false
        for tick in x.range.ticks {
            let place = x(tick.value)
            canvas.line(place, y, place, y + 5, class: "axis")
            canvas.text(tick.label, place, y + 19, class: "middle")
            let half = TextWidth.of(tick.context, size: 12) / 2
            guard !tick.context.isEmpty, place - half > contextEnd else { continue }
            canvas.text(tick.context, place, y + 34, class: "strong middle")
            contextEnd = place + half + 8
            hasContext = true
        }
        return y + (hasContext ? 34 : 19)
    }

    /// The finished picture.
    func picture(summary: String) -> Picture {
        Picture(width: x.end + Self.rightMargin, height: height, summary: summary, elements: canvas.elements)
    }
}

/// Title and legend above a chart, notes below it.
enum Heading {
    /// Draws title and legend and returns where the next thing may begin.
    static func draw(_ title: String, _ legend: [LegendEntry], width: Double, on canvas: inout Canvas) -> Double {
        var y = 10.0
        for line in TextWidth.wrapped(title, to: width - 24, size: 16) {
            y += 18
            canvas.text(line, 12, y, class: "title")
        }
        y += 12
        guard !legend.isEmpty else { return y }
        var x = 12.0
        for entry in legend {
            let name = TextWidth.cutInside(entry.name, to: 230, size: 12)
            let needed = 28 + TextWidth.of(name, size: 12) + 16
            if x > 12, x + needed > width - 12 {
                x = 12
                y += 20
            }
            draw(entry, x, y + 8, on: &canvas)
            canvas.text(name, x + 28, y + 12, class: "label", tooltip: name == entry.name ? "" : entry.name)
            x += needed
        }
        return y + 30
    }

    private static func draw(_ entry: LegendEntry, _ x: Double, _ y: Double, on canvas: inout Canvas) {
        let color = "k\(entry.category)"
        switch entry.swatch {
        case .line(let dash): canvas.line(x, y, x + 22, y, class: "\(color) stroke \(dash)")
        case .band(let layers):
            for _ in 0..<layers {
                canvas.rectangle(x: x, y: y - 6, width: 22, height: 12, corner: 2, class: "\(color) band")
            }
        case .marker(let shape): canvas.path(Marker.path(shape, x + 11, y, size: 5), class: "\(color) dot")
        case .bar(let outline): outline.draw(x: x, y: y - 6, width: 22, height: 12, class: color, on: &canvas)
        }
    }

    /// Draws notes below the baseline `y` and returns the height of the picture.
    static func draw(notes: [String], below y: Double, width: Double, on canvas: inout Canvas) -> Double {
        var y = y + (notes.isEmpty ? 0 : 4)
        for line in notes.flatMap({ TextWidth.wrapped($0, to: width - 12, size: 11) }) {
            y += 16
            canvas.text(line, 12, y, class: "small")
        }
        return y + 14
    }

    /// A picture that says that there is nothing to draw, and why.
    static func empty(_ title: String, notes: [String], width: Double = Plane.width) -> Picture {
        var canvas = Canvas()
        let top = draw(title, [], width: width, on: &canvas)
        canvas.rectangle(x: 12, y: top + 4, width: width - 24, height: 90, corner: 6, class: "stripe")
        canvas.text("No data to draw", width / 2, top + 53, class: "middle")
        let height = draw(notes: notes, below: top + 94, width: width, on: &canvas)
        let summary = ([title + ": no data to draw."] + notes).joined(separator: " ")
        return Picture(width: width, height: height, summary: summary, elements: canvas.elements)
    }
}

/// Marks of scatter charts: colour alone must not carry the meaning.
enum Marker {
    /// Path data of one mark around a centre: circle, square, triangle, diamond, and again.
    static func path(_ shape: Int, _ x: Double, _ y: Double, size: Double) -> String {
        let start = { (dx: Double, dy: Double) in "M" + Canvas.pair(x + dx, y + dy) }
        let number = Canvas.coordinate
        switch shape % 4 {
        case 0:
            let arc = "a\(number(size)) \(number(size)) 0 1 0 "
            return start(-size, 0) + arc + "\(number(2 * size)) 0" + arc + "\(number(-2 * size)) 0z"
        case 1:
            let side = size * 0.9
            return start(-side, -side) + "h\(number(2 * side))v\(number(2 * side))h\(number(-2 * side))z"
        case 2:
            let half = size * 1.15
            return start(0, -half) + "l\(Canvas.pair(half, 1.9 * half))h\(number(-2 * half))z"
        default:
            let half = size * 1.25
            let down = Canvas.pair(half, half)
            return start(0, -half) + "l\(down)l\(Canvas.pair(-half, half))l\(Canvas.pair(-half, -half))z"
        }
    }
}

/// Counts what could not be drawn, for the note under a chart.
enum Notes {
    /// A note about `count` values that are not drawn, or nothing.
    static func skipped(_ count: Int, _ axes: Axis...) -> [String] {
        guard count > 0 else { return [] }
        let isLogarithmic = axes.contains { $0.spacing == .logarithmic }
        let reason = isLogarithmic ? "not finite, or not positive on a logarithmic axis" : "not finite or out of range"
        return ["\(Self.count(count, "value")) not drawn: \(reason)."]
    }

    /// `1 value`, `1,200 values`.
    static func count(_ count: Int, _ noun: String) -> String {
        NumberText.fixed(Double(count), places: 0, grouped: true) + " " + noun + (count == 1 ? "" : "s")
    }
}
