import LinearAlgebra
import Plots
import Reports
import Sizing
import Testing
import Workloads

@Suite("What runs cost") struct CostReportTests {
    /// Midnight in UTC.
    private static let midnight = 20_786 * 86_400.0

    private func life(
        _ number: Int, from: Double, to: Double, purchase: PurchaseOption = .spot, price: Double = 0.036,
        billing: Offer.Billing = .bySecond, end: InstanceLife.End = .closed
    ) -> InstanceLife {
        let type = InstanceType(
            name: "m5.large", cpus: 2, memoryBytes: 8e9, onDemandPrice: Price(perHour: 0.09),
            spotPrice: Price(perHour: price))
        let offer = Offer(
            type: type, purchase: purchase, maximumCount: 9, price: Price(perHour: price), billing: billing)
        return InstanceLife(
            workflow: "w", job: "w/1", number: number, instance: offer.instanceID(number), offer: offer,
            requestedTimeSeconds: Self.midnight + from - 5, openedTimeSeconds: Self.midnight + from,
            closedTimeSeconds: Self.midnight + to, end: end)
    }

    private func attempt(
        _ task: String, _ number: Int = 1, on life: InstanceLife, from: Double, to: Double, cpus: Double? = 1,
        status: AttemptStatus = .completed, cause: FailureCause? = nil, restored: Double? = nil, tenant: String = "u"
    ) -> AttemptRecord {
        var record = AttemptRecord(
            workflow: "w", job: "w/1", task: task, taskType: "t", attempt: number, status: status)
        (record.instance, record.tenant, record.cpus) = (life.instance.rawValue, tenant, cpus)
        (record.startTimeSeconds, record.endTimeSeconds) = (Self.midnight + from, Self.midnight + to)
        (record.runtimeSeconds, record.cause, record.restoredShare) = (to - from, cause, restored)
        return record
    }

    private static let onDemand = ["m5.large": Price(perHour: 0.09)]

