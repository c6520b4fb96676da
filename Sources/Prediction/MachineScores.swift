internal import Foundation

/// How fast machines do known work: microbenchmarks of processor, memory and disk, and small runs of single task types.
///
///     let scores = try MachineScores(csv: text, name: "scores.csv")
///     scores.factor(of: "sort", on: "n1", against: "laptop")    // 1.4: takes 40 % longer there
///
/// A machine that never ran a task says so how long the task will take. The ratio of a type's own small runs is noisy:
/// it is drawn towards the level that all works of the machine share, which stands alone for a type without a run.
public struct MachineScores: Sendable, Hashable, Codable {
    /// Work per time by machine and kind of work: `cpu`, `memory`, `disk`, or the name of a task type.
    public private(set) var speeds: [String: [String: Double]] = [:]

    /// The kinds of work that are no task types.
    public static let general = ["cpu", "memory", "disk"]
    /// What a type's own ratio counts beside the shared level.
    static let ownShare = 0.7

    public init() {}

    /// Takes note of a speed; one that is not positive says nothing.
    public mutating func set(machine: String, work: String, speed: Double) {
        guard speed > 0, speed.isFinite else { return }
        speeds[machine, default: [:]][work] = speed
    }

    /// Takes over what another table says.
    public mutating func merge(_ other: MachineScores) {
        speeds.merge(other.speeds) { $0.merging($1) { _, new in new } }
    }

    public var isEmpty: Bool { speeds.isEmpty }

    /// Reads a table with the columns `machine`, `work` and `speed`.
    ///
    /// - Throws: ``PredictionError/badScores(_:line:reason:)`` that names the line.
    public init(csv text: String, name: String) throws(PredictionError) {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        func cells(_ line: Substring) -> [String] {
            line.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
        let header = lines.first.map(cells) ?? []
        guard let machine = header.firstIndex(of: "machine"), let work = header.firstIndex(of: "work"),
            let speed = header.firstIndex(of: "speed")
        else {
            throw .badScores(
                name, line: 1,
                reason: "the columns are '\(header.joined(separator: ","))', expected machine, work and speed")
        }
        for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy(\.isWhitespace) {
            let row = cells(line)
            guard row.count == header.count else {
                throw .badScores(
                    name, line: index + 1, reason: "it has \(row.count) cells, expected \(header.count)")
            }
            guard let value = Double(row[speed]), value > 0, value.isFinite else {
                throw .badScores(
                    name, line: index + 1, reason: "the speed is '\(row[speed])', expected a number above 0")
            }
            set(machine: row[machine], work: row[work], speed: value)
        }
    }

    /// The table that ``init(csv:name:)`` reads.
    public var csv: String {
        var lines = ["machine,work,speed"]
        for machine in speeds.keys.sorted() {
            let works = speeds[machine] ?? [:]
            for work in works.keys.sorted() { lines.append("\(machine),\(work),\(works[work] ?? 0)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// How much longer a task of this type takes on `machine` than on `reference`; `nil` if they share no work.
    public func factor(of type: String, on machine: String, against reference: String) -> Double? {
        logarithm(of: type, on: machine, against: reference).map { exp($0) }
    }

    func logarithm(of type: String, on machine: String, against reference: String) -> Double? {
        if machine == reference, speeds[machine] != nil { return 0 }
        guard let there = speeds[machine], let here = speeds[reference] else { return nil }
        func ratio(_ work: String) -> Double? {
            guard let a = here[work], let b = there[work] else { return nil }
            return a / b
        }
        // Types that share one small run have one voice.
        let own = Set(there.keys.filter { !Self.general.contains($0) }.compactMap { ratio($0).map { log($0) } })
        let general = Self.general.compactMap(ratio)
        var levels: [Double] = []
        if !own.isEmpty { levels.append(own.sorted().reduce(0, +) / Double(own.count)) }
        if !general.isEmpty { levels.append(log(general.reduce(0, +) / Double(general.count))) }
        guard !levels.isEmpty else { return nil }
        let level = levels.reduce(0, +) / Double(levels.count)
        return ratio(type).map { Self.ownShare * log($0) + (1 - Self.ownShare) * level } ?? level
    }
}
