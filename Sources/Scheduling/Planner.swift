public import Workloads

/// Plans a job on a pool by list scheduling: tasks in the order of their upward rank, each put where it ends first,
/// or where it adds least to the bill and still keeps its share of the deadline.
///
/// Several list schedules are made and the best is kept, so that a plan is never worse than HEFT with insertion.
///
///     let planner = Planner(graph, on: pool, costs: .claimed(by: graph))
///     let plan = try planner.plan(.init(.cost, deadlineSeconds: 3600))
public struct Planner: Sendable {
    let graph: TaskGraph
    let pool: ResourcePool
    let costs: CostModel
    let quota: Quota?
    /// Plans from elsewhere, for instance of a learnt policy: they count as list schedules do, and searches start from them.
    public var proposals: [Proposal] = []

    /// A way to place all tasks.
    public struct Proposal: Hashable, Sendable {
        /// All tasks, by position in the graph, each after its predecessors.
        public var order: [Int]
        /// The entry of the pool for every task.
        public var entries: [Int]

        /// Makes one.
        public init(order: [Int], entries: [Int]) { (self.order, self.entries) = (order, entries) }
    }

    /// Makes a planner for one job on one pool.
    ///
    /// - Parameter quota: The most that all tasks may have in use at once.
    public init(_ graph: TaskGraph, on pool: ResourcePool, costs: CostModel, quota: Quota? = nil) {
        (self.graph, self.pool, self.costs, self.quota) = (graph, pool, costs, quota)
    }

    private func problem(confidence: Double?) throws(PlanError) -> PlanningProblem {
        try PlanningProblem(graph, on: pool, costs: costs, quota: quota, confidence: confidence)
    }

    /// The best plan that is found within milliseconds: list schedules, and a brief search from them.
    ///
    /// - Throws: ``PlanError``: a task that no instance can hold, an estimate that is not a time, or limits that no
    ///   plan found keeps, those of tasks among them; that error carries the nearest plans that do.
    /// - Complexity: about fifty list schedules, fewer for graphs of more than 2,000 tasks. Source: Topcuoglu, Hariri
    ///   and Wu (2002) for ranks and insertion, Arabnejad and Barbosa (2014) for looking ahead; tasks' own deadlines
    ///   follow the fastest schedule.
    public func plan(_ goal: Goal) throws(PlanError) -> Plan { try search(goal, limit: .brief).plan }

    /// The best plan that a search finds, never worse than any of the list schedules from which it starts.
    ///
    /// - Parameters:
    ///   - limit: How long to search: by tries the same plan is found every time, by seconds as good a one as they allow.
    ///   - method: How to search; by default in all ways that help.
    ///   - threads: How many threads may be busy; the plan does not depend on it, but for what fits into seconds.
    /// - Throws: ``PlanError`` as ``plan(_:)``.
    public func search(
        _ goal: Goal, limit: PlanSearch.Limit, method: PlanSearch.Method? = nil, threads: Int = 1,
        seed: UInt64 = 0
    ) throws(PlanError) -> FoundPlan {
        let problem = try problem(confidence: goal.confidence)
        // Safe from reclaims if that can be, else as well as it can be.
        if let safe = problem.recoverable(by: goal.deadlineSeconds) {
            do {
                var found = try search(safe, goal, limit: limit, method: method, threads: threads, seed: seed)
                found.plan.isRecoverable = true
                return found
            } catch PlanError.infeasible, PlanError.late {
                var found = try search(problem, goal, limit: limit, method: method, threads: threads, seed: seed)
                found.plan.isRecoverable = false
                return found
            }
        }
        return try search(problem, goal, limit: limit, method: method, threads: threads, seed: seed)
    }

