import Workloads
import Yams

/// A job may have this many tasks.
private let maximumTasks = 1_000_000
/// All texts of all tasks together, `foreach` replaced, may have this many bytes.
private let maximumBytes = 1 << 30

/// A task as written, `foreach` already replaced, and where.
private struct Draft {
    var task: TaskSpec
    var node: Node
    var item: [String: Node]
    var needs: [(pattern: String, node: Node)] = []
    var inputs: [File] = []
    var outputs: [File] = []

    /// A file, its path as it was written, and where.
    struct File {
        var spec: FileSpec
        var written: String
        var node: Node
    }

    /// About how much memory it takes.
    var bytes: Int {
        let files = (inputs + outputs).reduce(0) { $0 + $1.written.utf8.count + 64 }
        let values = [task.environment, task.parameters].joined().reduce(0) {
            $0 + $1.key.utf8.count + $1.value.utf8.count
        }
        return files + values + needs.reduce(256) { $0 + $1.pattern.utf8.count } + (task.command?.utf8.count ?? 0)
    }
}

extension YAMLReader {
    /// All tasks, with dependencies also from files; everything that can be wrong with them is found here.
    func tasks(_ node: Node?, pool: ResourcePool?) throws(JobFileError) -> TaskGraph {
        guard let node, let items = node.sequence else {
            throw fail(node, .wrongKind(of: "'tasks'", found: node.map(kind) ?? "missing", expected: "a list of tasks"))
        }
        guard !items.isEmpty else {
            throw fail(node, .wrongKind(of: "'tasks'", found: "an empty list", expected: "at least one task"))
        }
        var drafts: [Draft] = []
        drafts.reserveCapacity(items.count)
        var bytes = 0
        for item in items { try expand(item, into: &drafts, bytes: &bytes) }
        try checkIDs(drafts)
        try connect(&drafts)
        for draft in drafts { try checkFits(draft, pool) }
        do {
            return try TaskGraph(drafts.map(\.task))
        } catch {
            throw translate(error, drafts)
        }
    }

    /// Adds one task for each combination of the variables of its `foreach`.
    private func expand(_ node: Node, into drafts: inout [Draft], bytes: inout Int) throws(JobFileError) {
        let keys = [
            "id", "type", "foreach", "command", "needs", "cpus", "memory", "gpus", "gpu_model", "storage", "time_limit",
            "inputs", "outputs",
            "priority", "not_before", "deadline", "retries", "speculate", "env", "parameters", "seconds", "purchase",
            "zones",
        ]
        let item = try fields(node, keys: keys, required: ["id"], of: "a task")
        var variables: [(name: String, values: [String])] = []
        var count = 1
        for (name, values) in try pairs(item["foreach"], for: "foreach") {
            var texts: [String] = []
            for value in list(values) { texts.append(try text(value, for: name) ?? "") }
            guard !texts.isEmpty else {
                throw fail(values, .wrongKind(of: "'\(name)'", found: "an empty list", expected: "at least one value"))
            }
            variables.append((name, texts))
            // Both factors are below two million, so that this cannot overflow.
            guard texts.count <= maximumTasks, count * texts.count <= maximumTasks - drafts.count else {
                throw fail(values, .tooManyTasks(limit: maximumTasks))
            }
            count *= texts.count
        }
        let combinations = variables.reduce([[]]) { known, variable in
            known.flatMap { known in variable.values.map { known + [(name: variable.name, value: $0)] } }
        }
        for variables in combinations {
            let draft = try draft(node, item, variables)
            bytes += draft.bytes
            guard bytes <= maximumBytes else { throw fail(node, .tooLarge(limitBytes: maximumBytes)) }
            drafts.append(draft)
        }
        guard drafts.count <= maximumTasks else { throw fail(node, .tooManyTasks(limit: maximumTasks)) }
    }