    @Test("a second costs 10 millionths: useful, reclaimed, failed and idle time add up to the bill")
    func uses() {
        let (spot, other) = (life(0, from: 0, to: 1000, end: .reclaimed), life(1, from: 1000, to: 2000))
        let report = CostReport(
            [
                attempt("a", on: spot, from: 100, to: 400),
                attempt("b", on: spot, from: 400, to: 1000, status: .failed, cause: .reclaimed),
                attempt("b", 2, on: other, from: 1000, to: 1600),
                attempt("c", on: other, from: 1600, to: 1700, status: .failed, cause: .programError),
            ], [spot, other], onDemandPrices: Self.onDemand)
        let total = report.total
        #expect(total.paid.decimal == "0.02")
        #expect(
            total.useful.decimal == "0.009" && total.reclaimed.decimal == "0.006" && total.failed.decimal == "0.001")
        #expect(total.idle.decimal == "0.004")
        // 900 useful and 400 idle seconds at 25 millionths.
        #expect(total.onDemand?.decimal == "0.0325" && total.saved?.decimal == "0.0125" && total.regret == nil)
        let tasks = report.rows(by: .task)
        #expect(tasks.map(\.name) == ["b", "(idle)", "a", "c"])
        #expect(tasks.map(\.paid.decimal) == ["0.012", "0.004", "0.003", "0.001"])
        #expect(report.rows(by: .tenant).map(\.name) == ["u"])
        #expect(report.rows(by: .run).map(\.paid) == [total.paid])
        #expect(report.rows(by: .instance).map(\.name) == ["m5.large/spot#0", "m5.large/spot#1"])
    }

    @Test("attempts that share an instance share its seconds by their processors")
    func sharing() {
        let spot = life(0, from: 0, to: 100)
        let report = CostReport(
            [attempt("a", on: spot, from: 0, to: 100, cpus: 3), attempt("b", on: spot, from: 50, to: 100, cpus: 1)],
            [spot])
        let rows = report.rows(by: .task)
        // 50 seconds alone and 50 at three quarters.
        #expect(rows.map(\.name) == ["a", "b"] && rows.map(\.paid.decimal) == ["0.000875", "0.000125"])
        #expect(report.total.onDemand == nil && report.total.saved == nil)
    }

    @Test("what is billed beyond the end is idle: the minimum, and whole units")
    func billing() {
        let short = life(0, from: 0, to: 30, billing: .init(minimumSeconds: 60))
        let hourly = life(1, from: 0, to: 3601, billing: .init(granularitySeconds: 3600))
        let report = CostReport(
            [attempt("a", on: short, from: 0, to: 30), attempt("b", on: hourly, from: 0, to: 3601)], [short, hourly])
        #expect(report.total.paid.decimal == "0.0726")
        #expect(report.rows(by: .task).map(\.paid.decimal) == ["0.03601", "0.03629", "0.0003"].sorted(by: >))
        #expect(report.total.idle.decimal == "0.03629")
        // The second in which it is gone does not count.
        #expect(CostReport([], [life(0, from: 0, to: 1)]).total.paid.decimal == "0.00001")
        #expect(CostReport([], [life(0, from: 0, to: 0)]).total.paid == .zero)
    }

    @Test("work that a checkpoint saved is not lost")
    func checkpoints() {
        let (first, second) = (life(0, from: 0, to: 400, end: .reclaimed), life(1, from: 400, to: 1150))
        // The whole work takes 1000 s: 250 s of the 400 were saved.
        let attempts = [
            attempt("a", on: first, from: 0, to: 400, status: .failed, cause: .reclaimed),
            attempt("a", 2, on: second, from: 400, to: 1150, restored: 0.25),
        ]
        let report = CostReport(attempts, [first, second], onDemandPrices: Self.onDemand)
        #expect(report.total.reclaimed.decimal == "0.0015" && report.total.useful.decimal == "0.01")
        let bars = report.ganttChart("x", attempts).panels[0].bars
        #expect(bars.map(\.end) == [250, 400, 1150] && bars.map(\.outcome) == [.succeeded, .reclaimed, .succeeded])
    }

    @Test("an attempt over midnight is paid on both days")
    func days() {
        let spot = life(0, from: -600, to: 300)
        let rows = CostReport([attempt("a", on: spot, from: -600, to: 300)], [spot]).rows(by: .day)
        #expect(rows.map(\.name) == ["2026-11-28", "2026-11-29"] && rows.map(\.paid.decimal) == ["0.006", "0.003"])
    }

    @Test("the cheapest course in hindsight gives the regret, once it is known for all runs")
    func regret() {
        let spot = life(0, from: 0, to: 1000)
        let known = CostReport([], [spot], optima: ["w/1": Money(dollars: 0.004)])
        #expect(known.total.regret?.decimal == "0.006" && known.rows(by: .run)[0].regret?.decimal == "0.006")
        #expect(known.rows(by: .day)[0].regret == nil)
    }

    @Test(
        "every grouping has the same sums, to the last unit, and agrees with a count second by second",
        arguments: UInt64(0)..<60)
    func sums(seed: UInt64) {
        var generator = SeededGenerator(seed: seed, stream: 0)
        var lives: [InstanceLife] = []
        var attempts: [AttemptRecord] = []
        var reference: [String: Double] = [:]
        for number in 0..<1 + generator.nextInt(below: 6) {
            let from = Double(generator.nextInt(below: 2000) - 1000)
            let seconds = 1 + generator.nextInt(below: 500)
            let price = Double(1 + generator.nextInt(below: 1000)) / 777
            let instance = life(number, from: from, to: from + Double(seconds), price: price)
            lives.append(instance)
            var here: [AttemptRecord] = []
            for task in 0..<generator.nextInt(below: 5) {
                let start = generator.nextInt(below: seconds)
                let end = start + generator.nextInt(below: seconds)
                let isDone = generator.nextInt(below: 2) == 0
                here.append(
                    attempt(
                        "\(number)-\(task)", on: instance, from: from + Double(start), to: from + Double(end),
                        cpus: Double(1 + generator.nextInt(below: 4)), status: isDone ? .completed : .failed,
                        cause: isDone ? nil : generator.nextInt(below: 2) == 0 ? .reclaimed : .timeLimit,
                        tenant: "u\(generator.nextInt(below: 2))"))
            }
            attempts += here
            for second in 0..<seconds {
                let time = Self.midnight + from + Double(second)
                let running = here.filter { ($0.startTimeSeconds ?? 0) <= time && time < ($0.endTimeSeconds ?? 0) }
                let cpus = running.reduce(0) { $0 + ($1.cpus ?? 1) }
                if running.isEmpty { reference["(idle)", default: 0] += price / 3600 }
                for attempt in running {
                    reference[attempt.task ?? "", default: 0] += price / 3600 * (attempt.cpus ?? 1) / cpus
                }
            }
        }
        let report = CostReport(attempts, lives, onDemandPrices: Self.onDemand)
        let paid = lives.reduce(Money.zero) { $0 + Money(dollars: $1.cost) }
        for grouping in CostReport.Grouping.allCases {
            let rows = report.rows(by: grouping)
            #expect(rows.reduce(Money.zero) { $0 + $1.paid } == paid)
            #expect(rows.allSatisfy { $0.useful + $0.reclaimed + $0.failed + $0.idle == $0.paid })
            #expect(rows.reduce(Money.zero) { $0 + ($1.onDemand ?? .zero) } == report.total.onDemand)
        }
        for row in report.rows(by: .task) {
            #expect(abs(row.paid.dollars - reference[row.name, default: 0]) < 1e-7, "\(row.name)")
        }
    }

    @Test("records without times, instance or names, and times that are no numbers, cost nothing and break nothing")
    func odd() {
        var nameless = AttemptRecord()
        nameless.instance = "m5.large/spot#0"
        var wrong = attempt("x", on: life(0, from: 0, to: 10), from: 5, to: 2)
        wrong.cpus = -.infinity
        var endless = life(0, from: 0, to: 10)
        endless.closedTimeSeconds = .infinity
        endless.cost = .infinity
        for instance in [life(0, from: 0, to: 10), endless] {
            let report = CostReport([nameless, wrong, AttemptRecord()], [instance])
            #expect(report.total.useful == .zero && report.total.idle == report.total.paid)
        }
        #expect(CostReport([], []).total.paid == .zero && CostReport([], []).rows(by: .day) == [])
        #expect(CostReport([nameless], []).page("x").html().contains("How this is counted"))
    }
}
