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

/// Seconds between values of slack, at most: a tick or a part of it.
func resolution(_ tick: Int) -> Int { tick < 100 ? 20 : tick < 300 ? 200 : 120 }

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
            var planner = SpotPlanner(job, in: chain, options: .init(resolution: resolution(trace.tick)))
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
            plan = SpotPlan(job, in: chain, resolution: name == "P" ? 60 : resolution(job.tick))
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

/// Losses a second in classes of age that double from ten minutes to a day.
func rates(_ lives: [(seconds: Double, wasLost: Bool)]) -> HazardRates {
    let ends = (0..<8).map { 600 * exp2(Double($0)) } + [86400]
    var (lost, seconds) = (
        Array(repeating: 0.5, count: ends.count + 1), Array(repeating: 3600.0, count: ends.count + 1)
    )
    for life in lives {
        for (index, end) in (ends + [.infinity]).enumerated() {
            let start = index == 0 ? 0 : ends[index - 1]
            guard life.seconds > start else { break }
            seconds[index] += min(life.seconds, end) - start
            if life.wasLost, life.seconds <= end { lost[index] += 1 }
        }
    }
    return HazardRates(ends: ends, rates: zip(lost, seconds).map { $0 / $1 })
}

/// Expected times of a job of a day that saves its work, by rules and by our plan, beside the optimum on a finer grid.
func checkpoints(_ root: String) throws {
    struct Row: Encodable {
        var set: String
        var ours: Double
        var optimum: Double
        var rules: [String: Double]
        var seconds: Double
    }
    let file = root + "/../vm-lifetimes/gcp_preemptible_lifetimes_2019.csv"
    guard case .lifetimes(let records) = try MarketImport.read(file).content else { return }
    let counts = try String(contentsOfFile: root + "/../h100/launched_of_16.csv", encoding: .utf8)
        .split(whereSeparator: \.isNewline).dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false).dropFirst()
        }
    var spells: [(Double, Bool)] = []
    for zone in 0..<(counts.first?.count ?? 0) {
        let isUp = counts.map { row in (Int(row.dropFirst(zone).first ?? "") ?? 0) >= 8 }
        var (ticks, isWhole) = (0, false)
        for (index, up) in isUp.enumerated() {
            if up {
                ticks += 1
            } else {
                if ticks > 0, isWhole { spells.append((Double(ticks) * 600, true)) }
                (ticks, isWhole) = (0, true)
            }
            if up, index == isUp.count - 1, isWhole { spells.append((Double(ticks) * 600, false)) }
        }
    }
    let (work, checkpoint, restart) = (86_400.0, 300.0, 720.0)
    for (name, rates) in [
        ("vm-lifetimes", rates(records.map { ($0.lifetimeSeconds, $0.wasReclaimed) })), ("H100 spells", rates(spells)),
    ] {
        let began = processorSeconds()
        let plan = CheckpointPlan(work: work, checkpoint: checkpoint, restart: restart, rates: rates)
        let seconds = processorSeconds() - began
        func time(_ rule: (Double, Double) -> Double) -> Double {
            CheckpointPlan.expectedSeconds(
                work: work, checkpoint: checkpoint, restart: restart, rates: rates, steps: 500, rule: rule)
        }
        let mean = rates.meanLife
        let young = (2 * checkpoint * mean).squareRoot()
        let share = (checkpoint / (2 * mean)).squareRoot()
        let daly = young * (1 + share / 3 + share * share / 9) - checkpoint
        try emit(
            Row(
                set: name, ours: time { plan.interval(workLeft: $0, age: $1) },
                optimum: CheckpointPlan(
                    work: work, checkpoint: checkpoint, restart: restart, rates: rates, steps: 500
                ).expectedSeconds,
                rules: [
                    "Young": time { _, _ in young }, "Daly": time { _, _ in max(daly, 60) },
                    "√(2c ÷ h(age))": time { _, age in (2 * checkpoint / rates.rate(at: age)).squareRoot() },
                ], seconds: seconds))
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let grid = Grid.all[arguments[3]], let starts = Int(arguments[4]) else {
    FileHandle.standardError.write(Data("usage: spot-bench policies|plans|optima|checkpoints ROOT SET STARTS\n".utf8))
    exit(2)
}
switch arguments[1] {
case "policies": try policies(arguments[2], grid, starts)
case "plans": try plans(arguments[2], arguments[3], grid)
case "checkpoints": try checkpoints(arguments[2])
default: try optima(arguments[2], grid, starts)
}
