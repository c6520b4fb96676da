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
        let targets = rule.targets(simulator)
        var kept = Array(scores.indices)
        if kept.count > Self.maximalStages {
            kept.sort { (-scores[$0].score, $0) < (-scores[$1].score, $1) }
            kept.removeSubrange(Self.maximalStages...)
            kept.sort()
        }
        let best = kept.reduce(-Double.infinity) { max($0, scores[$1].score) }
        let (free, own) = (simulator.freeExecutors, simulator.sourceJob)
        let executors = Double(simulator.episode.executors)
        let move = Double(max(1, simulator.episode.movingMilliseconds + simulator.episode.warmUpMilliseconds))
        let (states, jobs, tables) = (simulator.memory.stages, simulator.memory.jobs, simulator.tables)

        // Groups: all active jobs if they are few, else those with a candidate that is seen.
        let m = simulator.activeCount
        groupOfJob.removeAll(keepingCapacity: true)
        groupOfJob.append(contentsOf: repeatElement(-1, count: simulator.episode.arrivals.count))
        var places: [Int] = []
        if m <= Self.maximalStages {
            places = Array(0..<m)
        } else {
            for index in kept { groupOfJob[Int(states[simulator.candidate(index)].job)] = 0 }
            places = (0..<m).filter { groupOfJob[simulator.activeJob($0)] == 0 }
        }
        var (sizes, order): ([Double], [Int]) = ([], [])
        var (mean, squares, backlog, supplied, moving) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for place in 0..<m {
            let job = jobs[simulator.activeJob(place)]
            let work = max(100, job.work + job.runningWork)
            sizes.append(log(work))
            mean += sizes[place] / Double(m)
            backlog += work
            supplied += Double(job.supply)
            moving += max(0, Double(job.supply - job.local))
        }
        for size in sizes { squares += (size - mean) * (size - mean) / Double(m) }
        order = (0..<m).sorted { (sizes[$0], $0) < (sizes[$1], $1) }
        var ranks = Array(repeating: 0.0, count: m)
        for (rank, place) in order.enumerated() { ranks[place] = (Double(rank) + 0.5) / Double(m) }
        let load = log(Double(m) / executors)
        let equal = executors / Double(m)
        var bestOfJob = Array(repeating: -Double.infinity, count: m)
        var (job, position) = (-1, -1)
        for (index, score) in scores.enumerated() {
            let found = Int(states[simulator.candidate(index)].job)
            if found != job {
                job = found
                repeat { position += 1 } while simulator.activeJob(position) != job
            }
            bestOfJob[position] = max(bestOfJob[position], score.score)
        }
        for (group, place) in places.enumerated() {
            let number = simulator.activeJob(place)
            groupOfJob[number] = Int32(group)
            let job = jobs[number]
            let isLocal = number == own
            let supply = Double(job.supply) - (isLocal ? Double(free) : 0)
            let left = max(100, job.work + job.runningWork)
            let lacks = left / (supply + 1)
            let below = bestOfJob[place] > -.infinity ? max(-8, (bestOfJob[place] - best) / (8 * Self.temperature)) : -8
            observation.groupFeatures += [
                Float(sizes[place] - mean), Float(ranks[place]), Float(log(targets[place] / equal) / 2),
                Float(log((supply + 0.5) / (targets[place] + 0.5))), Float(log((supply + 0.5) / (equal + 0.5)) / 2),
                isLocal ? 1 : 0, Float(job.criticalPath / (job.criticalPath + lacks)), Float(log(lacks / move) / 3),
                Float(job.runningWork / left), Float(log(Double(max(1, job.unfinishedStages))) / 2),
                Float((Double(job.local) - (isLocal ? Double(free) : 0)) / (supply + 1)),
                Float(max(-1, min(1, simulator.surprise(ofJob: number) / left))), Float(below / 4),
            ]
        }
        observation.globalFeatures += [
            Float(load / 2), Float(log(backlog / executors / (20 * move)) / 2), Float(Double(free) / executors),
            own < 0 ? 1 : 0,
            Float(supplied / executors), Float(log(Double(scores.count) / Double(m)) / 2), Float(squares.squareRoot()),
            Float(moving / executors),
        ]

        // Nodes: the candidates, then what else is not done.
        stages.removeAll(keepingCapacity: true)
        amounts.removeAll(keepingCapacity: true)
        let bestLogit = best / Self.temperature
        func appendNode(_ stage: Int, score: Double, amount: Int) {
            let state = states + stage
            let (kind, number) = (Int(state.pointee.kind), Int(state.pointee.job))
            let group = Int(groupOfJob[number])
            let job = jobs[number]
            let isLocal = number == own
            let demand = Double(max(0, state.pointee.demand))
            let work = Double(state.pointee.remaining) * state.pointee.rough
            let left = max(100, job.work + job.runningWork)
            let there = Double(state.pointee.running + state.pointee.moving + state.pointee.promised)
            let wait = state.pointee.unfinishedParents == 0 ? 0 : simulator.longestWait(ofStage: stage)
            let finished = Double(state.pointee.finished)
            let mean = (state.pointee.observed + 3 * state.pointee.rough) / (finished + 3) / state.pointee.rough
            observation.nodeFeatures += [
                Float(max(-8, score / Self.temperature - bestLogit) / 4), isLocal ? 1 : 0,
                state.pointee.unfinishedParents == 0 ? 1 : 0, Float(wait / (wait + move)),
                Float(tables.criticalPath[kind] / max(1, job.criticalPath)), Float(min(1, work / left)),
                Float(min(4, tables.workBelow[kind] / left)), Float(log(max(1, state.pointee.rough) / move) / 2),
                Float(log((demand + 0.5) / Double(free)) / 2), Float(Double(amount) / Double(free)),
                Float(log(Double(amount + 1) / (targets[places[group]] + 1)) / 2),
                Float(log((there + 1) / (Double(state.pointee.remaining) + 1)) / 3),
                Float(move / (move + demand * state.pointee.rough / (there + 1))),
                Float(log(min(4, max(0.25, state.pointee.rough > 0 ? mean : 1)))),
            ]
            observation.groupOfNode.append(Int32(group))
        }
        for index in kept {
            let (stage, rule) = (simulator.candidate(index), scores[index])
            let most = max(1, min(free, Int(states[stage].demand)))
            let amount = max(1, min(rule.executors, most))
            appendNode(stage, score: rule.score, amount: amount)
            observation.addCandidate(stages.count, score: Float(rule.score / Self.temperature - bestLogit))
            stages.append(stage)
            let start = amounts.count
            for level in Self.levels {
                let number = level < .infinity ? max(1, min(most, Int((level * Double(amount)).rounded()))) : most
                let isRules = level == 1
                let isNew = isRules || (number != amount && !amounts[start...].contains(number))
                amounts.append(number)
                observation.levelScores.append(isRules ? 0 : isNew ? Self.otherLevelScore : -.infinity)
            }
        }
        guard showsAll else { return }
        nodeOfStage.removeAll(keepingCapacity: true)
        nodeOfStage.append(
            contentsOf: repeatElement(-1, count: Int(simulator.episode.firstStage[simulator.episode.arrivals.count])))
        for (node, stage) in stages.enumerated() { nodeOfStage[stage] = Int32(node) }
        var count = stages.count
        for place in places {
            for stage in simulator.stages(ofJob: simulator.activeJob(place))
            where nodeOfStage[stage] < 0 && !states[stage].isDone && count < 2 * Self.maximalStages {
                nodeOfStage[stage] = Int32(count)
                count += 1
                appendNode(stage, score: -.infinity, amount: 0)
            }
        }
        for place in places {
            let stages = simulator.stages(ofJob: simulator.activeJob(place))
            for stage in stages where nodeOfStage[stage] >= 0 {
                let kind = Int(states[stage].kind)
                for index in Int(tables.firstChild[kind])..<Int(tables.firstChild[kind + 1]) {
                    let child = nodeOfStage[stages.lowerBound + Int(tables.children[index])]
                    if child >= 0 { observation.addEdge(from: Int(nodeOfStage[stage]), to: Int(child)) }
                }
            }
        }
    }
}
