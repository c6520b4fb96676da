import Allocation
import Foundation
import Scheduling
import Simulation
import Workloads

// scheduling-bench PART ARGUMENT...: prints one line of JSON for each answer.
//
//   plan PROBLEM...             the fastest plans
//   search SECONDS PROBLEM...   the fastest plans that a search on all processors finds in so many seconds each
//   guided SECONDS POLICY PROBLEM...   the same, from what a learnt policy proposes too
//   cost PROBLEM DEADLINE       the cheapest plan by the deadline, in seconds; with SECONDS of search at the end, that of a search
//   pareto SECONDS PROBLEM      plans of which none is both slower and dearer than another
//   decode PROBLEM ORDER        a schedule decoded: the tasks in an order, then the machine of each task
//   replan PROBLEM RUNS NOISE RECLAIMS    makespans of runs under chance; what happened goes to PROBLEM.luck
//   simulate PROBLEM            a run of the allocator, the longest path first

/// Seconds of this process's processors.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// What came out, and the least time of as many repeats as fit into half a second, in seconds: what it takes when nobody else is in
/// the way.
func timed<Value>(_ body: () throws -> Value) rethrows -> (Value, seconds: Double) {
    let begin = processorSeconds()
    var value = try body()
    var least = processorSeconds() - begin
    for _ in 1..<20 where processorSeconds() - begin < 0.5 {
        let start = processorSeconds()
        value = try body()
        least = min(least, processorSeconds() - start)
    }
    return (value, least)
}

struct Answer: Encodable {
    var makespan: Double
    var cost = 0.0
    var seconds = 0.0
    var processorSeconds = 0.0
    var machines: [[Int]] = []
    var events = 0
    var bytes = 0.0
    /// No plan ends sooner.
    var bound = 0.0
    /// Moves that were judged.
    var tries = 0
}

func show(_ answer: Answer) throws { print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self)) }

func answer(_ plan: Plan, of problem: Problem, seconds: Double) throws -> Answer {
    try plan.validate(problem.graph, on: problem.pool)
    return Answer(
        makespan: plan.makespanSeconds, cost: plan.cost, seconds: seconds, machines: problem.machines(plan))
}

/// What a search on all processors finds, with seconds by the clock.
func search(_ problem: Problem, _ goal: Goal, seconds: Double, policy: PolicyModel? = nil) throws -> Answer {
    var planner = Planner(problem.graph, on: problem.pool, costs: problem.costs)
    let threads = ProcessInfo.processInfo.activeProcessorCount
    let (start, busy) = (ContinuousClock.now, processorSeconds())
    if let policy {
        planner.proposals = policy.plans(
            problem.graph, on: problem.pool, costs: problem.costs, seed: 1, threads: threads)
    }
    // What the policy takes is not on top.
    let left = max(0, seconds - start.duration(to: .now) / .seconds(1))
    let found = try planner.search(goal, limit: .seconds(left), threads: threads, seed: 1)
    let took = start.duration(to: .now) / .seconds(1)
    var answer = try answer(found.plan, of: problem, seconds: took)
    answer.processorSeconds = processorSeconds() - busy
    (answer.bound, answer.tries) = (found.lowerBound.makespanSeconds, found.tries)
    return answer
}

/// Memory of this process in bytes: now (`VmRSS`) or at most so far (`VmHWM`).
func memory(_ name: String) -> Double {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
    return 1024 * (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0)
}

func decode(_ problem: Problem, _ path: String) throws -> Answer {
    var numbers = Numbers(bytes: Array(try Data(contentsOf: URL(filePath: path))))
    let order = (0..<problem.graph.count).map { _ in Int32(numbers.integer()) }
    let entries = order.map { _ in Int32(numbers.integer()) }
    var decoder = ScheduleDecoder(try PlanningProblem(problem.graph, on: problem.pool, costs: problem.costs))
    let (_, seconds) = timed { decoder.decode(order: order, entries: entries) }
    return Answer(makespan: decoder.schedule.makespan, cost: decoder.schedule.cost, seconds: seconds)
}

