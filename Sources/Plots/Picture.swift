/// A chart turns data into one picture. Conform your own type to place it in an ``HTMLReport``.
public protocol Chart: Sendable {
    /// Draws the chart. Equal charts give equal bytes.
    func picture() -> Picture
}

extension Chart {
    /// The chart as an SVG file of its own: it carries its style and follows the reader's light or dark mode.
    public func svg() -> String { picture().svg }
}

/// A drawn chart: SVG elements styled by the classes of ``ChartTheme``.
public struct Picture: Sendable, Hashable {
    /// Width of the drawing in its own units, CSS pixels at natural size.
    public let width: Double
    /// Height of the drawing in its own units.
    public let height: Double
    /// What a screen reader says: the title and what is drawn.
    public let summary: String
    /// The elements inside the `svg` element.
    public let elements: String

    /// A picture of SVG `elements`, which must be well-formed and use only classes of ``ChartTheme``.
    public init(width: Double, height: Double, summary: String, elements: String) {
        (self.width, self.height, self.summary, self.elements) = (width, height, summary, elements)
    }

    /// A complete SVG document.
    public var svg: String {
        element(namespace: "xmlns=\"http://www.w3.org/2000/svg\" ", style: "<style>\(ChartTheme.chartStyle)</style>\n")
    }

    /// The `svg` element for a page that holds ``ChartTheme/chartStyle`` itself.
    public var inlineSVG: String { element(namespace: "", style: "") }

    private func element(namespace: String, style: String) -> String {
        let size = "\(Canvas.coordinate(width)) \(Canvas.coordinate(height))"
        return """
            <svg \(namespace)class="chart" viewBox="0 0 \(size)" role="img" aria-label="\(XML.escaped(summary))">
            \(style)<rect class="surface" width="100%" height="100%"/>
            \(elements)</svg>

            """
    }
}

/// Escaping for XML and HTML.
enum XML {
    /// `text` safe in element content and in quoted attributes. Characters that XML 1.0 forbids become `�`.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result += " "
            case "\u{0}"..<" ", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
