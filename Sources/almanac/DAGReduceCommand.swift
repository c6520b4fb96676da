import ArgumentParser
import Foundation
import JobFiles
import Plots
import Reports
import Service
import Workloads

/// `almanac dag reduce`: the same order with the fewest edges.
struct DAGReduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reduce",
        abstract: "Print the graph without edges that follow from others (transitive reduction), in the dot language.")

    @Argument(help: "A job file, a recorded workflow, or a graph of another tool.")
    var job: String

    @Option(name: .shortAndLong, help: "Write it to this file.")
    var output: String?

    @Option(name: .long, help: "Draw it to this SVG file.")
    var svg: String?

    @OptionGroup var global: GlobalOptions

    private struct Answer: Encodable {
        struct Edge: Encodable {
            let from: TaskID
            let to: TaskID
        }
        let tasks: Int
        let edges: Int
        let leftOut: [Edge]
        let dot: String
    }

    func run() throws {
        let known = try KnownJob(job).job
        let reduction = TransitiveReduction(known.tasks)
        let dot = Self.dot(known.name, reduction.graph)
        if let svg {
            try DAGChart(known.name, reduction.graph, durations: known.tasks.tasks.map { $0.claimedSeconds ?? 60 })
                .write(to: svg)
        }
        global.console.remark(
            "\(Units.count(reduction.redundant.count, "edge")) of \(known.tasks.edgeCount) left out, as others say the same"
        )
        if let output {
            try Console.write(Data(dot.utf8), toFile: output)
            guard global.json else { return }
        }
        let names = known.tasks.tasks.map(\.id)
        try global.console.result(
            Answer(
                tasks: reduction.graph.count, edges: reduction.graph.edgeCount,
                leftOut: reduction.redundant.map { .init(from: names[$0.from], to: names[$0.to]) }, dot: dot),
            text: String(dot.dropLast()))
    }

    private static func dot(_ name: String, _ graph: TaskGraph) -> String {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        var lines = ["digraph \(quoted(name)) {"]
        for (index, task) in graph.tasks.enumerated() {
            lines.append("  \(quoted(task.id.rawValue));")
            for predecessor in graph.predecessors(of: index) {
                lines.append("  \(quoted(graph.tasks[predecessor].id.rawValue)) -> \(quoted(task.id.rawValue));")
            }
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }
}
