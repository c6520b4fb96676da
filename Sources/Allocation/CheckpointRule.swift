import Workloads

/// When attempts save their work.
public enum CheckpointRule: Hashable, Sendable, Codable {
    /// Never.
    case never
    /// When their instance is about to be taken back.
    case onNotice

    /// Attempts that should save their work because this instance will be taken back.
    func onNotice(_ instance: InstanceIndex, _ state: RunState) -> [Action] {
        guard self == .onNotice else { return [] }
        return state.instances.running[Int(instance)].sorted().map {
            .checkpoint(state.attempt(at: $0, on: instance))
        }
    }
}
