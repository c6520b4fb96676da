internal import Foundation
public import Plots
public import Workloads

extension DAGChart {
    /// Above so many tasks, or layers of them, those of one type and layer are drawn as one.
    private static let taskLimit = 300
    private static let layerLimit = 60

    /// The graph of a job, with its critical path.
    ///
    /// - Parameter durations: Seconds of every task, in the order of the graph's tasks.
    public init(_ title: String, _ graph: TaskGraph, durations: [Double]) {
        let path = CriticalPath(graph, durations: durations)
        let layers = (graph.levels.max() ?? -1) + 1
        guard graph.count > Self.taskLimit || layers > Self.layerLimit else {
            self.init(title, tasks: graph, durations, path)
            return
        }
        self.init(title, groupsOf: graph, durations, path)
    }

    /// A node for each task.
    private init(_ title: String, tasks graph: TaskGraph, _ durations: [Double], _ path: CriticalPath) {
        let isCritical = Set(path.tasks)
        let nodes = graph.tasks.enumerated().map { index, task in
            Node(
                task.id.rawValue, type: task.type, layer: graph.levels[index],
                detail: "\(task.id) (\(task.type)): \(Units.formatSeconds(durations[index])), not before "
                    + "\(Units.formatSeconds(path.starts[index])), slack \(Units.formatSeconds(path.slacks[index]))",
                isCritical: isCritical.contains(index))
        }
        self.init(title, nodes: nodes, edges: Self.edges(graph, path) { $0 })
    }

    /// A node for all tasks of one type in one layer; layers of long graphs are taken together, until there are few enough.
    private init(_ title: String, groupsOf graph: TaskGraph, _ durations: [Double], _ path: CriticalPath) {
        struct Group: Hashable {
            var layer: Int
            var type: String?
        }
        let layers = (graph.levels.max() ?? -1) + 1
        let step = max(1, (layers + Self.layerLimit - 1) / Self.layerLimit)
        func groups(_ type: (TaskSpec) -> String?) -> [Group] {
            graph.tasks.enumerated().map { Group(layer: graph.levels[$0] / step, type: type($1)) }
        }
        var groupOfTask = groups(\.type)
        // Types that are as many as tasks say nothing.
        if Set(groupOfTask).count > Self.taskLimit { groupOfTask = groups { _ in nil } }
        var (places, members): ([Group: Int], [[Int]]) = ([:], [])
        let placeOfTask = groupOfTask.enumerated().map { index, group in
            let place = places[group] ?? members.count
            if place == members.count {
                places[group] = place
                members.append([])
            }
            members[place].append(index)
            return place
        }
        let isCritical = Set(path.tasks.map { placeOfTask[$0] })
        let nodes = members.enumerated().map { place, tasks in
            let group = groupOfTask[tasks[0]]
            let type = group.type ?? Self.common(tasks.map { graph.tasks[$0].type })
            let single = tasks.count == 1 ? graph.tasks[tasks[0]].id.rawValue : nil
            let seconds = tasks.reduce(0) { $0 + durations[$1] }
            return Node(
                single ?? "\(type) × \(tasks.count)", type: type, layer: group.layer, count: tasks.count,
                detail: "\(single.map { "\($0) (\(type))" } ?? "\(type): \(tasks.count) tasks"), "
                    + "\(Units.formatSeconds(seconds)) of work",
                isCritical: isCritical.contains(place))
        }
        let together = step > 1 ? "of \(step) levels" : "of one level"
        self.init(
            title, nodes: nodes, edges: Self.edges(graph, path) { placeOfTask[$0] },
            notes: ["Tasks of one type and \(together) are drawn as one; edges within are not drawn."])
    }

    /// What the names of several types begin with.
    private static func common(_ types: [String]) -> String {
        let first = types[0]
        let prefix = types.dropFirst().reduce(first) { $0.commonPrefix(with: $1) }
        return prefix == first ? first : prefix.count >= 3 ? prefix + "…" : "several types"
    }

    /// All edges between different nodes, each once.
    private static func edges(_ graph: TaskGraph, _ path: CriticalPath, _ place: (Int) -> Int) -> [Edge] {
        struct Pair: Hashable {
            var from: Int
            var to: Int
        }
        let vital = Set(zip(path.tasks, path.tasks.dropFirst()).map { Pair(from: place($0), to: place($1)) })
        var seen: Set<Pair> = []
        var edges: [Edge] = []
        for task in 0..<graph.count {
            for successor in graph.successors(of: task) {
                let pair = Pair(from: place(task), to: place(successor))
                guard pair.from != pair.to, seen.insert(pair).inserted else { continue }
                edges.append(Edge(pair.from, pair.to, isCritical: vital.contains(pair)))
            }
        }
        return edges
    }
}
