import Sizing

/// The trial runs of one search.
struct Trials: Encodable {
    let set: String
    let start: Int
    let probes: [Int]
}

/// Six trials for every start, on a table of what each configuration would take.
func cheapestConfigurations(_ table: Table, starts: Table) throws -> [Trials] {
    let sets = try table.texts("set")
    let (machines, cpus, memory) = (
        try table.numbers("node_count"), try table.numbers("cpus"), try table.numbers("memory")
    )
    let (prices, seconds, completed) = (
        try table.numbers("price"), try table.numbers("seconds"), try table.numbers("completed")
    )
    let rowsOfSet = Dictionary(uniqueKeysWithValues: grouped(sets, sets.indices).map { ($0.key, $0.rows) })
    let (names, numbers, firsts) = (
        try starts.texts("set"), try starts.numbers("start"), try starts.numbers("first")
    )
    // Trials were given up after two hours.
    var options = ConfigurationSearch.Options()
    options.deadlineSeconds = 7200
    return try names.indices.map { index in
        let rows = rowsOfSet[names[index]] ?? []
        let search = try ConfigurationSearch(
            rows.map { row in
                CloudConfiguration(
                    name: "\(row)", machines: Int(machines[row]), cpusPerMachine: cpus[row],
                    memoryPerMachineBytes: memory[row] * 1_073_741_824, pricePerHour: prices[row])
            }, options: options)
        func probe(_ place: Int) -> ConfigurationSearch.Probe {
            .init(configuration: place, seconds: seconds[rows[place]], completed: completed[rows[place]] == 1)
        }
        var probes = [probe(Int(firsts[index]))]
        while probes.count < 6, let next = search.proposal(after: probes) { probes.append(probe(next.configuration)) }
        return Trials(set: names[index], start: Int(numbers[index]), probes: probes.map(\.configuration))
    }
}
