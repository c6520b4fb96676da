import Forecasting
import Foundation

// survival-bench DATA: our survival of spot capacity on recorded traces, one JSON object a line (see bench.py).

guard CommandLine.arguments.count == 2 else {
    FileHandle.standardError.write(Data("usage: survival-bench DATA\n".utf8))
    exit(2)
}
let spot = CommandLine.arguments[1] + "/spot"

func show(_ row: [String: Any]) throws {
    print(String(decoding: try JSONSerialization.data(withJSONObject: row, options: .sortedKeys), as: UTF8.self))
}

func traces(_ folder: String) throws -> [SpotHistory] {
    struct Trace: Decodable {
        struct Metadata: Decodable { let gap_seconds: Double }
        let metadata: Metadata
        let data: [Int]
    }
    let path = "\(spot)/traces/\(folder)"
    return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".json") }.sorted().map {
        let trace = try JSONDecoder().decode(Trace.self, from: Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)")))
        let parts = $0.dropLast(5).split(separator: "_", maxSplits: 1).map(String.init)
        return SpotHistory(
            zone: parts[0], type: parts[1], stepSeconds: trace.metadata.gap_seconds, isUp: trace.data.map { $0 > 0 })
    }
}

func probes() throws -> [SpotHistory] {
    let text = try String(contentsOfFile: "\(spot)/h100/launched_of_16.csv", encoding: .utf8)
    let lines = text.split(whereSeparator: \.isNewline).map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    return lines[0].indices.compactMap { column in
        let values = lines.dropFirst().map { $0[column] }
        guard values.allSatisfy({ $0.isEmpty || Int($0) != nil }) else { return nil }
        return SpotHistory(
            zone: lines[0][column], type: "h100", stepSeconds: 600, isUp: values.map { Int($0).map { $0 > 0 } })
    }
}

let grid = [600.0, 1200, 1800, 3600] + (2...24).map { 3600 * Double($0) }
try show(["kind": "grid", "seconds": grid])
let sets = [
    ("W2", try traces("availability/1-node/aws-10-26-2022")), ("W6", try traces("availability/1-node/aws-02-15-2023")),
    ("P", try traces("preemption/1-node/aws-04-22-2023")), ("H100", try probes()),
]
for (name, histories) in sets {
    let found = try SpotSurvivalEvaluation(histories)
    try show([
        "kind": "ticks", "set": name, "brier": found.scores[0].brier, "km": found.scores[1].brier,
        "constant": found.scores[2].brier,
        "zones": found.calibration.map { ["zone": $0.zone, "50": $0.below50, "90": $0.below90] },
    ])
}
for (name, histories) in sets.prefix(2) {
    for held in histories {
        let others = histories.filter { $0.key != held.key }
        let began = ContinuousClock.now
        let model = SpotSurvival.fit(others)
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        try show(["kind": "fit", "set": name, "trace": held.key, "seconds": seconds])
        let situations = held.situations(others: others)
        var start = 0
        while start < held.isUp.count {
            guard start > 0, held.isUp[start] == true, held.isUp[start - 1] == false else {
                start += 1
                continue
            }
            var end = start
            while end < held.isUp.count, held.isUp[end] == true { end += 1 }
            let situation = situations[start]
            let hour = 2 * Double.pi * situation.time / 86400
            try show([
                "kind": "spell", "set": name, "trace": held.key, "length": Double(end - start) * held.stepSeconds,
                "ended": end < held.isUp.count, "share": situation.recentShare,
                "last": log(situation.lastUpSeconds / 3600 + 0.1), "others": situation.othersUp, "sine": sin(hour),
                "cosine": cos(hour),
                "survival": grid.map { model.survival(situation, seconds: $0, zone: held.zone, type: held.type) },
            ])
            start = end
        }
    }
}
