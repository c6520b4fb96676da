import LinearAlgebra
import Simulation
import TestSupport
import Testing

/// Does what a closure says.
struct ClosurePolicy: SparkPolicy {
    var body: (borrowing SparkSimulator) -> SparkSimulator.Decision?
    mutating func decide(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? { body(simulator) }
}

/// Chooses by chance, and leaves executors idle where they are not lost by it: only when more jobs will come.
struct RandomPolicy: SparkPolicy, Sendable {
    var generator: SeededGenerator
    mutating func decide(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
        let isLast = simulator.jobsDone + simulator.activeCount == simulator.episode.arrivals.count
        if !isLast, generator.nextUniform() < 0.1 { return nil }
        let stage = simulator.candidate(generator.nextInt(below: simulator.candidateCount))
        return .init(stage: stage, executors: 1 + generator.nextInt(below: simulator.freeExecutors + 2))
    }
}

@Suite("Spark simulator") struct SparkSimulatorTests {
    /// A stage all of whose tasks take the same: so many milliseconds fresh, as first and as later ones.
    static func stage(_ tasks: Int, fresh: Int32?, first: Int32, rest: Int32, rough: Double = 100) -> SparkJob.Stage {
        let level = SparkJob.Level(executors: 5, fresh: fresh.map { [$0] } ?? [], first: [first], rest: [rest])
        return SparkJob.Stage(tasks: tasks, roughMilliseconds: rough, levels: [level])
    }

    static func episode(
        _ jobs: [(arrival: Int, stages: [SparkJob.Stage], edges: [[Int]])], executors: Int
    ) throws -> SparkEpisode {
        let catalogue = try SparkCatalogue(
            try jobs.enumerated().map { try SparkJob(name: "job \($0)", stages: $1.stages, edges: $1.edges) })
        return try SparkEpisode(
            name: "by hand", catalogue: catalogue, executors: executors,
            arrivals: jobs.enumerated().map { .init(milliseconds: $1.arrival, job: $0) })
    }

    func completions(_ episode: SparkEpisode, _ policy: some SparkPolicy = SparkBaseline.fair) -> [Double?] {
        var simulator = SparkSimulator(episode, seed: 1)
        var policy = policy
        simulator.run(&policy)
        return simulator.completionSeconds
    }

    @Test("an executor travels two seconds, starts fresh, then runs later tasks of the stage")
    func oneStage() throws {
        let episode = try Self.episode([(0, [Self.stage(3, fresh: 400, first: 200, rest: 100)], [])], executors: 1)
        #expect(completions(episode) == [2.6])
    }

    @Test("without recorded fresh tasks the first wave and the warm-up delay count")
    func warmUp() throws {
        let episode = try Self.episode([(0, [Self.stage(2, fresh: nil, first: 200, rest: 100)], [])], executors: 1)
        #expect(completions(episode) == [3.3])
    }

    @Test("an executor that was idle for a moment is fresh for the next stage")
    func idleIsFresh() throws {
        let stages = [
            Self.stage(1, fresh: 400, first: 200, rest: 100), Self.stage(1, fresh: 4000, first: 2000, rest: 1000),
        ]
        #expect(try completions(Self.episode([(0, stages, [[0, 1]])], executors: 1)) == [6.4])
    }

    @Test("an executor that was promised ahead is not fresh; one that waits at the job is")
    func promisedAhead() throws {
        // Both executors come at 2.0 s. At 2.4 s one starts the third task; with the other, both are promised to the next stage,
        // which that may be as no task of its parent is left. At 2.5 s the promise of the first is kept at once, and takes 2 s,
        // the second is fresh and takes 4 s.
        let stages = [
            Self.stage(3, fresh: 400, first: 200, rest: 100), Self.stage(2, fresh: 4000, first: 2000, rest: 1000),
        ]
        let episode = try Self.episode([(0, stages, [[0, 1]])], executors: 2)
        #expect(completions(episode) == [6.5])
        var decisions: [[Int]] = []
        let policy = ClosurePolicy { simulator in
            let decision = SparkSimulator.Decision(stage: simulator.candidate(0), executors: simulator.freeExecutors)
            decisions.append([simulator.now, decision.stage, decision.executors, simulator.sourceJob])
            return decision
        }
        #expect(completions(episode, policy) == [6.5])
        #expect(decisions == [[0, 0, 2, -1], [2400, 1, 2, 0], [2500, 1, 1, 0]])
    }

