internal import Glibc

/// Rules without parameters to train. Each first serves the job whose executors are free.
public enum SparkBaseline: SparkPolicy, Sendable, Hashable {
    /// Jobs by arrival, each up to ⌈*executors* / *active jobs*⌉ executors; executors stay with their job while it can use them.
    case fair
    /// The job that came first gets all that it can use; executors stay with their job while it can use them.
    case fifo
    /// The job with the least rough work in tasks that have not started gets all that it can use, at the stage with the longest
    /// critical path.
    case shortestRemaining
    /// A job's share is that of its total rough work to the power of so much, rounded up to whole executors. Executors stay up
    /// to the share, then go where relatively most is missing, and stay all the same if nothing is missing anywhere.
    case weightedFair(Double)

    public mutating func decide(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
        switch self {
        case .fair:
            let jobs = simulator.activeCount
            return Self.inOrder(simulator, limit: (simulator.episode.executors + jobs - 1) / max(1, jobs))
        case .fifo: return Self.inOrder(simulator, limit: simulator.episode.executors)
        case .shortestRemaining: return Self.shortest(simulator)
        case .weightedFair(let exponent): return Self.weighted(simulator, exponent)
        }
    }
}

extension SparkBaseline {
    /// The candidate of a job that is served first: one whose tasks can start at once, else one that will be able to.
    private static func next(_ simulator: borrowing SparkSimulator, job: Int) -> Int? {
        var found: Int?
        for index in 0..<simulator.candidateCount {
            let stage = simulator.candidate(index)
            let state = simulator.memory.stages[stage]
            guard Int(state.job) == job else { continue }
            if state.unfinishedParents == 0 { return stage }
            if found == nil { found = stage }
        }
        return found
    }

    private static func inOrder(_ simulator: borrowing SparkSimulator, limit: Int) -> SparkSimulator.Decision? {
        let own = simulator.sourceJob
        if own >= 0, let stage = next(simulator, job: own) {
            return .init(stage: stage, executors: simulator.freeExecutors)
        }
        for index in 0..<simulator.activeCount {
            let job = simulator.activeJob(index)
            let supply = Int(simulator.memory.jobs[job].supply)
            guard job != own, supply < limit, let stage = next(simulator, job: job) else { continue }
            return .init(stage: stage, executors: min(simulator.freeExecutors, limit - supply))
        }
        return nil
    }

    private static func shortest(_ simulator: borrowing SparkSimulator) -> SparkSimulator.Decision? {
        var best: (job: Int32, work: Double, path: Double, stage: Int)?
        for index in 0..<simulator.candidateCount {
            let stage = simulator.candidate(index)
            let state = simulator.memory.stages[stage]
            let work = simulator.memory.jobs[Int(state.job)].work
            let path = simulator.tables.criticalPath[Int(state.kind)]
            if let best, best.job == state.job ? path <= best.path : work >= best.work { continue }
            best = (state.job, work, path, stage)
        }
        return best.map { .init(stage: $0.stage, executors: simulator.freeExecutors) }
    }

    private static func weighted(_ simulator: borrowing SparkSimulator, _ exponent: Double) -> SparkSimulator.Decision?
    {
        func weight(_ job: Int) -> Double {
            pow(max(1, simulator.tables.work[Int(simulator.memory.jobs[job].kind)]), exponent)
        }
        var sum = 0.0
        for index in 0..<simulator.activeCount { sum += weight(simulator.activeJob(index)) }
        func share(_ job: Int) -> Int { Int((Double(simulator.episode.executors) * weight(job) / sum).rounded(.up)) }
        let (own, free) = (simulator.sourceJob, simulator.freeExecutors)
        let ownStage = own < 0 ? nil : next(simulator, job: own)
        if let ownStage {
            let missing = share(own) - Int(simulator.memory.jobs[own].supply) + free
            if missing >= 1 { return .init(stage: ownStage, executors: min(free, missing)) }
        }
        var best: (deficit: Double, stage: Int, missing: Int)?
        for index in 0..<simulator.activeCount {
            let job = simulator.activeJob(index)
            guard job != own, let stage = next(simulator, job: job) else { continue }
            let missing = share(job) - Int(simulator.memory.jobs[job].supply)
            let deficit = Double(missing) / Double(share(job))
            if deficit > best?.deficit ?? -.infinity { best = (deficit, stage, missing) }
        }
        if let best, best.missing > 0 { return .init(stage: best.stage, executors: min(free, best.missing)) }
        if let ownStage { return .init(stage: ownStage, executors: free) }
        return best.map { .init(stage: $0.stage, executors: 1) }
    }
}
