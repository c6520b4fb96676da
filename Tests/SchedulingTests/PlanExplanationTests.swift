import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Why a plan is as it is") struct PlanExplanationTests {
    static let small = InstanceType(
        name: "small", cpus: 1, memoryBytes: 4e9, onDemandPrice: Price(perHour: 1))
    static let large = InstanceType(
        name: "large", cpus: 1, memoryBytes: 16e9, speed: 2, onDemandPrice: Price(perHour: 4))
    static let pool = ResourcePool(entries: [Offer(type: small), Offer(type: large)])

    /// a and b are equally long; c needs both.
    static func graph() throws -> TaskGraph {
        try TaskGraph([
            TaskSpec(id: "a", claimedSeconds: 3600), TaskSpec(id: "b", claimedSeconds: 3600),
            TaskSpec(id: "c", predecessors: ["a", "b"], request: .init(memoryBytes: 8e9), claimedSeconds: 3600),
        ])
    }

    /// A plan of these assignments, made from another one; only what explanations look at is right.
    static func plan(_ rows: [(task: TaskID, instance: InstanceID, start: Double, end: Double)]) throws -> Plan {
        let graph = try graph()
        var plan = try Planner(graph, on: pool, costs: .claimed(by: graph)).plan(Goal(.time))
        plan.assignments = rows.map { row in
            var own = plan.assignments[0]
            (own.task, own.instance, own.startSeconds, own.endSeconds) = (row.task, row.instance, row.start, row.end)
            (own.cpus, own.memoryBytes) = (1, row.task == "c" ? 8e9 : 0)
            return own
        }
        let names = Set(rows.map(\.instance)).sorted()
        plan.instances = names.map { name in
            var instance = plan.instances[0]
            (instance.id, instance.entry) = (name, pool.entries[name == "large#0" ? 1 : 0])
            let own = rows.filter { $0.instance == name }
            instance.startSeconds = own.map(\.start).min() ?? 0
            instance.endSeconds = own.map(\.end).max() ?? 0
            return instance
        }
        plan.makespanSeconds = rows.map(\.end).max() ?? 0
        plan.cost = plan.instances.reduce(0) { $0 + $1.cost }
        try plan.validate(graph, on: pool)
        return plan
    }

    /// Both on the large one, one after the other.
    static func serial() throws -> (Plan, PlanningProblem) {
        let graph = try graph()
        let problem = try PlanningProblem(graph, on: pool, costs: .claimed(by: graph))
        let plan = try plan([
            ("a", "large#0", 0, 1800), ("b", "large#0", 1800, 3600), ("c", "large#0", 3600, 5400),
        ])
        return (plan, problem)
    }

    @Test("a task that waits for room says whose, and what another instance would change")
    func room() throws {
        let (plan, problem) = try Self.serial()
        let found = try PlanExplanation("b", in: plan, problem)
        #expect(found.waits.map(\.task) == ["a"])
        #expect(found.waits[0].reason == .room && found.waits[0].isBinding)
        #expect(found.isCritical && found.slackSeconds == 0 && found.idleSeconds == 0)
        // On the small one it ends at the same time, for one hour of 1 $ more; the large one is held until c's end anyway.
        let small = try #require(found.alternatives.first { $0.offer == "small" })
        #expect(small.startSeconds == 0 && small.endSeconds == 3600 && small.laterSeconds == 0)
        #expect(small.dearer == 1 && small.isNewInstance && !small.isChosen)
        let large = try #require(found.alternatives.first { $0.offer == "large" })
        #expect(large.isChosen && large.laterSeconds == 0 && large.dearer == 0)
    }

    @Test("a task that waits for a result says so; where it cannot run, it says why")
    func result() throws {
        let (plan, problem) = try Self.serial()
        let found = try PlanExplanation("c", in: plan, problem)
        #expect(found.waits.first?.task == "b" && found.waits.first?.reason == .result)
        #expect(found.waits.count { $0.isBinding } == 1)
        let small = try #require(found.alternatives.first { $0.offer == "small" })
        #expect(small.endSeconds == nil && small.obstacle == "needs 8.00 GB, it has 4.00 GB")
    }

    @Test("slack is what a task may be late")
    func slack() throws {
        let graph = try Self.graph()
        let problem = try PlanningProblem(graph, on: Self.pool, costs: .claimed(by: graph))
        let plan = try Self.plan([
            ("a", "large#0", 0, 1800), ("b", "small#0", 0, 3600), ("c", "large#0", 3600, 5400),
        ])
        let found = try PlanExplanation("a", in: plan, problem)
        #expect(found.slackSeconds == 1800 && !found.isCritical && found.waits.isEmpty)
        #expect(plan.criticalPath(graph) == ["b", "c"])
    }

    @Test("a name that is not there is an error with the nearest")
    func unknown() throws {
        let graph = try TaskGraph([TaskSpec(id: "align", claimedSeconds: 1)])
        let costs = CostModel.claimed(by: graph)
        let problem = try PlanningProblem(graph, on: Self.pool, costs: costs)
        let plan = try Planner(graph, on: Self.pool, costs: costs).plan(Goal(.time))
        #expect(throws: PlanError.invalid("it has no task 'algin'. Did you mean 'align'?")) {
            try PlanExplanation("algin", in: plan, problem)
        }
    }

    @Test(
        "where the plan has a task, it ends no later than it could, and moving it elsewhere keeps to the plan",
        arguments: UInt64(0)..<40)
    func random(seed: UInt64) throws {
        let graph = try randomGraph(25, seed: seed)
        let pool = testPool(types: 4, count: 2)
        let costs = CostModel.claimed(by: graph)
        let problem = try PlanningProblem(graph, on: pool, costs: costs)
        let plan = try Planner(graph, on: pool, costs: costs).plan(Goal(seed % 2 == 0 ? .time : .balanced))
        let path = plan.criticalPath(graph)
        #expect(plan.assignments.first { $0.task == path.last }?.endSeconds == plan.makespanSeconds)
        for assignment in plan.assignments {
            let found = try PlanExplanation(assignment.task, in: plan, problem)
            #expect(found.isCritical == path.contains(assignment.task))
            #expect(!found.isCritical || found.slackSeconds < 1e-6 || found.idleSeconds > 0)
            let chosen = try #require(found.alternatives.first { $0.isChosen })
            #expect((chosen.laterSeconds ?? 1) <= 1e-6)
            for wait in found.waits {
                #expect(wait.endSeconds + wait.transferSeconds <= assignment.startSeconds + 1e-6)
            }
            // Whoever moves it there has a valid plan, as long as nothing that waits for it would start before.
            for other in found.alternatives where other.endSeconds ?? .infinity <= assignment.endSeconds {
                let moved = try Self.moving(assignment, to: other, plan, pool)
                #expect(throws: Never.self) { try moved.validate(graph, on: pool) }
            }
        }
    }

    /// The plan with a task on some instance of another offer, where it fits.
    private static func moving(
        _ own: Plan.Assignment, to other: PlanExplanation.Alternative, _ plan: Plan, _ pool: ResourcePool
    ) throws -> Plan {
        var moved = plan
        moved.transfers = nil
        let place = try #require(plan.assignments.firstIndex(of: own))
        let offer = try #require(pool.entries.first { $0.instanceID(0).rawValue.hasPrefix(other.offer + "#") })
        moved.assignments[place].startSeconds = other.startSeconds ?? 0
        moved.assignments[place].endSeconds = other.endSeconds ?? 0
        if other.isNewInstance {
            moved.assignments[place].instance = "new"
            var rented = plan.instances[0]
            (rented.id, rented.entry) = ("new", offer)
            (rented.startSeconds, rented.endSeconds) = (other.startSeconds ?? 0, other.endSeconds ?? 0)
            moved.instances.append(rented)
            moved.cost += rented.cost
            return moved
        }
        let valid = plan.instances.filter { $0.entry.isSame(as: offer) }.map { instance in
            var tried = moved
            tried.assignments[place].instance = instance.id
            return tried
        }
        return try #require(
            valid.first { tried in
                let own = tried.assignments[place]
                let type = offer.type
                // At every start of another on it, and at its own, there is room.
                let beside = tried.assignments.filter {
                    $0.instance == own.instance && $0.startSeconds < own.endSeconds && own.startSeconds < $0.endSeconds
                }
                return beside.map { max($0.startSeconds, own.startSeconds) }.allSatisfy { time in
                    let there = beside.filter { $0.startSeconds <= time && time < $0.endSeconds }
                    return there.reduce(0) { $0 + $1.cpus } <= type.cpus + 1e-6
                        && there.reduce(0) { $0 + $1.memoryBytes } <= type.memoryBytes + 1
                }
            })
    }
}
