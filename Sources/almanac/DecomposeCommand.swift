import ArgumentParser
import Decomposition
import Foundation
import JobFiles
import Plots
import Workloads

/// `almanac decompose`: from a description in words to a job file to correct.
struct DecomposeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decompose",
        abstract: "Break a description of work down into a job: steps, their order, and why.",
        discussion: """
            Prints a job file. Each step and each 'needs' carries its probability and the words that speak for it; the \
            nearest known breakdown stands at the top. On a terminal the steps are shown and asked about first. Keep a \
            job that you corrected in the folder of the library: it teaches the next one.
            """)

    @Argument(help: "What is to be done, in words; '-' reads it from standard input.")
    var text: String

    @OptionGroup var input: LibraryOptions

    @Option(name: .long, help: "The name of the job.")
    var name = "job"

    @Option(name: .shortAndLong, help: "Write the job to this file instead of standard output.")
    var output: String?

    @Option(name: .long, help: "Draw the graph to this SVG file.")
    var svg: String?

    @Flag(name: .long, help: "Do not ask.")
    var yes = false

    @OptionGroup var global: GlobalOptions

    /// What is printed with `--json`.
    private struct Answer: Encodable {
        let text: String
        let decomposition: Decomposition
        let job: String
    }

    func run() throws {
        let console = global.console
        let text = text == "-" ? Self.standardInput() : text
        guard text.contains(where: \.isLetter) else { throw DecompositionError.emptyText }
        let found = try input.decomposer().decompose(text)
        let job = found.jobText(name: name, of: text, source: input.library)
        let parsed = try JobFile.parse(job, file: output ?? "job")
        if let known = found.nearest.first, known.similarity < 0.2 {
            console.remark("nothing in \(input.library) is much like this text: take the steps for suggestions at most")
        }
        if !yes, !global.json, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 {
            guard Self.confirm(found) else { throw Failure.work("Nothing was written.") }
        }
        if let svg { try Self.chart(found, parsed, text).write(to: svg) }
        if let output {
            try Console.write(Data(job.utf8), toFile: output)
            console.remark(
                "\(output): \(Units.count(found.steps.count, "step")); correct it, then 'almanac plan \(output)'")
            guard global.json else { return }
        }
        try console.result(Answer(text: text, decomposition: found, job: job), text: String(job.dropLast()))
    }

    private static func standardInput() -> String {
        let data = (try? FileHandle.standardInput.readToEnd()) ?? nil
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    /// Shows the steps and asks whether they will do.
    private static func confirm(_ found: Decomposition) -> Bool {
        var table = TextTable(["step", "p", "waits for"])
        let ids = found.taskIDs
        for (index, step) in found.steps.enumerated() {
            let needs = found.edges.filter { $0.to == index }.map { ids[$0.from] }
            table.add([
                ids[index], Units.formatPercent(step.probability), needs.isEmpty ? "–" : needs.joined(separator: ", "),
            ])
        }
        Console.write(table.text + "\nWrite this job? [Y/n] ", to: .standardError)
        guard let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased() else { return false }
        return answer.isEmpty || answer.hasPrefix("y")
    }

    private static func chart(_ found: Decomposition, _ job: JobFile, _ text: String) -> DAGChart {
        let levels = job.tasks.levels
        let nodes = zip(found.steps, job.tasks.tasks).enumerated().map { index, pair in
            let (step, task) = pair
            let share = Units.formatPercent(step.probability)
            return DAGChart.Node(
                "\(task.id) \(share)", type: step.tool, layer: levels[index],
                detail: "\(step.text), p \(share)"
                    + (step.words.isEmpty ? "" : ", for \(step.words.joined(separator: ", "))"))
        }
        let title = text.count > 80 ? text.prefix(79) + "…" : text
        return DAGChart(String(title), nodes: nodes, edges: found.edges.map { .init($0.from, $0.to) })
    }
}