    private func draft(
        _ node: Node, _ item: [String: Node], _ variables: [(name: String, value: String)]
    ) throws(JobFileError) -> Draft {
        func filled(_ node: Node?, _ key: String) throws(JobFileError) -> String? {
            try text(node, for: key).map { text throws(JobFileError) in try fill(text, node, variables, strict: true) }
        }
        let id = try filled(item["id"], "id") ?? ""
        guard !id.isEmpty else { throw fail(item["id"], .badValue(of: "'id'", found: "", expected: "a name")) }
        var task = TaskSpec(id: TaskID(id), type: try filled(item["type"], "type") ?? defaultType(item, id))
        task.command = try text(item["command"], for: "command").map { text throws(JobFileError) in
            try fill(text, item["command"], variables, strict: false)
        }
        task.request = Requirements(
            cpus: try number(item["cpus"], for: "cpus", in: 0...1e6) ?? 1,
            memoryBytes: try bytes(item["memory"], for: "memory") ?? 0,
            gpus: try number(item["gpus"], for: "gpus", in: 0...1e4) ?? 0,
            storageBytes: try bytes(item["storage"], for: "storage") ?? 0,
            timeLimitSeconds: try seconds(item["time_limit"], for: "time_limit"))
        task.request.gpuModel = try text(item["gpu_model"], for: "gpu_model")
        for zone in list(item["zones"]) { task.request.zones.insert(try text(zone, for: "zones") ?? "") }
        let purchases = PurchaseOption.allCases.map(\.rawValue)
        task.request.purchase = try choice(item["purchase"], of: purchases, for: "purchase")
            .flatMap(PurchaseOption.init)
        if let limit = task.request.timeLimitSeconds, limit <= 0 {
            throw fail(item["time_limit"], .badValue(of: "'time_limit'", found: "0", expected: "more than 0 seconds"))
        }
        task.priority = try integer(item["priority"], for: "priority", in: -1_000_000...1_000_000) ?? 0
        task.notBeforeSeconds = try seconds(item["not_before"], for: "not_before")
        task.deadlineSeconds = try seconds(item["deadline"], for: "deadline")
        if let begin = task.notBeforeSeconds, let end = task.deadlineSeconds, end <= begin {
            let found = try text(item["deadline"]) ?? ""
            throw fail(item["deadline"], .badValue(of: "'deadline'", found: found, expected: "later than 'not_before'"))
        }
        task.retries = try integer(item["retries"], for: "retries", in: 0...1_000_000)
        task.speculate = try truth(item["speculate"], for: "speculate")
        task.claimedSeconds = try seconds(item["seconds"], for: "seconds")
        for (name, value) in variables { task.parameters[name] = value }
        for (name, value) in try pairs(item["parameters"], for: "parameters") {
            task.parameters[name] = try filled(value, name) ?? ""
        }
        for (name, value) in try pairs(item["env"], for: "env") {
            guard !name.isEmpty, !name.contains("=") else {
                throw fail(value, .badValue(of: "a name in 'env'", found: name, expected: "a name without '='"))
            }
            task.environment[name] = try filled(value, name) ?? ""
        }
        var draft = Draft(task: task, node: node, item: item)
        for need in list(item["needs"]) {
            if let name = try filled(need, "needs") { draft.needs.append((name, need)) }
        }
        for input in list(item["inputs"]) { draft.inputs.append(try file(input, variables)) }
        for output in list(item["outputs"]) { draft.outputs.append(try file(output, variables)) }
        return draft
    }

    /// A path, or `{path: …, size: …}`.
    private func file(
        _ node: Node, _ variables: [(name: String, value: String)]
    ) throws(JobFileError) -> Draft.File {
        var size: Double?
        var pathNode = node
        if node.mapping != nil {
            let item = try fields(node, keys: ["path", "size"], required: ["path"], of: "a file")
            size = try bytes(item["size"], for: "size")
            pathNode = item["path"] ?? node
        }
        guard let path = try text(pathNode, for: "path"), !path.isEmpty else {
            throw fail(pathNode, .badValue(of: "a path", found: "", expected: "the name of a file"))
        }
        let written = try fill(path, pathNode, variables, strict: true)
        guard written.utf8.count < 4096 else {
            let found = written.prefix(40) + "…"
            throw fail(pathNode, .badValue(of: "a path", found: String(found), expected: "fewer than 4096 bytes"))
        }
        return Draft.File(
            spec: FileSpec(path: paths.normal(written), sizeBytes: size), written: written, node: pathNode)
    }

