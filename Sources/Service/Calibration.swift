internal import Allocation
internal import Foundation
internal import JobFiles
internal import LinearAlgebra
internal import Scheduling
internal import Simulation
public import Store
internal import Traces
internal import Workloads

/// What runs take on this machine besides their tasks, fitted to recorded runs: kept beside the store, where `simulate` reads it.
public struct Calibration: Hashable, Sendable, Codable {
    /// Seconds from the beginning of a run to its first attempt.
    public var startUpSeconds: Double
    /// Seconds for which an attempt occupies its room besides its run time.
    public var dispatchSeconds: Double
    /// How many runs it was fitted to.
    public var runs: Int

    enum CodingKeys: String, CodingKey {
        case runs
        case startUpSeconds = "start_up_seconds"
        case dispatchSeconds = "dispatch_seconds"
    }

    /// How far simulated makespans are from those of runs that nothing was fitted to.
    public struct Evaluation: Sendable, Encodable {
        /// One run that was held out.
        public struct Run: Sendable, Encodable {
            public let run: String
            /// Makespans in seconds: as recorded, simulated with the fitted times, and simulated without.
            public let seconds: Double
            public let calibrated: Double
            public let uncalibrated: Double
        }
        /// What was fitted.
        public let calibration: Calibration
        /// The runs that were held out: the later third.
        public let heldOut: [Run]
        /// The median of |simulated − recorded| / recorded over them.
        public let medianError: Double
        public let uncalibratedMedianError: Double

        enum CodingKeys: String, CodingKey {
            case calibration
            case heldOut = "held_out"
            case medianError = "median_error"
            case uncalibratedMedianError = "uncalibrated_median_error"
        }
    }

    /// What was kept beside a store; `nil` if nothing was.
    public init?(besideStore folder: String) {
        guard let data = FileManager.default.contents(atPath: Self.path(folder)),
            let found = try? JSONDecoder().decode(Calibration.self, from: data),
            found.startUpSeconds >= 0, found.dispatchSeconds >= 0, found.dispatchSeconds.isFinite
        else { return nil }
        self = found
    }

    init(startUpSeconds: Double, dispatchSeconds: Double, runs: Int) {
        (self.startUpSeconds, self.dispatchSeconds, self.runs) = (startUpSeconds, dispatchSeconds, runs)
    }

    private static func path(_ folder: String) -> String { "\(folder)/calibration.json" }

    /// Keeps it beside a store.
    public func write(besideStore folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(fileURLWithPath: Self.path(folder)), options: .atomic)
    }

    /// Fits to the first two thirds of the recorded runs of a job, and compares with the others.
    ///
    /// The time of a task in a run that is held out is the median of what the first runs recorded of it; dispatch is what
    /// makes the sum of relative errors of the simulated makespans of these least, start-up is their median.
    /// - Throws: ``ServiceError/input(_:)`` if there are fewer than three whole runs.
    public static func evaluate(_ path: String, store: TraceStore) throws -> Evaluation {
        let known = try KnownJob(path)
        let graph = known.job.tasks
        let runs = try recorded(known.job.name, graph, store)
        guard runs.count >= 3 else {
            throw ServiceError.input(
                "\(path): the store holds \(runs.count) whole runs of '\(known.job.name)', expected at least 3. Run it again "
                    + "('almanac run \(path)').")
        }
        let first = Array(runs.prefix(max(2, runs.count * 2 / 3)))
        let cpus = first.map(\.cpus).max() ?? 1
        func error(_ dispatch: Double) -> Double {
            first.reduce(0) { sum, run in
                let simulated = makespan(graph, run.taskSeconds, cpus: cpus, dispatch: dispatch) + run.startUp
                return sum + abs(simulated / run.seconds - 1)
            }
        }
        // The sum of absolute errors of what rises with the dispatch has one valley: it is found by thirds.
        var (low, high) = (0.0, first.map { $0.seconds / Double(max(1, graph.levels.max() ?? 1)) }.max() ?? 1)
        for _ in 0..<60 {
            let (a, b) = (low + (high - low) / 3, high - (high - low) / 3)
            if error(a) <= error(b) { high = b } else { low = a }
        }
        let dispatch = error(0) <= error(low) ? 0 : low
        let startUp = quantile(sorted: first.map(\.startUp).sorted(), 0.5)
        let usual = graph.tasks.indices.map { task in
            quantile(sorted: first.map { $0.taskSeconds[task] }.sorted(), 0.5)
        }
        let plain = makespan(graph, usual, cpus: cpus, dispatch: 0)
        let fitted = startUp + makespan(graph, usual, cpus: cpus, dispatch: dispatch)
        let rest = runs.dropFirst(first.count).map {
            Evaluation.Run(run: $0.name, seconds: $0.seconds, calibrated: fitted, uncalibrated: plain)
        }
        func median(_ value: (Evaluation.Run) -> Double) -> Double {
            quantile(sorted: rest.map { abs(value($0) / $0.seconds - 1) }.sorted(), 0.5)
        }
        return Evaluation(
            calibration: Calibration(startUpSeconds: startUp, dispatchSeconds: dispatch, runs: first.count),
            heldOut: rest, medianError: median(\.calibrated), uncalibratedMedianError: median(\.uncalibrated))
    }
}

