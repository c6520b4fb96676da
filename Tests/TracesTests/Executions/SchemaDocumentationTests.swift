import Foundation
import Testing
import Traces
import Workloads

@Suite("The schema's documentation") struct SchemaDocumentationTests {
    @Test("the page lists every column with the unit and meaning that the code has")
    func columns() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../../Sources/Traces/Traces.docc/Traces.md").standardized
        let text = try String(contentsOf: page, encoding: .utf8)
        for column in AttemptColumn.allCases {
            #expect(text.contains("| `\(column.name)` | \(column.unit.rawValue) | \(column.documentation) |"))
            #expect(AttemptColumn(name: column.name) == column)
        }
    }
}
