import Workloads
import Yams

/// Workflows of Pegasus: what `Workflow.write()` of its Python interface makes.
///
/// A job waits for those that `jobDependencies` name as its parents and for those that write its input files.
/// Source: Pegasus 5.0, *Workflow schema*.
extension YAMLReader {
    /// Whether a document is a workflow of Pegasus.
    func isPegasus(_ document: Node) -> Bool {
        document.mapping?.contains { $0.key.scalar?.string == "pegasus" } ?? false
    }

    func pegasus(_ document: Node) throws(JobFileError) -> (name: String?, tasks: TaskGraph) {
        let root = try values(document, of: "the workflow")
        guard let jobs = root["jobs"]?.sequence, !jobs.isEmpty else {
            let found = root["jobs"].map(kind) ?? "missing"
            throw fail(root["jobs"] ?? document, .wrongKind(of: "'jobs'", found: found, expected: "a list of jobs"))
        }
        var (tasks, nodes): ([TaskSpec], [Node]) = ([], [])
        var (places, writers): ([String: Int], [String: Int]) = ([:], [:])
        for node in jobs {
            let job = try values(node, of: "a job")
            guard let id = try text(job["id"], for: "id") else { throw fail(node, .missingKey("id", in: "a job")) }
            if let first = places.updateValue(tasks.count, forKey: id) {
                throw fail(job["id"], .duplicateTask(TaskID(id), firstLine: nodes[first].mark?.line ?? 0))
            }
            // A sub-workflow has a file in the place of a transformation.
            let file = try text(job["file"], for: "file")
            let type = try text(job["name"], for: "name") ?? file ?? id
            var task = TaskSpec(id: TaskID(id), type: type)
            for use in list(job["uses"]) {
                let fields = try values(use, of: "an item of 'uses'")
                guard let path = try text(fields["lfn"], for: "lfn") else {
                    throw fail(use, .missingKey("lfn", in: "an item of 'uses'"))
                }
                let kind = try text(fields["type"], for: "type")
                let file = FileSpec(path: path, sizeBytes: try number(fields["size"], for: "size", in: 0...1e18))
                switch kind {
                case "output":
                    task.outputs.append(file)
                    writers[path] = tasks.count
                case "input", "checkpoint", nil: task.inputs.append(file)
                case let found?:
                    throw fail(
                        fields["type"], .badValue(of: "'type'", found: found, expected: "input, output or checkpoint"))
                }
            }
            tasks.append(task)
            nodes.append(node)
        }
        var parents = [Set<Int>](repeating: [], count: tasks.count)
        for (index, task) in tasks.enumerated() {
            for file in task.inputs {
                if let writer = writers[file.path], writer != index { parents[index].insert(writer) }
            }
        }
        for dependency in list(root["jobDependencies"]) {
            let fields = try values(dependency, of: "an item of 'jobDependencies'")
            func place(_ node: Node?, _ key: String) throws(JobFileError) -> Int {
                guard let id = try text(node, for: key) else {
                    throw fail(node ?? dependency, .missingKey(key, in: "an item of 'jobDependencies'"))
                }
                guard let place = places[id] else {
                    throw fail(
                        node, .badValue(of: "'\(key)'", found: id, expected: "the id of a job"))
                }
                return place
            }
            let parent = try place(fields["id"], "id")
            for child in list(fields["children"]) { parents[try place(child, "children")].insert(parent) }
        }
        for (index, own) in parents.enumerated() {
            tasks[index].predecessors = own.sorted().map { tasks[$0].id }
        }
        let name = try text(root["name"])
        do {
            return (name, try TaskGraph(tasks))
        } catch {
            // Ids are unique and parents exist: what is left is a cycle.
            guard case .cycle(let ids) = error else { throw fail(document, .notYAML(reason: "\(error)")) }
            throw fail(ids.first.flatMap { places[$0.rawValue] }.map { nodes[$0] } ?? document, .cycle(ids))
        }
    }

    /// The values of a mapping by key, whatever the keys.
    private func values(_ node: Node, of place: String) throws(JobFileError) -> [String: Node] {
        guard let mapping = node.mapping else {
            throw fail(node, .wrongKind(of: place, found: kind(node), expected: "keys and values"))
        }
        return Dictionary(
            mapping.compactMap { key, value in key.scalar.map { ($0.string, value) } }, uniquingKeysWith: { $1 })
    }
}
