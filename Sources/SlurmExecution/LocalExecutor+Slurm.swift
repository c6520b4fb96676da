public import Execution
import Foundation
import Glibc
public import LocalExecution

extension LocalExecutor {
    /// Runs the job to its end on a cluster: the pool of the options is what ``SlurmPool`` found there.
    ///
    /// Working folder and folder of the run must be those of the nodes as well. A run that was interrupted finds its jobs
    /// again, whatever number they have.
    /// - Parameter resuming: Go on with the run in the folder, which must be there; otherwise there must be none.
    /// - Throws: `ExecutionError`, ``SlurmError``, or what `report` throws; what runs is then cancelled first.
    public func run(resuming: Bool = false, on cluster: SlurmPool, _ slurm: SlurmOptions) throws -> RunResult {
        if slurm.usesWorkers {
            return try run(resuming: resuming) { graph, options, wakeUp, epoch in
                try WorkersBackend(
                    graph, options: options, slurm: slurm, cluster: cluster, wakeUp: wakeUp, epoch: epoch)
            }
        }
        return try run(resuming: resuming) { graph, options, wakeUp, epoch in
            try SlurmBackend(
                graph, options: options, slurm: slurm, cluster: cluster, wakeUp: wakeUp, epoch: epoch)
        }
    }
}

extension WorkerFolder {
    /// Makes the folder, and writes down what workers have to know. The run keeps its token.
    func prepare(_ options: ExecutorOptions, _ slurm: SlurmOptions) throws -> Settings {
        try make()
        // A process that was killed while it wrote.
        for file in names(in: path) where file.contains(".new") { unlink("\(path)/\(file)") }
        let earlier = self.settings
        var settings = Settings(
            directory: options.workingFolder, graceSeconds: options.graceSeconds, sampleSeconds: options.sampleSeconds,
            seriesSeconds: options.seriesSeconds,
            token: earlier?.token ?? String(UInt64.random(in: .min ... .max), radix: 36))
        settings.life = (earlier?.life ?? 0) + 1
        settings.patienceSeconds = slurm.patienceSeconds
        try keep(settings)
        return settings
    }
}
