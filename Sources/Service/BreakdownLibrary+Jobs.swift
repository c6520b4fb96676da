public import Decomposition
internal import Foundation
internal import JobFiles
internal import Workloads

extension BreakdownLibrary {
    /// Reads a file or folder of breakdowns, with the job files in it: each is a breakdown of what it was asked for, so that a
    /// job that was corrected and kept teaches the next one.
    ///
    /// - Throws: As ``read(_:)``, and `JobFileError` for a job that is none.
    public static func read(withJobs path: String) throws -> BreakdownLibrary {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let jobs = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
        var library = BreakdownLibrary()
        if jobs.isEmpty || names.contains(where: { $0.hasSuffix(".jsonl") || $0.hasSuffix(".jsonl.gz") }) {
            library = try read(path)
        }
        for name in jobs {
            let file = path + "/" + name
            library.breakdowns.append(try Breakdown(JobFile.read(file), asked: askedFor(in: file)))
        }
        guard !library.breakdowns.isEmpty else { throw DecompositionError.noBreakdowns(path: path) }
        return library
    }

    /// What `almanac decompose` wrote on the first line of a job file.
    private static func askedFor(in file: String) -> String? {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(Decomposition.askedFor) }
        return line.map { String($0.dropFirst(Decomposition.askedFor.count)) }
    }
}

extension Breakdown {
    /// A job as a breakdown: one step for each type of task.
    ///
    /// - Parameter asked: What it was asked for; its name without.
    init(_ job: JobFile, asked: String?) throws(DecompositionError) {
        var (steps, places): ([Step], [String: Int]) = ([], [:])
        for task in job.tasks.tasks where places[task.type] == nil {
            places[task.type] = steps.count
            steps.append(Step(text: task.type, command: task.command))
        }
        var edges: Set<Edge> = []
        for index in job.tasks.tasks.indices {
            guard let to = places[job.tasks.tasks[index].type] else { continue }
            for predecessor in job.tasks.predecessors(of: index) {
                // Types that wait for one another in turn have no order of their own: the first task's counts.
                guard let from = places[job.tasks.tasks[predecessor].type], from != to,
                    !edges.contains(Edge(to, from))
                else { continue }
                edges.insert(Edge(from, to))
            }
        }
        let all = edges.sorted { ($0.to, $0.from) < ($1.to, $1.from) }
        do {
            try self.init(id: job.name, description: asked ?? job.name, steps: steps, edges: all)
        } catch {
            // A longer circle of types: only what follows the order of the file is kept.
            try self.init(
                id: job.name, description: asked ?? job.name, steps: steps, edges: all.filter { $0.from < $0.to })
        }
    }
}
