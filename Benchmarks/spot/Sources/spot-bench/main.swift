import Allocation
import Forecasting
import Foundation
import LinearAlgebra
import Markets
import Simulation

// spot-bench PART ROOT SET STARTS: policies on the traces of a set, one JSON object a line. ROOT holds availability/ and
// preemption/; a plan for a trace knows the other traces of its set alone.

struct Grid {
    var folders: [String]
    var workHours: Int
    var deadlineHours: [Int]
    var changeoverHours: [Double]

    static let all = [
        "W2": Grid(
            folders: ["availability/1-node/aws-10-26-2022"], workHours: 48, deadlineHours: [52, 60, 70],
            changeoverHours: [0.05, 0.2, 0.4]),
        "W6": Grid(
            folders: ["availability/1-node/aws-02-15-2023"], workHours: 48, deadlineHours: [52, 60],
            changeoverHours: [0.05, 0.2]),
        "P": Grid(
            folders: ["preemption/1-node/aws-04-19-2023", "preemption/1-node/aws-04-22-2023"], workHours: 24,
            deadlineHours: [26, 30], changeoverHours: [0.2]),
    ]

    func traces(in root: String) throws -> [SpotTrace] {
        try folders.flatMap { folder in
            let path = root + "/" + folder
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted().map { file in
                let content = try MarketImport.read("\(path)/\(file)", format: .availability).content
                guard case .availability(let trace) = content else { throw CocoaError(.fileReadCorruptFile) }
                return SpotTrace(trace, atLeast: 1)
            }
        }
    }

    func jobs(tick: Int) -> [SpotJob] {
        deadlineHours.flatMap { deadline in
            changeoverHours.map {
                SpotJob(
                    work: workHours * 3600, deadline: deadline * 3600, changeover: Int(($0 * 3600).rounded()),
                    tick: tick, onDemandRatio: 3.06 / 0.9731)
            }
        }
    }
}

func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

let rules: [(name: String, rule: SpotRule)] = [
    ("od", .onDemandOnly), ("greedy", .greedy), ("eager", .eager), ("up_idle", .uniformProgressIdle),
    ("up_eager", .uniformProgressEager), ("up", .uniformProgress), ("sliced", .timeSliced(8)),
    ("attempts", .attempts(5)), ("waiting", .waiting(seconds: 3600)),
]

struct Cell: Encodable {
    var trace: String
    var deadline: Int
    var changeover: Int
    var policy: String
    var cost: Double
    var misses: Int
    /// Plans made and their seconds; seconds of runs without them.
    var plans = 0
    var planSeconds = 0.0
    var seconds = 0.0
    var hours = 0.0
}

func emit(_ value: some Encodable) throws {
    print(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
}

func policies(_ root: String, _ grid: Grid, _ starts: Int) throws {
    let traces = try grid.traces(in: root)
    for (index, trace) in traces.enumerated() {
        var counts = SpellCounts(SpellBins(stepSeconds: Double(trace.tick), perOctave: 2))
        for (other, sister) in traces.enumerated() where other != index { counts.add(sister.isUp) }
        let hazards = SpellHazards.fit(counts)
        let chain = SpotChain(
            upperAges: hazards.bins.upperAges, loss: hazards.loss, return: hazards.return,
            lossSinceArrival: hazards.lossSinceArrival, returnSinceArrival: hazards.returnSinceArrival)
        for job in grid.jobs(tick: trace.tick) {
            let from = trace.starts(starts, of: job)
            func cell(_ policy: String, _ outcomes: [SpotOutcome]) -> Cell {
                Cell(
                    trace: trace.name, deadline: job.deadline, changeover: job.changeover, policy: policy,
                    cost: mean(outcomes.map { $0.costShare(job) }), misses: outcomes.count { !$0.isOnTime(job) },
                    hours: outcomes.map { Double($0.end) / 3600 }.reduce(0, +))
            }
            for (name, rule) in rules {
                let began = processorSeconds()
                let outcomes = from.map { SpotRun.outcome(of: job, on: trace, from: $0, rule: rule) }
                var row = cell(name, outcomes)
                row.seconds = processorSeconds() - began
                try emit(row)
            }
            var planner = SpotPlanner(job, in: chain, options: .init(resolution: trace.tick < 100 ? 20 : 120))
            let beliefs = SpotBeliefs(trace, chain, planner.beliefOptions)
            let began = processorSeconds()
            let first = from.map {
                SpotRun.outcome(of: job, on: trace, from: $0, planner: &planner, beliefs: beliefs)
            }
            let planned = processorSeconds()
            let again = from.map {
                SpotRun.outcome(of: job, on: trace, from: $0, planner: &planner, beliefs: beliefs)
            }
            var row = cell("plan", again)
            row.seconds = processorSeconds() - planned
            (row.plans, row.planSeconds) = (planner.planCount, planned - began - row.seconds)
            precondition(first == again)
            try emit(row)
        }
    }
}

/// Seconds of one plan, with one class of ages for each octave as the prototype has them, for each job of a set; and of a
/// decision.
func plans(_ root: String, _ name: String, _ grid: Grid) throws {
    struct Row: Encodable {
        var deadline: Int
        var changeover: Int
        var seconds: Double
        var decision: Double
        var worst: Double
    }
    let traces = try grid.traces(in: root)
    var counts = SpellCounts(SpellBins(stepSeconds: Double(traces[0].tick)))
    for sister in traces.dropFirst() { counts.add(sister.isUp) }
    let hazards = SpellHazards.fit(counts)
    let chain = SpotChain(upperAges: hazards.bins.upperAges, loss: hazards.loss, return: hazards.return)
    for job in grid.jobs(tick: traces[0].tick) {
        var least = Double.infinity
        var plan: SpotPlan?
        for _ in 0..<3 {
            let began = processorSeconds()
            plan = SpotPlan(job, in: chain, resolution: name == "P" ? 60 : 120)
            least = min(least, processorSeconds() - began)
        }
        guard let plan else { continue }
        var belief = SpotBelief(chain, isUp: true, options: .init(halfLifeTicks: 576))
        var (sum, worst) = (0.0, 0.0)
        for tick in 0..<job.tickCount {
            let began = processorSeconds()
            belief.observe(isUp: traces[0].isUp[tick])
            let moment = SpotMoment(
                tick: tick, isAvailable: belief.isUp, held: .none, changeoverLeft: 0,
                workLeft: max(1, job.work - tick * job.tick / 2))
            _ = plan.choice(moment, state: belief.state)
            let seconds = processorSeconds() - began
            (sum, worst) = (sum + seconds, max(worst, seconds))
        }
        try emit(
            Row(
                deadline: job.deadline, changeover: job.changeover, seconds: least,
                decision: sum / Double(job.tickCount), worst: worst))
    }
}

/// The least cost with all known.
func optima(_ root: String, _ grid: Grid, _ starts: Int) throws {
    var shares: [Double] = []
    let began = processorSeconds()
    for trace in try grid.traces(in: root) {
        for job in grid.jobs(tick: trace.tick) {
            shares += trace.starts(starts, of: job).map {
                SpotOptimum.cost(of: job, on: trace, from: $0) / job.onDemandCost
            }
        }
    }
    try emit(["optimum": mean(shares), "seconds": processorSeconds() - began])
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let grid = Grid.all[arguments[3]], let starts = Int(arguments[4]) else {
    fatalError("spot-bench policies|plans|optima ROOT SET STARTS")
}
switch arguments[1] {
case "policies": try policies(arguments[2], grid, starts)
case "plans": try plans(arguments[2], arguments[3], grid)
default: try optima(arguments[2], grid, starts)
}
