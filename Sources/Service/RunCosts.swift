internal import Execution
internal import Foundation
internal import JobFiles
public import Sizing
public import Store
internal import Traces
public import Workloads

/// What the runs of a store cost.
public struct RunCosts: Sendable {
    /// A run, its attempts and its instances.
    public struct Run: Sendable {
        public var run: String
        public var attempts: [AttemptRecord]
        public var lives: [InstanceLife]
    }

    /// Where the money went.
    public let report: CostReport
    /// The run of the newest instance; `nil` if there is none.
    public let newest: Run?
    private let runs: [String: Run]
    private let prices: [String: Price]

    /// Reads what the store has of runs.
    ///
    /// - Parameters:
    ///   - folder: The store's folder, for the setups of its runs, which know on-demand prices.
    ///   - since: Unix seconds; instances that were gone before, or after `until`, do not count.
    ///   - poolFile: On-demand prices of more types.
    ///   - optima: What the cheapest course in hindsight would have cost, by run, where the market is known.
    /// - Throws: ``ServiceError/input(_:)`` if there is no such run.
    public init(
        store: TraceStore, folder: String, workflow: String? = nil, run: String? = nil, since: Double? = nil,
        until: Double? = nil, poolFile: String? = nil, optima: [String: Money] = [:]
    ) throws {
        let lives = try store.instanceLives(workflow: workflow).filter { life in
            (run ?? life.job) == life.job && life.closedTimeSeconds >= since ?? -.infinity
                && life.closedTimeSeconds <= until ?? .infinity
        }
        guard let last = lives.max(by: { $0.closedTimeSeconds < $1.closedTimeSeconds }) else {
            throw ServiceError.input(
                "\(folder): no instances of \(run.map { "run '\($0)'" } ?? workflow.map { "workflow '\($0)'" } ?? "any run") "
                    + "are recorded\(since == nil && until == nil ? "" : " for that time"). 'almanac run' records them; "
                    + "'almanac outcomes instances' lists them.")
        }
        let jobs = Set(lives.map(\.job))
        let table = try store.executions(workflow: workflow, outcomesOnly: true)
        let attempts = (0..<table.rowCount).map { table[$0] }.filter { jobs.contains($0.job ?? "") }
        var prices: [String: Price] = [:]
        func learn(_ offers: [Offer]) {
            for offer in offers where offer.type.onDemandPrice > .free {
                prices[offer.type.name] = offer.type.onDemandPrice
            }
        }
        for job in jobs.sorted() {
            if let setup = try? RunSetup.latest(inRunFolder: "\(folder)/runs/\(job)") { learn(setup.offers) }
        }
        if let poolFile { learn(try JobFile.readPool(poolFile).pool.entries) }
        self.prices = prices
        report = CostReport(attempts, lives, onDemandPrices: prices, optima: optima)
        let (attemptsOf, livesOf) = (
            Dictionary(grouping: attempts) { $0.job ?? "" }, Dictionary(grouping: lives, by: \.job)
        )
        runs = Dictionary(
            uniqueKeysWithValues: jobs.map {
                ($0, Run(run: $0, attempts: attemptsOf[$0] ?? [], lives: livesOf[$0] ?? []))
            })
        newest = runs[last.job]
    }

    /// Where the money of one run went.
    public func single(_ run: String) -> CostReport {
        CostReport(runs[run]?.attempts ?? [], runs[run]?.lives ?? [], onDemandPrices: prices)
    }
}
