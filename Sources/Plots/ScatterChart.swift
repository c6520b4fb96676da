import Glibc

/// Points in two dimensions, above all predictions against what happened.
///
///     ScatterChart(
///         "Run time", x: Axis("Actual", .seconds, spacing: .logarithmic),
///         y: Axis("Predicted", .seconds, spacing: .logarithmic),
///         groups: [.init("align", x: actual, y: predicted)], comparesEqual: true)
///
/// Up to eight groups have a colour and a shape of their own; of more groups the largest do, and the rest are
/// "other". More than 5,000 points are merged where they overlap.
public struct ScatterChart: Chart, Hashable {
    /// The points of one colour.
    public struct Group: Sendable, Hashable {
        public var name: String
        public var x: [Double]
        public var y: [Double]

        /// Points (`x[i]`, `y[i]`); surplus values of the longer array are not drawn.
        public init(_ name: String, x: [Double], y: [Double]) {
            (self.name, self.x, self.y) = (name, x, y)
        }
    }

    public var title: String
    public var x: Axis
    public var y: Axis
    public var groups: [Group]
    /// Both axes show the same range, in the quantity and spacing of `x`, and the diagonal of equal values.
    public var comparesEqual: Bool
    /// With ``comparesEqual``, further lines at this factor above and below the diagonal; `nil` draws none.
    public var guideFactor: Double?

    /// A chart of `groups`.
    public init(
        _ title: String, x: Axis, y: Axis, groups: [Group], comparesEqual: Bool = false, guideFactor: Double? = 2
    ) {
        (self.title, self.x, self.y, self.groups) = (title, x, y, groups)
        (self.comparesEqual, self.guideFactor) = (comparesEqual, guideFactor)
    }

    public func picture() -> Picture {
        let y = comparesEqual ? Axis(y.label, x.quantity, spacing: x.spacing, includesZero: x.includesZero) : y
        let pointsOfGroup = groups.map { group in
            zip(group.x, group.y).map { Point(x: $0, y: $1) }.filter { x.accepts($0.x) && y.accepts($0.y) }
        }
        let given = groups.reduce(0) { $0 + max($1.x.count, $1.y.count) }
        let all = pointsOfGroup.joined()
        var notes = Notes.skipped(given - all.count, x, y)
        var (xRange, yRange) = (x.range(of: all.map(\.x)), y.range(of: all.map(\.y)))
        if comparesEqual, let (xs, ys) = Optional.pair(xRange, yRange) {
            xRange = (min(xs.low, ys.low), max(xs.high, ys.high))
            yRange = xRange
        }
        let categories = Categories(groups.map(\.name), weights: pointsOfGroup.map(\.count))
        var layers = [[Point]](repeating: [], count: ChartTheme.categoryCount + 1)
        for (group, points) in zip(groups, pointsOfGroup) { layers[categories.number(of: group.name)] += points }
        let legend = categories.legend { .marker(max($0 - 1, 0)) }
        let crowd = Crowding(layers)
        notes += crowd.notes
        guard
            var plane = Plane(
                title: title, x: x, xRange, y: y, yRange, legend: groups.count > 1 ? legend : [], notes: notes,
                width: 640, plotHeight: 440, coversX: true)
        else { return Heading.empty(title, notes: notes, width: 640) }
        if comparesEqual { drawGuides(on: &plane) }
        crowd.draw(on: &plane, x.quantity, y.quantity, names: categories.names)
        let kind = comparesEqual ? "Scatter chart with the line of equal values" : "Scatter chart"
        return plane.picture(
            summary: "\(title). \(kind): \(y.label) against \(x.label), \(all.count) points in \(groups.count) groups.")
    }
}

extension ScatterChart {
    private func drawGuides(on plane: inout Plane) {
        let factor = guideFactor.flatMap { $0.isFinite && $0 > 1 ? $0 : nil }
        let guides = [1] + (factor.map { [$0, 1 / $0] } ?? [])
        for guide in guides {
            let (xs, ys) = (plane.x.range, plane.y.range)
            let from = max(xs.low, ys.low / guide)
            let to = min(xs.high, ys.high / guide)
            guard from < to else { continue }
            let end = Point(x: plane.x(to), y: plane.y(min(max(to * guide, ys.low), ys.high)))
            let start = Point(x: plane.x(from), y: plane.y(min(max(from * guide, ys.low), ys.high)))
            plane.canvas.line(start.x, start.y, end.x, end.y, class: guide == 1 ? "axis" : "guide")
            guard let factor, guide != 1 else { continue }
            let name = (guide > 1 ? "×" : "÷") + NumberText.significant(factor)
            let isAtTop = end.y < plane.y.end + 1
            plane.canvas.text(
                name, end.x - (isAtTop ? 18 : 2), end.y + (isAtTop ? 11 : 26), class: "small end")
        }
    }
}

