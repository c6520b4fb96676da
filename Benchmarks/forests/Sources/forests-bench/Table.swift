import Forests
import Foundation

/// A data directory as `forest_data.py` writes it: features, and the target on the scale that errors are measured on.
struct BenchTable {
    let train: ForestData
    let test: ForestData
    let trainTarget: [Double]
    let testTarget: [Double]
    let logTarget: Bool

    init(directory: String) throws {
        struct Schema: Decodable {
            struct Column: Decodable {
                let name: String
                let kind: String
            }
            let columns: [Column]
            let target: String
            let target_transform: String
        }
        let schema = try JSONDecoder().decode(
            Schema.self, from: Data(contentsOf: URL(fileURLWithPath: directory + "/schema.json")))
        logTarget = schema.target_transform == "log"
        let kinds = schema.columns.map { $0.kind == "categorical" }
        (train, trainTarget) = try BenchTable.read(
            directory + "/train.csv", schema.columns.map(\.name), kinds, log: logTarget)
        (test, testTarget) = try BenchTable.read(
            directory + "/test.csv", schema.columns.map(\.name), kinds, log: logTarget)
    }

    private static func read(
        _ path: String, _ names: [String], _ categorical: [Bool], log takesLog: Bool
    ) throws -> (ForestData, [Double]) {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        var numbers = [[Double]](repeating: [], count: names.count + 1)
        var codes = [[Int32]](repeating: [], count: names.count)
        var levels = [[String]](repeating: [], count: names.count)
        var codeOf = [[String: Int32]](repeating: [:], count: names.count)
        bytes.withUnsafeBytes { raw in
            let text = raw.bindMemory(to: CChar.self)
            var position = 0
            while position < text.count, text[position] != 10 { position += 1 }
            position += 1
            var column = 0
            while position < text.count {
                var end = position
                while end < text.count, text[end] != 44, text[end] != 10, text[end] != 13 { end += 1 }
                if column < names.count, categorical[column] {
                    let name = String(decoding: raw[position..<end], as: UTF8.self)
                    if name.isEmpty {
                        codes[column].append(-1)
                    } else if let code = codeOf[column][name] {
                        codes[column].append(code)
                    } else {
                        let code = Int32(levels[column].count)
                        levels[column].append(name)
                        codeOf[column][name] = code
                        codes[column].append(code)
                    }
                } else if column <= names.count {
                    numbers[column].append(
                        end == position ? .nan : strtod(text.baseAddress! + position, nil))
                }
                column += 1
                if end < text.count, text[end] != 44 {
                    column = 0
                    while end + 1 < text.count, text[end + 1] == 10 || text[end + 1] == 13 { end += 1 }
                }
                position = end + 1
            }
        }
        let columns: [ForestData.Column] = names.indices.map { index in
            guard categorical[index] else { return .numeric(names[index], numbers[index]) }
            // Levels in alphabetical order, as the peers have them.
            let order = levels[index].indices.sorted { levels[index][$0] < levels[index][$1] }
            var rank = [Int32](repeating: 0, count: order.count)
            for (new, old) in order.enumerated() { rank[old] = Int32(new) }
            return .categorical(
                names[index], codes: codes[index].map { $0 < 0 ? -1 : rank[Int($0)] },
                levels: order.map { levels[index][$0] })
        }
        let target = numbers[names.count]
        return (try ForestData(columns), takesLog ? target.map { log($0) } : target)
    }

    /// Test rows as plain numbers in the codes of the training table; a level that it lacks is missing.
    func plainTestRows(_ count: Int) -> [[Double]] {
        let columns: [[Double]] = zip(train.columns, test.columns).map { trained, tested in
            switch (trained.values, tested.values) {
            case (.categorical(_, let known), .categorical(let codes, let levels)):
                let code = Dictionary(uniqueKeysWithValues: known.enumerated().map { ($1, Double($0)) })
                return codes.prefix(count).map { $0 < 0 ? .nan : code[levels[Int($0)]] ?? .nan }
            case (_, .numeric(let values)): return Array(values.prefix(count))
            default: return []
            }
        }
        return (0..<min(count, test.rowCount)).map { row in columns.map { $0[row] } }
    }
}