func simulate(_ problem: Problem) throws -> Answer {
    let ranks = upwardRanks(problem.graph, seconds: problem.costs.estimates.expectedSeconds)
    let simulator = Simulator(
        Job(problem.graph), estimates: problem.costs.estimates,
        allocator: Allocation.Allocator(offers: problem.pool.entries, policies: Policies()),
        world: World(problem.costs.estimates), ranks: ranks)
    let before = memory("VmRSS")
    let start = processorSeconds()
    let run = simulator.run(seed: 1)
    let seconds = processorSeconds() - start
    precondition(run.ending == .succeeded)
    return Answer(
        makespan: run.makespanSeconds, cost: run.cost, seconds: seconds, events: run.events,
        bytes: memory("VmHWM") - before)
}

let arguments = Array(CommandLine.arguments.dropFirst())
switch (arguments.first, arguments.count) {
case ("plan", 2...):
    for path in arguments.dropFirst() {
        let problem = try Problem(path)
        let planner = Planner(problem.graph, on: problem.pool, costs: problem.costs)
        let (plan, seconds) = try timed { try planner.plan(Goal(.time)) }
        try show(answer(plan, of: problem, seconds: seconds))
    }
case ("search", 3...):
    for path in arguments.dropFirst(2) {
        try show(search(try Problem(path), Goal(.time), seconds: Double(arguments[1]) ?? 0))
    }
case ("guided", 4...):
    let policy = try PolicyModel(contentsOf: arguments[2])
    for path in arguments.dropFirst(3) {
        try show(search(try Problem(path), Goal(.time), seconds: Double(arguments[1]) ?? 0, policy: policy))
    }
case ("cost", 4):
    let goal = Goal(.cost, deadlineSeconds: Double(arguments[2]) ?? 0)
    try show(search(try Problem(arguments[1]), goal, seconds: Double(arguments[3]) ?? 0))
case ("cost", 3):
    let problem = try Problem(arguments[1])
    let planner = Planner(problem.graph, on: problem.pool, costs: problem.costs)
    let (plan, seconds) = try timed { try planner.plan(Goal(.cost, deadlineSeconds: Double(arguments[2]) ?? 0)) }
    try show(answer(plan, of: problem, seconds: seconds))
case ("pareto", 3):
    let problem = try Problem(arguments[2])
    let planner = Planner(problem.graph, on: problem.pool, costs: problem.costs)
    let limit = PlanSearch.Limit.seconds(Double(arguments[1]) ?? 1)
    let began = ContinuousClock.now
    let front = try planner.paretoFront(limit: limit, most: .max, threads: ProcessInfo.processInfo.activeProcessorCount)
    let took = (ContinuousClock.now - began) / .seconds(1)
    for plan in front { try show(answer(plan, of: problem, seconds: took)) }
case ("decode", 3): try show(try decode(try Problem(arguments[1]), arguments[2]))
case ("replan", 5):
    let problem = try Problem(arguments[1])
    let study = ReplanningStudy(
        problem.graph, on: problem.pool, network: problem.costs.network,
        noise: Double(arguments[3]) ?? 0,
        reclaims: Double(arguments[4]) ?? 0, runs: Int(arguments[2]) ?? 0, seed: 1,
        threads: ProcessInfo.processInfo.activeProcessorCount,
        policies: [
            ("re-planning", Policies(placement: Rescheduling())),
            ("re-planning, data sent everywhere", Policies(placement: Rescheduling(prefetches: true))),
            ("by rank", Policies()),
        ])
    var found = ["static": study.fixed, "clairvoyant": study.clairvoyant]
    for course in study.courses { found[course.name] = course.makespans }
    let luck = study.luck.map { $0.map { String($0) }.joined(separator: " ") }.joined(separator: "\n")
    try Data((luck + "\n").utf8).write(to: URL(filePath: arguments[1] + ".luck"))
    print(String(decoding: try JSONEncoder().encode(found), as: UTF8.self))
case ("simulate", 2): try show(try simulate(try Problem(arguments[1])))
default:
    FileHandle.standardError.write(Data("scheduling-bench: see the parts at the top of main.swift\n".utf8))
    exit(2)
}
