/// How many tasks run at once where nothing but their predecessors makes them wait, over time.
///
/// A step function: from ``times`` `[i]` on, ``counts`` `[i]` tasks run; the last count is 0.
public struct ParallelismProfile: Hashable, Sendable {
    /// When the number changes, in seconds, ascending.
    public let times: [Double]
    /// How many run from then on.
    public let counts: [Int]
    /// The greatest number at once: more instances of one task each make nothing faster.
    public let maximum: Int
    /// The work of all tasks in proportion to the time: what is the least that more instances could gain.
    public let mean: Double

    /// Counts tasks by when they start and how long they take, in seconds. A task that takes no time is not counted.
    ///
    /// - Complexity: O(*n* log *n*).
    public init(starts: [Double], durations: [Double]) {
        precondition(starts.count == durations.count, "one duration for each task")
        var changes: [(time: Double, change: Int)] = []
        for (start, seconds) in zip(starts, durations) where seconds > 0 {
            changes.append((start, 1))
            changes.append((start + seconds, -1))
        }
        changes.sort { $0.time < $1.time }
        var (times, counts): ([Double], [Int]) = ([], [])
        var (running, at) = (0, 0)
        while at < changes.count {
            let time = changes[at].time
            while at < changes.count, changes[at].time == time {
                running += changes[at].change
                at += 1
            }
            guard running != counts.last else { continue }
            times.append(time)
            counts.append(running)
        }
        (self.times, self.counts) = (times, counts)
        maximum = counts.max() ?? 0
        let elapsed = (times.last ?? 0) - (times.first ?? 0)
        mean = elapsed > 0 ? durations.reduce(0) { $0 + max(0, $1) } / elapsed : 0
    }

    /// How many run on average in each of so many equal parts of the time.
    public func means(over parts: Int) -> [Double] {
        var means = [Double](repeating: 0, count: max(0, parts))
        guard parts > 0, let first = times.first, let last = times.last, last > first else { return means }
        let width = (last - first) / Double(parts)
        for (step, count) in counts.dropLast().enumerated() where count > 0 {
            var part = min(parts - 1, Int((times[step] - first) / width))
            while part < parts, first + Double(part) * width < times[step + 1] {
                let from = max(times[step], first + Double(part) * width)
                let to = min(times[step + 1], first + Double(part + 1) * width)
                means[part] += Double(count) * max(0, to - from) / width
                part += 1
            }
        }
        return means
    }
}
