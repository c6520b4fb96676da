import Foundation

/// A CSV file without quotes, as bench.py writes it.
struct Table {
    let rows: [[Substring]]
    private let places: [String: Int]

    init(_ path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n")
        places = Dictionary(
            uniqueKeysWithValues: (lines.first ?? "").split(separator: ",").enumerated().map { (String($1), $0) })
        rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    }

    func texts(_ name: String) throws -> [String] {
        let place = try place(name)
        return rows.map { String($0[place]) }
    }

    /// NaN for an empty cell.
    func numbers(_ name: String) throws -> [Double] {
        let place = try place(name)
        return rows.map { Double($0[place]) ?? .nan }
    }

    private func place(_ name: String) throws -> Int {
        guard let place = places[name] else { throw Missing(column: name) }
        return place
    }

    struct Missing: Error { let column: String }
}

/// The rows of each value of a column, in the order of first appearance.
func grouped(_ keys: [String], _ rows: some Sequence<Int>) -> [(key: String, rows: [Int])] {
    var places: [String: Int] = [:]
    var groups: [(key: String, rows: [Int])] = []
    for row in rows {
        if let place = places[keys[row]] {
            groups[place].rows.append(row)
        } else {
            places[keys[row]] = groups.count
            groups.append((keys[row], [row]))
        }
    }
    return groups
}