    @Test("an executor of a job that is done is offered once, then only when another job arrives")
    func moving() throws {
        let job = (stages: [Self.stage(1, fresh: 1000, first: 500, rest: 100)], edges: [[Int]]())
        let two = try Self.episode([(0, job.stages, []), (0, job.stages, [])], executors: 1)
        #expect(completions(two, SparkBaseline.fifo) == [3, 6])
        // Left idle at 3.0 s, it goes to the common pool.
        func refuse(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
            simulator.now == 3000 ? nil : .init(stage: simulator.candidate(0), executors: 1)
        }
        #expect(completions(two, ClosurePolicy(body: refuse)) == [3, nil])
        let three = try Self.episode(
            [(0, job.stages, []), (0, job.stages, []), (10_000, job.stages, [])], executors: 1)
        #expect(completions(three, ClosurePolicy(body: refuse)) == [3, 13, 6])
    }

    @Test("an executor of a job that has started all tasks is offered to others")
    func offered() throws {
        // Two executors for the job with one task: the spare one finds nothing left when it comes, and goes to the other job.
        let stage = Self.stage(1, fresh: 1000, first: 500, rest: 100)
        let episode = try Self.episode(
            [(0, [stage], []), (0, [Self.stage(2, fresh: 1000, first: 500, rest: 100)], [])], executors: 3)
        #expect(completions(episode) == [3, 3])
    }

    @Test("between two recorded numbers of executors the left one is drawn the more often the nearer the right one is")
    func interpolation() throws {
        let levels = [(5, 100), (10, 200)].map {
            SparkJob.Level(executors: $0.0, fresh: [Int32($0.1)], first: [1], rest: [1])
        }
        let stage = SparkJob.Stage(tasks: 7, roughMilliseconds: 100, levels: levels)
        let episode = try Self.episode([(0, [stage], [])], executors: 7)
        // The sixth executor at the job draws the left list with probability 1/5, the seventh with 2/5.
        var short = 0
        for seed in UInt64(0)..<5000 {
            var simulator = SparkSimulator(episode, seed: seed)
            var policy = SparkBaseline.fair
            if simulator.run(&policy) == 2.1 { short += 1 }
        }
        #expect(abs(Double(short) / 5000 - 0.08) < 0.012)
    }

    @Test("a policy that leaves everything idle ends the episode with jobs that are not done")
    func idle() throws {
        let episode = try Self.episode([(0, [Self.stage(1, fresh: 1, first: 1, rest: 1)], [])], executors: 1)
        var simulator = SparkSimulator(episode, seed: 1)
        var policy = ClosurePolicy { _ in nil }
        #expect(simulator.run(&policy) == nil)
        #expect(simulator.completionSeconds == [nil] && simulator.jobsDone == 0)
    }

    @Test("tasks of no length end, and many of them", .timeLimit(.minutes(1)))
    func zeroLength() throws {
        let episode = try Self.episode(
            [(0, [Self.stage(100_000, fresh: 0, first: 0, rest: 0, rough: 0)], [])], executors: 3)
        for policy in [SparkBaseline.fair, .fifo, .shortestRemaining, .weightedFair(-1)] {
            #expect(completions(episode, policy) == [2])
        }
        #expect(completions(episode, SparkRule()) == [2])
    }

    static let synthetic = SparkCatalogue.synthetic(jobs: 60, seed: 5)

