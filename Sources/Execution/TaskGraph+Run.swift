package import Allocation
import Basics
package import Workloads

extension TaskGraph {
    /// The tasks that neither are over nor run: those before them count as done.
    package func rest(_ state: RunState) throws -> TaskGraph {
        let isLeft = tasks.indices.map { !state.tasks.phase[$0].isOver && !state.tasks.phase[$0].isRunning }
        return try TaskGraph(
            tasks.indices.filter { isLeft[$0] }.map { index in
                var task = tasks[index]
                task.predecessors = predecessors(of: index).filter { isLeft[$0] }.map { tasks[$0].id }
                (task.inputs, task.outputs) = ([], [])
                return task
            })
    }

    /// A checksum of what makes a job the same job: names, commands, order and files.
    package var digest: String {
        var text = ""
        for task in tasks {
            let parts =
                [task.id.rawValue, task.command ?? ""] + task.predecessors.map(\.rawValue) + ["<"]
                + task.inputs.map(\.path)
                + [">"] + task.outputs.map(\.path)
            text += parts.joined(separator: "\u{0}") + "\u{1}"
        }
        return String(FNV1a(text).value, radix: 16)
    }
}
