extension AttemptRecord {
    /// The number in a column; `nil` for a text column.
    public subscript(number column: AttemptColumn) -> Double? {
        get {
            switch column {
            case .attempt: attempt.map(Double.init)
            case .submitTime: submitTimeSeconds
            case .startTime: startTimeSeconds
            case .endTime: endTimeSeconds
            case .queued: queuedSeconds
            case .runtime: runtimeSeconds
            case .predictedRuntime: predictedSeconds
            case .cpus: cpus
            case .cpuSeconds: cpuSeconds
            case .gpus: gpus
            case .peakMemory: peakMemoryBytes
            case .predictedMemory: predictedMemoryBytes
            case .requestedMemory: requestedMemoryBytes
            case .requestedTime: requestedSeconds
            case .storage: storageBytes
            case .inputBytes: inputBytes
            case .outputBytes: outputBytes
            case .readBytes: readBytes
            case .writtenBytes: writtenBytes
            case .transferBytes: transferBytes
            case .transferTime: transferSeconds
            case .restoredShare: restoredShare
            case .exitCode: exitCode.map(Double.init)
            case .pricePerHour: pricePerHour
            case .workflow, .job, .tenant, .task, .taskType, .machine, .instance, .instanceType, .purchase,
                .zone, .status, .failureCause, .failureMessage, .alert:
                nil
            }
        }
        set {
            switch column {
            case .attempt: attempt = newValue.flatMap { Int(exactly: $0.rounded()) }
            case .submitTime: submitTimeSeconds = newValue
            case .startTime: startTimeSeconds = newValue
            case .endTime: endTimeSeconds = newValue
            case .queued: queuedSeconds = newValue
            case .runtime: runtimeSeconds = newValue
            case .predictedRuntime: predictedSeconds = newValue
            case .cpus: cpus = newValue
            case .cpuSeconds: cpuSeconds = newValue
            case .gpus: gpus = newValue
            case .peakMemory: peakMemoryBytes = newValue
            case .predictedMemory: predictedMemoryBytes = newValue
            case .requestedMemory: requestedMemoryBytes = newValue
            case .requestedTime: requestedSeconds = newValue
            case .storage: storageBytes = newValue
            case .inputBytes: inputBytes = newValue
            case .outputBytes: outputBytes = newValue
            case .readBytes: readBytes = newValue
            case .writtenBytes: writtenBytes = newValue
            case .transferBytes: transferBytes = newValue
            case .transferTime: transferSeconds = newValue
            case .restoredShare: restoredShare = newValue
            case .exitCode: exitCode = newValue.flatMap { Int(exactly: $0.rounded()) }
            case .pricePerHour: pricePerHour = newValue
            case .workflow, .job, .tenant, .task, .taskType, .machine, .instance, .instanceType, .purchase,
                .zone, .status, .failureCause, .failureMessage, .alert:
                break
            }
        }
    }

    /// The text in a column; `nil` for a number column. Setting an unknown status sets `nil`.
    public subscript(text column: AttemptColumn) -> String? {
        get {
            switch column {
            case .workflow: workflow
            case .job: job
            case .tenant: tenant
            case .task: task
            case .taskType: taskType
            case .machine: machine
            case .instance: instance
            case .instanceType: instanceType
            case .purchase: purchase
            case .zone: zone
            case .status: status?.rawValue
            case .failureCause: failureCause
            case .failureMessage: failureMessage
            case .alert: alert
            default: nil
            }
        }
        set {
            switch column {
            case .workflow: workflow = newValue
            case .job: job = newValue
            case .tenant: tenant = newValue
            case .task: task = newValue
            case .taskType: taskType = newValue
            case .machine: machine = newValue
            case .instance: instance = newValue
            case .instanceType: instanceType = newValue
            case .purchase: purchase = newValue
            case .zone: zone = newValue
            case .status: status = newValue.flatMap { AttemptStatus(word: $0) }
            case .failureCause: failureCause = newValue
            case .failureMessage: failureMessage = newValue
            case .alert: alert = newValue
            default: break
            }
        }
    }
}

extension AttemptRecord: Codable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
        static let demand = Key("demand")
    }

    private static let parameterPrefix = "param."

    /// An object with the names of the schema; what is not known is left out.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        for column in AttemptColumn.allCases {
            if let text = self[text: column] {
                try values.encode(text, forKey: Key(column.name))
            } else if let number = self[number: column] {
                try values.encode(number, forKey: Key(column.name))
            }
        }
        for (name, value) in parameters {
            switch value {
            case .number(let number): try values.encode(number, forKey: Key(Self.parameterPrefix + name))
            case .text(let text): try values.encode(text, forKey: Key(Self.parameterPrefix + name))
            }
        }
        try values.encodeIfPresent(demand, forKey: .demand)
    }

    /// Reads such an object; what has another name is passed over.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        self.init()
        for key in values.allKeys {
            if let column = AttemptColumn(name: key.stringValue) {
                if column.isText {
                    self[text: column] = try values.decode(String.self, forKey: key)
                } else {
                    self[number: column] = try values.decode(Double.self, forKey: key)
                }
            } else if key.stringValue.hasPrefix(Self.parameterPrefix) {
                let name = String(key.stringValue.dropFirst(Self.parameterPrefix.count))
                if let number = try? values.decode(Double.self, forKey: key) {
                    parameters[name] = .number(number)
                } else {
                    parameters[name] = .text(try values.decode(String.self, forKey: key))
                }
            }
        }
        demand = try values.decodeIfPresent(DemandSeries.self, forKey: .demand)
    }
}
