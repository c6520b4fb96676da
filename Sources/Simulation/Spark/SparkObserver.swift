internal import Glibc
internal import ReinforcementLearning

/// What a network sees of a simulation, and what its actions mean there.
///
/// Nodes are stages, groups are active jobs. Every feature is a logarithm or a ratio: of sizes to those of the other jobs, of
/// executors to the number that the rule means a job to have, of times to the cost of a move. None knows the size of the problem.
///
/// Executors are never left idle: those that should wait are promised to a stage that cannot start yet. So no job is left waiting
/// for ever, whatever a network says.
struct SparkObserver: Sendable {
    /// How many executors, relative to what the rule would give: the levels of a choice. The last is all.
    static let levels = [0.5, 1, 1.5, 2, .infinity]
    /// More stages than these are not seen: those that the rule scores highest are.
    static let maximalStages = 256
    /// What the rule's scores are divided by, so that its choice has a probability of about 0.8.
    static let temperature = 0.15
    /// The logit of any other number of executors than the rule's.
    static let otherLevelScore: Float = -3

    static let nodeFeatures = [
        "score below the best", "is local", "is runnable", "wait", "path in job", "share of work", "work below",
        "duration",
        "demand to free", "amount to free", "amount to target", "served", "ending", "observed",
    ]
    static let groupFeatures = [
        "size", "rank", "target to equal", "supply to target", "supply to equal", "is local", "path share", "time left",
        "running",
        "stages", "there", "surprise", "score",
    ]
    static let globalFeatures = [
        "load", "backlog", "free", "source is common", "supplied", "candidates a job", "spread of sizes",
        "on their way",
    ]

    static func shape(hops: Int, width: Int) -> PolicyShape {
        var shape = PolicyShape(
            nodeFeatures: nodeFeatures, groupFeatures: groupFeatures, globalFeatures: globalFeatures,
            levels: levels.count)
        (shape.hops, shape.width) = (hops, width)
        return shape
    }

    private var rule: SparkRule
    /// Whether stages that cannot be chosen are shown, with what they wait for: only networks that pass messages need them.
    private let showsAll: Bool
    /// The rule's targets of active jobs, and its best score.
    private var targets: [Double] = []
    private var best = 0.0
    /// The place among active jobs of each group.
    private var places: [Int] = []
    private var stages: [Int] = []
    /// For each candidate and level, how many executors.
    private var amounts: [Int] = []
    /// The node of each stage, −1 for none.
    private var nodeOfStage: [Int32] = []
    private var groupOfJob: [Int32] = []

    init(_ rule: SparkRule, showsAll: Bool) { (self.rule, self.showsAll) = (rule, showsAll) }

    func decision(_ action: GraphAction) -> SparkSimulator.Decision? {
        switch action {
        case .idle: nil
        case .take(let candidate, let level):
            .init(stage: stages[candidate], executors: amounts[candidate * Self.levels.count + level])
        }
    }

    /// The only decision that is possible, if there is only one.
    static func forced(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
        guard simulator.candidateCount == 1 else { return nil }
        let stage = simulator.candidate(0)
        guard min(simulator.freeExecutors, Int(simulator.memory.stages[stage].demand)) == 1 else { return nil }
        return .init(stage: stage, executors: 1)
    }

    /// O(candidates + active jobs), with messages O(stages of active jobs).
    mutating func observe(_ simulator: borrowing SparkSimulator, into observation: inout GraphObservation) {
        let scores = rule.scores(simulator)
        targets = rule.targets(simulator)
        var kept = Array(scores.indices)
        if kept.count > Self.maximalStages {
            kept.sort { (-scores[$0].score, $0) < (-scores[$1].score, $1) }
            kept.removeSubrange(Self.maximalStages...)
            kept.sort()
        }
        best = kept.reduce(-.infinity) { max($0, scores[$1].score) }
        chooseGroups(simulator, kept)
        showJobs(simulator, scores, into: &observation)
        showCandidates(simulator, scores, kept, into: &observation)
        if showsAll { showOtherStages(simulator, into: &observation) }
    }

