import Allocation
import ArgumentParser
import Foundation
import Learning
import Plots
import Service
import Simulation
import Workloads

/// The jobs and the pool that a policy is for.
struct PolicyOptions: ParsableArguments {
    @Argument(help: "Job files (YAML) or recorded workflows (WfFormat) like those that will come.")
    var jobs: [String]

    @Option(name: .long, help: "A file with 'pool:' and 'network:'; by default those of the first job.")
    var pool: String?

    @Option(name: .long, help: "Folder of models that 'almanac train' wrote; without it, times are those in the jobs.")
    var models: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What it should be good at: 'makespan' of a single job, mean 'completion' of jobs that come one after the other, "
                + "or their 'cost'."))
    var goal = PolicyWorkload.Objective.completion

    @Option(name: .long, help: "Standard deviation of the logarithm of run times without quantiles.")
    var noise: Double?

    @Option(name: .long, help: "Jobs of an episode, at most.")
    var mostJobs = 12

    func validate() throws {
        if jobs.isEmpty { throw ValidationError("name one job file at least.") }
        guard 0...3 ~= noise ?? 0 else { throw ValidationError("--noise is \(noise ?? 0), expected 0 to 3.") }
        guard 1...1000 ~= mostJobs else { throw ValidationError("--most-jobs is \(mostJobs), expected 1 to 1000.") }
    }

    func study() throws -> PolicyStudy {
        var study = try PolicyStudy(jobs: jobs, pool: pool, models: models, objective: goal, noise: noise)
        if goal != .makespan { study.workload.mostJobs = mostJobs }
        return study
    }
}

/// `almanac train policy`: a rule that schedules jobs on a pool.
struct TrainPolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Train a policy that decides which task starts next, and where, on jobs and a pool like yours.",
        discussion: """
            A rule over some twenty features is tuned by an evolution strategy in the simulator that 'almanac simulate' uses, \
            then compared with the rules that need no learning in episodes that it has not seen. The file says how it did. A \
            policy that is not better than each of them is not followed: the best of those is.
            """)

    @OptionGroup var input: PolicyOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "How long to train.")
    var minutes = 5.0

    @Option(name: .long, help: "The most generations: with time enough the same policy comes out every time.")
    var generations: Int?

    @Option(name: .long, help: "Episodes to compare on.")
    var episodes = 40

    @Option(name: .shortAndLong, help: "The policy file to write.")
    var output = "policy.safetensors"

    func validate() throws {
        guard 0...10_000 ~= minutes else { throw ValidationError("--minutes is \(minutes), expected 0 to 10000.") }
        guard 1...1_000_000 ~= generations ?? 1 else {
            throw ValidationError("--generations is \(generations ?? 1), expected 1 to 1000000.")
        }
        guard 2...10_000 ~= episodes else { throw ValidationError("--episodes is \(episodes), expected 2 to 10000.") }
    }

    private struct Trained: Encodable {
        let file: String
        let origin: PolicyModel.Origin
        let seconds: Double
        let weights: [String: Float]
    }

    func run() throws {
        let folder = parentFolder(of: output)
        guard FileManager.default.fileExists(atPath: folder) else {
            throw Failure.input("\(output): there is no folder '\(folder)'. Make it, or name another with --output.")
        }
        let study = try input.study()
        let bar = global.console.progress("training", total: 1000)
        let model = try study.train(
            seconds: minutes * 60, generations: generations ?? .max, heldOut: episodes, seed: global.seed,
            threads: global.threads
        ) { progress in
            let share = max(
                min(1, progress.seconds / max(1e-9, minutes * 60)),
                generations.map { Double(progress.generations) / Double($0) } ?? 0)
            bar.set(Int(1000 * share))
        }
        bar.finish()
        try model.write(to: output)
        let weights = Dictionary(uniqueKeysWithValues: zip(PairFeatures.keys, model.rule.weights))
        try global.console.result(
            Trained(file: output, origin: model.origin, seconds: model.origin.seconds, weights: weights),
            text: PolicyText.table(model.origin.heldOut, model.origin.objective)
                + "\n\n\(output): \(Units.count(model.origin.generations, "generation")) in "
                + "\(Units.formatSeconds(model.origin.seconds)), compared in "
                + Units.count(model.origin.heldOutEpisodes, "held-out episode"))
        if let remark = PolicyText.remark(model.origin) { global.console.remark(remark) }
    }
}
