public import Workloads

/// The upward rank of every task: the longest path from its start to the end of the job.
///
/// - Parameters:
///   - seconds: The run time of every task.
///   - transferSeconds: The time from the end of the first task until the second has its data; 0 by default.
/// - Returns: Ranks in seconds, in the order of the graph's tasks.
/// - Complexity: O(*V* + *E*). Source: Topcuoglu, Hariri and Wu, *HEFT and CPOP* (2002).
public func upwardRanks(
    _ graph: TaskGraph, seconds: [Double], transferSeconds: (Int, Int) -> Double = { _, _ in 0 }
) -> [Double] {
    var ranks = seconds
    for task in graph.topologicalOrder.reversed() {
        var longest = 0.0
        for successor in graph.successors(of: task) {
            longest = max(longest, transferSeconds(task, successor) + ranks[successor])
        }
        ranks[task] += longest
    }
    return ranks
}