    /// Shows all active jobs if they are few, else those with a candidate that is seen.
    private mutating func chooseGroups(_ simulator: borrowing SparkSimulator, _ kept: [Int]) {
        let m = simulator.activeCount
        groupOfJob.removeAll(keepingCapacity: true)
        groupOfJob.append(contentsOf: repeatElement(-1, count: simulator.episode.arrivals.count))
        if m <= Self.maximalStages {
            places = Array(0..<m)
        } else {
            for index in kept { groupOfJob[simulator.stage(simulator.candidate(index)).job] = 0 }
            places = (0..<m).filter { groupOfJob[simulator.activeJob($0)] == 0 }
        }
        for (group, place) in places.enumerated() { groupOfJob[simulator.activeJob(place)] = Int32(group) }
    }

    /// The cost of a move, in milliseconds.
    private static func move(_ simulator: borrowing SparkSimulator) -> Double {
        Double(max(1, simulator.episode.movingMilliseconds + simulator.episode.warmUpMilliseconds))
    }

    /// Rough milliseconds of the tasks of a job that are not done.
    private static func left(_ job: SparkMemory.Job) -> Double { max(100, job.work + job.runningWork) }

    private func showJobs(
        _ simulator: borrowing SparkSimulator, _ scores: [(score: Double, executors: Int)],
        into observation: inout GraphObservation
    ) {
        let (m, jobs, own) = (simulator.activeCount, simulator.memory.jobs, simulator.sourceJob)
        let (free, executors) = (Double(simulator.freeExecutors), Double(simulator.episode.executors))
        let (move, equal) = (Self.move(simulator), executors / Double(m))
        var (sizes, mean, variance) = ([Double](), 0.0, 0.0)
        var (backlog, supplied, moving) = (0.0, 0.0, 0.0)
        for place in 0..<m {
            let job = jobs[simulator.activeJob(place)]
            sizes.append(log(Self.left(job)))
            mean += sizes[place] / Double(m)
            backlog += Self.left(job)
            supplied += Double(job.supply)
            moving += max(0, Double(job.supply - job.local))
        }
        for size in sizes { variance += (size - mean) * (size - mean) / Double(m) }
        var ranks = Array(repeating: 0.0, count: m)
        for (rank, place) in (0..<m).sorted(by: { (sizes[$0], $0) < (sizes[$1], $1) }).enumerated() {
            ranks[place] = (Double(rank) + 0.5) / Double(m)
        }
        let bests = bestScores(simulator, scores)
        for place in places {
            let (number, target) = (simulator.activeJob(place), targets[place])
            let (job, isLocal) = (jobs[number], number == own)
            let (there, supply) = (
                Double(job.local) - (isLocal ? free : 0), Double(job.supply) - (isLocal ? free : 0)
            )
            let left = Self.left(job)
            let lacks = left / (supply + 1)
            observation.groupFeatures += [
                Float(sizes[place] - mean), Float(ranks[place]), Float(log(target / equal) / 2),
                Float(log((supply + 0.5) / (target + 0.5))), Float(log((supply + 0.5) / (equal + 0.5)) / 2),
                isLocal ? 1 : 0, Float(job.criticalPath / (job.criticalPath + lacks)), Float(log(lacks / move) / 3),
                Float(job.runningWork / left), Float(log(Double(max(1, job.unfinishedStages))) / 2),
                Float(there / (supply + 1)), Float(max(-1, min(1, simulator.surprise(ofJob: number) / left))),
                Float(max(-2, (bests[place] - best) / (32 * Self.temperature))),
            ]
        }
        observation.globalFeatures += [
            Float(log(1 / equal) / 2), Float(log(backlog / executors / (20 * move)) / 2), Float(free / executors),
            own < 0 ? 1 : 0, Float(supplied / executors), Float(log(Double(scores.count) / Double(m)) / 2),
            Float(variance.squareRoot()), Float(moving / executors),
        ]
    }

    /// For each active job the best score of its candidates, −∞ if it has none.
    private func bestScores(
        _ simulator: borrowing SparkSimulator, _ scores: [(score: Double, executors: Int)]
    ) -> [Double] {
        var bests = Array(repeating: -Double.infinity, count: simulator.activeCount)
        var place = 0
        for (index, score) in scores.enumerated() {
            let job = simulator.stage(simulator.candidate(index)).job
            while simulator.activeJob(place) != job { place += 1 }
            bests[place] = max(bests[place], score.score)
        }
        return bests
    }

