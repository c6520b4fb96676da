import Forests
import Foundation
import LinearAlgebra

// forests-bench DIR MODELDIR THREADS TREES ROUNDS [LEARNER,…]: our learners as one more peer of forest_peers.py.

let arguments = CommandLine.arguments
guard arguments.count >= 6, let threads = Int(arguments[3]), let trees = Int(arguments[4]),
    let rounds = Int(arguments[5])
else {
    FileHandle.standardError.write(Data("usage: forests-bench DIR MODELDIR THREADS TREES ROUNDS [LEARNER,…]\n".utf8))
    exit(2)
}
let learners = arguments.count > 6 ? arguments[6].split(separator: ",").map(String.init) : nil
let table = try BenchTable(directory: arguments[1])
let bench = Bench(table: table, modelDirectory: arguments[2], threads: threads, trees: trees, rounds: rounds)
for (name, run) in bench.learners where learners?.contains(name) ?? true {
    var row = try run()
    row["peer"] = name
    print(String(decoding: try JSONSerialization.data(withJSONObject: row, options: [.sortedKeys]), as: UTF8.self))
    fflush(nil)
}
