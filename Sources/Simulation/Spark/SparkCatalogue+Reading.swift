internal import Foundation

extension SparkCatalogue {
    /// Reads all files `tpch_*.json` of a folder, small sizes first; jobs are named by query and size: `q3-5g`.
    ///
    /// Each file holds `{"<query>": {"stages": […], "edges": [[parent, child], …]}}`, and each stage `tasks`, `rough_ms`, the
    /// list `execs` of numbers of executors, and for each of them a list of durations in `fresh`, `first` and `rest`.
    ///
    /// - Throws: ``SparkError`` that names file, job and stage.
    public init(folder: String) throws(SparkError) {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw .cannotRead(folder, reason: error.localizedDescription)
        }
        let sizes = names.compactMap { $0.wholeMatch(of: #/tpch_(.+)\.json/#).map { String($0.1) } }.sorted {
            $0.compare($1, options: .numeric) == .orderedAscending
        }
        var jobs: [SparkJob] = []
        for size in sizes {
            let path = "\(folder)/tpch_\(size).json"
            let queries = try readJSON([String: RecordedJob].self, path)
            for (query, job) in queries.sorted(by: { $0.key.compare($1.key, options: .numeric) == .orderedAscending }) {
                jobs.append(try job.checked(name: "q\(query)-\(size)", path: path))
            }
        }
        try self.init(jobs, source: folder)
    }
}

/// Decodes a file; what is wrong with it becomes one sentence.
func readJSON<Value: Decodable>(_ type: Value.Type, _ path: String) throws(SparkError) -> Value {
    do {
        return try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: path)))
    } catch let error as DecodingError {
        func place(_ context: DecodingError.Context) -> String {
            let keys = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? "'\($0.stringValue)'" }
            return keys.isEmpty ? "" : "at \(keys.joined(separator: " ")): "
        }
        switch error {
        case .keyNotFound(let key, let context):
            throw .cannotRead(path, reason: "\(place(context))'\(key.stringValue)' is missing.")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            throw .cannotRead(path, reason: place(context) + context.debugDescription)
        @unknown default: throw .cannotRead(path, reason: "\(error)")
        }
    } catch {
        throw .cannotRead(path, reason: error.localizedDescription)
    }
}

private struct RecordedJob: Decodable {
    struct Stage: Decodable {
        let tasks: Int
        let rough_ms: Double
        let execs: [Int]
        let fresh, first, rest: [[Int32]]
    }
    let stages: [Stage]
    let edges: [[Int]]

    func checked(name: String, path: String) throws(SparkError) -> SparkJob {
        var checked: [SparkJob.Stage] = []
        for (index, stage) in stages.enumerated() {
            for (key, lists) in [("fresh", stage.fresh), ("first", stage.first), ("rest", stage.rest)]
            where lists.count != stage.execs.count {
                throw .invalidStage(
                    source: path, job: name, stage: index,
                    reason:
                        "'\(key)' has \(lists.count) lists, expected one for each of the \(stage.execs.count) 'execs'")
            }
            checked.append(
                SparkJob.Stage(
                    tasks: stage.tasks, roughMilliseconds: stage.rough_ms,
                    levels: stage.execs.indices.map {
                        SparkJob.Level(
                            executors: stage.execs[$0], fresh: stage.fresh[$0], first: stage.first[$0],
                            rest: stage.rest[$0])
                    }))
        }
        return try SparkJob(name: name, stages: checked, edges: edges, source: path)
    }
}
