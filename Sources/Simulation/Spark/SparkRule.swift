internal import Glibc

/// A rule of some twenty parameters for jobs of stages on identical executors.
///
/// 1. Each active job has a **target** of executors: jobs are ranked by rough work left, and the share of rank *i* of *m* (1 is
///    the largest) is (*i*/*m*)ᶜ − ((*i*−1)/*m*)ᶜ, as heSRPT has it, times a power of the size relative to the geometric mean.
///    Shares are granted to the smallest job first until there are no more executors.
/// 2. Each candidate has a **score**: what weighs is whether the executors are there already, how small the job is, how far the
///    stage is from the end of its job, whether its tasks can start at once, whether the job has its target, and how soon it, or
///    the stage, would be done anyway. Sizes are relative to those of the other jobs and times to the cost of a move.
/// 3. The best candidate gets executors up to the job's target and a **chunk** more.
///
/// The parameters are tuned by simulation, see ``SparkRuleTraining``.
/// Source of the share: Berg, Vesilo, Harchol-Balter, *heSRPT: Parallel Scheduling to Minimize Mean Slowdown* (2020).
public struct SparkRule: SparkPolicy, Sendable {
    public var parameters: SparkRuleParameters
    /// By how much the score of each job, and the logarithm of its share, are changed: two numbers a job of the episode, found by
    /// search for this episode. Empty for none.
    public var adjustments: [Double] = []
    private var view = JobsView()

    public init(_ parameters: SparkRuleParameters = .init()) { self.parameters = parameters }

    public mutating func decide(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
        var best: (score: Double, decision: SparkSimulator.Decision)?
        forEachCandidate(simulator) { _, decision, score in
            if score > best?.score ?? -.infinity { best = (score, decision) }
        }
        return best?.decision
    }

    /// The scores of all candidates in their order, and how many executors the rule would give each: what a learned policy can
    /// start from.
    public mutating func scores(_ simulator: borrowing SparkSimulator) -> [(score: Double, executors: Int)] {
        var scores: [(score: Double, executors: Int)] = []
        scores.reserveCapacity(simulator.candidateCount)
        forEachCandidate(simulator) { _, decision, score in scores.append((score, decision.executors)) }
        return scores
    }

    /// The number of executors that the rule means each active job to have, in their order.
    public mutating func targets(_ simulator: borrowing SparkSimulator) -> [Double] {
        view.update(simulator, parameters, adjustments)
        return Array(view.jobs[..<simulator.activeCount].map(\.target))
    }
}

extension SparkRule {
    /// O(candidates); at the first decision of a moment O(*m* log *m*) for *m* active jobs.
    @inline(__always)
    private mutating func forEachCandidate(
        _ simulator: borrowing SparkSimulator, _ body: (Int, SparkSimulator.Decision, Double) -> Void
    ) {
        if simulator.isFirstOfMoment || view.round != simulator.round {
            view.update(simulator, parameters, adjustments)
        }
        let p = parameters
        let soon = exp(min(max(p.logEndingMilliseconds, 0), 20))
        let (own, free) = (simulator.sourceJob, simulator.freeExecutors)
        let (stages, jobs, tables) = (simulator.memory.stages, simulator.memory.jobs, simulator.tables)
        var (job, position) = (-1, -1)
        var (isLocal, supply, score, count, lacks) = (false, 0.0, 0.0, 0, 0.0)
        for index in 0..<simulator.candidateCount {
            let stage = simulator.candidate(index)
            let state = stages + stage
            if Int(state.pointee.job) != job {
                job = Int(state.pointee.job)
                repeat { position += 1 } while simulator.activeJob(position) != job
                let seen = view.jobs[position]
                isLocal = job == own
                supply = Double(Int(jobs[job].supply) - (isLocal ? free : 0))
                score = seen.score - p.filled * supply / (supply + seen.target)
                if supply == 0 { score += p.empty }
                lacks = seen.work / (supply + 1)
                score += p.pathShare * seen.criticalPath / (seen.criticalPath + lacks)
                if isLocal {
                    score += p.local + p.localLoad * view.load
                    if supply + Double(free) > seen.target + 0.5 {
                        score -= p.surplus * log((supply + Double(free)) / (seen.target + 0.5))
                    }
                } else {
                    score -= p.ending * soon / (soon + lacks)
                    if supply >= seen.target + 0.5 { score -= p.overTarget }
                }
                let wanted = Int((seen.target + (isLocal ? p.localChunk : p.chunk) - supply).rounded(.down))
                count = min(max(wanted, isLocal ? max(1, (free + 2) / 4) : 1), free)
            }
            let kind = Int(state.pointee.kind)
            let demand = Double(state.pointee.demand)
            let stageWork = demand * state.pointee.rough
            var value = score + p.criticalPath * tables.criticalPath[kind] / view.jobs[position].criticalPath
            value += p.stageWork * min(1, stageWork / 60_000)
            if state.pointee.unfinishedParents == 0 {
                value += p.runnable
            } else {
                let wait = simulator.longestWait(ofStage: stage)
                value -= p.waiting * wait / (wait + soon)
            }
            if !isLocal {
                let there = Double(state.pointee.running + state.pointee.moving + state.pointee.promised)
                value -= p.stageEnding * soon / (soon + stageWork / (there + 1))
            }
            body(stage, .init(stage: stage, executors: count), value)
        }
    }

