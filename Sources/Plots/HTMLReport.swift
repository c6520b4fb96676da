/// One self-contained page: prose, headline figures, tables and charts. It needs no script and no network, follows
/// light and dark mode, and prints.
///
///     var report = HTMLReport("Nightly run", subtitle: "42 tasks on 3 instances")
///     report.tiles = [.init("Makespan", "12 min", note: "deadline 15 min", verdict: .good)]
///     report.sections = [.init("Schedule", [.figure(gantt, caption: "Plan above, run below.")])]
///     let page = report.html()
public struct HTMLReport: Sendable {
    /// A headline figure.
    public struct Tile: Sendable, Hashable {
        /// Whether the figure is good news.
        public enum Verdict: String, Sendable, Hashable { case neutral, good, bad }

        public var label: String
        public var value: String
        public var note: String
        public var verdict: Verdict

        /// A tile that shows `value` large, `label` above and `note` below.
        public init(_ label: String, _ value: String, note: String = "", verdict: Verdict = .neutral) {
            (self.label, self.value, self.note, self.verdict) = (label, value, note, verdict)
        }
    }

    /// A part of a section.
    public enum Block: Sendable {
        /// Paragraphs, separated by empty lines. `` `code` `` and `**strong**` are understood, nothing else.
        case prose(String)
        case tiles([Tile])
        case table(HTMLTable, caption: String = "")
        case figure(any Chart, caption: String = "")
        /// Commands or output, as they are.
        case code(String)
    }

    /// A part of the page with a place in the navigation.
    public struct Section: Sendable {
        public var title: String
        public var blocks: [Block]

        /// A section of `blocks`, top to bottom.
        public init(_ title: String, _ blocks: [Block]) { (self.title, self.blocks) = (title, blocks) }
    }

    public var title: String
    public var subtitle: String
    public var tiles: [Tile]
    public var sections: [Section]
    /// A last line: what made the page, from what.
    public var footer: String

    /// A page; everything but the title may come later.
    public init(
        _ title: String, subtitle: String = "", tiles: [Tile] = [], sections: [Section] = [], footer: String = ""
    ) {
        (self.title, self.subtitle, self.tiles) = (title, subtitle, tiles)
        (self.sections, self.footer) = (sections, footer)
    }

