import Glibc

/// Whether intervals hold what they promise: the share of outcomes inside each interval against its nominal
/// coverage. On the diagonal a model is calibrated; below it, its intervals are too narrow.
public struct CalibrationChart: Chart, Hashable {
    /// The coverage of one model.
    public struct Series: Sendable, Hashable {
        public var name: String
        /// Promised shares, 0...1.
        public var nominal: [Double]
        /// Observed shares, 0...1.
        public var observed: [Double]

        /// `observed[i]` of the outcomes lay in the interval of coverage `nominal[i]`.
        public init(_ name: String, nominal: [Double], observed: [Double]) {
            (self.name, self.nominal, self.observed) = (name, nominal, observed)
        }
    }

    public var title: String
    public var series: [Series]
    /// How many outcomes were observed: draws where 95 % of calibrated models of so many outcomes would lie.
    public var outcomeCount: Int?

    /// A chart of `series`, each on `outcomeCount` outcomes.
    public init(_ title: String, series: [Series], outcomeCount: Int? = nil) {
        (self.title, self.series, self.outcomeCount) = (title, series, outcomeCount)
    }

    public func picture() -> Picture {
        var skipped = 0
        let points = series.map { series in
            let all = zip(series.nominal, series.observed).map { Point(x: $0, y: $1) }
            let kept = all.filter { (0...1).contains($0.x) && (0...1).contains($0.y) }
            skipped += max(series.nominal.count, series.observed.count) - kept.count
            return stableSort(kept) { $0.x }
        }
        let notes = skipped > 0 ? ["\(Notes.count(skipped, "value")) not drawn: not a share between 0 and 1."] : []
        let isEmpty = points.allSatisfy(\.isEmpty)
        let legend = series.enumerated().map { index, series in
            LegendEntry(name: series.name, category: category(index), swatch: .marker(index))
        }
        let range = isEmpty ? nil : (low: 0.0, high: 1.0)
        guard
            var plane = Plane(
                title: title, x: Axis("Nominal coverage", .share), range, y: Axis("Observed coverage", .share), range,
                legend: legend, notes: notes, width: 520, plotHeight: 400)
        else { return Heading.empty(title, notes: notes, width: 520) }
        drawBackground(on: &plane)
        for (index, points) in points.enumerated() { draw(points, of: index, on: &plane) }
        let names = series.map(\.name).joined(separator: ", ")
        return plane.picture(
            summary: "\(title). Calibration chart of \(names): observed against nominal coverage of the intervals.")
    }
}

extension CalibrationChart {
    private func category(_ index: Int) -> Int { index < ChartTheme.categoryCount ? index + 1 : 0 }

    private func drawBackground(on plane: inout Plane) {
        if let count = outcomeCount, count > 0 {
            let shares = (0...50).map { Double($0) / 50 }
            let reach = { (share: Double) in 1.96 * (share * (1 - share) / Double(count)).squareRoot() }
            let upper = shares.map { Point(x: plane.x($0), y: plane.y(min(1, $0 + reach($0)))) }
            let lower = shares.map { Point(x: plane.x($0), y: plane.y(max(0, $0 - reach($0)))) }
            plane.canvas.path(Canvas.polyline(upper + lower.reversed()) + "z", class: "k0 band")
        }
        plane.canvas.line(plane.x(0), plane.y(0), plane.x(1), plane.y(1), class: "guide")
        plane.canvas.text("intervals too wide", plane.x(0.02), plane.y(0.95), class: "small")
        plane.canvas.text("intervals too narrow", plane.x(0.98), plane.y(0.03), class: "small end")
    }

    private func draw(_ points: [Point], of index: Int, on plane: inout Plane) {
        let color = "k\(category(index))"
        let places = points.map { Point(x: plane.x($0.x), y: plane.y($0.y)) }
        if places.count > 1 { plane.canvas.path(Canvas.polyline(places), class: "\(color) stroke") }
        for (point, place) in zip(points, places) {
            let tip = "\(series[index].name): \(Quantity.share.text(point.y)) in the "
            plane.canvas.path(
                Marker.path(index, place.x, place.y, size: 4.5), class: "\(color) dot",
                tooltip: tip + Quantity.share.text(point.x) + " interval")
        }
    }
}
