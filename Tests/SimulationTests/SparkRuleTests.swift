import Foundation
import LinearAlgebra
import ModelFiles
import Simulation
import TestSupport
import Testing

@Suite("Spark rule") struct SparkRuleTests {
    static let catalogue = SparkCatalogue.synthetic(jobs: 40, seed: 2)
    static let kinds = [
        SparkRuleTraining.Kind(
            name: "batch", workload: SparkWorkload(jobs: 8, executors: 20, meanInterarrivalMilliseconds: 0), episodes: 4
        ),
        SparkRuleTraining.Kind(
            name: "overload", workload: SparkWorkload(jobs: 20, executors: 4, meanInterarrivalMilliseconds: 20_000),
            episodes: 2),
    ]

    func training(seed: UInt64) throws -> SparkRuleTraining {
        try SparkRuleTraining(catalogue: Self.catalogue, kinds: Self.kinds, population: 8, seed: seed)
    }

    static func trials(_ workload: SparkWorkload, _ count: Int) throws -> [SparkTrial] {
        try (0..<count).map {
            SparkTrial(episode: try workload.episode(of: catalogue, seed: 1000 + UInt64($0)), seed: UInt64($0))
        }
    }

    /// The mean ratio of a policy's mean completion times to those of another one.
    static func ratio(_ policy: SparkRule, to other: SparkRule?, in trials: [SparkTrial]) throws -> Double {
        let own = SparkTrial.means(of: [policy], in: trials, threads: 2)[0]
        let others =
            if let other { SparkTrial.means(of: [other], in: trials, threads: 2)[0] } else {
                SparkTrial.means(of: [SparkBaseline.fair], in: trials, threads: 2)[0]
            }
        return try zip(own, others).reduce(0) { try $0 + #require($1.0) / #require($1.1) } / Double(trials.count)
    }

    @Test("twenty generations beat fair sharing on jobs that were not seen", arguments: UInt64(1)...3)
    func learns(seed: UInt64) throws {
        var training = try training(seed: seed)
        for _ in 0..<20 { try training.advance(threads: 2) }
        for kind in Self.kinds {
            let trials = try Self.trials(kind.workload, 12)
            #expect(try Self.ratio(training.best, to: nil, in: trials) < (kind.name == "batch" ? 0.9 : 0.75))
        }
        #expect(training.bestRatios.count == 2 && training.generation == 20)
    }

    @Test("equal seeds give equal parameters on any number of threads")
    func deterministic() throws {
        var (one, two) = (try training(seed: 4), try training(seed: 4))
        for _ in 0..<10 {
            try one.advance(threads: 1)
            try two.advance(threads: 2)
        }
        #expect(one.search == two.search)
        #expect(one.best.parameters == two.best.parameters && one.bestRatios == two.bestRatios)
    }

    @Test("a tuning that was stopped goes on as if it had not been, on the same jobs only")
    func resume() throws {
        var whole = try training(seed: 5)
        for _ in 0..<4 { try whole.advance(threads: 2) }
        let saved = try JSONDecoder().decode(
            SparkRuleTraining.Checkpoint.self, from: JSONEncoder().encode(whole.checkpoint))
        var resumed = try SparkRuleTraining(catalogue: Self.catalogue, resuming: saved)
        for _ in 0..<6 {
            try whole.advance(threads: 2)
            try resumed.advance(threads: 2)
        }
        #expect(whole.search == resumed.search && whole.best.parameters == resumed.best.parameters)
        #expect(
            throws: SparkError.otherJobs(
                found: SparkCatalogue.synthetic(jobs: 3, seed: 1).digest, expected: Self.catalogue.digest)
        ) { try SparkRuleTraining(catalogue: .synthetic(jobs: 3, seed: 1), resuming: saved) }
    }

