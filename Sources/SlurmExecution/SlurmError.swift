/// Why Slurm cannot be used, or not like this.
public enum SlurmError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One of its commands is not there.
    case noCommand(String)
    /// Its controller does not answer.
    case noController(String)
    /// There is no such partition.
    case noPartition(String, known: [String])
    /// No node of the partitions could be used.
    case noNodes(partitions: [String])
    /// It refuses a request, and will refuse it again.
    case refused(command: String, String)

    /// What was found, what was expected, and what to do.
    public var description: String {
        switch self {
        case .noCommand(let name):
            "The command '\(name)' is not on the PATH, so there is no Slurm to run on. Log in to a machine of the cluster, "
                + "or run here without --engine slurm."
        case .noController(let said):
            "Slurm's controller does not answer (\(said)). What was submitted goes on; try again later, a run with --resume."
        case .noPartition(let name, let known):
            "There is no partition '\(name)' that is up. This cluster has \(known.joined(separator: ", "))."
        case .noNodes(let partitions):
            "No node of \(partitions.joined(separator: ", ")) can take tasks: all are down or drained. See 'sinfo -R', or give "
                + "another --partition."
        case .refused(let command, let said):
            "Slurm refuses '\(command)': \(said). Change the requests of the tasks, or the options after --sbatch."
        }
    }
}