    /// What the rule works out once for all decisions of a moment.
    private struct JobsView: Sendable {
        struct Job {
            var work = 0.0
            var logSize = 0.0
            var criticalPath = 0.0
            var target = 0.0
            var score = 0.0
        }
        var round = -1
        var load = 0.0
        var jobs: [Job] = []
        var order: [Int32] = []

        mutating func update(
            _ simulator: borrowing SparkSimulator, _ p: SparkRuleParameters, _ adjustments: [Double]
        ) {
            let m = simulator.activeCount
            round = simulator.round
            if jobs.count < m {
                jobs = Array(repeating: Job(), count: 2 * m)
                order = Array(repeating: 0, count: 2 * m)
            }
            let executors = Double(simulator.episode.executors)
            load = log(Double(m) / executors)
            let adjusts = !adjustments.isEmpty
            let states = simulator.memory.jobs
            jobs.withUnsafeMutableBufferPointer { jobs in
                order.withUnsafeMutableBufferPointer { order in
                    var (total, mean) = (0.0, 0.0)
                    for index in 0..<m {
                        let state = states + simulator.activeJob(index)
                        let path = max(1, state.pointee.criticalPath)
                        var left = state.pointee.work + p.running * state.pointee.runningWork
                        if p.observed != 0 {
                            left += p.observed * simulator.surprise(ofJob: simulator.activeJob(index))
                        }
                        let work = max(100, left)
                        let size = log(work) + p.pathSize * log(path)
                        jobs[index] = Job(work: work, logSize: size, criticalPath: path)
                        total += work
                        mean += size
                        // Insertion, fastest for few, keeps equal sizes in order of arrival.
                        var place = index
                        guard m <= 64 else {
                            order[index] = Int32(index)
                            continue
                        }
                        while place > 0, jobs[Int(order[place - 1])].logSize > size {
                            order[place] = order[place - 1]
                            place -= 1
                        }
                        order[place] = Int32(index)
                    }
                    if m > 64 {
                        order[..<m].sort { (jobs[Int($0)].logSize, $0) < (jobs[Int($1)].logSize, $1) }
                    }
                    mean /= Double(m)
                    let backlog = log(total / executors / 60_000)
                    let power = 1 + exp(min(4, p.skew + p.skewLoad * load + p.skewBacklog * backlog))
                    let sizePower = p.sizePower + p.sizePowerLoad * load
                    let smallness = p.smallness + p.smallnessLoad * load
                    var (sum, above) = (0.0, 1.0)
                    for rank in 0..<m {
                        let index = Int(order[rank])
                        let relative = jobs[index].logSize - mean
                        let below = pow(Double(m - rank - 1) / Double(m), power)
                        jobs[index].target = (above - below) * exp(sizePower * relative)
                        above = below
                        jobs[index].score = -smallness * relative
                        if adjusts {
                            let job = simulator.activeJob(index)
                            jobs[index].score += adjustments[2 * job]
                            jobs[index].target *= exp(adjustments[2 * job + 1])
                        }
                        sum += jobs[index].target
                    }
                    let all = executors * exp(p.slack + p.slackLoad * load)
                    var left = all
                    for rank in 0..<m {
                        let index = Int(order[rank])
                        let granted = min(all * jobs[index].target / sum, left)
                        left -= granted
                        jobs[index].target = max(0.05, granted)
                    }
                }
            }
        }
    }
}
