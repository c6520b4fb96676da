import Reading
import Workloads

/// What stands in a WfFormat file, before it is checked as a whole.
struct WorkflowDocument {
    var file: String
    var name = ""
    var schemaVersion = ""
    var runtimeSystem = ""
    var makespan: Double?
    var executedAt: Double?
    var machines: [WorkflowInstance.Machine] = []
    var tasks: [WorkflowTask] = []
    var taskIndexes: [String: Int] = [:]
    var measures: [String: WorkflowMeasures] = [:]
    var fileSizes: [String: Double] = [:]
    /// Whether the fields of older schemas were met, whose unit the names do not state.
    var hasUnitlessSizes = false

    init(file: String) { self.file = file }

    mutating func read(_ source: ByteSource) throws(TraceError) {
        var reader = try JSONReader(source)
        var hasWorkflow = false
        try reader.readObject { (reader, key) throws(TraceError) in
            switch key {
            case "name": name = try reader.readText() ?? ""
            case "schemaVersion": schemaVersion = try reader.readText() ?? ""
            case "runtimeSystem", "wms":
                try reader.readObject { (reader, key) throws(TraceError) in
                    if key == "name" { runtimeSystem = try reader.readText() ?? "" }
                }
            case "workflow":
                hasWorkflow = true
                try readWorkflow(&reader)
            default: return
            }
        }
        try reader.finish()
        guard hasWorkflow else {
            throw reader.invalid(
                found: "an object without \"workflow\"", expected: "a WfFormat instance (schema 1.0 to 1.5)",
                remedy: "Name the format if the file is of another kind.")
        }
        if name.isEmpty { name = fileStem(file) }
    }

    private mutating func readWorkflow(_ reader: inout JSONReader) throws(TraceError) {
        try reader.readObject { (reader, key) throws(TraceError) in
            switch key {
            case "specification":
                try reader.readObject { (reader, key) throws(TraceError) in
                    switch key {
                    case "tasks": try readTasks(&reader)
                    case "files": try readFiles(&reader)
                    default: return
                    }
                }
            case "execution":
                try reader.readObject { (reader, key) throws(TraceError) in
                    if key == "tasks" { try readMeasures(&reader) } else { try readRun(&reader, key) }
                }
            case "tasks", "jobs": try readTasks(&reader)
            default: try readRun(&reader, key)
            }
        }
    }

    /// The fields about the whole run, in `execution` or (older) in `workflow` itself.
    private mutating func readRun(_ reader: inout JSONReader, _ key: String) throws(TraceError) {
        switch key {
        case "makespanInSeconds", "makespan": makespan = try reader.readNumber()
        case "executedAt": executedAt = (try reader.readText()).flatMap(Self.time)
        case "machines": try readMachines(&reader)
        default: return
        }
    }

    private mutating func readTasks(_ reader: inout JSONReader) throws(TraceError) {
        try reader.readArray { (reader) throws(TraceError) in
            var task = WorkflowTask()
            var measures = WorkflowMeasures()
            let line = reader.nextLine()
            try reader.readObject { (reader, key) throws(TraceError) in
                switch key {
                case "name": task.name = try reader.readText() ?? ""
                case "id": task.id = try reader.readText() ?? ""
                case "category": task.category = try reader.readText()
                case "parents": task.parents = try reader.readTexts()
                case "children": task.children = try reader.readTexts()
                case "inputFiles": task.inputs += try reader.readTexts()
                case "outputFiles": task.outputs += try reader.readTexts()
                case "files": try readLinkedFiles(&reader, &task)
                default:
                    if try measures.read(&reader, key) { hasUnitlessSizes = true }
                }
            }
            if task.id.isEmpty { task.id = task.name }
            if task.name.isEmpty { task.name = task.id }
            guard !task.id.isEmpty else {
                throw malformed(line, found: "a task without id and name", expected: "an id")
            }
            guard taskIndexes.updateValue(tasks.count, forKey: task.id) == nil else {
                throw malformed(line, found: "a second task \(TraceError.quote(task.id.utf8))", expected: "unique ids")
            }
            tasks.append(task)
            if measures.isThere { self.measures[task.id] = measures }
        }
    }

    private mutating func readFiles(_ reader: inout JSONReader) throws(TraceError) {
        try reader.readArray { (reader) throws(TraceError) in
            var (id, size): (String, Double?) = ("", nil)
            try reader.readObject { (reader, key) throws(TraceError) in
                switch key {
                case "id", "name": id = try reader.readText() ?? id
                case "sizeInBytes": size = try reader.readNumber()
                case "size":
                    size = try reader.readNumber()
                    hasUnitlessSizes = true
                default: return
                }
            }
            if let size { fileSizes[id] = size }
        }
    }

    /// The files of one task in older schemas, each with its direction.
    private mutating func readLinkedFiles(_ reader: inout JSONReader, _ task: inout WorkflowTask) throws(TraceError) {
        try reader.readArray { (reader) throws(TraceError) in
            var (name, link, size): (String, String, Double?) = ("", "", nil)
            try reader.readObject { (reader, key) throws(TraceError) in
                switch key {
                case "name", "id": name = try reader.readText() ?? name
                case "link": link = try reader.readText() ?? ""
                case "sizeInBytes": size = try reader.readNumber()
                case "size":
                    size = try reader.readNumber()
                    hasUnitlessSizes = true
                default: return
                }
            }
            if let size { fileSizes[name] = size }
            if link == "output" { task.outputs.append(name) } else { task.inputs.append(name) }
        }
    }