    /// The page as UTF-8 text. It is well-formed XML, too, and equal reports give equal bytes.
    public func html() -> String {
        let links = sections.enumerated().map { "<a href=\"#s\($0.offset + 1)\">\(XML.escaped($0.element.title))</a>" }
        let navigation = sections.count > 1 ? "<nav aria-label=\"Sections\">\(links.joined())</nav>\n" : ""
        let body = sections.enumerated().map { index, section in
            """
            <section id="s\(index + 1)">
            <h2>\(XML.escaped(section.title))</h2>
            \(section.blocks.map(Self.html).joined())</section>

            """
        }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <title>\(XML.escaped(title))</title>
            <style>\(ChartTheme.chartStyle)\(Self.pageStyle)</style>
            </head>
            <body>
            <header>
            <h1>\(XML.escaped(title))</h1>
            \(subtitle.isEmpty ? "" : "<p class=\"subtitle\">\(XML.escaped(subtitle))</p>\n")\(Self.html(tiles))\
            \(navigation)</header>
            <main>
            \(body.joined())</main>
            \(footer.isEmpty ? "" : "<footer>\(XML.escaped(footer))</footer>\n")</body>
            </html>

            """
    }
}

extension HTMLReport {
    private static func html(_ block: Block) -> String {
        switch block {
        case .prose(let text): paragraphs(text)
        case .tiles(let tiles): html(tiles)
        case .table(let table, let caption): table.html(caption: caption)
        case .figure(let chart, let caption): figure(chart.picture(), caption)
        case .code(let text): "<pre><code>\(escapedLines(text))</code></pre>\n"
        }
    }

    private static func html(_ tiles: [Tile]) -> String {
        guard !tiles.isEmpty else { return "" }
        let items = tiles.map { tile in
            let note = tile.note.isEmpty ? "" : "<span class=\"note\">\(XML.escaped(tile.note))</span>"
            let value = "<span class=\"value \(tile.verdict.rawValue)\">\(XML.escaped(tile.value))</span>"
            return "<li><span class=\"label\">\(XML.escaped(tile.label))</span>\(value)\(note)</li>\n"
        }
        return "<ul class=\"tiles\">\n\(items.joined())</ul>\n"
    }

    private static func figure(_ picture: Picture, _ caption: String) -> String {
        let text = caption.isEmpty ? "" : "<figcaption>\(inline(caption))</figcaption>\n"
        let width = Int(max(1, min(picture.width, 10_000)))
        return "<figure style=\"max-width:\(width)px\">\n\(picture.inlineSVG)\(text)</figure>\n"
    }

    private static func paragraphs(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let parts = lines.split { $0.allSatisfy(\.isWhitespace) }
        return parts.map { "<p>\(inline($0.joined(separator: " ")))</p>\n" }.joined()
    }

    /// Escapes text and marks up `` `code` `` and `**strong**`; an unpaired mark stays as it is.
    private static func inline(_ text: String) -> String {
        paired(XML.escaped(text), mark: "`", tag: "code") { paired($0, mark: "**", tag: "strong") { $0 } }
    }

    private static func paired(
        _ text: String, mark: String, tag: String, outside: (String) -> String
    ) -> String {
        let parts = split(text, by: mark)
        // With an even number of parts the last mark has no partner.
        let paired = parts.count.isMultiple(of: 2) ? parts.count - 1 : parts.count
        var result = ""
        for (index, part) in parts.enumerated() {
            if index >= paired {
                result += mark + outside(part)
            } else if index.isMultiple(of: 2) {
                result += outside(part)
            } else {
                result += "<\(tag)>\(part)</\(tag)>"
            }
        }
        return result
    }

    private static func split(_ text: String, by mark: String) -> [String] {
        text.split(separator: mark, omittingEmptySubsequences: false).map(String.init)
    }

    private static func escapedLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { XML.escaped(String($0)) }
            .joined(separator: "\n")
    }

    private static let pageStyle = """
        *{box-sizing:border-box}
        body{margin:0 auto;padding:2rem 1.25rem 3rem;max-width:62rem;background:var(--surface);color:var(--ink);\
        font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
        h1{font-size:1.75rem;line-height:1.2;margin:0}
        h2{font-size:1.25rem;margin:2.5rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--grid)}
        p{max-width:44rem}
        .subtitle,footer,figcaption,caption{color:var(--muted)}
        .subtitle{margin:.35rem 0 0}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.75rem;padding:0;\
        margin:1.5rem 0;list-style:none}
        .tiles li{background:var(--panel);border-radius:.5rem;padding:.8rem 1rem;display:flex;flex-direction:column}
        .tiles .label,.tiles .note{color:var(--muted);font-size:.85rem}
        .tiles .value{font-size:1.6rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
        .tiles .good{color:var(--good)}
        .tiles .bad{color:var(--bad)}
        nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin-top:1rem}
        a{color:inherit;text-decoration-color:var(--muted);text-underline-offset:.2em}
        figure{margin:1.25rem 0 1.75rem}
        figure svg{display:block;width:calc(100% + 12px);height:auto;margin-left:-12px}
        figcaption,caption{font-size:.9rem;text-align:left;padding:.25rem 0 .5rem;max-width:44rem}
        .scroll{overflow-x:auto;margin:1.25rem 0}
        table{border-collapse:collapse;font-size:.93rem;font-variant-numeric:tabular-nums}
        th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--grid);vertical-align:top}
        thead th{color:var(--muted);font-weight:600;vertical-align:bottom}
        tbody th{font-weight:400}
        .number{text-align:right;white-space:nowrap;padding:.35rem .25rem .35rem 1.1rem}
        pre{background:var(--panel);border-radius:.5rem;padding:.8rem 1rem;overflow-x:auto;line-height:1.45}
        code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
        footer{margin-top:3rem;font-size:.85rem}
        @media print{body{max-width:none;padding:0;font-size:11pt}nav{display:none}figure,tr,.tiles li\
        {break-inside:avoid}h2{break-after:avoid}}

        """
}
