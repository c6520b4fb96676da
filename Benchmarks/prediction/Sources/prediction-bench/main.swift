// prediction-bench PART TABLE [TABLE]: answers to the questions of bench.py, as JSON.
import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= (arguments.first == "scout" ? 3 : 2) else {
    FileHandle.standardError.write(Data("usage: prediction-bench sizey|killed|lotaru|next|scout TABLE [TABLE]\n".utf8))
    exit(2)
}
let table = try Table(arguments[1])
let answer: any Encodable =
    switch arguments[0] {
    case "sizey": try requestsWhileRunsArrive(table)
    case "killed": try requestsAfterKills(table, risk: 0.05)
    case "lotaru": try timesOnOtherMachines(table, scores: arguments.count > 2 ? arguments[2] : nil)
    case "scout": try cheapestConfigurations(table, starts: Table(arguments[2]))
    default: try laterRuns(table)
    }
let encoder = JSONEncoder()
encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
FileHandle.standardOutput.write(try encoder.encode(answer))
