internal import Foundation
internal import Tables
internal import Workloads

/// The two tables that a search for a configuration reads.
public enum CloudTrials {
    /// What could be tried: columns `name`, `machines`, `cpus`, `memory` (of one machine, in bytes or as `16 GB`) and
    /// `price_per_hour` (of one machine).
    ///
    /// - Throws: ``TableError`` for a file or a column that cannot be read, ``ConfigurationError`` for a bad row or a name
    ///   that stands twice.
    public static func configurations(_ path: String) throws -> [CloudConfiguration] {
        let table = try TableFile(path, categorical: ["name", "memory"])
        let names = try table.words("name")
        let memory = try table.words("memory")
        for (row, name) in names.enumerated() {
            guard let name, let first = names.firstIndex(of: name), first < row else { continue }
            throw ConfigurationError.repeated(path, line: table.lines[row], name: name, first: table.lines[first])
        }
        let (machines, cpus, prices) = (
            try table.numbers("machines"), try table.numbers("cpus"), try table.numbers("price_per_hour")
        )
        return try names.indices.map { row in
            let name = names[row] ?? "line \(table.lines[row])"
            guard let count = Int(exactly: machines[row]), let bytes = memory[row].flatMap({ Units.parseBytes($0) })
            else { throw ConfigurationError.badConfiguration(name) }
            return CloudConfiguration(
                name: name, machines: count, cpusPerMachine: cpus[row], memoryPerMachineBytes: bytes,
                pricePerHour: prices[row] * Double(count))
        }
    }

    /// What was tried: columns `name` and `seconds`; a third one, `completed`, says `no` or `false` of a run that was
    /// given up. A header alone is no trial yet.
    ///
    /// - Throws: ``TableError``, ``ConfigurationError/unknown(_:known:)`` for a name that is no configuration.
    public static func trials(
        _ path: String, of configurations: [CloudConfiguration]
    ) throws -> [ConfigurationSearch.Probe] {
        let table: TableFile
        do { table = try TableFile(path, categorical: ["name"]) } catch TableError.noRows { return [] }
        let names = try table.words("name")
        let seconds = try table.numbers("seconds")
        let completed: [Bool]? = table.columns.first { $0.name == "completed" }.map { column in
            switch column.values {
            case .numbers(let values): values.map { $0 != 0 }
            case .words(let values): values.map { !["no", "false", "0"].contains($0?.lowercased()) }
            }
        }
        return try names.indices.map { row in
            let name = names[row] ?? ""
            guard let index = configurations.firstIndex(where: { $0.name == name }) else {
                throw ConfigurationError.unknown(name, known: configurations.map(\.name))
            }
            guard seconds[row] > 0, seconds[row].isFinite else {
                throw ConfigurationError.badTime(path, line: table.lines[row], found: seconds[row])
            }
            return ConfigurationSearch.Probe(
                configuration: index, seconds: seconds[row], completed: completed?[row] ?? true)
        }
    }
}
