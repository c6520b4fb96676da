public import Workloads

extension ModelSet {
    /// The graph with the sizes of its files filled in: those that exist as they are, those that a task will write as
    /// the output model predicts, in topological order. Sizes that the graph states are kept.
    ///
    /// - Parameter existingSize: The size in bytes of a file that exists now, `nil` if it does not.
    public func fillingSizes(
        of graph: TaskGraph, existingSize: (String) -> Double? = { _ in nil }
    ) throws(TaskGraphError) -> TaskGraph {
        var tasks = graph.tasks
        var sizes: [String: Double] = [:]
        for index in graph.topologicalOrder {
            var task = tasks[index]
            for file in task.inputs.indices where task.inputs[file].sizeBytes == nil {
                let path = task.inputs[file].path
                task.inputs[file].sizeBytes = sizes[path] ?? existingSize(path)
            }
            let unknown = task.outputs.filter { $0.sizeBytes == nil }.count
            if let output, unknown > 0, output.choice(for: task.type) != nil {
                let features = TaskFeatures.values(of: task, names: output.featureNames)
                let stated = task.outputs.reduce(0) { $0 + ($1.sizeBytes ?? 0) }
                let rest = max(0, output.predict(type: task.type, features: features).value - stated)
                for file in task.outputs.indices where task.outputs[file].sizeBytes == nil {
                    task.outputs[file].sizeBytes = rest / Double(unknown)
                }
            }
            for file in task.outputs { sizes[file.path] = file.sizeBytes }
            tasks[index] = task
        }
        return try TaskGraph(tasks)
    }
}
