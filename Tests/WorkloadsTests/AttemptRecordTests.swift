import Foundation
import Testing
import Workloads

@Suite("A row of the trace schema") struct AttemptRecordTests {
    @Test("a record is the same when it was written and read, whatever is known of it")
    func json() throws {
        for known in AttemptColumn.allCases {
            var record = AttemptRecord()
            for column in AttemptColumn.allCases where column == known || known == .workflow {
                if column.isText { record[text: column] = column == .status ? "failed" : "some \"word\"" }
                record[number: column] = column == .attempt || column == .exitCode ? 3 : 1.25
            }
            record.parameters = ["level": "01 a", "size": 12.5]
            record.demand = DemandSeries([.init(seconds: 1, cpuSeconds: 0.5, memoryBytes: 1024)])
            let data = try JSONEncoder().encode(record)
            #expect(try JSONDecoder().decode(AttemptRecord.self, from: data) == record)
            let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(object[known.name] != nil && object["param.size"] as? Double == 12.5)
            // Every column is a property of its own.
            #expect(known == .workflow || object.count == 4)
        }
    }

    @Test(
        "text is a number where it is a finite decimal one alone",
        arguments: [
            ("12", 12.0), (" 1.5e3 ", 1500), ("-0.5", -0.5), ("007", 7), ("1 2", nil), ("0x10", nil), ("inf", nil),
            ("", nil),
            ("1,5", nil), ("1e999", nil), ("nan", nil), ("e", nil),
        ])
    func values(text: String, number: Double?) {
        #expect(ParameterValue(text) == (number.map { .number($0) } ?? .text(text)))
    }
}
