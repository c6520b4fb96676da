/// A table in aligned plain text: first column left, numbers right.
struct TextTable {
    var header: [String]
    var rows: [[String]] = []

    init(_ header: [String]) { self.header = header }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let all = [header] + rows
        let columns = all.map(\.count).max() ?? 0
        func cell(_ row: [String], _ column: Int) -> String { column < row.count ? row[column] : "" }
        let widths = (0..<columns).map { column in all.map { cell($0, column).count }.max() ?? 0 }
        // A column is numeric when every cell that says something starts or ends with a digit.
        let numeric = (0..<columns).map { column in
            rows.allSatisfy { row in
                let text = cell(row, column)
                return text.isEmpty || text == "–" || text == "-" || (text.first?.isNumber ?? false)
                    || text.first == "-" || text.first == "$" || text.first == "+"
            }
        }
        func line(_ row: [String]) -> String {
            let cells = (0..<columns).map { column -> String in
                let padding = String(repeating: " ", count: widths[column] - cell(row, column).count)
                return numeric[column] && column > 0 ? padding + cell(row, column) : cell(row, column) + padding
            }
            var text = cells.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            return text
        }
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        return ([line(header), rule] + rows.map(line)).joined(separator: "\n")
    }
}