    private func search(
        _ original: PlanningProblem, _ goal: Goal, limit: PlanSearch.Limit, method: PlanSearch.Method?, threads: Int,
        seed: UInt64
    ) throws(PlanError) -> FoundPlan {
        guard graph.count > 0 else {
            return FoundPlan(
                plan: Plan(assignments: [], instances: [], makespanSeconds: 0, cost: 0),
                lowerBound: LowerBound(original))
        }
        var lists = ListPortfolio(original)
        let problem = lists.problem
        lists.add(proposals, of: pool)
        let plain = lists
        lists.add(for: goal, briefly: limit == .brief)
        var bound = LowerBound(problem, briefly: limit == .brief)
        var (tries, evaluations) = (0, 0)
        func answer(_ schedule: Schedule) -> FoundPlan {
            FoundPlan(
                plan: schedule.plan(problem), lowerBound: bound, tries: tries, evaluations: evaluations)
        }
        func search(_ goal: Goal, from: [Schedule], share: Double) -> PlanSearch {
            PlanSearch(
                problem, goal, from: from, bound: bound, limit: limit.times(share), method: method,
                threads: threads, seed: seed)
        }
        // With a limit, never worse than what is found without one and keeps it.
        if goal.deadlineSeconds != nil || goal.budget != nil {
            for objective in [Goal.Objective.time, .cost] {
                let free = Goal(objective, confidence: goal.confidence)
                var own = plain
                own.add(for: free, briefly: true)
                let found = PlanSearch(
                    problem, free, from: own.schedules, bound: bound, limit: .brief, threads: 1, seed: seed)
                own.add(found.schedule)
                if let best = own.best(free) { lists.add(best) }
            }
        }
        let isFast = goal.objective == .time && problem.isPriced
        // A longer search starts hot: what a brief one finds is kept beside it.
        if limit != .brief {
            let brief = PlanSearch(
                problem, goal, from: lists.schedules, bound: bound, limit: .brief, threads: threads, seed: seed)
            lists.add(brief.schedule)
            bound.raise(to: brief.provedSeconds)
        }
        let first = search(goal, from: lists.schedules, share: isFast ? 0.8 : 1)
        (tries, evaluations) = (first.tries, first.evaluations)
        lists.add(first.schedule)
        bound.raise(to: first.provedSeconds)
        if isFast, let fastest = lists.best(goal) {
            // As fast, and cheaper.
            let second = search(
                Goal(.cost, deadlineSeconds: fastest.makespan, budget: goal.budget), from: [fastest], share: 0.2)
            lists.add(second.schedule)
            tries += second.tries
            evaluations += second.evaluations
        }
        if let best = lists.best(goal) { return answer(best) }
        lists.addCheapest()
        lists.addBetween(deadline: goal.deadlineSeconds)
        var nearest = limit == .brief ? [] : [Goal(.time), Goal(.cost)]
        if let budget = goal.budget { nearest.append(Goal(.time, budget: budget)) }
        if let deadline = goal.deadlineSeconds { nearest.append(Goal(.cost, deadlineSeconds: deadline)) }
        for goal in nearest { lists.add(search(goal, from: lists.schedules, share: 0.5).schedule) }
        if let best = lists.best(goal) { return answer(best) }
        if lists.fastest.lateness > 0 { throw .late(lists.fastest.plan(problem), of: graph) }
        throw .infeasible(
            goal, fastest: lists.fastest.plan(problem), cheapest: lists.cheapest.plan(problem),
            withinBudget: goal.budget.flatMap { lists.best(Goal(.time, budget: $0)) }?.plan(problem),
            withinDeadline: goal.deadlineSeconds.flatMap { lists.best(Goal(.cost, deadlineSeconds: $0)) }?
                .plan(problem))
    }

    /// All list schedules from which a search for a goal starts, but for those that end late.
    package func lists(_ goal: Goal) throws(PlanError) -> [Plan] {
        let problem = try problem(confidence: goal.confidence)
        var lists = ListPortfolio(problem.recoverable(by: goal.deadlineSeconds) ?? problem)
        lists.add(for: goal, briefly: true)
        return lists.schedules.filter { $0.lateness == 0 }.map { $0.plan(lists.problem) }
    }

    /// The list schedule of HEFT: tasks by falling upward rank of mean times, each where it ends first, gaps included.
    ///
    /// - Throws: ``PlanError``: a task that no instance can hold, or an estimate that is not a time.
    /// - Complexity: O(*V* · *instances* · *gaps* + *E*). Source: Topcuoglu, Hariri and Wu (2002).
    public func heft(confidence: Double? = nil) throws(PlanError) -> Plan {
        let problem = try problem(confidence: confidence)
        let order = problem.order(by: problem.ranks(problem.spans.mean))
        if let model = LaneModel.whole(problem) {
            return LaneList.schedule(model, order: order, rule: .earliestFinish).plan(problem)
        }
        return ListSchedule(problem, order: order, rule: .earliestFinish).schedule.plan(problem)
    }

    /// Plans of which none is both slower and dearer than another, from fastest to cheapest.
    ///
    /// - Parameters:
    ///   - limit: How long to search for them.
    ///   - most: How many plans at most; both ends are always among them.
    /// - Throws: ``PlanError`` as ``plan(_:)``, but for limits of the job.
    public func paretoFront(
        confidence: Double? = nil, limit: PlanSearch.Limit = .brief, most: Int = 40, threads: Int = 1, seed: UInt64 = 0
    ) throws(PlanError) -> [Plan] {
        let original = try problem(confidence: confidence)
        guard graph.count > 0 else { return [] }
        var lists = ListPortfolio(original)
        let problem = lists.problem
        lists.addTrimmed()
        lists.addCheapest()
        lists.addBetween(deadline: nil)
        lists.addCompromises(briefly: limit == .brief)
        let found = FrontSearch(
            problem, from: lists.schedules, bound: LowerBound(problem), limit: limit, threads: threads, seed: seed)
        if let first = found.schedules.first, first.lateness > 0 { throw .late(first.plan(problem), of: graph) }
        return found.thinned(to: most).map { $0.plan(problem) }
    }
}