extension Optional {
    fileprivate static func pair<A, B>(_ first: A?, _ second: B?) -> Wrapped? where Wrapped == (A, B) {
        guard let first, let second else { return nil }
        return (first, second)
    }
}

/// Which categories have a colour of their own.
struct Categories {
    /// The names of the colours 1...8, in order of appearance.
    private(set) var named: [String] = []
    private var otherCount = 0

    /// The eight names of greatest total weight, if there are more.
    init(_ names: [String], weights: [Int]) {
        var total: [String: Int] = [:]
        var order: [String] = []
        for (name, weight) in zip(names, weights) {
            if total[name] == nil { order.append(name) }
            total[name, default: 0] += weight
        }
        let limit = ChartTheme.categoryCount
        let ranks = order.indices.sorted { (total[order[$1]] ?? 0, $0) < (total[order[$0]] ?? 0, $1) }
        let kept = Set(ranks.prefix(limit))
        named = order.indices.filter(kept.contains).map { order[$0] }
        otherCount = order.count - named.count
    }

    /// The colour of `name`: 1...8, or 0 for "other".
    func number(of name: String) -> Int { (named.firstIndex(of: name) ?? -1) + 1 }

    /// The names of the colours 0...8.
    var names: [String] { ["other"] + named }

    func legend(_ swatch: (Int) -> LegendEntry.Swatch) -> [LegendEntry] {
        var entries = named.enumerated().map {
            LegendEntry(name: $0.element, category: $0.offset + 1, swatch: swatch($0.offset + 1))
        }
        if otherCount > 0 {
            entries.append(LegendEntry(name: "other (\(otherCount))", category: 0, swatch: swatch(0)))
        }
        return entries
    }
}

/// Decides how points are drawn, so that many points stay legible and the file small.
private struct Crowding {
    /// The most marks in a chart.
    static let limit = 5000
    /// Up to here every point is an element of its own with a tooltip.
    static let tooltipLimit = 600

    private let layers: [[Point]]
    private let count: Int

    init(_ layers: [[Point]]) {
        self.layers = layers
        count = layers.reduce(0) { $0 + $1.count }
    }

    var notes: [String] {
        guard count > Self.limit else { return [] }
        return ["\(Notes.count(count, "point")); those that overlap are merged, pale marks are single points."]
    }

    func draw(on plane: inout Plane, _ x: Quantity, _ y: Quantity, names: [String]) {
        // "Other" lies at the bottom; the largest groups come first, so that small ones stay visible.
        let order = [0] + layers.indices.dropFirst().sorted { (layers[$1].count, $0) < (layers[$0].count, $1) }
        let cells = count > Self.limit ? merged(plane.x, plane.y) : nil
        for layer in order where !layers[layer].isEmpty {
            let shape = max(layer - 1, 0)
            if let cells {
                for (name, isSingle) in [("k\(layer) speck faint", true), ("k\(layer) speck", false)] {
                    let marks = cells[layer].filter { ($0.count == 1) == isSingle }
                    let data = marks.map { Marker.path(shape, $0.place.x, $0.place.y, size: 2.5) }.joined()
                    if !data.isEmpty { plane.canvas.path(data, class: name) }
                }
            } else if count > Self.tooltipLimit {
                let data = layers[layer].map { Marker.path(shape, plane.x($0.x), plane.y($0.y), size: 3) }.joined()
                plane.canvas.path(data, class: "k\(layer) speck")
            } else {
                for point in layers[layer] {
                    let tip = "\(names.indices.contains(layer) ? names[layer] : ""): \(y.text(point.y)) against "
                    plane.canvas.path(
                        Marker.path(shape, plane.x(point.x), plane.y(point.y), size: 4), class: "k\(layer) dot",
                        tooltip: tip + x.text(point.x))
                }
            }
        }
    }

    private struct Cell: Hashable {
        let column: Int
        let row: Int
    }

    /// One mark per cell and group, with cells that grow until the marks are few enough.
    private func merged(_ x: Scale, _ y: Scale) -> [[(place: Point, count: Int)]] {
        var size = 2.0
        while true {
            let cells = layers.map { points in
                var index: [Cell: Int] = [:]
                var marks: [(place: Point, count: Int)] = []
                for point in points {
                    let place = Point(x: x(point.x), y: y(point.y))
                    let cell = Cell(column: Int(place.x / size), row: Int(place.y / size))
                    if let known = index[cell] {
                        marks[known].count += 1
                    } else {
                        index[cell] = marks.count
                        marks.append((place, 1))
                    }
                }
                return marks
            }
            if cells.reduce(0, { $0 + $1.count }) <= Self.limit { return cells }
            size *= 1.25
        }
    }
}
