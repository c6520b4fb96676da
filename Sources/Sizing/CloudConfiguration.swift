/// A cluster that could run a job: so many machines of one type.
public struct CloudConfiguration: Sendable, Hashable, Codable {
    public let name: String
    public let machines: Int
    public let cpusPerMachine: Double
    public let memoryPerMachineBytes: Double
    /// Of the whole cluster, in US dollars.
    public let pricePerHour: Double

    public init(
        name: String, machines: Int, cpusPerMachine: Double, memoryPerMachineBytes: Double, pricePerHour: Double
    ) {
        (self.name, self.machines, self.pricePerHour) = (name, machines, pricePerHour)
        (self.cpusPerMachine, self.memoryPerMachineBytes) = (cpusPerMachine, memoryPerMachineBytes)
    }

    enum CodingKeys: String, CodingKey {
        case name, machines
        case cpusPerMachine = "cpus_per_machine"
        case memoryPerMachineBytes = "memory_per_machine_bytes"
        case pricePerHour = "price_per_hour"
    }
}
