/// What a job holds, or is to hold: nothing, a spot machine, or one on demand.
public enum SpotMachine: UInt8, Sendable, Hashable, Codable {
    case none, spot, onDemand
}
