/// Collects SVG elements.
struct Canvas {
    private(set) var elements = ""

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String) {
        path("M\(Self.pair(x1, y1))L\(Self.pair(x2, y2))", class: name)
    }

    mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, corner: Double = 0, class name: String,
        tooltip: String = ""
    ) {
        let place = "x=\"\(Self.coordinate(x))\" y=\"\(Self.coordinate(y))\""
        let size = "width=\"\(Self.coordinate(width))\" height=\"\(Self.coordinate(height))\""
        let round = corner > 0 ? " rx=\"\(Self.coordinate(corner))\"" : ""
        element("rect", "class=\"\(name)\" \(place) \(size)\(round)", tooltip: tooltip)
    }

    mutating func circle(_ x: Double, _ y: Double, radius: Double, class name: String, tooltip: String = "") {
        let place = "cx=\"\(Self.coordinate(x))\" cy=\"\(Self.coordinate(y))\" r=\"\(Self.coordinate(radius))\""
        element("circle", "class=\"\(name)\" \(place)", tooltip: tooltip)
    }

    mutating func path(_ data: String, class name: String, tooltip: String = "") {
        element("path", "class=\"\(name)\" d=\"\(data)\"", tooltip: tooltip)
    }

    /// Text on the baseline `y`; `name` may hold `middle` or `end` for its anchor.
    mutating func text(_ text: String, _ x: Double, _ y: Double, class name: String, tooltip: String = "") {
        let place = "x=\"\(Self.coordinate(x))\" y=\"\(Self.coordinate(y))\""
        let title = tooltip.isEmpty ? "" : "<title>\(XML.escaped(tooltip))</title>"
        elements += "<text class=\"\(name)\" \(place)>\(title)\(XML.escaped(text))</text>\n"
    }

    /// Puts what `draw` draws into a group with a class of its own.
    mutating func group(class name: String, _ draw: (inout Canvas) -> Void) {
        elements += "<g class=\"\(name)\">\n"
        draw(&self)
        elements += "</g>\n"
    }

    private mutating func element(_ tag: String, _ attributes: String, tooltip: String) {
        let end = tooltip.isEmpty ? "/>" : "><title>\(XML.escaped(tooltip))</title></\(tag)>"
        elements += "<\(tag) \(attributes)\(end)\n"
    }

    /// A coordinate with one decimal.
    static func coordinate(_ value: Double) -> String {
        NumberText.trimmed(value.isFinite ? min(max(value, -99_999), 99_999) : 0, places: 1)
    }

    static func pair(_ x: Double, _ y: Double) -> String { coordinate(x) + " " + coordinate(y) }

    /// Path data through `points`, short where a line is level or upright.
    static func polyline(_ points: some Sequence<Point>) -> String {
        var data = ""
        var last = (x: "", y: "")
        for point in points {
            let next = (x: coordinate(point.x), y: coordinate(point.y))
            switch (next.x == last.x, next.y == last.y) {
            case (true, true): continue
            case (true, false): data += "V" + next.y
            case (false, true): data += "H" + next.x
            case (false, false): data += (data.isEmpty ? "M" : "L") + next.x + " " + next.y
            }
            last = next
        }
        return data
    }
}

/// A place in a drawing.
struct Point: Hashable {
    var x: Double
    var y: Double
}

/// How much room text takes, without a font at hand: on the safe side for the fonts of the theme.
enum TextWidth {
    /// The width of `text` at `size` pixels.
    static func of(_ text: String, size: Double) -> Double {
        text.unicodeScalars.reduce(0) { $0 + width(of: $1) } * size
    }

    /// `text`, cut with an ellipsis to at most `width`.
    static func cut(_ text: String, to width: Double, size: Double) -> String {
        guard of(text, size: size) > width else { return text }
        var kept = text
        while !kept.isEmpty, of(kept + "…", size: size) > width { kept.removeLast() }
        return kept + "…"
    }

    /// `text`, cut with an ellipsis in its middle to at most `width`: names differ at their ends.
    static func cutInside(_ text: String, to width: Double, size: Double) -> String {
        guard of(text, size: size) > width else { return text }
        var (head, tail) = (text.prefix(text.count / 2), text.suffix(text.count - text.count / 2))
        while !tail.isEmpty, of(head + "…" + tail, size: size) > width {
            if 2 * head.count > tail.count { head.removeLast() } else { tail.removeFirst() }
        }
        return head + "…" + tail
    }

    /// `text` in lines of at most `width`, broken at spaces.
    static func wrapped(_ text: String, to width: Double, size: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, of(last + " " + word, size: size) <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(cut(String(word), to: width, size: size))
            }
        }
        return lines
    }

    private static func width(of scalar: Unicode.Scalar) -> Double {
        switch scalar {
        case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!", " ": 0.32
        case "f", "t", "r", "(", ")", "[", "]", "-", "/": 0.41
        case "m", "w", "M", "W", "%", "@": 0.95
        case "A"..."Z": 0.69
        case "\u{2E80}"...: 1.05
        default: 0.615
        }
    }
}
