import Foundation

/// One line of a benchmark data file: `id,source,domain,season,start,horizon,n,bench,train,test`.
struct Series: Sendable {
    let id: String
    let season: Int
    let horizon: Int
    let train: [Double]
    let test: [Double]

    /// - Parameter ids: Reads only these, in this order; all series if empty.
    static func read(_ path: String, ids: [String]) throws -> [Series] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(whereSeparator: \.isNewline)
        guard let header = lines.first?.split(separator: ",").map(String.init) else { return [] }
        func column(_ name: String) throws -> Int {
            guard let index = header.firstIndex(of: name) else { throw BenchError("\(path): no column '\(name)'") }
            return index
        }
        let (id, season, horizon) = (try column("id"), try column("season"), try column("horizon"))
        let (train, test) = (try column("train"), try column("test"))
        let all = try lines.dropFirst().map { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == header.count, let m = Int(fields[season]), let h = Int(fields[horizon]) else {
                throw BenchError("\(path): a row does not have \(header.count) fields")
            }
            return Series(
                id: String(fields[id]), season: m, horizon: h, train: numbers(fields[train]),
                test: numbers(fields[test]))
        }
        guard !ids.isEmpty else { return all }
        let byID = Dictionary(all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return ids.compactMap { byID[$0] }
    }

    private static func numbers(_ text: Substring) -> [Double] { text.split(separator: " ").map { Double($0) ?? .nan } }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
