import ArgumentParser
import JobFiles
import Plots
import Service
import Workloads

/// `almanac dag diff`: what changed between two graphs.
struct DAGDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show which tasks and edges only one of two graphs has, tasks compared by name.",
        discussion: """
            An edge that is gone but still follows from others changes nothing about the order; it is marked. The files may \
            be of different tools.
            """)

    @Argument(help: "A job file, a recorded workflow, or a graph of another tool.")
    var first: String

    @Argument(help: "What to compare it with.")
    var second: String

    @Option(name: .long, help: "Draw both graphs as one to this SVG file, coloured by where a task is.")
    var svg: String?

    @OptionGroup var global: GlobalOptions

    private struct Answer: Encodable {
        struct Edge: Encodable {
            let from: TaskID
            let to: TaskID
            let isImplied: Bool
        }
        struct Side: Encodable {
            let tasks: [TaskID]
            let edges: [Edge]
            init(_ side: GraphDifference.Side) {
                tasks = side.tasks
                edges = side.edges.map { Edge(from: $0.from, to: $0.to, isImplied: $0.isImplied) }
            }
        }
        let onlyInFirst: Side
        let onlyInSecond: Side
        let commonTasks: Int
        let commonEdges: Int
        let sameOrder: Bool
    }

    func run() throws {
        let (one, two) = (try KnownJob(first).job.tasks, try KnownJob(second).job.tasks)
        let difference = GraphDifference(one, two)
        if let svg { try Self.chart("\(first) and \(second)", one, two).write(to: svg) }
        try global.console.result(
            Answer(
                onlyInFirst: .init(difference.onlyInFirst), onlyInSecond: .init(difference.onlyInSecond),
                commonTasks: difference.commonTasks, commonEdges: difference.commonEdges,
                sameOrder: difference.hasSameOrder),
            text: text(difference))
    }

    private func text(_ difference: GraphDifference) -> String {
        let common =
            "\(Units.count(difference.commonTasks, "task")) and \(Units.count(difference.commonEdges, "edge")) are in both"
        guard !difference.isEmpty else { return common + ", and nothing else in either" }
        var lines = [common]
        for (name, sign, side) in [(first, "-", difference.onlyInFirst), (second, "+", difference.onlyInSecond)] {
            guard !side.tasks.isEmpty || !side.edges.isEmpty else { continue }
            lines.append("only in \(name):")
            lines += side.tasks.prefix(50).map { "\(sign) \($0)" }
            lines += side.edges.prefix(50).map {
                "\(sign) \($0.from) → \($0.to)" + ($0.isImplied ? "  (follows from others in the other)" : "")
            }
            let more = max(0, side.tasks.count - 50) + max(0, side.edges.count - 50)
            if more > 0 { lines.append("  … and \(more) more (--json prints all)") }
        }
        if difference.hasSameOrder { lines.append("The order of the tasks is the same.") }
        return lines.joined(separator: "\n")
    }

    private static func chart(_ title: String, _ one: TaskGraph, _ two: TaskGraph) -> DAGChart {
        var (nodes, places): ([DAGChart.Node], [TaskID: Int]) = ([], [:])
        var (edges, seen): ([DAGChart.Edge], Set<DAGChart.Edge>) = ([], [])
        for (graph, other, name) in [(one, two, "only in the first"), (two, one, "only in the second")] {
            for (index, task) in graph.tasks.enumerated() where places[task.id] == nil {
                let isCommon = other.index(of: task.id) != nil
                places[task.id] = nodes.count
                nodes.append(
                    .init(
                        task.id.rawValue, type: isCommon ? "in both" : name, layer: graph.levels[index],
                        detail: "\(task.id): \(isCommon ? "in both" : name)"))
            }
        }
        for graph in [one, two] {
            for task in graph.tasks.indices {
                for predecessor in graph.predecessors(of: task) {
                    guard let from = places[graph.tasks[predecessor].id], let to = places[graph.tasks[task].id] else {
                        continue
                    }
                    if seen.insert(.init(from, to)).inserted { edges.append(.init(from, to)) }
                }
            }
        }
        return DAGChart(title, nodes: nodes, edges: edges)
    }
}
