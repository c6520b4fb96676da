/// A table of an ``HTMLReport``: text columns on the left, numbers right-aligned with their unit.
public struct HTMLTable: Sendable, Hashable {
    /// One column.
    public struct Column: Sendable, Hashable {
        public var name: String
        /// What its numbers measure; `nil` for text.
        public var quantity: Quantity?

        /// A column of text, or of numbers where `quantity` is given.
        public init(_ name: String, _ quantity: Quantity? = nil) { (self.name, self.quantity) = (name, quantity) }
    }

    /// One cell.
    public enum Cell: Sendable, Hashable {
        case text(String)
        case number(Double)
    }

    /// Which numbers are bold.
    public enum Best: String, Sendable, Hashable {
        case none, lowestInRow, highestInRow, lowestInColumn, highestInColumn
    }

    public var columns: [Column]
    /// Cells beyond the columns are not shown, missing ones are empty.
    public var rows: [[Cell]]
    /// Compared are numbers of the same quantity; ties are all bold.
    public var best: Best

    /// A table of `rows` under `columns`.
    public init(columns: [Column], rows: [[Cell]], best: Best = .none) {
        (self.columns, self.rows, self.best) = (columns, rows, best)
    }

    func html(caption: String) -> String {
        let head = columns.map { "<th scope=\"col\"\(Self.alignment($0))>\(XML.escaped($0.name))</th>" }.joined()
        let body = rows.indices.map { row in
            let cells = columns.indices.map { column in cell(row, column) }.joined()
            return "<tr>\(cells)</tr>\n"
        }
        let title = caption.isEmpty ? "" : "<caption>\(XML.escaped(caption))</caption>\n"
        return """
            <div class="scroll"><table>
            \(title)<thead><tr>\(head)</tr></thead>
            <tbody>
            \(body.joined())</tbody>
            </table></div>

            """
    }
}

extension HTMLTable {
    private static func alignment(_ column: Column) -> String { column.quantity == nil ? "" : " class=\"number\"" }

    private func cell(_ row: Int, _ column: Int) -> String {
        guard rows[row].indices.contains(column) else { return "<td></td>" }
        let kind = Self.alignment(columns[column])
        switch rows[row][column] {
        case .text(let text):
            let tag = column == 0 ? "th scope=\"row\"" : "td"
            return "<\(tag)\(kind)>\(XML.escaped(text))</\(column == 0 ? "th" : "td")>"
        case .number(let value):
            let text = XML.escaped((columns[column].quantity ?? .number).text(value))
            return "<td\(kind)>\(isBest(value, row, column) ? "<strong>\(text)</strong>" : text)</td>"
        }
    }

    private func isBest(_ value: Double, _ row: Int, _ column: Int) -> Bool {
        guard value.isFinite else { return false }
        let rivals: [Double]
        switch best {
        case .none: return false
        case .lowestInRow, .highestInRow:
            let same = columns.indices.filter { columns[$0].quantity == columns[column].quantity }
            rivals = same.compactMap { number(row, $0) }
        case .lowestInColumn, .highestInColumn: rivals = rows.indices.compactMap { number($0, column) }
        }
        let isLowest = best == .lowestInRow || best == .lowestInColumn
        return rivals.count > 1 && value == (isLowest ? rivals.min() : rivals.max())
    }

    private func number(_ row: Int, _ column: Int) -> Double? {
        guard rows[row].indices.contains(column), case .number(let value) = rows[row][column] else { return nil }
        return value.isFinite ? value : nil
    }
}
