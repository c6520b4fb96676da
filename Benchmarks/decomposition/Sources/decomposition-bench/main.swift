// decomposition-bench test TRAIN TEST | folds FILE | time TRAIN TEST: prints one line of JSON.
import Decomposition
import Foundation

let arguments = CommandLine.arguments.dropFirst()
guard let part = arguments.first, arguments.count >= 2 else { exit(2) }
let files = Array(arguments.dropFirst())
let library = try BreakdownLibrary.read(files[0])
let encoder = JSONEncoder()

func write(_ value: some Encodable) throws { print(String(decoding: try encoder.encode(value), as: UTF8.self)) }

switch part {
case "test":
    try write(DecompositionEvaluation(training: library, testing: BreakdownLibrary.read(files[1]).breakdowns))
case "folds":
    try write(DecompositionEvaluation(library))
case "time":
    let clock = ContinuousClock()
    var (best, model) = (Double.infinity, try Decomposer.fit(library))
    for _ in 0..<3 {
        let start = clock.now
        model = try Decomposer.fit(library)
        best = min(best, (clock.now - start) / .seconds(1))
    }
    let texts = try BreakdownLibrary.read(files[1]).breakdowns.map(\.description)
    let start = clock.now
    var steps = 0
    for text in texts { steps += try model.decompose(text).steps.count }
    let each = (clock.now - start) / .seconds(1) / Double(texts.count)
    try write(["fitSeconds": best, "eachSeconds": each, "steps": Double(steps)])
default: exit(2)
}
