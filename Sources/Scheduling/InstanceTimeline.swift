/// The processors and memory in use on one instance over planned time, as a step function.
///
/// Reservations may be inserted into gaps between earlier ones.
struct InstanceTimeline: Sendable {
    /// Step `i` lasts from `times[i]` to `times[i + 1]`; the last step is empty and never ends.
    private var times = [0.0]
    private var usedCPUs = [0.0]
    private var usedMemory = [0.0]
    /// The first steps, in which not even the smallest task fits.
    private var fullSteps = 0
    /// When they end.
    private(set) var fullUntil = 0.0

    private let cpus: Double
    private let memoryBytes: Double
    private let smallest: PlanningProblem.Corner

    /// An empty instance; the smallest request that will ever be asked for speeds up the search.
    init(cpus: Double, memoryBytes: Double, smallest: PlanningProblem.Corner) {
        self.cpus = cpus * (1 + 1e-12)
        self.memoryBytes = memoryBytes * (1 + 1e-12)
        self.smallest = smallest
    }

    /// The earliest start from `ready` on at which the request fits for `seconds`, or `nil` if that is after `latest`.
    ///
    /// The request must fit an empty instance.
    /// - Complexity: O(log *n* + steps looked at).
    func earliestStart(
        ready: Double, seconds: Double, cpus: Double, memoryBytes: Double, latest: Double
    ) -> Double? {
        var step = max(fullSteps, lastStep(at: ready))
        var start = max(ready, times[step])
        while step < times.count - 1, start <= latest {
            if !fits(cpus, memoryBytes, in: step) {
                step += 1
                start = times[step]
            } else if times[step + 1] >= start + seconds {
                return start
            } else {
                step += 1
            }
        }
        return start <= latest ? start : nil
    }

    /// Books the request.
    mutating func reserve(start: Double, end: Double, cpus: Double, memoryBytes: Double) {
        guard end > start else { return }
        let first = split(at: start)
        let last = split(at: end)
        for step in first..<last {
            usedCPUs[step] += cpus
            usedMemory[step] += memoryBytes
        }
        while fullSteps < times.count - 1, !fits(smallest.cpus, smallest.memoryBytes, in: fullSteps) { fullSteps += 1 }
        fullUntil = times[fullSteps]
    }

    private func fits(_ cpus: Double, _ memory: Double, in step: Int) -> Bool {
        usedCPUs[step] + cpus <= self.cpus && usedMemory[step] + memory <= memoryBytes
    }

    /// The last step that starts at or before `time`.
    private func lastStep(at time: Double) -> Int {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// The step that starts at `time`, made if there is none.
    private mutating func split(at time: Double) -> Int {
        let step = lastStep(at: time)
        if times[step] == time { return step }
        times.insert(time, at: step + 1)
        usedCPUs.insert(usedCPUs[step], at: step + 1)
        usedMemory.insert(usedMemory[step], at: step + 1)
        return step + 1
    }
}
