import Foundation
import ModelFiles
import Simulation

// policy-bench PART DATA ARGUMENT...: prints one line of JSON for each answer. DATA is a folder of recorded jobs with pinned
// episodes, `synthetic` stands for generated jobs.
//
//   train DATA FILE SEED GENERATIONS THREADS    tunes the rule on fresh episodes, never on pinned ones, and writes it
//   pinned DATA [FILE]                          the rules, and the tuned one, on the pinned episodes, five seeds of durations
//   fresh DATA FILE COUNT                       the same on so many fresh episodes of each kind
//   shifted DATA FILE COUNT                     … on episodes of other kinds than it was tuned on
//   search DATA FILE SECONDS EPISODES           the rule adapted to each pinned batch before it starts
//   rate DATA FILE                              task events a second of one core, with fair sharing and with the rule

/// Seconds of this process's processors.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func show(_ answer: some Encodable) throws { print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self)) }

func note(_ text: String) { FileHandle.standardError.write(Data("policy: \(text)\n".utf8)) }

/// What one policy did in the trials of a kind: seconds, `null` where jobs were never done.
struct Outcome: Encodable {
    var kind: String
    var policy: String
    var means: [Double?]
    /// The 95th percentile of the completion times of each trial.
    var p95: [Double] = []
}

struct Rate: Encodable {
    var kind: String
    var policy: String
    var tasksPerSecond: Double
}

struct Trained: Encodable {
    var generations: Int
    var processorSeconds: Double
    var seconds: Double
    var validation: [Double]
}

func catalogue(_ data: String) throws -> SparkCatalogue {
    data == "synthetic" ? .synthetic(jobs: 154, seed: 1) : try SparkCatalogue(folder: data)
}

/// The pinned episodes by kind: `batch20`, `stream200`, `small50`.
func pinned(_ data: String, _ catalogue: SparkCatalogue) throws -> [(kind: String, episodes: [SparkEpisode])] {
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(data)/episodes").sorted()
    return try ["batch20", "stream200", "small50"].map { kind in
        (
            kind,
            try names.filter { $0.hasPrefix(kind) }.map {
                try SparkEpisode(contentsOf: "\(data)/episodes/\($0)", catalogue: catalogue)
            }
        )
    }
}

func rule(_ path: String) throws -> SparkRule { try SparkRule(ModelFile(contentsOf: path)) }

/// The exponent of weighted fair sharing that is best for a workload, of −2, −1.9, …, 2, on 20 fresh episodes of their own.
func tunedExponent(_ workload: SparkWorkload, _ catalogue: SparkCatalogue) throws -> Double {
    let exponents = stride(from: -20, through: 20, by: 1).map { Double($0) / 10 }
    let trials = try (0..<20).map {
        SparkTrial(episode: try workload.episode(of: catalogue, seed: 0xFA1E + UInt64($0)), seed: UInt64($0))
    }
    let sums = SparkTrial.means(of: exponents.map(SparkBaseline.weightedFair), in: trials, threads: 2).map {
        $0.reduce(0) { $0 + ($1 ?? .infinity) }
    }
    return zip(exponents, sums).min { $0.1 < $1.1 }?.0 ?? 0
}

let kinds: [(name: String, workload: SparkWorkload)] = [
    ("batch20", .batch), ("stream200", .stream), ("small50", .overload),
]

/// Other kinds of episodes than the rule was tuned on: more and bursty arrivals, more and fewer executors.
let shifts: [(name: String, workload: SparkWorkload)] = [
    ("arrivals twice as fast", SparkWorkload(jobs: 200, executors: 50, meanInterarrivalMilliseconds: 12_500)),
    ("bursts of 8", SparkWorkload(jobs: 200, executors: 50, meanInterarrivalMilliseconds: 25_000, meanBurst: 8)),
    (
        "twice as fast, bursts of 8",
        SparkWorkload(jobs: 200, executors: 50, meanInterarrivalMilliseconds: 12_500, meanBurst: 8)
    ),
    ("stream on 25 executors", SparkWorkload(jobs: 200, executors: 25, meanInterarrivalMilliseconds: 25_000)),
    ("stream on 100 executors", SparkWorkload(jobs: 200, executors: 100, meanInterarrivalMilliseconds: 25_000)),
    ("batch on 25 executors", SparkWorkload(jobs: 20, executors: 25, meanInterarrivalMilliseconds: 0)),
    ("batch on 100 executors", SparkWorkload(jobs: 20, executors: 100, meanInterarrivalMilliseconds: 0)),
]

/// Shows what each of the rules that have no parameters, weighted fair sharing with a tuned exponent, and `tuned` do.
func compare(_ kind: String, _ workload: SparkWorkload, _ trials: [SparkTrial], _ tuned: SparkRule?) throws {
    guard let catalogue = trials.first?.episode.catalogue else { return }
    let exponent = try tunedExponent(workload, catalogue)
    try compare(kind, "fair", SparkBaseline.fair, trials)
    try compare(kind, "fifo", SparkBaseline.fifo, trials)
    try compare(kind, "srpt", SparkBaseline.shortestRemaining, trials)
    try compare(kind, "weighted fair", SparkBaseline.weightedFair(exponent), trials)
    if let tuned { try compare(kind, "rule", tuned, trials) }
}

