import Basics
package import Workloads

extension TaskGraph {
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
