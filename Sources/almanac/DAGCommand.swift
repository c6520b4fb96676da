import ArgumentParser
import Foundation
import JobFiles
import Plots
import Prediction
import Reports
import Scheduling
import Service
import Workloads

/// `almanac dag`: what a job looks like before it is planned.
struct DAGCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dag", abstract: "Show the graph of a job: what waits for what, and how long at least.",
        discussion: """
            A job is a job file, a workflow recorded in WfFormat, or the graph of another tool: Graphviz (Nextflow \
            -with-dag x.dot, Snakemake --dag and --rulegraph), Mermaid (Nextflow -with-dag x.mmd), Snakemake --d3dag, \
            Galaxy .ga, CWL in JSON, Pegasus in YAML.
            """,
        subcommands: [Show.self, CriticalPathOfJob.self, DAGDiffCommand.self, DAGReduceCommand.self],
        defaultSubcommand: Show.self)

    struct CriticalPathOfJob: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "critical-path",
            abstract:
                "Show the longest way through a job, which no number of instances shortens, and the slack beside it.")

        @OptionGroup var input: JobOptions
        @OptionGroup var global: GlobalOptions

        @Option(name: .long, help: "Draw the graph to this SVG file, the path outlined.")
        var svg: String?

        @Option(name: .long, help: "Time of tasks of which nothing is known.")
        var unknownTime = TimeSpan(seconds: 60)

        func run() throws {
            let console = global.console
            let (known, durations) = try input.readTimed(unknownTime, console)
            let graph = known.job.tasks
            let path = CriticalPath(graph, durations: durations)
            if let svg { try DAGChart(known.job.name, graph, durations: durations).write(to: svg) }
            try console.result(
                PathView(
                    seconds: path.seconds,
                    steps: path.tasks.map {
                        .init(
                            task: graph.tasks[$0].id, type: graph.tasks[$0].type, seconds: durations[$0],
                            startSeconds: path.starts[$0])
                    },
                    leastSlackBesideSeconds: Self.leastSlack(path)),
                text: Self.text(path, graph, durations))
        }

        private static func leastSlack(_ path: CriticalPath) -> Double? {
            let isCritical = Set(path.tasks)
            return path.slacks.indices.lazy.filter { !isCritical.contains($0) }.map { path.slacks[$0] }.min()
        }

        private static func text(_ path: CriticalPath, _ graph: TaskGraph, _ durations: [Double]) -> String {
            var table = TextTable(["critical path", "type", "start", "takes"])
            for task in path.tasks.prefix(200) {
                table.add([
                    graph.tasks[task].id.rawValue, graph.tasks[task].type, Units.formatSeconds(path.starts[task]),
                    Units.formatSeconds(durations[task]),
                ])
            }
            let more = path.tasks.count > 200 ? "\n… and \(path.tasks.count - 200) more (--json prints all)" : ""
            let head =
                "\(Units.count(path.tasks.count, "task")) of \(graph.count), \(Units.formatSeconds(path.seconds)) in all"
            let beside = leastSlack(path).map { "\nthe next longest way has \(Units.formatSeconds($0)) to spare" } ?? ""
            return head + beside + "\n\n" + table.text + more
        }
    }

    private struct PathView: Encodable {
        struct Step: Encodable {
            let task: TaskID
            let type: String
            let seconds: Double
            let startSeconds: Double
        }
        let seconds: Double
        let steps: [Step]
        let leastSlackBesideSeconds: Double?
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show levels, critical path, parallelism and needless edges of a job, and draw it.",
            discussion: """
                Times are those on an instance of speed 1, as the models predict or the job claims them; with as many \
                instances as there are tasks. Above 300 tasks the picture shows those of one type and level as one.
                """)

        @OptionGroup var input: JobOptions
        @OptionGroup var global: GlobalOptions

        @Option(name: .long, help: "Draw the graph to this SVG file.")
        var svg: String?

        @Option(name: .long, help: "Write what '--json' prints to this file.")
        var output: String?

        @Flag(name: .long, help: "Leave out edges that follow from others (transitive reduction).")
        var reduce = false

        @Option(name: .long, help: "Time of tasks of which nothing is known.")
        var unknownTime = TimeSpan(seconds: 60)

        func run() throws {
            let console = global.console
            let (known, durations) = try input.readTimed(unknownTime, console)
            let reduction = TransitiveReduction(known.job.tasks)
            let graph = reduce ? reduction.graph : known.job.tasks
            let view = GraphView(known.job.name, graph, durations, needless: reduction)
            if let svg {
                let title =
                    "\(known.job.name): \(Units.count(graph.count, "task")), \(Units.count(graph.edgeCount, "edge"))"
                try DAGChart(title, graph, durations: durations).write(to: svg)
            }
            if let output { try Console.write(Data((Console.json(view) + "\n").utf8), toFile: output) }
            try console.result(view, text: view.text(reduced: reduce))
        }
    }
}

extension JobOptions {
    /// The job, and how long each of its tasks takes on an instance of speed 1.
    fileprivate func readTimed(_ unknownTime: TimeSpan, _ console: Console) throws -> (
        known: KnownJob, seconds: [Double]
    ) {
        let known = try read(folder: ".")
        let estimates = try known.models.estimates(of: known.job.tasks, unknownSeconds: unknownTime.seconds)
        console.remarkUnknownTimes(known, unknownTime)
        return (known, known.job.tasks.tasks.indices.map { estimates.seconds(of: $0) })
    }
}

/// What `dag show` prints.
private struct GraphView: Encodable {
    struct Item: Encodable {
        var task: TaskID
        var type: String
        var level: Int
        var seconds: Double
        var predecessors: [TaskID]
        var earliestStartSeconds: Double
        var slackSeconds: Double
    }