    @Test(
        "no task is lost, no executor is in two places, and every episode ends", arguments: UInt64(0)..<30)
    func invariants(seed: UInt64) throws {
        let workload = SparkWorkload(
            jobs: 1 + Int(seed % 12), executors: 1 + Int(seed * 7 % 60),
            meanInterarrivalMilliseconds: seed % 3 == 0 ? 0 : 9000,
            meanBurst: seed % 2 == 0 ? 1 : 3)
        let episode = try workload.episode(of: Self.synthetic, seed: seed)
        var simulator = SparkSimulator(episode, seed: seed)
        var policy = RandomPolicy(generator: SeededGenerator(seed: seed))
        var broken: [String] = []
        var last = 0
        while simulator.advance() {
            broken += simulator.brokenInvariants()
            #expect(simulator.now >= last)
            last = simulator.now
            while simulator.act(policy.decide(simulator)) { broken += simulator.brokenInvariants() }
            broken += simulator.brokenInvariants()
        }
        broken += simulator.brokenInvariants()
        #expect(broken == [])
        // Executors that are left idle in the common pool at the end are lost, so not every job needs to be done; but if no
        // event is left, no task runs.
        let tasks = episode.arrivals.reduce(0) { sum, arrival in
            sum + Self.synthetic.jobs[arrival.job].stages.reduce(0) { $0 + $1.tasks }
        }
        #expect(simulator.taskCount <= tasks)
        if simulator.meanCompletionSeconds != nil { #expect(simulator.taskCount == tasks) }
    }

    @Test("what a policy sees adds up")
    func views() throws {
        let episode = try SparkWorkload(jobs: 8, executors: 20, meanInterarrivalMilliseconds: 3000).episode(
            of: Self.synthetic, seed: 3)
        var simulator = SparkSimulator(episode, seed: 3)
        var policy = SparkBaseline.fair
        while simulator.advance() {
            repeat {
                var candidates: [Int] = []
                for index in 0..<simulator.activeCount {
                    let number = simulator.activeJob(index)
                    let job = simulator.job(number)
                    let stages = simulator.stages(ofJob: number).map { simulator.stage($0) }
                    let work = stages.reduce(0) { $0 + Double($1.remaining) * $1.roughMilliseconds }
                    #expect(abs(job.work - work) <= 1e-9 * (1 + work) + 1e-3)
                    #expect(job.criticalPath == stages.filter { !$0.isDone }.map(\.criticalPath).max())
                    #expect(job.unfinishedStages == stages.filter { !$0.isDone }.count)
                    candidates += zip(simulator.stages(ofJob: number), stages).filter(\.1.canBeChosen).map(\.0)
                    for (stage, state) in zip(simulator.stages(ofJob: number), stages) {
                        #expect(state.job == number && state.demand <= state.remaining)
                        for child in simulator.children(ofStage: stage) {
                            #expect(simulator.stage(child).isRunnable == false || state.isDone)
                        }
                    }
                }
                #expect(candidates == (0..<simulator.candidateCount).map { simulator.candidate($0) })
            } while simulator.act(policy.decide(simulator))
        }
    }

    @Test("equal seeds give equal runs on any number of threads, in memory that was used before too")
    func deterministic() throws {
        let trials = try (0..<6).map {
            SparkTrial(
                episode: try SparkWorkload(jobs: 6, executors: 10 * ($0 + 1), meanInterarrivalMilliseconds: 4000)
                    .episode(
                        of: Self.synthetic, seed: UInt64($0)), seed: UInt64($0))
        }
        let policies = [SparkBaseline.fair, .fifo, .weightedFair(-1)]
        let means = SparkTrial.means(of: policies, in: trials, threads: 1)
        #expect(means == SparkTrial.means(of: policies, in: trials, threads: 2))
        var simulator = SparkSimulator(trials[0].episode, seed: 9)
        for (policy, expected) in zip(policies, means) {
            for (trial, mean) in zip(trials, expected) {
                var policy = policy
                simulator.reset(trial.episode, seed: trial.seed)
                #expect(simulator.run(&policy) == mean)
            }
        }
    }

    @Test(
        "the rules of the published environment end as there, on the pinned episodes", SharedData.isNeeded,
        arguments: [
            ("batch20", SparkBaseline.fair, 103.3), ("batch20", .fifo, 229.6), ("stream200", .fair, 65.4),
            ("stream200", .fifo, 313.9), ("small50", .fair, 1087.2), ("small50", .fifo, 1343.9),
        ])
    func pinned(kind: String, policy: SparkBaseline, published: Double) throws {
        let catalogue = try SparkCatalogue(folder: SharedData.path("tpch-dags"))
        // The anchor of the streams is that of the first three, which it was measured on.
        let paths = SharedData.files(in: "tpch-dags/episodes", suffix: ".json").filter { $0.contains(kind) }
        let episodes = try (kind == "stream200" ? paths.prefix(3) : paths[...]).map {
            try SparkEpisode(contentsOf: $0, catalogue: catalogue)
        }
        #expect(episodes.count >= 3)
        let trials = episodes.flatMap { episode in (1...5).map { SparkTrial(episode: episode, seed: $0) } }
        let means = try SparkTrial.means(of: [policy], in: trials, threads: 1)[0].map { try #require($0) }
        #expect(abs(means.reduce(0, +) / Double(means.count) / published - 1) < 0.012)
    }
}
