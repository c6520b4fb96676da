public import Workloads

/// What the attempts at one task type use over the course of a run: a peak, and a reservation for each of a few segments
/// of relative time.
///
/// Of all runs the greatest memory at each fiftieth of the run is taken; the segments are those whose reservations hold
/// least in sum. A task that needs its peak for a moment only can so leave memory to others the rest of the time.
public struct DemandProfile: Sendable, Hashable, Codable {
    /// A part of the run.
    public struct Segment: Sendable, Hashable, Codable {
        /// Where it begins and ends, as shares of the run time.
        public let from: Double
        public let to: Double
        /// Memory that no recorded run exceeded there.
        public let memoryBytes: Double
        /// Processors kept busy on average.
        public let cpus: Double
        /// Bytes read and written each second on average.
        public let bytesPerSecond: Double

        enum CodingKeys: String, CodingKey {
            case from, to, cpus
            case memoryBytes = "memory_bytes"
            case bytesPerSecond = "bytes_per_second"
        }
    }

    /// The recorded runs behind it.
    public let runs: Int
    /// In the order of time, from 0 to 1.
    public let segments: [Segment]
    /// The greatest memory of all.
    public let peakBytes: Double
    /// What the segments hold, as a share of what a reservation of the peak for the whole run would hold.
    public let reservedShare: Double

    enum CodingKeys: String, CodingKey {
        case runs, segments
        case peakBytes = "peak_bytes"
        case reservedShare = "reserved_share"
    }

    /// How finely the course of a run is looked at.
    public static let steps = 50

    /// Learns from recorded runs; `nil` without a run that has a length.
    ///
    /// - Parameter segments: At most so many; fewer where more would hold no less.
    /// - Complexity: O(points + *segments* · steps²).
    public static func fit(_ series: [DemandSeries], segments: Int = 4) -> DemandProfile? {
        let courses = series.compactMap(Course.init)
        guard !courses.isEmpty else { return nil }
        let envelope = (0..<steps).map { step in courses.reduce(0) { max($0, $1.memory[step]) } }
        let peak = envelope.max() ?? 0
        let ends = leastReservation(envelope, segments: max(1, segments))
        var parts: [Segment] = []
        for (start, end) in zip([0] + ends.dropLast(), ends) {
            func mean(_ column: KeyPath<Course, [Double]>) -> Double {
                let sums = courses.map { $0[keyPath: column][start..<end].reduce(0, +) / Double(end - start) }
                return sums.reduce(0, +) / Double(courses.count)
            }
            parts.append(
                Segment(
                    from: Double(start) / Double(steps), to: Double(end) / Double(steps),
                    memoryBytes: envelope[start..<end].max() ?? 0, cpus: mean(\.cpus), bytesPerSecond: mean(\.bytes)))
        }
        let held = parts.reduce(0) { $0 + $1.memoryBytes * ($1.to - $1.from) }
        return DemandProfile(
            runs: courses.count, segments: parts, peakBytes: peak, reservedShare: peak > 0 ? held / peak : 1)
    }

    /// The memory to reserve at a share of the run time, 0 to 1.
    public func memoryBytes(at share: Double) -> Double {
        (segments.first { share < $0.to } ?? segments.last)?.memoryBytes ?? peakBytes
    }

    /// The ends of the segments that hold least in sum, each at its greatest value; fewer where that is as good.
    private static func leastReservation(_ envelope: [Double], segments: Int) -> [Int] {
        let count = envelope.count
        // held[k][end]: the least that k + 1 segments hold up to `end`; from[k][end]: where the last of them begins.
        var held = [[Double]](repeating: [Double](repeating: .infinity, count: count + 1), count: segments)
        var from = [[Int]](repeating: [Int](repeating: 0, count: count + 1), count: segments)
        for k in 0..<segments {
            for end in 1...count {
                var greatest = 0.0
                for start in stride(from: end - 1, through: 0, by: -1) {
                    greatest = max(greatest, envelope[start])
                    let before = k > 0 ? held[k - 1][start] : start == 0 ? 0 : .infinity
                    let total = before + greatest * Double(end - start)
                    if total < held[k][end] { (held[k][end], from[k][end]) = (total, start) }
                }
            }
        }
        var best = 0
        for k in 1..<max(1, segments) where k < segments {
            if held[k][count] < held[best][count] * (1 - 1e-9) { best = k }
        }
        var ends: [Int] = []
        var end = count
        for k in stride(from: best, through: 0, by: -1) {
            ends.append(end)
            end = from[k][end]
        }
        return ends.reversed()
    }
}

/// One run on the grid of relative time.
private struct Course {
    var memory: [Double]
    var cpus: [Double]
    var bytes: [Double]

    init?(_ series: DemandSeries) {
        let points = series.points
        guard let length = points.last?.seconds, length > 0 else { return nil }
        let steps = DemandProfile.steps
        memory = [Double](repeating: 0, count: steps)
        (cpus, bytes) = (memory, memory)
        var (before, cpuBefore, bytesBefore) = (0.0, 0.0, 0.0)
        for point in points {
            let traffic = point.readBytes + point.writtenBytes
            let seconds = point.seconds - before
            // What is said of the time since the point before holds for every step that it touches.
            let first = min(steps - 1, Int(before / length * Double(steps)))
            let last = min(steps - 1, max(first, Int((point.seconds / length * Double(steps)).rounded(.up)) - 1))
            for step in first...last {
                memory[step] = max(memory[step], point.memoryBytes)
                guard seconds > 0 else { continue }
                let (start, end) = (length * Double(step) / Double(steps), length * Double(step + 1) / Double(steps))
                let share = max(0, min(end, point.seconds) - max(start, before)) / (end - start)
                cpus[step] += share * (point.cpuSeconds - cpuBefore) / seconds
                bytes[step] += share * (traffic - bytesBefore) / seconds
            }
            (before, cpuBefore, bytesBefore) = (point.seconds, point.cpuSeconds, traffic)
        }
    }
}
