import Scheduling
import TestSupport
import Workloads

/// A small job on machines that run one task at a time, with transfers between them.
struct SmallProblem {
    var graph: TaskGraph
    var pool: ResourcePool
    var costs: CostModel
    var quota: Quota?

    /// Up to `tasks` tasks and `machines` machines; times are whole seconds, transfers often longer than tasks.
    init(tasks: Int, machines: Int, seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let count = Int.random(in: 2...tasks, using: &generator)
        let dense = Double.random(in: 0.1...0.7, using: &generator)
        graph = try TaskGraph(
            (0..<count).map { index in
                let before = (0..<index).filter { _ in Double.random(in: 0..<1, using: &generator) < dense }
                return TaskSpec(
                    id: TaskID("t\(index)"), predecessors: before.map { TaskID("t\($0)") },
                    inputs: before.map { FileSpec(path: "f\($0)") },
                    outputs: [
                        FileSpec(path: "f\(index)", sizeBytes: Double(Int.random(in: 0...40, using: &generator)))
                    ],
                    claimedSeconds: Double(Int.random(in: 0...30, using: &generator)))
            })
        pool = ResourcePool(
            entries: (0..<Int.random(in: 1...machines, using: &generator)).map { index in
                Offer(
                    type: InstanceType(
                        name: "m\(index)", cpus: 1, memoryBytes: 1e9,
                        speed: [1, 1, 2, 4].randomElement(using: &generator)!,
                        onDemandPrice: Price(perHour: Double(Int.random(in: 1...9, using: &generator)))))
            })
        costs = .claimed(by: graph)
        costs.network = Network(bytesPerSecond: 1, latencySeconds: Double(Int.random(in: 0...3, using: &generator)))
    }

    /// The least makespan of all that keep the deadlines of tasks, by trying every order and every machine; infinite if none does.
    var leastMakespan: Double { least { end, deadline in end <= deadline ? end : .infinity } }

    /// By how much the task that is latest ends after its deadline at least; less than 0 if all can end before.
    var leastLateness: Double { least { $0 - $1 } }

    /// The least of the greatest value of all tasks, by end and deadline.
    private func least(_ value: (Double, Double) -> Double) -> Double {
        let count = graph.count
        let speeds = pool.entries.map(\.type.speed)
        var ends = [Double](repeating: -1, count: count)
        var places = [Int](repeating: -1, count: count)
        var begins = ends
        var free = pool.entries.map(\.openSeconds)
        var best = Double.infinity
        func transfer(_ from: Int, _ to: Int, on machine: Int) -> Double {
            seconds(from, to, zones: pool.entries[places[from]].zone, pool.entries[machine].zone)
        }
        /// The first moment from `ready` on at which a task may have a machine in use beside all that have been placed.
        func allowed(_ task: Int, on machine: Int, from ready: Double) -> Double {
            guard let quota else { return ready }
            let placed = (0..<count).filter { ends[$0] > begins[$0] }
            let seconds = (graph.tasks[task].claimedSeconds ?? 0) / speeds[machine]
            return ([ready] + placed.map { ends[$0] }.filter { $0 > ready }.sorted()).first { start in
                ([start] + placed.map { begins[$0] }.filter { $0 > start && $0 < start + seconds }).allSatisfy { time in
                    let beside = placed.filter { begins[$0] <= time && ends[$0] > time } + [task]
                    let price = beside.reduce(0) { sum, other in
                        sum + pool.entries[other == task ? machine : places[other]].price.perHour
                    }
                    return Double(beside.count) <= quota.resources.cpus && price <= quota.pricePerHour
                }
            } ?? .infinity
        }
        func extend(_ done: Int, _ latest: Double) {
            guard latest < best else { return }
            guard done < count else { return best = latest }
            for task in 0..<count where ends[task] < 0 {
                guard graph.predecessors(of: task).allSatisfy({ ends[$0] >= 0 }) else { continue }
                for machine in speeds.indices {
                    var start = max(free[machine], graph.tasks[task].notBeforeSeconds ?? 0)
                    for other in graph.predecessors(of: task) {
                        start = max(
                            start, ends[other] + (places[other] == machine ? 0 : transfer(other, task, on: machine)))
                    }
                    start = allowed(task, on: machine, from: start)
                    guard start < .infinity else { continue }
                    let (end, before) = (
                        start + (graph.tasks[task].claimedSeconds ?? 0) / speeds[machine], free[machine]
                    )
                    (begins[task], ends[task], places[task], free[machine]) = (start, end, machine, end)
                    extend(done + 1, max(latest, value(end, graph.tasks[task].deadlineSeconds ?? .infinity)))
                    (begins[task], ends[task], places[task], free[machine]) = (-1, -1, -1, before)
                }
            }
        }
        extend(0, -.infinity)
        return best
    }

    /// When what one task writes and another reads is there, by the zones of both.
    private func seconds(_ from: Int, _ to: Int, zones here: String?, _ there: String?) -> Double {
        let reads = graph.tasks[to].inputs.contains { $0.path == "f\(from)" }
        let bytes = reads ? graph.tasks[from].outputs[0].sizeBytes ?? 0 : 0
        let network = costs.network
        let near = network.latencySeconds + bytes / (network.bytesPerSecond ?? .infinity)
        guard let link = network.betweenZones, let here, let there, here != there else { return near }
        return max(near, link.latencySeconds + bytes / (link.bytesPerSecond ?? .infinity))
    }

    /// What a plan breaks, computed from job, pool and network alone.
    func fault(of plan: Plan) -> String? {
        do { try plan.validate(graph, on: pool, network: costs.network, quota: quota) } catch { return "\(error)" }
        let places = Dictionary(uniqueKeysWithValues: plan.assignments.map { ($0.task, $0) })
        let offers = Dictionary(uniqueKeysWithValues: plan.instances.map { ($0.id, $0.entry) })
        for (index, task) in graph.tasks.enumerated() {
            guard let own = places[task.id], let offer = offers[own.instance] else { return "no \(task.id)" }
            if own.startSeconds < task.notBeforeSeconds ?? 0 { return "\(task.id) starts before its time" }
            if own.endSeconds > (task.deadlineSeconds ?? .infinity) * (1 + 1e-9) { return "\(task.id) is late" }
            if own.startSeconds < offer.openSeconds { return "\(task.id) starts before its machine comes" }
            for other in graph.predecessors(of: index) {
                guard let from = places[graph.tasks[other].id], from.instance != own.instance else { continue }
                let transfer = seconds(other, index, zones: offers[from.instance]?.zone, offer.zone)
                if own.startSeconds < (from.endSeconds + transfer) * (1 - 1e-12) {
                    return "\(task.id) starts before its data comes"
                }
            }
        }
        return nil
    }
}
