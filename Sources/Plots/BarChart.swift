/// Horizontal bars in groups, for instance the error of several models per task type.
public struct BarChart: Chart, Hashable {
    /// One bar per category in one colour.
    public struct Series: Sendable, Hashable {
        public var name: String
        /// A value per category; one that is not finite leaves a gap marked `–`.
        public var values: [Double]
        /// Baselines are grey.
        public var isBaseline: Bool

        /// `values[i]` belongs to category `i`.
        public init(_ name: String, _ values: [Double], isBaseline: Bool = false) {
            (self.name, self.values, self.isBaseline) = (name, values, isBaseline)
        }
    }

    public var title: String
    public var axis: Axis
    public var categories: [String]
    public var series: [Series]

    /// A chart of `series` over `categories`. The axis is linear and shows zero.
    public init(_ title: String, axis: Axis, categories: [String], series: [Series]) {
        (self.title, self.categories, self.series) = (title, categories, series)
        self.axis = Axis(axis.label, axis.quantity == .date ? .number : axis.quantity, includesZero: true)
    }

    public func picture() -> Picture {
        let shown = min(categories.count, max(1, Self.barLimit / max(series.count, 1)))
        let values = series.map { series in
            (0..<shown).map { $0 < series.values.count && axis.accepts(series.values[$0]) ? series.values[$0] : nil }
        }
        let missing = values.joined().count { $0 == nil }
        var notes = missing > 0 ? ["\(Notes.count(missing, "value")) missing or not finite: –"] : []
        if shown < categories.count {
            notes.append("Only the first \(shown) of \(categories.count) categories are drawn.")
        }
        guard let range = axis.range(of: values.joined().compactMap(\.self)) else {
            return Heading.empty(title, notes: notes)
        }
        return draw(values, of: categories.prefix(shown), range, notes)
    }
}

extension BarChart {
    private static let barLimit = 240
    private static let thickness = 14.0

    private func draw(
        _ values: [[Double?]], of categories: ArraySlice<String>, _ range: (low: Double, high: Double),
        _ notes: [String]
    ) -> Picture {
        let numbers = Self.colors(series)
        let legend = zip(series, numbers).map {
            LegendEntry(name: $0.name, category: $1, swatch: .bar(BarOutline()))
        }
        var canvas = Canvas()
        let top = Heading.draw(title, series.count > 1 ? legend : [], width: Plane.width, on: &canvas)
        let labelWidth = min(190, categories.map { TextWidth.of($0, size: 12) }.max() ?? 0)
        let left = 12 + labelWidth + 10
        let valueRoom = values.joined().compactMap(\.self).map { TextWidth.of(axis.quantity.text($0), size: 11) }
        let room = (valueRoom.max() ?? 0) + 10
        let ticked = TickedRange(range.low, range.high, on: axis, limit: 7, covering: true)
        let scale = Scale(
            range: ticked, start: left + (range.low < 0 ? room : 0), end: Plane.width - max(Plane.rightMargin, room))
        let groupHeight = Double(series.count) * (Self.thickness + 2) + 12
        let bottom = top + Double(categories.count) * groupHeight + 4
        for tick in ticked.ticks { canvas.line(scale(tick.value), top, scale(tick.value), bottom, class: "grid") }
        for (index, category) in categories.enumerated() {
            let groupTop = top + 8 + Double(index) * groupHeight
            let label = TextWidth.cut(category, to: labelWidth, size: 12)
            canvas.text(
                label, left - 10, groupTop + (groupHeight - 12) / 2 + 3, class: "end",
                tooltip: label == category ? "" : category)
            for (row, values) in values.enumerated() {
                let place = groupTop + Double(row) * (Self.thickness + 2)
                drawBar(
                    values[index], color: numbers[row], at: place, scale, "\(category), \(series[row].name)",
                    on: &canvas)
            }
        }
        canvas.line(scale(0), top, scale(0), bottom, class: "axis")
        var end = Plane.drawXAxis(scale, at: bottom, on: &canvas)
        if !axis.label.isEmpty {
            end += 19
            canvas.text(axis.label, (scale.start + scale.end) / 2, end, class: "middle")
        }
        let height = Heading.draw(notes: notes, below: end, width: Plane.width - 12, on: &canvas)
        return Picture(width: Plane.width, height: height, summary: summary, elements: canvas.elements)
    }

    private func drawBar(
        _ value: Double?, color: Int, at y: Double, _ scale: Scale, _ name: String, on canvas: inout Canvas
    ) {
        guard let value else {
            canvas.text("–", scale(0) + 6, y + 11, class: "small", tooltip: name + ": no value")
            return
        }
        let text = axis.quantity.text(value)
        let (from, to) = (min(scale(0), scale(value)), max(scale(0), scale(value)))
        canvas.rectangle(
            x: from, y: y, width: max(to - from, 0.5), height: Self.thickness, corner: 2, class: "k\(color) fill",
            tooltip: "\(name): \(text)")
        canvas.text(text, value < 0 ? from - 5 : to + 5, y + 11, class: value < 0 ? "small end" : "small")
    }

    /// Baselines are grey, the others take the colours in order.
    private static func colors(_ series: [Series]) -> [Int] {
        var next = 0
        return series.map { series in
            if series.isBaseline { return 0 }
            next += 1
            return next <= ChartTheme.categoryCount ? next : 0
        }
    }

    private var summary: String {
        let names = series.map(\.name).joined(separator: ", ")
        return "\(title). Bar chart of \(names) for \(categories.count) categories. \(axis.label)."
    }
}