    /// The id without its variables: tasks of one `foreach` are of one type.
    private func defaultType(_ item: [String: Node], _ id: String) -> String {
        guard let written = item["id"]?.scalar?.string, written.contains("${") else { return id }
        var type = ""
        var rest = written[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            type += rest[..<start.lowerBound]
            rest = rest[rest.index(after: end)...]
        }
        type += rest
        let separators: Set<Character> = ["-", "_", ".", "/", " "]
        while let last = type.last, separators.contains(last) { type.removeLast() }
        while let first = type.first, separators.contains(first) { type.removeFirst() }
        return type.isEmpty ? id : type
    }

    /// Replaces `${name}` by the variable's value. Others are left to the shell, unless `strict`.
    private func fill(
        _ text: String, _ node: Node?, _ variables: [(name: String, value: String)], strict: Bool
    ) throws(JobFileError) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            let name = rest[start.upperBound..<end]
            result += rest[..<start.lowerBound]
            if let variable = variables.first(where: { $0.name == name }) {
                result += variable.value
            } else if strict {
                throw fail(node, .unknownVariable(String(name), known: variables.map(\.name)))
            } else {
                result += rest[start.lowerBound...end]
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}

extension YAMLReader {
    private func checkIDs(_ drafts: [Draft]) throws(JobFileError) {
        var lines: [TaskID: Int] = [:]
        for draft in drafts {
            let node = draft.item["id"]
            if let line = lines.updateValue(node?.mark?.line ?? 1, forKey: draft.task.id) {
                throw fail(node, .duplicateTask(draft.task.id, firstLine: line))
            }
        }
    }

    /// Turns `needs` and `inputs` into predecessors, patterns replaced, and gives inputs the sizes of outputs.
    private func connect(_ drafts: inout [Draft]) throws(JobFileError) {
        let (outputs, tree) = try collectOutputs(&drafts)
        let names = drafts.map(\.task.id.rawValue)
        let known = Set(names)
        let paths = outputs.map(\.file.spec.path).sorted()
        var namesOfPattern: [String: [String]] = [:]
        var pathsOfPattern: [String: [String]] = [:]
        for index in drafts.indices {
            let own = drafts[index].task
            var predecessors: [TaskID] = []
            for (pattern, node) in drafts[index].needs {
                if known.contains(pattern) || !pattern.contains("*") {
                    guard known.contains(pattern) else {
                        let nearest = nearestName(to: pattern, among: names)
                        throw fail(node, .missingDependency(task: own.id, dependency: pattern, nearest: nearest))
                    }
                    predecessors.append(TaskID(pattern))
                } else {
                    let all = namesOfPattern[pattern] ?? names.filter { matches($0, pattern) }
                    namesOfPattern[pattern] = all
                    let found = all.filter { $0 != own.id.rawValue }
                    guard !found.isEmpty else { throw fail(node, .emptyPattern(pattern, of: "'needs'")) }
                    predecessors += found.map { TaskID($0) }
                }
            }
            for input in drafts[index].inputs {
                var files = [input.spec]
                if input.spec.path.contains("*"), tree.related(to: input.spec.path).isEmpty {
                    let pattern = input.spec.path
                    let all = pathsOfPattern[pattern] ?? paths.filter { matches($0, pattern) }
                    pathsOfPattern[pattern] = all
                    files = all.map { FileSpec(path: $0) }.filter { file in
                        tree.related(to: file.path).contains { outputs[$0].task != index }
                    }
                    guard !files.isEmpty else { throw fail(input.node, .emptyPattern(input.written, of: "'inputs'")) }
                }
                for var file in files {
                    for output in tree.related(to: file.path).map({ outputs[$0] }) where output.task != index {
                        predecessors.append(drafts[output.task].task.id)
                        if output.file.spec.path == file.path {
                            file.sizeBytes = file.sizeBytes ?? output.file.spec.sizeBytes
                        }
                    }
                    drafts[index].task.inputs.append(file)
                }
            }
            var seen: Set<TaskID> = []
            drafts[index].task.predecessors = predecessors.filter { seen.insert($0).inserted }
        }
    }

