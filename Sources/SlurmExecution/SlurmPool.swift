public import Workloads

/// What a cluster offers: its partitions as zones, its kinds of nodes as types of instances.
public struct SlurmPool: Sendable {
    /// One offer for each kind of node of each partition.
    public private(set) var pool = ResourcePool(entries: [])
    /// For each offer: the nodes of its partition that are of another kind, as `sbatch --exclude` takes them.
    var others: [[String]] = []
    /// For each offer: the longest time of a job in seconds; `nil` is no limit.
    var timeLimits: [Double?] = []

    /// Asks Slurm what there is. A node that several partitions have is counted in the first of them.
    ///
    /// - Parameter partitions: Those to use, the first is preferred; none for the default one.
    /// - Throws: ``SlurmError``, `ExecutionError` if a command cannot be run.
    public static func discover(partitions: [String] = []) throws -> SlurmPool {
        let result = try Command.run(["sinfo", "-h", "-e", "-o", "%P|%a|%l|%p|%M|%c|%m|%G|%T|%N"], seconds: 30)
        guard result.succeeded else { throw SlurmError.noController(Slurm.lastWords(result)) }
        return try SlurmPool(sinfo: result.text, partitions: partitions)
    }

    /// Reads lines of `sinfo -h -e -o '%P|%a|%l|%p|%M|%c|%m|%G|%T|%N'`.
    package init(sinfo text: String, partitions: [String]) throws {
        let rows = text.split(separator: "\n").compactMap(Row.init)
        let names = Set(rows.map(\.partition))
        for name in partitions where !names.contains(name) {
            throw SlurmError.noPartition(name, known: names.sorted())
        }
        let standard = rows.first(where: \.isDefault)?.partition ?? rows.first?.partition
        let wanted = partitions.isEmpty ? [standard].compactMap(\.self) : partitions
        let greatest = rows.map(\.tier).max() ?? 0
        var taken: Set<String> = []
        for partition in wanted {
            let all = rows.filter { $0.partition == partition }
            var kinds: [(row: Row, nodes: [String])] = []
            for row in all where row.isUsable {
                let nodes = Self.nodes(row.nodes).filter { taken.insert($0).inserted }
                guard !nodes.isEmpty else { continue }
                if let known = kinds.firstIndex(where: { $0.row.isSameKind(as: row) }) {
                    kinds[known].nodes += nodes
                    kinds[known].row.memoryBytes = min(kinds[known].row.memoryBytes, row.memoryBytes)
                } else {
                    kinds.append((row, nodes))
                }
            }
            for (row, nodes) in kinds {
                let isSpot = row.isPreemptable && row.tier < greatest
                let type = InstanceType(
                    name: row.typeName, cpus: row.cpus, memoryBytes: row.memoryBytes, gpus: row.gpus,
                    gpuModel: row.gpuModel, spotPrice: isSpot ? .free : nil)
                pool.entries.append(
                    Offer(
                        type: type, purchase: isSpot ? .spot : .onDemand, zone: partition, maximumCount: nodes.count))
                others.append(all.filter { !$0.isSameKind(as: row) }.map(\.nodes))
                timeLimits.append(row.timeLimitSeconds)
            }
        }
        guard !pool.entries.isEmpty else { throw SlurmError.noNodes(partitions: wanted) }
    }

    /// What it offers, at most so many nodes together, the first offers first.
    public func offers(most: Int?) -> [Offer] {
        var left = most ?? .max
        return pool.entries.compactMap { offer in
            var offer = offer
            offer.maximumCount = min(offer.maximumCount, left)
            left -= offer.maximumCount
            return offer.maximumCount > 0 ? offer : nil
        }
    }

    /// The offer that is the same as one of a run that goes on.
    func index(of offer: Offer) -> Int? {
        pool.entries.firstIndex { $0.type.name == offer.type.name && $0.zone == offer.zone }
    }

