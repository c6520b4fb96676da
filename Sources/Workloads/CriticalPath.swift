/// The longest path through a graph, and how long each task could wait without making it longer.
///
/// No schedule on any number of instances is shorter. Times are those of instances without end: a task starts when the
/// last of its predecessors ends.
///
///     let path = CriticalPath(graph, durations: [3, 2, 5])
///     path.seconds   // 8, where the third task waits for the first
public struct CriticalPath: Hashable, Sendable {
    /// Its length in seconds.
    public let seconds: Double
    /// Its tasks from first to last; empty for an empty graph.
    public let tasks: [Int]
    /// When each task can start at the earliest, in seconds.
    public let starts: [Double]
    /// By how many seconds each task can start later without making the path longer.
    public let slacks: [Double]

    /// Finds it.
    ///
    /// - Parameter durations: Seconds of every task, in the order of the graph's tasks.
    /// - Complexity: O(*V* + *E*).
    public init(_ graph: TaskGraph, durations: [Double]) {
        precondition(durations.count == graph.count, "one duration for each task")
        var starts = [Double](repeating: 0, count: graph.count)
        var latest = [Int](repeating: -1, count: graph.count)
        var last = -1
        for task in graph.topologicalOrder {
            for predecessor in graph.predecessors(of: task) {
                let end = starts[predecessor] + durations[predecessor]
                if latest[task] < 0 || end > starts[task] { (starts[task], latest[task]) = (end, predecessor) }
            }
            if last < 0 || starts[task] + durations[task] > starts[last] + durations[last] { last = task }
        }
        let seconds = last < 0 ? 0 : starts[last] + durations[last]
        var latestStarts = durations.map { seconds - $0 }
        for task in graph.topologicalOrder.reversed() {
            for successor in graph.successors(of: task) {
                latestStarts[task] = min(latestStarts[task], latestStarts[successor] - durations[task])
            }
        }
        var path: [Int] = []
        while last >= 0 {
            path.append(last)
            last = latest[last]
        }
        self.seconds = seconds
        tasks = path.reversed()
        // What rounding leaves over is no slack.
        slacks = zip(latestStarts, starts).map { $0 - $1 > 1e-9 * seconds ? $0 - $1 : 0 }
        self.starts = starts
    }
}