    /// All outputs, of which none is another or lies inside another; one that a task names twice counts once.
    private func collectOutputs(
        _ drafts: inout [Draft]
    ) throws(JobFileError) -> (outputs: [(file: Draft.File, task: Int)], tree: OutputTree) {
        var outputs: [(file: Draft.File, task: Int)] = []
        var tree = OutputTree()
        for index in drafts.indices {
            for file in drafts[index].outputs {
                if let other = tree.insert(file.spec.path, outputs.count).map({ outputs[$0] }) {
                    if other.task == index, other.file.spec.path == file.spec.path { continue }
                    throw fail(
                        file.node,
                        .overlappingOutput(
                            path: file.written, other: drafts[other.task].task.id, otherPath: other.file.written,
                            otherLine: other.file.node.mark?.line ?? 1, isSame: other.file.spec.path == file.spec.path))
                }
                outputs.append((file, index))
                drafts[index].task.outputs.append(file.spec)
            }
        }
        return (outputs, tree)
    }

    private func checkFits(_ draft: Draft, _ pool: ResourcePool?) throws(JobFileError) {
        guard let pool, !pool.fits(draft.task.request) else { return }
        let wanted = draft.task.request
        let usable = pool.entries.filter { wanted.allow($0.type, $0.purchase, zone: $0.zone) }
        if usable.isEmpty {
            if let model = wanted.gpuModel {
                let models = Set(pool.entries.compactMap(\.type.gpuModel)).sorted().joined(separator: ", ")
                let expected = models.isEmpty ? "a model that a type of the pool has: none says one" : models
                if !pool.entries.contains(where: { $0.type.gpuModel == model }) {
                    throw fail(
                        draft.item["gpu_model"], .badValue(of: "'gpu_model'", found: model, expected: expected))
                }
            }
            let zones = Set(pool.entries.compactMap(\.zone)).sorted().joined(separator: ", ")
            let bought = Set(pool.entries.map(\.purchase.rawValue)).sorted().joined(separator: ", ")
            throw fail(
                draft.item["zones"] ?? draft.item["purchase"],
                .badValue(
                    of: "where '\(draft.task.id)' may run",
                    found: ([wanted.purchase?.rawValue].compactMap(\.self) + wanted.zones.sorted()).joined(
                        separator: ", "),
                    expected: "what the pool has: \(bought)" + (zones.isEmpty ? ", no zones" : "; zones \(zones)")))
        }
        let largest = usable.largestCapacity
        let request = wanted.resources
        let lanes = request.lanes .> largest.lanes
        let keys = ["cpus", "memory", "gpus", "storage"]
        let place = keys.indices.first { lanes[$0] }.flatMap { draft.item[keys[$0]] }
        throw fail(
            place ?? draft.item["memory"] ?? draft.item["cpus"] ?? draft.node,
            .impossible(draft.task.id, request, largest: "\(largest)"))
    }

    private func translate(_ error: TaskGraphError, _ drafts: [Draft]) -> JobFileError {
        func draft(_ id: TaskID?) -> Draft? { drafts.first { $0.task.id == id } }
        switch error {
        case .cycle(let tasks):
            let first = draft(tasks.first)
            return fail(first?.item["needs"] ?? first?.item["inputs"] ?? first?.node, .cycle(tasks))
        case .duplicateID(let id): return fail(draft(id)?.node, .duplicateTask(id, firstLine: 1))
        case .missingDependency(let task, let dependency, let nearest):
            return fail(
                draft(task)?.node,
                .missingDependency(task: task, dependency: dependency.rawValue, nearest: nearest?.rawValue))
        }
    }
}

/// Whether a name fits a pattern in which `*` stands for any text. O(*name* · *pattern*) at worst.
func matches(_ name: String, _ pattern: String) -> Bool {
    let (name, pattern) = (Array(name.utf8), Array(pattern.utf8))
    let star = UInt8(ascii: "*")
    var (i, j, lastStar, resumeAt) = (0, 0, -1, 0)
    while i < name.count {
        if j < pattern.count, pattern[j] == star {
            (lastStar, resumeAt) = (j, i)
            j += 1
        } else if j < pattern.count, pattern[j] == name[i] {
            i += 1
            j += 1
        } else if lastStar >= 0 {
            resumeAt += 1
            (i, j) = (resumeAt, lastStar + 1)
        } else {
            return false
        }
    }
    return pattern[j...].allSatisfy { $0 == star }
}
