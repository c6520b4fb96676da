import Workloads

extension Plan {
    /// Checks the transfers: each brings what one task made to one that waits for it, from instance to instance, after the
    /// one has ended and before the other starts; if a network is given, in no less time than it takes, and none is missing.
    func validateTransfers(
        _ graph: TaskGraph, _ byTask: [TaskID: Assignment], _ network: Network?
    ) throws(PlanError) {
        var listed: [Link: Transfer] = [:]
        for transfer in transfers ?? [] {
            let link = Link(from: transfer.from, to: transfer.to)
            guard let from = byTask[transfer.from], let to = byTask[transfer.to],
                graph[transfer.to]?.predecessors.contains(transfer.from) == true
            else {
                throw .invalid(
                    "a transfer goes from '\(transfer.from)' to '\(transfer.to)', which does not wait for it")
            }
            guard from.instance == transfer.source, to.instance == transfer.destination, from.instance != to.instance
            else { throw .invalid("\(link) does not go from the instance of the one to that of the other") }
            guard transfer.startSeconds >= from.endSeconds, transfer.endSeconds >= transfer.startSeconds,
                transfer.endSeconds <= to.startSeconds
            else { throw .invalid("\(link) is not between the end of the one and the start of the other") }
            guard transfer.bytes >= 0, transfer.bytes < .infinity else { throw .invalid("\(link) brings no bytes") }
            guard listed.updateValue(transfer, forKey: link) == nil else { throw .invalid("\(link) is listed twice") }
        }
        guard let network, !network.isFree else { return }
        let flow = DataFlow(graph, over: network)
        let zones = Dictionary(instances.map { ($0.id, $0.entry.zone) }, uniquingKeysWith: { first, _ in first })
        for (index, task) in graph.tasks.enumerated() {
            for edge in flow.edges(of: index) {
                let link = Link(from: graph.tasks[Int(flow.predecessors[edge])].id, to: task.id)
                guard let from = byTask[link.from], let to = byTask[link.to], from.instance != to.instance else {
                    continue
                }
                let bytes = flow.bytes[edge]
                let isFar = Network.isFar(zones[from.instance] ?? nil, zones[to.instance] ?? nil)
                let seconds = network.seconds(bytes, isFar: isFar)
                let dollars = isFar ? network.dollarsToOtherZone(bytes) : 0
                let rounding = 1e-9 * max(1, to.startSeconds)
                guard to.startSeconds - from.endSeconds >= seconds - rounding else {
                    throw .invalid("\(link) takes \(seconds) s, and the plan leaves it less")
                }
                guard transfers != nil, seconds > 0 || dollars > 0 else { continue }
                guard let transfer = listed[link] else { throw .invalid("\(link) is missing") }
                guard transfer.endSeconds - transfer.startSeconds >= seconds - rounding,
                    transfer.bytes == bytes, abs((transfer.cost ?? 0) - dollars) <= 1e-12 * max(1, dollars)
                else { throw .invalid("\(link) brings too little, too fast or for too little") }
            }
        }
    }

    private struct Link: Hashable, CustomStringConvertible {
        var from: TaskID
        var to: TaskID

        var description: String { "the transfer from '\(from)' to '\(to)'" }
    }
}

extension Schedule {
    /// What goes from one instance to another, as soon as it is made; `nil` where nothing takes time.
    func transfers(_ problem: PlanningProblem, _ order: [Int], _ names: [InstanceID]) -> [Plan.Transfer]? {
        guard !problem.transfersAreFree else { return nil }
        var transfers: [Plan.Transfer] = []
        for task in order {
            for edge in problem.edges(of: task) {
                let other = Int(problem.predecessors[edge])
                guard instance[other] != instance[task] else { continue }
                let (from, to) = (entryOfInstance[Int(instance[other])], entryOfInstance[Int(instance[task])])
                let seconds = problem.seconds(along: edge, from: from, to: to)
                let dollars = problem.isFar(from, to) ? problem.farDollars[edge] : 0
                guard seconds > 0 || dollars > 0 else { continue }
                transfers.append(
                    Plan.Transfer(
                        from: problem.graph.tasks[other].id, to: problem.graph.tasks[task].id,
                        source: names[Int(instance[other])], destination: names[Int(instance[task])],
                        startSeconds: ends[other],
                        // Rounding must not let it come late.
                        endSeconds: max(ends[other], min(ends[other] + seconds, starts[task])),
                        bytes: problem.bytes.isEmpty ? 0 : problem.bytes[edge], cost: dollars > 0 ? dollars : nil))
            }
        }
        return transfers
    }
}
