import Reading
internal import Traces
public import Workloads

/// What one attempt used over time.
public struct RecordedDemand: Sendable, Hashable, Encodable {
    public let job: String?
    public let task: String?
    public let taskType: String?
    public let attempt: Int?
    public let status: AttemptStatus?
    public let series: DemandSeries

    enum CodingKeys: String, CodingKey {
        case job, task, attempt, status, points
        case taskType = "task_type"
    }

    /// Writes the points in full, for other programs.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(job, forKey: .job)
        try values.encodeIfPresent(task, forKey: .task)
        try values.encodeIfPresent(taskType, forKey: .taskType)
        try values.encodeIfPresent(attempt, forKey: .attempt)
        try values.encodeIfPresent(status, forKey: .status)
        try values.encode(
            series.points.map { point in
                [
                    "seconds": point.seconds, "cpu_seconds": point.cpuSeconds, "memory_bytes": point.memoryBytes,
                    "read_bytes": point.readBytes, "written_bytes": point.writtenBytes,
                ]
            }, forKey: .points)
    }

    /// The names of the columns of ``csvRows``, as a line.
    public static let csvHeader =
        "job,task,task_type,attempt,status,seconds,cpu_seconds,memory_bytes,read_bytes,written_bytes\n"

    /// One line of CSV for every point.
    public var csvRows: [UInt8] {
        var head: [UInt8] = []
        for (index, text) in [job, task, taskType, attempt.map(String.init), status?.rawValue].enumerated() {
            head.appendField((text ?? "").utf8, isFirst: index == 0)
        }
        var bytes: [UInt8] = []
        for point in series.points {
            bytes += head
            for value in [point.seconds, point.cpuSeconds, point.memoryBytes, point.readBytes, point.writtenBytes] {
                bytes.appendField(Units.shortest(value).utf8, isFirst: false)
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}