func compare(_ kind: String, _ name: String, _ policy: some SparkPolicy & Sendable, _ trials: [SparkTrial]) throws {
    var outcome = Outcome(kind: kind, policy: name, means: SparkTrial.means(of: [policy], in: trials, threads: 2)[0])
    for trial in trials where ["fair", "rule", "network"].contains(name) {
        var simulator = SparkSimulator(trial.episode, seed: trial.seed)
        var policy = policy
        simulator.run(&policy)
        let sorted = simulator.completionSeconds.compactMap(\.self).sorted()
        outcome.p95.append(sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * 95 / 100)])
    }
    try show(outcome)
}

func trials(_ episodes: [SparkEpisode]) -> [SparkTrial] {
    episodes.flatMap { episode in (1...5).map { SparkTrial(episode: episode, seed: $0) } }
}

func freshTrials(_ workload: SparkWorkload, _ catalogue: SparkCatalogue, count: Int) throws -> [SparkTrial] {
    try (0..<count).map {
        SparkTrial(
            episode: try workload.episode(of: catalogue, seed: 0xF8E5_0000 + UInt64($0)), seed: 0x5EED + UInt64($0))
    }
}

func train(_ data: String, _ path: String, seed: UInt64, generations: Int, threads: Int) throws {
    let (processor, clock) = (processorSeconds(), Date())
    let catalogue = try catalogue(data)
    var training = try SparkRuleTraining(catalogue: catalogue, seed: seed)
    while training.generation < generations {
        try training.advance(threads: threads)
        if training.generation % 50 == 0 {
            let ratios = training.latestRatios.map { String(format: "%.3f", $0) }.joined(separator: " ")
            note("seed \(seed), generation \(training.generation), ratios to fair on validation episodes \(ratios)")
        }
    }
    try training.best.modelFile(training.origin(threads: threads)).write(to: path)
    try show(
        Trained(
            generations: generations, processorSeconds: processorSeconds() - processor,
            seconds: Date().timeIntervalSince(clock), validation: training.bestRatios))
}

/// The least time of five repeats is what it takes when nobody else is in the way.
func rate(_ kind: String, _ name: String, _ policy: some SparkPolicy, _ episodes: [SparkEpisode]) throws {
    guard let first = episodes.first else { return }
    var simulator = SparkSimulator(first, seed: 1)
    var best = 0.0
    for _ in 0..<5 {
        let begin = processorSeconds()
        var tasks = 0
        for episode in episodes {
            for seed in UInt64(1)...5 {
                simulator.reset(episode, seed: seed)
                var policy = policy
                simulator.run(&policy)
                tasks += simulator.taskCount
            }
        }
        best = max(best, Double(tasks) / (processorSeconds() - begin))
    }
    try show(Rate(kind: kind, policy: name, tasksPerSecond: best))
}

let arguments = Array(CommandLine.arguments.dropFirst())

func argument(_ index: Int) -> String {
    guard arguments.indices.contains(index) else {
        note("an argument is missing; see the head of main.swift")
        exit(2)
    }
    return arguments[index]
}

func number(_ index: Int) -> Int {
    guard let number = Int(argument(index)), number >= 0 else {
        note("'\(argument(index))' is not a number")
        exit(2)
    }
    return number
}

let data = argument(1)
switch argument(0) {
case "train":
    try train(data, argument(2), seed: UInt64(number(3)), generations: number(4), threads: number(5))
case "pinned":
    let tuned = arguments.count > 2 ? try rule(argument(2)) : nil
    for (kind, episodes) in try pinned(data, catalogue(data)) {
        guard let workload = kinds.first(where: { $0.name == kind })?.workload else { continue }
        try compare(kind, workload, trials(episodes), tuned)
    }
case "fresh":
    let (tuned, catalogue) = (try rule(argument(2)), try catalogue(data))
    for (kind, workload) in kinds {
        try compare(kind, workload, try freshTrials(workload, catalogue, count: number(3)), tuned)
    }
case "shifted":
    let (tuned, catalogue) = (try rule(argument(2)), try catalogue(data))
    for (kind, workload) in shifts {
        try compare(kind, workload, try freshTrials(workload, catalogue, count: number(3)), tuned)
    }
    let others = SparkCatalogue.synthetic(jobs: 154, seed: 1)
    for (kind, workload) in kinds {
        try compare("\(kind) of synthetic jobs", workload, try freshTrials(workload, others, count: number(3)), tuned)
    }
case "search":
    let (tuned, seconds) = (try rule(argument(2)), Double(number(3)))
    for episode in try pinned(data, catalogue(data))[0].episodes.prefix(number(4)) {
        let begin = Date()
        var generations = 0.0
        let adapted = try SparkRuleSearch(tuned).adapted(to: episode, generations: .max, seed: 1, threads: 2) {
            // Whether another generation would take too long.
            generations += 1
            return Date().timeIntervalSince(begin) * generations > seconds * max(1, generations - 1)
        }
        let took = Date().timeIntervalSince(begin)
        try compare(episode.name, "fair", SparkBaseline.fair, trials([episode]))
        try compare(episode.name, "rule", tuned, trials([episode]))
        try compare(episode.name, "searched", adapted, trials([episode]))
        note("\(episode.name): searched for \(took) s")
    }
case "rate":
    let tuned = try rule(argument(2))
    for (kind, episodes) in try pinned(data, catalogue(data)) {
        try rate(kind, "fair", SparkBaseline.fair, episodes)
        try rate(kind, "rule", tuned, episodes)
    }
default:
    guard try networkParts(arguments) else {
        note("there is no part '\(argument(0))'; see the head of main.swift")
        exit(2)
    }
}