    struct TypeShare: Encodable {
        var type: String
        var tasks: Int
        var levels: [Int]
        var workSeconds: Double
        var criticalSeconds: Double
    }

    struct Path: Encodable {
        var seconds: Double
        var tasks: [TaskID]
    }

    struct Parallelism: Encodable {
        var maximum: Int
        var mean: Double
        var timesSeconds: [Double]
        var counts: [Int]
    }

    struct Edge: Encodable {
        var from: TaskID
        var to: TaskID
    }

    private enum CodingKeys: String, CodingKey {
        case job, edges, levels, workSeconds, criticalPath, parallelism, types, redundantEdges, tasks
    }

    let job: String
    let edges: Int
    let levels: Int
    let workSeconds: Double
    let criticalPath: Path
    let parallelism: Parallelism
    let types: [TypeShare]
    let redundantEdges: [Edge]
    let tasks: [Item]
    private let profile: ParallelismProfile

    init(_ job: String, _ graph: TaskGraph, _ durations: [Double], needless: TransitiveReduction) {
        let path = CriticalPath(graph, durations: durations)
        profile = ParallelismProfile(starts: path.starts, durations: durations)
        func name(_ task: Int) -> TaskID { graph.tasks[task].id }
        (self.job, edges, levels) = (job, graph.edgeCount, (graph.levels.max() ?? -1) + 1)
        workSeconds = durations.reduce(0, +)
        criticalPath = Path(seconds: path.seconds, tasks: path.tasks.map(name))
        parallelism = Parallelism(
            maximum: profile.maximum, mean: profile.mean, timesSeconds: profile.times, counts: profile.counts)
        let isCritical = Set(path.tasks)
        types = Dictionary(grouping: graph.tasks.indices) { graph.tasks[$0].type }.map { type, own in
            TypeShare(
                type: type, tasks: own.count, levels: Set(own.map { graph.levels[$0] }).sorted(),
                workSeconds: own.reduce(0) { $0 + durations[$1] },
                criticalSeconds: own.reduce(0) { $0 + (isCritical.contains($1) ? durations[$1] : 0) })
        }.sorted { ($0.levels.first ?? 0, $0.type) < ($1.levels.first ?? 0, $1.type) }
        redundantEdges = needless.redundant.map { Edge(from: name($0.from), to: name($0.to)) }
        tasks = graph.tasks.indices.map { index in
            Item(
                task: name(index), type: graph.tasks[index].type, level: graph.levels[index], seconds: durations[index],
                predecessors: graph.predecessors(of: index).map(name), earliestStartSeconds: path.starts[index],
                slackSeconds: path.slacks[index])
        }
    }

    func text(reduced: Bool) -> String {
        let work = "work \(Units.formatSeconds(workSeconds))"
        var parts = [
            "\(job): \(Units.count(tasks.count, "task")), \(Units.count(edges, "edge")), \(Units.count(levels, "level"))",
            "\(work), critical path \(Units.formatSeconds(criticalPath.seconds)), "
                + "at most \(parallelism.maximum) at once, \(Units.format(parallelism.mean, digits: 1)) on average",
        ]
        if !redundantEdges.isEmpty {
            let few = redundantEdges.prefix(5).map { "\($0.from) → \($0.to)" }.joined(separator: ", ")
            let more = redundantEdges.count > 5 ? ", …" : ""
            let verb = reduced ? "left out, as others say the same" : "could go, as others say the same (--reduce)"
            parts.append("\(Units.count(redundantEdges.count, "edge")) \(verb): \(few)\(more)")
        }
        guard !tasks.isEmpty else { return parts.joined(separator: "\n") }
        var types = TextTable(["type", "tasks", "levels", "work", "on the critical path"])
        for type in self.types.prefix(40) {
            let (first, last) = (type.levels.first ?? 0, type.levels.last ?? 0)
            types.add([
                type.type, String(type.tasks), first == last ? "\(first)" : "\(first)–\(last)",
                Units.formatSeconds(type.workSeconds),
                type.criticalSeconds > 0 ? Units.formatSeconds(type.criticalSeconds) : "–",
            ])
        }
        parts += ["", types.text]
        if self.types.count > 40 { parts.append("… and \(self.types.count - 40) more types") }
        parts += ["", pathText, "", profileText]
        return parts.joined(separator: "\n")
    }

    private var pathText: String {
        let byName = Dictionary(tasks.map { ($0.task, $0) }, uniquingKeysWith: { first, _ in first })
        var table = TextTable(["critical path", "type", "start", "takes"])
        let path = criticalPath.tasks.compactMap { byName[$0] }
        for item in path.prefix(30) {
            table.add([
                item.task.rawValue, item.type, Units.formatSeconds(item.earliestStartSeconds),
                Units.formatSeconds(item.seconds),
            ])
        }
        return table.text + (path.count > 30 ? "\n… and \(path.count - 30) more (--json prints all)" : "")
    }

    /// How many run at once, as bars over equal parts of the time.
    private var profileText: String {
        guard let end = parallelism.timesSeconds.last, end > 0 else { return "" }
        let mean = profile.means(over: 60)
        let bars = Array(" ▁▂▃▄▅▆▇█")
        let top = max(1, mean.max() ?? 1)
        let line = mean.map { value in
            String(bars[value > 0 ? max(1, min(8, Int((value / top * 8).rounded(.up)))) : 0])
        }
        return
            "tasks at once over \(Units.formatSeconds(end)), up to \(Units.format(top, digits: top < 10 ? 1 : 0)) on average\n"
            + line.joined()
    }
}