    private mutating func readMeasures(_ reader: inout JSONReader) throws(TraceError) {
        try reader.readArray { (reader) throws(TraceError) in
            let line = reader.nextLine()
            var id = ""
            var measures = WorkflowMeasures()
            try reader.readObject { (reader, key) throws(TraceError) in
                if key == "id" {
                    id = try reader.readText() ?? ""
                } else if try measures.read(&reader, key) {
                    hasUnitlessSizes = true
                }
            }
            measures.isThere = true
            measures.line = line
            guard self.measures.updateValue(measures, forKey: id) == nil else {
                throw malformed(
                    line, found: "a second execution of \(TraceError.quote(id.utf8))", expected: "one for each task")
            }
        }
    }

    private mutating func readMachines(_ reader: inout JSONReader) throws(TraceError) {
        try reader.readArray { (reader) throws(TraceError) in
            var machine = WorkflowInstance.Machine()
            try reader.readObject { (reader, key) throws(TraceError) in
                switch key {
                case "nodeName": machine.name = try reader.readText() ?? ""
                case "memoryInBytes": machine.memoryBytes = try reader.readNumber()
                case "cpu":
                    guard try reader.peek() == .object else { return }
                    try reader.readObject { (reader, key) throws(TraceError) in
                        switch key {
                        case "coreCount", "count": machine.cpus = try reader.readNumber()
                        case "speedInMHz", "speed": machine.clockMegahertz = try reader.readNumber()
                        default: return
                        }
                    }
                default: return
                }
            }
            machines.append(machine)
        }
    }

    /// ISO 8601 with separators, or without (`20200401T035043+0000`), or month first (`12-20-20T07:34:37Z`).
    private static func time(_ text: String) -> Double? {
        var bytes = Array(text.utf8)
        if bytes.count > 8, bytes[2] == UInt8(ascii: "-"), bytes[5] == UInt8(ascii: "-") {
            bytes = Array("20".utf8) + bytes[6..<8] + Array("-".utf8) + bytes[0..<5] + bytes[8...]
        } else if bytes.count >= 15, bytes[8] == UInt8(ascii: "T") {
            for (place, separator) in [(4, "-"), (7, "-"), (13, ":"), (16, ":")] {
                bytes.insert(contentsOf: separator.utf8, at: place)
            }
        }
        return parseTimestamp(bytes.span, bytes.indices)
    }

    func malformed(_ line: Int, found: String, expected: String) -> TraceError {
        .malformed(
            at: TextPosition(file: file, line: line), found: found, expected: expected,
            remedy: "Correct the file, or export it again.")
    }
}

/// A task of the specification.
struct WorkflowTask {
    var id = ""
    var name = ""
    var category: String?
    var parents: [String] = []
    var children: [String] = []
    var inputs: [String] = []
    var outputs: [String] = []
}

/// What a task took.
struct WorkflowMeasures {
    var isThere = false
    var line = 0
    var runtime: Double?
    var cpuPercent: Double?
    var memory: Double?
    var read: Double?
    var written: Double?
    var cores: Double?
    var priority: Double?
    var machine: String?

    /// Reads the value of a key if it is a measure.
    ///
    /// - Returns: Whether the key is one of an older schema that does not name its unit.
    mutating func read(_ reader: inout JSONReader, _ key: String) throws(TraceError) -> Bool {
        switch key {
        case "runtimeInSeconds", "runtime": runtime = try reader.readNumber()
        case "avgCPU": cpuPercent = try reader.readNumber()
        case "memoryInBytes": memory = try reader.readNumber()
        case "readBytes": read = try reader.readNumber()
        case "writtenBytes": written = try reader.readNumber()
        case "memory":
            memory = try reader.readNumber()
            return memory != nil
        case "bytesRead":
            read = try reader.readNumber()
            return read != nil
        case "bytesWritten":
            written = try reader.readNumber()
            return written != nil
        case "coreCount", "cores": cores = try reader.readNumber()
        case "priority": priority = try reader.readNumber()
        case "machine": machine = try reader.readText()
        case "machines": machine = try reader.readTexts().first
        default: return false
        }
        if runtime != nil { isThere = true }
        return false
    }
}

extension JSONReader {
    /// A string, or `nil` for `null`; a number as its text.
    fileprivate mutating func readText() throws(TraceError) -> String? {
        switch try peek() {
        case .null:
            try skipValue()
            return nil
        case .number: return Units.shortest(try readDouble())
        default: return try readString()
        }
    }

    fileprivate mutating func readTexts() throws(TraceError) -> [String] {
        if try readNull() { return [] }
        var texts: [String] = []
        try readArray { (reader) throws(TraceError) in
            if let text = try reader.readText() { texts.append(text) }
        }
        return texts
    }

    /// A number, or `nil` for `null`.
    fileprivate mutating func readNumber() throws(TraceError) -> Double? {
        try readNull() ? nil : try readDouble()
    }
}
