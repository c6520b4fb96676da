/// How a bar is filled: solid, or hatched where the work in it was lost.
struct BarOutline {
    enum Fill {
        case solid
        /// Lines that rise to the right.
        case hatched
        /// Lines that fall to the right.
        case backhatched
    }

    var fill = Fill.solid
    var isCritical = false

    /// Draws one bar. Hatching is made of plain lines: patterns would need ids, and pages hold many charts.
    func draw(
        x: Double, y: Double, width: Double, height: Double, class name: String, tooltip: String = "",
        on canvas: inout Canvas
    ) {
        let corner = min(2, width / 3, height / 3)
        let body = fill == .solid ? "fill" : "hollow"
        canvas.rectangle(
            x: x, y: y, width: width, height: height, corner: corner, class: "\(name) \(body)", tooltip: tooltip)
        if fill != .solid, width >= 3 {
            let lines = hatching(x: x, y: y, width: width, height: height)
            canvas.path(lines, class: "\(name) hatch")
        }
        if isCritical {
            canvas.rectangle(
                x: x + 0.5, y: y + 0.5, width: max(width - 1, 1), height: max(height - 1, 1), corner: corner,
                class: height < 8 ? "critical thin" : "critical")
        }
    }

    /// Diagonals at 45 degrees, cut at the edges of the rectangle; at most about 200.
    private func hatching(x: Double, y: Double, width: Double, height: Double) -> String {
        let spacing = max(5, (width + height) / 200)
        var data = ""
        var offset = spacing
        while offset < width + height {
            // From the left or lower edge up to the upper or right edge.
            let from = Point(x: max(0, offset - height), y: min(offset, height))
            let to = Point(x: min(offset, width), y: max(0, offset - width))
            let (fromY, toY) = fill == .hatched ? (from.y, to.y) : (height - from.y, height - to.y)
            data += "M" + Canvas.pair(x + from.x, y + fromY) + "L" + Canvas.pair(x + to.x, y + toY)
            offset += spacing
        }
        return data
    }
}