    @Test("sizes of jobs and executors change nothing if all change alike")
    func scales() throws {
        // Tasks, and all delays, ten times as long: the same decisions, but for those that compare with a fixed time.
        var parameters = SparkRuleParameters()
        (parameters.ending, parameters.stageEnding, parameters.stageWork, parameters.skewBacklog) = (0, 0, 0, 0)
        let slow = try SparkCatalogue(
            Self.catalogue.jobs.map { job in
                try SparkJob(
                    name: job.name,
                    stages: job.stages.map { stage in
                        func ten(_ list: [Int32]) -> [Int32] { list.map { 10 * $0 } }
                        return SparkJob.Stage(
                            tasks: stage.tasks, roughMilliseconds: 10 * stage.roughMilliseconds,
                            levels: stage.levels.map {
                                .init(
                                    executors: $0.executors, fresh: ten($0.fresh), first: ten($0.first),
                                    rest: ten($0.rest))
                            })
                    }, edges: job.children.indices.flatMap { stage in job.children[stage].map { [stage, $0] } })
            })
        let trial = try Self.trials(.init(jobs: 6, executors: 15, meanInterarrivalMilliseconds: 5000), 1)[0]
        let other = try SparkEpisode(
            name: "slow", catalogue: slow, executors: 15,
            arrivals: trial.episode.arrivals.map { .init(milliseconds: 10 * $0.milliseconds, job: $0.job) },
            movingMilliseconds: 20_000, warmUpMilliseconds: 10_000)
        let means = [trial.episode, other].map { episode in
            SparkTrial.means(of: [SparkRule(parameters)], in: [SparkTrial(episode: episode, seed: 1)], threads: 1)[0][0]
        }
        let (mean, tenfold) = (try #require(means[0]), try #require(means[1]))
        #expect(abs(tenfold / mean - 10) < 1e-9)
    }

    @Test("scores choose as the rule decides, and targets share the executors")
    func scores() throws {
        let trial = try Self.trials(.init(jobs: 10, executors: 20, meanInterarrivalMilliseconds: 3000), 1)[0]
        var simulator = SparkSimulator(trial.episode, seed: 1)
        var (rule, asked) = (SparkRule(), SparkRule())
        var decisions = 0
        while simulator.advance() {
            var goesOn = true
            while goesOn {
                let (scores, chosenByRule) = (asked.scores(simulator), rule.decide(simulator))
                let decision = try #require(chosenByRule)
                let best = try #require(scores.indices.max { scores[$0].score < scores[$1].score })
                #expect(scores.count == simulator.candidateCount)
                let chosen = try #require((0..<scores.count).first { simulator.candidate($0) == decision.stage })
                #expect(scores[chosen].score == scores[best].score && scores[chosen].executors == decision.executors)
                let targets = asked.targets(simulator)
                #expect(targets.count == simulator.activeCount && targets.allSatisfy { $0 > 0 })
                #expect(targets.reduce(0, +) <= 20 * exp(0.1) + 0.05 * Double(targets.count) + 1e-9)
                decisions += 1
                goesOn = simulator.act(decision)
            }
        }
        #expect(decisions > 50 && simulator.meanCompletionSeconds != nil)
    }

    @Test("a search for one episode helps under luck that it did not see")
    func search() throws {
        let trial = try Self.trials(Self.kinds[0].workload, 1)[0]
        let search = SparkRuleSearch(SparkRule())
        let adapted = try search.adapted(to: trial.episode, generations: 60, seed: 1, threads: 2)
        let again = try search.adapted(to: trial.episode, generations: 60, seed: 1, threads: 1)
        #expect(adapted.parameters == again.parameters && adapted.adjustments == again.adjustments)
        let trials = (100..<120).map { SparkTrial(episode: trial.episode, seed: $0) }
        #expect(try Self.ratio(adapted, to: SparkRule(), in: trials) < 0.97)
    }

    @Test("many jobs at once take the rule no longer than their number", .timeLimit(.minutes(1)))
    func manyJobs() throws {
        let episode = try SparkWorkload(jobs: 3000, executors: 100, meanInterarrivalMilliseconds: 0).episode(
            of: Self.catalogue, seed: 1)
        var simulator = SparkSimulator(episode, seed: 1)
        var rule = SparkRule()
        for _ in 0..<20 { if simulator.advance() { while simulator.act(rule.decide(simulator)) {} } }
        #expect(simulator.decisionCount >= 20)
    }

    @Test("a model file gives the rule back, bit for bit, with where it comes from")
    func modelFile() throws {
        var rule = SparkRule()
        rule.parameters.vector = rule.parameters.vector.map { $0 + 0.1 }
        let origin = SparkRule.Origin(
            seed: 7, generations: 3, kinds: Self.kinds, jobs: 40, dataDigest: Self.catalogue.digest,
            heldOutRatioToFair: ["batch": 0.8])
        let folder = TemporaryFolder()
        let path = "\(folder.path)/policy.safetensors"
        try rule.modelFile(origin).write(to: path)
        let file = try ModelFile(contentsOf: path, kind: SparkRule.modelKind, schemaVersion: SparkRule.schemaVersion)
        #expect(try SparkRule(file).parameters == rule.parameters)
        #expect(try SparkRule.origin(of: file) == origin)
    }

    @Test("a file of another kind, of other parameters or without numbers is an error")
    func damaged() throws {
        let origin = SparkRule.Origin(
            seed: 7, generations: 3, kinds: [], jobs: 1, dataDigest: 0, heldOutRatioToFair: [:])
        #expect(throws: ModelFileError.self) { try SparkRule(ModelFile(kind: "forest", schemaVersion: 1)) }
        var file = try SparkRule().modelFile(origin)
        try file.setJSON("features", ["skew"])
        #expect(throws: ModelFileError.self) { try SparkRule(file) }
        file = try SparkRule().modelFile(origin)
        try file.set("parameters", Array(repeating: Double.nan, count: SparkRuleParameters.names.count))
        #expect(throws: ModelFileError.self) { try SparkRule(file) }
        try file.set("parameters", [1.0])
        #expect(throws: ModelFileError.self) { try SparkRule(file) }
    }
}