extension Calibration {
    /// A run of which every task succeeded at its first attempt.
    private struct Recorded {
        var name: String
        var seconds: Double
        var startUp: Double
        var taskSeconds: [Double]
        /// The most processors that were in use at once.
        var cpus: Double
    }

    private static func recorded(
        _ workflow: String, _ graph: TaskGraph, _ store: TraceStore
    ) throws -> [Recorded] {
        let table = try store.executions(workflow: workflow)
        let (jobs, tasks, status) = (table.texts(.job), table.texts(.task), table.texts(.status))
        let (submits, starts) = (table.numbers(.submitTime), table.numbers(.startTime))
        let (ends, runtimes, cpus) = (table.numbers(.endTime), table.numbers(.runtime), table.numbers(.cpus))
        var rows: [Int32: [Int]] = [:]
        for row in 0..<table.rowCount where jobs.codes[row] >= 0 { rows[jobs.codes[row], default: []].append(row) }
        return rows.values.compactMap { rows -> (Double, Recorded)? in
            var seconds = [Double](repeating: .nan, count: graph.count)
            for row in rows {
                let code = tasks.codes[row]
                guard code >= 0, let task = graph.index(of: TaskID(tasks.levels[code])), seconds[task].isNaN,
                    status.codes[row] >= 0, status.levels[status.codes[row]] == AttemptStatus.completed.rawValue
                else { return nil }
                seconds[task] = runtimes[row]
            }
            let (begin, end) = (rows.map { submits[$0] }.min() ?? .nan, rows.map { ends[$0] }.max() ?? .nan)
            let first = rows.map { starts[$0] }.min() ?? .nan
            guard seconds.allSatisfy({ $0 >= 0 }), end > begin, first >= begin else { return nil }
            let changes =
                rows.map { (starts[$0], cpus[$0].isFinite ? cpus[$0] : 1) }
                + rows.map { (ends[$0], cpus[$0].isFinite ? -cpus[$0] : -1) }
            var (used, most) = (0.0, 0.0)
            for change in changes.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
                used += change.1
                most = max(most, used)
            }
            let name = jobs.levels[jobs.codes[rows[0]]]
            let run = Recorded(
                name: name, seconds: end - begin, startUp: first - begin, taskSeconds: seconds, cpus: max(1, most))
            return (begin, run)
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static func makespan(_ graph: TaskGraph, _ seconds: [Double], cpus: Double, dispatch: Double) -> Double {
        var largest = Resources(cpus: cpus)
        for task in graph.tasks { largest = largest.maxima(task.request.resources) }
        let offer = Offer(
            type: InstanceType(name: "here", cpus: largest.cpus, memoryBytes: max(1e15, largest.memoryBytes)))
        let estimates = Estimates(expectedSeconds: seconds)
        var world = World(estimates)
        world.dispatchSeconds = dispatch
        return Simulator(
            Job(graph), estimates: estimates, allocator: Allocator(offers: [offer]), world: world,
            ranks: upwardRanks(graph, seconds: seconds)
        ).run(seed: 0).makespanSeconds
    }
}
