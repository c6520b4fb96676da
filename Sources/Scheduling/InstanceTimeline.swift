import Workloads

/// What is in use on one instance over planned time, as a step function.
///
/// Reservations may be inserted into gaps between earlier ones.
struct InstanceTimeline: Sendable {
    /// Step `i` lasts from `times[i]` to `times[i + 1]`; the last step is empty and never ends.
    private var times = [0.0]
    private var used = [SIMD4<Double>(repeating: 0)]
    /// The first steps, in which not even the smallest task fits.
    private var fullSteps = 0
    /// When they end.
    private(set) var fullUntil = 0.0

    private let capacity: SIMD4<Double>
    private let smallest: SIMD4<Double>

    /// An empty instance; the smallest request that will ever be asked for speeds up the search.
    init(_ capacity: Resources, smallest: Resources) {
        (self.capacity, self.smallest) = (capacity.lanes * (1 + 1e-12), smallest.lanes)
    }

    /// The earliest start from `ready` on at which the request fits for `seconds`, or `nil` if that is after `latest`.
    ///
    /// The request must fit an empty instance.
    /// - Complexity: O(log *n* + steps looked at).
    func earliestStart(
        _ request: Resources, ready: Double, seconds: Double, latest: Double
    ) -> Double? {
        var step = max(fullSteps, lastStep(at: ready))
        var start = max(ready, times[step])
        while step < times.count - 1, start <= latest {
            if !fits(request.lanes, in: step) {
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
    mutating func reserve(_ request: Resources, start: Double, end: Double) {
        guard end > start else { return }
        let first = split(at: start)
        let last = split(at: end)
        for step in first..<last { used[step] += request.lanes }
        while fullSteps < times.count - 1, !fits(smallest, in: fullSteps) { fullSteps += 1 }
        fullUntil = times[fullSteps]
    }

    private func fits(_ request: SIMD4<Double>, in step: Int) -> Bool {
        all(used[step] + request .<= capacity)
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
        used.insert(used[step], at: step + 1)
        return step + 1
    }
}
