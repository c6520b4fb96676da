import ArgumentParser
import Execution
import Foundation
import JobFiles
import LocalExecution
import Plots
import Prediction
import Reports
import Scheduling
import Service
import Simulation
import Workloads

/// `almanac plan`: which task on which instance, and when.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Plan a job on its pool: cheap, fast or balanced, within a deadline and a budget.",
        discussion: """
            Objective and limits come from the job file unless they are given here. Without a pool, the job is planned on \
            this machine. Exit code 3: no plan found keeps the limits; the nearest that do are printed.
            """)

    @OptionGroup var input: JobOptions
    @OptionGroup var global: GlobalOptions

    @OptionGroup var store: StoreOptions

    @Option(name: .long, help: "What to make small: cost, time or balanced (the product of both).")
    var objective: Goal.Objective?

    @Option(name: .long, help: "The longest allowed makespan, for instance 90m.")
    var deadline: TimeSpan?

    @Option(name: .long, help: "The greatest allowed cost in US dollars.")
    var budget: Double?

    @Option(
        name: .long, help: "Plan with this quantile of every run time instead of its expectation, for instance 0.9.")
    var confidence: Double?

    @Option(name: .long, help: "Time of tasks of which nothing is known.")
    var unknownTime = TimeSpan(seconds: 60)

    @Option(name: .long, help: "A file with 'pool:' (and 'network:'), in the place of those of the job.")
    var pool: String?

    @Option(
        name: .long,
        help: "Search for a better plan for so long, for instance 30s; without it, as many moves as take milliseconds.")
    var search: TimeSpan?

    @Option(name: .long, help: "How to search; by default in all ways that help.")
    var method: PlanSearch.Method?

    /// What makes plans beside lists and search.
    enum Planning: String, ExpressibleByArgument { case policy }

    @Option(
        name: .long,
        help: "'policy' lets a learnt policy make plans too, which count beside the others and start searches.")
    var planner: Planning?

    @Option(name: .long, help: "The policy of --planner policy, that 'almanac train policy' wrote.")
    var policyModel = "models/policy.safetensors"

    @Flag(name: .long, help: "Print every task of the plan, and what goes from instance to instance.")
    var tasks = false

    @Flag(name: .long, help: "Print all compromises between fast and cheap instead of one plan.")
    var front = false

    @Option(name: .long, help: "Say why this task is where it is, and why it starts when it does.")
    var explain: String?

    @Option(name: .long, help: "Draw the plan, or with --front all compromises, to this SVG file.")
    var svg: String?

    @Option(name: .long, help: "Write the plan, and the estimates behind it, to this file as JSON.")
    var output: String?

    /// What `--policy` may be.
    enum PolicyView: String, ExpressibleByArgument { case show }

    @Option(name: .long, help: "'show' prints what happens after failures and alerts, to be edited, and ends.")
    var policy: PolicyView?

    func validate() throws {
        if let confidence, !(0.01...0.99).contains(confidence) {
            throw ValidationError("--confidence is \(confidence), expected 0.01 to 0.99.")
        }
        if let search, !(0...1e6 ~= search.seconds) {
            throw ValidationError("--search is \(search.seconds) seconds, expected 0 to 1000000.")
        }
        if explain != nil, front { throw ValidationError("--explain needs one plan: leave out --front.") }
        if let budget, !(budget >= 0) { throw ValidationError("--budget is \(budget), expected 0 or more.") }
    }

    func run() throws {
        let console = global.console
        let known = try input.read(folder: ".", pool: pool)
        let (job, models) = (known.job, known.models)
        if policy == .show {
            let table = job.policy ?? .standard
            return try console.result(table, text: table.yaml)
        }
        if let explain, job.tasks.index(of: TaskID(explain)) == nil {
            let nearest = nearestName(to: explain, among: job.tasks.tasks.lazy.map(\.id.rawValue))
            throw Failure.input(
                "--explain: the job has no task '\(explain)'. "
                    + (nearest.map { "Did you mean '\($0)'?" } ?? "'dag show' prints what there is."))
        }
        let offered = job.pool ?? ResourcePool(entries: [.init(type: .thisMachine())])
        var costs = try models.costModel(
            for: job.tasks, on: offered, host: job.pool == nil ? InstanceType.hostName : nil,
            unknownSeconds: unknownTime.seconds)
        let calibration = Calibration(besideStore: store.store)
        calibration?.adjust(&costs.estimates)
        costs.network = job.network ?? calibration?.network ?? .free
        let goal = Goal(
            objective ?? job.goal.objective,
            deadlineSeconds: deadline?.seconds ?? job.goal.deadlineSeconds, budget: budget ?? job.goal.budget,
            confidence: confidence)
        console.remarkUnknownTimes(known, unknownTime)
        var planner = Planner(job.tasks, on: offered, costs: costs, quota: job.account.quota)
        if self.planner == .policy {
            planner.proposals = try PolicyModel(contentsOf: policyModel).plans(
                job.tasks, on: offered, costs: costs, seed: global.seed, threads: global.threads)
        }
        let limit = search.map { PlanSearch.Limit.seconds($0.seconds) } ?? .brief
        if let search, search.seconds > 2 {
            console.remark(
                "searching for \(Units.formatSeconds(search.seconds)) on \(Units.count(global.threads, "thread"))")
        }
        if front {
            let plans = try planner.paretoFront(
                confidence: confidence, limit: limit, threads: global.threads, seed: global.seed)
            if let svg { try LineChart(job.name, front: plans, goal: goal).write(to: svg) }
            return try printFront(plans, console)
        }
        var found: FoundPlan
        do {
            found = try planner.search(
                goal, limit: limit, method: method, threads: global.threads, seed: global.seed)
        } catch {
            if case .infeasible(_, let fastest, let cheapest, let withinBudget, let withinDeadline) = error {
                if console.json {
                    let nearest = Infeasible(
                        fastest: fastest, cheapest: cheapest, withinBudget: withinBudget, withinDeadline: withinDeadline
                    )
                    try console.result(nearest, text: "")
                }
                throw Failure.infeasible(error.description)
            }
            if case .late(let nearest, let tasks) = error {
                if console.json { try console.result(Late(nearest: nearest, late: tasks), text: "") }
                throw Failure.infeasible(error.description)
            }
            throw Failure.input(error.description)
        }
        found.risk = try PlanRisk(
            found.plan, of: job.tasks, on: offered, costs: costs, goal: goal, quota: job.account.quota,
            draws: max(20, min(200, 2_000_000 / max(1, job.tasks.count))), seed: global.seed)
        if let output {
            let saved = SavedPlan(
                found.plan, goal: goal, costs: costs, jobDigest: job.tasks.planDigest, modelsDigest: models.digest)
            try Console.write(Data(Console.json(saved).utf8), toFile: output)
        }
        if let svg { try GanttChart(job.name, found.plan, job.tasks, goal: goal).write(to: svg) }
        if let explain {
            let problem = try PlanningProblem(
                job.tasks, on: offered, costs: costs, quota: job.account.quota, confidence: confidence)
            let explanation = try PlanExplanation(TaskID(explain), in: found.plan, problem)
            return try console.result(explanation, text: explanation.text)
        }
        try console.result(found, text: text(found, job, goal))
    }

    /// What is printed with `--json` when no plan keeps the limits.
    private struct Infeasible: Encodable {
        let feasible = false
        let fastest: Plan
        let cheapest: Plan
        let withinBudget: Plan?
        let withinDeadline: Plan?
    }

    /// The same when none keeps the deadlines of all tasks.
    private struct Late: Encodable {
        let feasible = false
        let nearest: Plan
        let late: [Plan.LateTask]
    }

    private func text(_ found: FoundPlan, _ job: JobFile, _ goal: Goal) -> String {
        let plan = found.plan
        let counts = Dictionary(plan.assignments.map { ($0.instance, 1) }, uniquingKeysWith: +)
        var table = TextTable(["instance", "tasks", "from", "to", "cost"])
        for instance in plan.instances.prefix(tasks ? .max : 40) {
            table.add([
                instance.id.rawValue, String(counts[instance.id] ?? 0), Units.formatSeconds(instance.startSeconds),
                Units.formatSeconds(instance.endSeconds), Units.formatPrice(instance.cost),
            ])
        }
        var parts = [
            "\(job.name): \(Units.count(plan.assignments.count, "task")) on \(Units.count(plan.instances.count, "instance")), objective \(goal.objective.rawValue)",
            "makespan \(Units.formatSeconds(plan.makespanSeconds)), cost \(Units.formatPrice(plan.cost))",
            "", table.text,
        ]
        var known: [String] = []
        if goal.objective == .time {
            known.append(
                "no plan ends before \(Units.formatSeconds(found.lowerBound.makespanSeconds)): this one takes "
                    + "\(Units.formatPercent(found.gap)) longer")
        }
        if search != nil { known.append("\(found.tries) moves were judged") }
        if let risk = found.risk?.text { known.append(risk) }
        switch plan.isRecoverable {
        case true?: known.append("the deadline holds whatever spot instances are taken back")
        case false?:
            known.append("a spot instance that is taken back may cost the deadline: on demand there is too little time")
        case nil: break
        }
        if !known.isEmpty { parts.insert(known.joined(separator: "; "), at: 2) }
        if plan.instances.count > 40, !tasks {
            parts.append("… and \(plan.instances.count - 40) more (--tasks prints all)")
        }
        if tasks {
            var table = TextTable(["task", "instance", "start", "end"])
            for assignment in plan.assignments {
                table.add([
                    assignment.task.rawValue, assignment.instance.rawValue,
                    Units.formatSeconds(assignment.startSeconds),
                    Units.formatSeconds(assignment.endSeconds),
                ])
            }
            parts += ["", table.text]
            parts += transfers(of: plan)
        }
        return parts.joined(separator: "\n")
    }

    /// A table of what goes from instance to instance, after an empty line.
    private func transfers(of plan: Plan) -> [String] {
        guard let transfers = plan.transfers, !transfers.isEmpty else { return [] }
        var table = TextTable(["transfer", "to", "from instance", "to instance", "start", "end", "size"])
        for transfer in transfers {
            table.add([
                transfer.from.rawValue, transfer.to.rawValue, transfer.source.rawValue, transfer.destination.rawValue,
                Units.formatSeconds(transfer.startSeconds), Units.formatSeconds(transfer.endSeconds),
                Units.formatBytes(transfer.bytes),
            ])
        }
        return ["", table.text]
    }

    private func printFront(_ plans: [Plan], _ console: Console) throws {
        var table = TextTable(["makespan", "cost", "instances"])
        for plan in plans {
            table.add([
                Units.formatSeconds(plan.makespanSeconds), Units.formatPrice(plan.cost), String(plan.instances.count),
            ])
        }
        try console.result(plans, text: table.text)
    }
}
