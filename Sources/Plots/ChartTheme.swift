/// The colours and type of every chart and report, as CSS variables. They follow the reader's light or dark mode
/// and print in light colours.
public enum ChartTheme {
    /// How many categories have a colour of their own; the rest share a quiet grey and the name "other".
    public static let categoryCount = 8

    /// The colours of one mode, as `#rrggbb`.
    package struct Palette: Sendable {
        package let surface: String
        package let panel: String
        package let ink: String
        package let muted: String
        package let grid: String
        package let other: String
        package let good: String
        package let bad: String
        /// Told apart with red-green blindness too: neighbours differ in lightness as well as in hue.
        package let categories: [String]

        private var variables: String {
            let named = [
                ("surface", surface), ("panel", panel), ("ink", ink), ("muted", muted), ("grid", grid),
                ("other", other), ("good", good), ("bad", bad),
            ]
            let numbered = categories.enumerated().map { ("c\($0.offset + 1)", $0.element) }
            return (named + numbered).map { "--\($0.0):\($0.1)" }.joined(separator: ";")
        }

        fileprivate var rule: String { ":root{\(variables)}" }
    }

    package static let light = Palette(
        surface: "#ffffff", panel: "#f5f6f8", ink: "#1b2129", muted: "#5a6572", grid: "#e3e6ea", other: "#78828e",
        good: "#1f7a4d", bad: "#b3261e",
        categories: [
            "#3f72e0", "#e0601c", "#2f9a78", "#a53a95", "#815608", "#6c221d", "#5b2492", "#374e5d",
        ])
    package static let dark = Palette(
        surface: "#15181c", panel: "#1e2329", ink: "#e8ebef", muted: "#a3adb8", grid: "#2e343c", other: "#8b95a1",
        good: "#5fcf96", bad: "#ff8a80",
        categories: [
            "#8fb0ff", "#d07f2a", "#3fdca0", "#d85ab4", "#f1c028", "#f39a9f", "#9a7bfa", "#dbe6f2",
        ])

    /// The style sheet that every picture needs once per document.
    public static let chartStyle: String = {
        let marks = (1...categoryCount).map { ".k\($0){--k:var(--c\($0))}" }.joined()
        return """
            :root{color-scheme:light dark}
            \(light.rule)
            @media (prefers-color-scheme:dark){\(dark.rule)}
            @media print{\(light.rule)}
            .chart{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
            .chart text{fill:var(--muted);font-variant-numeric:tabular-nums}
            .chart .title{font-size:15px;font-weight:600;fill:var(--ink)}
            .chart .strong{font-weight:600;fill:var(--ink)}
            .chart .small{font-size:11px}
            .chart .ink{fill:var(--ink)}
            .chart .middle{text-anchor:middle}
            .chart .end{text-anchor:end}
            .surface{fill:var(--surface)}
            .stripe{fill:var(--panel)}
            .grid{stroke:var(--grid);fill:none}
            .axis{stroke:var(--muted);fill:none}
            .guide{stroke:var(--muted);fill:none;stroke-dasharray:4 4}
            .k0{--k:var(--other)}\(marks)
            .stroke{stroke:var(--k);fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
            .dashed{stroke-dasharray:6 5}
            .dotted{stroke-dasharray:1 5}
            .fill{fill:var(--k)}
            .dot{fill:var(--k);fill-opacity:.72;stroke:var(--surface);stroke-width:.6}
            .speck{fill:var(--k);fill-opacity:.75}
            .faint{fill-opacity:.4}
            .band{fill:var(--k);fill-opacity:.17}
            .hollow{fill:var(--k);fill-opacity:.16;stroke:var(--k)}
            .hatch{stroke:var(--k);fill:none;stroke-width:1.2}
            .link{stroke:var(--muted);fill:none;stroke-opacity:.6}
            .crowd{stroke-opacity:.35}
            .vital{stroke:var(--ink);fill:none;stroke-width:1.8;stroke-linejoin:round}
            .critical{fill:none;stroke:var(--ink);stroke-width:1.8}
            .thin{stroke-width:.8}
            .late{stroke:var(--bad);fill:none;stroke-width:1.5}
            .hit{fill:transparent}

            """
    }()
}
