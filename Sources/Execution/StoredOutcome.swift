import Workloads

/// An outcome as a journal holds it: a row of the trace schema, or what was written before there was one.
struct StoredOutcome: Codable {
    var record: AttemptRecord

    init(record: AttemptRecord) { self.record = record }

    init(from decoder: any Decoder) throws {
        record = try Earlier(from: decoder).record ?? AttemptRecord(from: decoder)
    }

    func encode(to encoder: any Encoder) throws { try record.encode(to: encoder) }

    private struct Earlier: Decodable {
        var workflow: String?
        var job: String?
        var task: String?
        /// The mark of that form.
        var taskType: String?
        var attempt: Int?
        var machine: String?
        var instance: String?
        var instanceType: String?
        var submitTimeSeconds: Double?
        var startTimeSeconds: Double?
        var endTimeSeconds: Double?
        var runtimeSeconds: Double?
        var cpus: Double?
        var cpuSeconds: Double?
        var peakMemoryBytes: Double?
        var requestedMemoryBytes: Double?
        var requestedSeconds: Double?
        var inputBytes: Double?
        var outputBytes: Double?
        var readBytes: Double?
        var writtenBytes: Double?
        var status: AttemptStatus?
        var exitCode: Int?
        var failureCause: String?
        var failureMessage: String?
        var pricePerHour: Double?
        var parameters: [String: String]?
        var alerts: [TaskAlert]?
        var demand: DemandSeries?

        /// `nil` if it is no such outcome.
        var record: AttemptRecord? {
            guard let taskType else { return nil }
            var record = AttemptRecord()
            (record.workflow, record.job, record.task, record.taskType) = (workflow, job, task, taskType)
            (record.attempt, record.machine, record.instance) = (attempt, machine, instance)
            record.instanceType = instanceType
            record.submitTimeSeconds = submitTimeSeconds
            record.startTimeSeconds = startTimeSeconds
            record.endTimeSeconds = endTimeSeconds
            (record.runtimeSeconds, record.cpus, record.cpuSeconds) = (runtimeSeconds, cpus, cpuSeconds)
            (record.peakMemoryBytes, record.requestedMemoryBytes) = (peakMemoryBytes, requestedMemoryBytes)
            (record.requestedSeconds, record.inputBytes) = (requestedSeconds, inputBytes)
            (record.outputBytes, record.readBytes, record.writtenBytes) = (outputBytes, readBytes, writtenBytes)
            (record.status, record.exitCode, record.failureCause) = (status, exitCode, failureCause)
            (record.failureMessage, record.pricePerHour) = (failureMessage, pricePerHour)
            record.parameters = (parameters ?? [:]).mapValues { ParameterValue($0) }
            record.alert = alerts.map { $0.map(\.text).joined(separator: "; ") }
            record.demand = demand
            return record
        }
    }
}
