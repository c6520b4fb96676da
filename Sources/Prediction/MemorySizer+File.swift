internal import ModelFiles

extension MemorySizer {
    static let modelKind = "memory-requests"
    static let schemaVersion = 1
    private static let numbers = 12

    /// The requests of all types, as a part of a model file.
    static func modelFile(_ sizers: [String: MemorySizer]) throws -> ModelFile {
        let names = sizers.keys.sorted()
        let all = names.compactMap { sizers[$0] }
        var file = ModelFile(kind: modelKind, schemaVersion: schemaVersion)
        try file.setJSON("types", names)
        try file.setJSON("rules", all.map(\.curve.rule))
        try file.setJSON("predicted", all.map(\.isPredicted))
        try file.set("runs", all.map { Int64($0.runs) })
        try file.set("numbers", all.flatMap(\.flat), shape: [all.count, numbers])
        try file.set("killed", all.map { Int64($0.killed) })
        try file.set(
            "unknown_beyond",
            all.flatMap { [$0.offset.unknownBeyond ?? .nan, $0.constantOffset.unknownBeyond ?? .nan] },
            shape: [all.count, 2])
        var starts: [Int64] = [0]
        var (sizes, values): ([Double], [Double]) = ([], [])
        for sizer in all {
            if case .neighbours(_, let x, let y) = sizer.curve {
                sizes += x
                values += y
            }
            starts.append(Int64(sizes.count))
        }
        try file.set("starts", starts)
        try file.set("sizes", sizes)
        try file.set("values", values)
        return file
    }

    /// What ``modelFile(_:)`` wrote; `path` is for messages.
    static func read(_ file: ModelFile, path: String) throws -> [String: MemorySizer] {
        let names = try file.json("types", as: [String].self)
        let rules = try file.json("rules", as: [MemoryRequest.Rule].self)
        let predicted = try file.json("predicted", as: [Bool].self)
        let runs = try file.values("runs", as: Int64.self)
        let flat = try file.doubles("numbers")
        let starts = try file.values("starts", as: Int64.self).map { Int(clamping: $0) }
        let (sizes, values) = (try file.doubles("sizes"), try file.doubles("values"))
        // Files of a release before knew of no killed runs.
        let known = Set(file.tensorNames)
        let killed =
            known.contains("killed") ? try file.values("killed", as: Int64.self) : names.map { _ in 0 }
        let unknown =
            known.contains("unknown_beyond")
            ? try file.doubles("unknown_beyond") : [Double](repeating: .nan, count: names.count * 2)
        guard Set(names).count == names.count, rules.count == names.count, predicted.count == names.count,
            runs.count == names.count, killed.count == names.count, unknown.count == names.count * 2,
            flat.count == names.count * numbers, starts.count == names.count + 1,
            starts.first == 0, starts.last == sizes.count, sizes.count == values.count,
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 })
        else { throw PredictionError.unreadable(path, reason: "its memory requests do not fit together") }
        var result: [String: MemorySizer] = [:]
        for (i, name) in names.enumerated() {
            let n = Array(flat[(i * numbers)..<((i + 1) * numbers)])
            let curve: RequestCurve
            switch rules[i] {
            case .constant, .mostSeen, .tooFewRuns: curve = .constant(n[1])
            case .linear, .logLog:
                curve = .line(intercept: n[1], slope: n[2], logarithmic: rules[i] == .logLog, floor: n[3])
            case .neighbours:
                let range = starts[i]..<starts[i + 1]
                guard !range.isEmpty else {
                    throw PredictionError.unreadable(path, reason: "the memory requests of '\(name)' have no runs")
                }
                curve = .neighbours(
                    count: Int(n[4].isFinite ? max(1, min(n[4], 1000)) : 1), sizes: Array(sizes[range]),
                    values: Array(values[range]))
            }
            func offset(_ first: Int, unknown: Double) -> RequestOffset {
                RequestOffset(
                    first: n[first], second: n[first + 1], failureShare: n[first + 2], wastage: .nan,
                    unknownBeyond: unknown.isNaN ? nil : unknown)
            }
            result[name] = MemorySizer(
                runs: Int(clamping: runs[i]), maximumSeenBytes: n[0], curve: curve,
                offset: offset(5, unknown: unknown[2 * i]),
                constant: .constant(n[8]),
                constantOffset: offset(9, unknown: unknown[2 * i + 1]), isPredicted: predicted[i],
                killed: Int(clamping: killed[i]))
        }
        return result
    }

    private var flat: [Double] {
        let shape: [Double] =
            switch curve {
            case .constant(let value): [value, 0, 0, 0]
            case .line(let intercept, let slope, _, let floor): [intercept, slope, floor, 0]
            case .neighbours(let count, _, _): [0, 0, 0, Double(count)]
            }
        return [maximumSeenBytes] + shape + [offset.first, offset.second, offset.failureShare]
            + [
                constant.logBytes(size: .nan) ?? 0, constantOffset.first, constantOffset.second,
                constantOffset.failureShare,
            ]
    }
}