    private func showStage(
        _ stage: Int, score: Double, amount: Int, _ simulator: borrowing SparkSimulator,
        into observation: inout GraphObservation
    ) {
        let (state, tables) = (simulator.memory.stages[stage], simulator.tables)
        let (kind, number, group) = (Int(state.kind), Int(state.job), Int(groupOfJob[Int(state.job)]))
        let (job, free) = (simulator.memory.jobs[number], Double(simulator.freeExecutors))
        let (move, left, demand) = (Self.move(simulator), Self.left(job), Double(max(0, state.demand)))
        let there = Double(state.running + state.moving + state.promised)
        let wait = state.unfinishedParents == 0 ? 0 : simulator.longestWait(ofStage: stage)
        let observed = (state.observed + 3 * state.rough) / Double(state.finished + 3)
        observation.nodeFeatures += [
            Float(max(-2, (score - best) / (4 * Self.temperature))), number == simulator.sourceJob ? 1 : 0,
            state.unfinishedParents == 0 ? 1 : 0, Float(wait / (wait + move)),
            Float(tables.criticalPath[kind] / max(1, job.criticalPath)),
            Float(min(1, Double(state.remaining) * state.rough / left)), Float(min(4, tables.workBelow[kind] / left)),
            Float(log(max(1, state.rough) / move) / 2), Float(log((demand + 0.5) / free) / 2),
            Float(Double(amount) / free), Float(log(Double(amount + 1) / (targets[places[group]] + 1)) / 2),
            Float(log((there + 1) / (Double(state.remaining) + 1)) / 3),
            Float(move / (move + demand * state.rough / (there + 1))),
            Float(state.rough > 0 ? log(min(4, max(0.25, observed / state.rough))) : 0),
        ]
        observation.groupOfNode.append(Int32(group))
    }

    private mutating func showCandidates(
        _ simulator: borrowing SparkSimulator, _ scores: [(score: Double, executors: Int)], _ kept: [Int],
        into observation: inout GraphObservation
    ) {
        stages.removeAll(keepingCapacity: true)
        amounts.removeAll(keepingCapacity: true)
        for index in kept {
            let (stage, rule) = (simulator.candidate(index), scores[index])
            let most = max(1, min(simulator.freeExecutors, simulator.stage(stage).demand))
            let amount = max(1, min(rule.executors, most))
            showStage(stage, score: rule.score, amount: amount, simulator, into: &observation)
            observation.addCandidate(stages.count, score: Float((rule.score - best) / Self.temperature))
            stages.append(stage)
            let start = amounts.count
            for level in Self.levels {
                let number = level < .infinity ? max(1, min(most, Int((level * Double(amount)).rounded()))) : most
                let isNew = number != amount && !amounts[start...].contains(number)
                amounts.append(number)
                observation.levelScores.append(level == 1 ? 0 : isNew ? Self.otherLevelScore : -.infinity)
            }
        }
    }

    /// Shows stages that are not done, as many again as candidates at most, and which of the stages wait for which.
    private mutating func showOtherStages(
        _ simulator: borrowing SparkSimulator, into observation: inout GraphObservation
    ) {
        let (states, tables) = (simulator.memory.stages, simulator.tables)
        nodeOfStage.removeAll(keepingCapacity: true)
        nodeOfStage.append(
            contentsOf: repeatElement(-1, count: simulator.stages(ofJob: groupOfJob.count - 1).upperBound))
        for (node, stage) in stages.enumerated() { nodeOfStage[stage] = Int32(node) }
        for place in places {
            for stage in simulator.stages(ofJob: simulator.activeJob(place))
            where nodeOfStage[stage] < 0 && !states[stage].isDone {
                guard observation.groupOfNode.count < 2 * Self.maximalStages else { break }
                nodeOfStage[stage] = Int32(observation.groupOfNode.count)
                showStage(stage, score: -.infinity, amount: 0, simulator, into: &observation)
            }
        }
        for place in places {
            let stages = simulator.stages(ofJob: simulator.activeJob(place))
            for stage in stages where nodeOfStage[stage] >= 0 {
                let kind = Int(states[stage].kind)
                for index in tables.firstChild[kind]..<tables.firstChild[kind + 1] {
                    let child = nodeOfStage[stages.lowerBound + Int(tables.children[Int(index)])]
                    if child >= 0 { observation.addEdge(from: Int(nodeOfStage[stage]), to: Int(child)) }
                }
            }
        }
    }
}
