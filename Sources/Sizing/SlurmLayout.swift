internal import Foundation
internal import Traces
internal import Workloads

/// How the newest job of a type was spread over nodes and tasks, and what that means for requests: Slurm counts memory for
/// each node and processors for each task.
public struct SlurmLayout: Sendable, Hashable, Encodable {
    /// Nodes of the newest job that recorded them.
    public let nodes: Int
    /// The fewest nodes of any job: memory is divided by no more.
    public let fewestNodes: Int
    /// Tasks of the newest job; `nil` if no step recorded them.
    public let tasks: Int?

    enum CodingKeys: String, CodingKey {
        case nodes, tasks
        case fewestNodes = "fewest_nodes"
    }

    /// - Parameter records: Of one type, oldest first. `nil` if each ran as one task on one node, or none recorded it.
    init?(_ records: [AttemptRecord]) {
        func whole(_ record: AttemptRecord, _ name: String) -> Int? {
            guard case .number(let value)? = record.parameters[name], value >= 1 else { return nil }
            return Int(exactly: value)
        }
        let nodes = records.compactMap { whole($0, "nodes") }
        let tasks = records.last { whole($0, "ntasks") != nil || whole($0, "nodes") != nil }
            .flatMap { whole($0, "ntasks") }
        guard (nodes.max() ?? 1) > 1 || (tasks ?? 1) > 1 else { return nil }
        (self.nodes, fewestNodes, self.tasks) = (nodes.last ?? 1, nodes.min() ?? 1, tasks)
    }

    /// So many processors in all, or more, that every task gets the same number.
    func wholeTasks(cpus: Int) -> Int {
        let tasks = tasks ?? nodes
        return max(1, (cpus - 1) / tasks + 1) * tasks
    }

    /// The options of `sbatch` for a job that needs so many processors in all.
    func options(cpus: Int?) -> [String] {
        let tasks = tasks ?? nodes
        return ["--nodes=\(nodes)", "--ntasks=\(tasks)"]
            + (cpus.map { ["--cpus-per-task=\(wholeTasks(cpus: $0) / tasks)"] } ?? [])
    }
}