    /// The nodes of an expression such as `n[1-3,07],gpu`.
    package static func nodes(_ text: String) -> [String] {
        var parts: [String] = [""]
        var depth = 0
        for character in text {
            depth += character == "[" ? 1 : character == "]" ? -1 : 0
            if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts.flatMap(expand)
    }

    private static func expand(_ text: String) -> [String] {
        guard let open = text.firstIndex(of: "["), let close = text[open...].firstIndex(of: "]") else {
            return text.isEmpty ? [] : [text]
        }
        let rest = expand("x" + text[text.index(after: close)...]).map { $0.dropFirst() }
        var found: [String] = []
        for range in text[text.index(after: open)..<close].split(separator: ",") {
            let ends = range.split(separator: "-")
            guard let first = ends.first.flatMap({ Int($0) }), let last = ends.last.flatMap({ Int($0) }), first <= last,
                last - first < 1_000_000
            else { continue }
            for number in first...last {
                let digits = String(number)
                let zeros = String(repeating: "0", count: max(0, ends[0].count - digits.count))
                for end in rest { found.append(text[..<open] + zeros + digits + end) }
            }
        }
        return found
    }
}

/// A line of `sinfo`.
private struct Row {
    let partition: String
    let isDefault: Bool
    let isUp: Bool
    let timeLimitSeconds: Double?
    let tier: Int
    let isPreemptable: Bool
    let cpus: Double
    var memoryBytes: Double
    let gpus: Double
    let gpuModel: String?
    let state: String
    let nodes: String

    init?(_ line: Substring) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 10, let cpus = Double(fields[5].prefix { $0.isNumber }), cpus > 0 else { return nil }
        partition = fields[0].last == "*" ? String(fields[0].dropLast()) : fields[0]
        (isDefault, isUp) = (fields[0].last == "*", fields[1] == "up")
        timeLimitSeconds = slurmSeconds(fields[2])
        tier = Int(fields[3]) ?? 0
        isPreemptable = fields[4] != "OFF"
        self.cpus = cpus
        memoryBytes = Slurm.bytes(fields[6].filter { $0 != "+" } + "M")
        // gpu:2, gpu:a100:4(S:0-1), several with commas
        let devices = fields[7].split(separator: ",").filter { $0.hasPrefix("gpu:") }.map { word in
            word.prefix { $0 != "(" }.split(separator: ":").map(String.init)
        }
        gpus = devices.reduce(0) { $0 + (Double($1.last ?? "") ?? 0) }
        gpuModel = devices.first.flatMap { $0.count == 3 ? $0[1] : nil }
        (state, nodes) = (fields[8], fields[9])
    }

    var isUsable: Bool {
        let away = ["down", "drain", "fail", "maint", "unknown", "future", "perfctrs", "inval", "reboot"]
        // A star: it does not answer.
        return isUp && !state.hasSuffix("*") && !away.contains { state.hasPrefix($0) }
    }

    func isSameKind(as other: Row) -> Bool { typeName == other.typeName }

    /// What tells kinds of nodes apart; a little more or less memory does not.
    var typeName: String {
        let memory = Units.format((memoryBytes / 1_073_741_824).rounded(), digits: 0)
        let devices = gpus > 0 ? "-\(gpuModel ?? "gpu")x\(Units.format(gpus, digits: 0))" : ""
        return "\(Units.format(cpus, digits: 0))cpu-\(memory)G\(devices)"
    }
}

/// A time such as `2-12:00:00`, `30:00` or `infinite`, in seconds; `nil` is no limit.
func slurmSeconds(_ text: String) -> Double? {
    let halves = text.split(separator: "-")
    guard let clock = halves.last, let first = clock.first, first.isNumber else { return nil }
    let days = halves.count == 2 ? Double(halves[0]) ?? 0 : 0
    var seconds = 0.0
    for part in clock.split(separator: ":") { seconds = seconds * 60 + (Double(part) ?? 0) }
    return days * 86_400 + seconds
}
