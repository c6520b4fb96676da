internal import Allocation
internal import Foundation
internal import JobFiles
internal import LinearAlgebra
public import Scheduling
internal import Simulation
public import Store
internal import Traces
public import Workloads

/// What runs take besides their tasks, fitted to recorded runs: kept beside the store, where `plan` and `simulate` read it.
public struct Calibration: Hashable, Sendable, Codable {
    /// Seconds from the beginning of a run to its first attempt.
    public var startUpSeconds: Double
    /// Seconds for which an attempt occupies its room besides its run time.
    public var dispatchSeconds: Double
    /// How many runs it was fitted to.
    public var runs: Int
    /// What it takes to move data; `nil` if too few transfers were recorded.
    public var transfers: Transfers?

    /// Transfers as they were recorded.
    public struct Transfers: Hashable, Sendable, Codable {
        /// Seconds for no bytes, and bytes a second; `nil` if more of them take no longer.
        public var latencySeconds: Double
        public var bytesPerSecond: Double?
        /// How many it was fitted to.
        public var count: Int

        enum CodingKeys: String, CodingKey {
            case count
            case latencySeconds = "latency_seconds"
            case bytesPerSecond = "bytes_per_second"
        }
    }

    enum CodingKeys: String, CodingKey {
        case runs, transfers
        case startUpSeconds = "start_up_seconds"
        case dispatchSeconds = "dispatch_seconds"
    }

    /// How far simulated makespans are from those of runs that nothing was fitted to: each run is foretold from all others.
    public struct Evaluation: Sendable, Encodable {
        /// One run that was held out.
        public struct Run: Sendable, Encodable {
            public let run: String
            /// Makespans in seconds: as recorded; simulated with the fitted times, its tasks as long as in the other runs; the
            /// same with its tasks as long as they were; and simulated without the fitted times.
            public let seconds: Double
            public let calibrated: Double
            public let replayed: Double
            public let uncalibrated: Double
        }
        /// What was fitted to all runs.
        public let calibration: Calibration
        /// Every run, foretold from the others.
        public let heldOut: [Run]
        /// The medians of |simulated − recorded| / recorded over them.
        public let medianError: Double
        public let replayedMedianError: Double
        public let uncalibratedMedianError: Double

        enum CodingKeys: String, CodingKey {
            case calibration
            case heldOut = "held_out"
            case medianError = "median_error"
            case replayedMedianError = "replayed_median_error"
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

    init(startUpSeconds: Double, dispatchSeconds: Double, runs: Int, transfers: Transfers? = nil) {
        (self.startUpSeconds, self.dispatchSeconds, self.runs) = (startUpSeconds, dispatchSeconds, runs)
        self.transfers = transfers
    }

    private static func path(_ folder: String) -> String { "\(folder)/calibration.json" }

    /// Keeps it beside a store.
    public func write(besideStore folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(fileURLWithPath: Self.path(folder)), options: .atomic)
    }

    /// The network of a job that says none: as transfers were recorded.
    public var network: Network? {
        transfers.map { Network(bytesPerSecond: $0.bytesPerSecond, latencySeconds: $0.latencySeconds) }
    }

    /// Adds the dispatch to what is believed of run times.
    public func adjust(_ estimates: inout Estimates) {
        for task in estimates.expectedSeconds.indices { estimates.expectedSeconds[task] += dispatchSeconds }
        for task in estimates.secondsQuantiles.indices {
            estimates.secondsQuantiles[task] = .init(
                ascending: estimates.secondsQuantiles[task].values + SIMD8(repeating: dispatchSeconds))
        }
    }

    /// Fits to the recorded runs of a job, and foretells each from the others.
    ///
    /// Of each run follows the dispatch with which its simulated makespan is the recorded one, and its start-up; the medians
    /// over runs are what is kept. The time of a task in a run that is foretold is the median of what the others recorded of it.
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
        // What ran at once says how much there was to run on: by plan that may be little.
        let cpus = runs.map(\.cpus).max() ?? 1
        let fits = runs.map { dispatch(of: $0, graph, cpus) }
        func fitted(_ rows: [Int]) -> Calibration {
            Calibration(
                startUpSeconds: median(rows.map { runs[$0].startUp }), dispatchSeconds: median(rows.map { fits[$0] }),
                runs: rows.count)
        }
        let heldOut = runs.indices.map { index in
            let others = runs.indices.filter { $0 != index }
            let found = fitted(others)
            let usual = graph.tasks.indices.map { task in median(others.map { runs[$0].taskSeconds[task] }) }
            func end(_ seconds: [Double]) -> Double {
                found.startUpSeconds + makespan(graph, seconds, cpus: cpus, dispatch: found.dispatchSeconds)
            }
            return Evaluation.Run(
                run: runs[index].name, seconds: runs[index].seconds, calibrated: end(usual),
                replayed: end(runs[index].taskSeconds),
                uncalibrated: makespan(graph, usual, cpus: cpus, dispatch: 0))
        }
        func error(_ value: (Evaluation.Run) -> Double) -> Double {
            median(heldOut.map { abs(value($0) / $0.seconds - 1) })
        }
        var calibration = fitted(Array(runs.indices))
        calibration.transfers = Transfers(try store.executions())
        return Evaluation(
            calibration: calibration, heldOut: heldOut, medianError: error(\.calibrated),
            replayedMedianError: error(\.replayed), uncalibratedMedianError: error(\.uncalibrated))
    }

    private static func median(_ values: [Double]) -> Double { quantile(sorted: values.sorted(), 0.5) }
}

extension Calibration.Transfers {
    /// Fits to all recorded transfers of which bytes and time are known; `nil` if they are fewer than five.
    ///
    /// Source: Sen, *Estimates of the regression coefficient based on Kendall's tau* (1968): the median of the slopes of all
    /// pairs, then the median of what is left.
    init?(_ table: ExecutionTable) {
        let (bytes, seconds) = (table.numbers(.transferBytes), table.numbers(.transferTime))
        var rows = (0..<table.rowCount).filter {
            bytes[$0] >= 0 && seconds[$0] > 0 && (bytes[$0] + seconds[$0]).isFinite
        }
        guard rows.count >= 5 else { return nil }
        count = rows.count
        // All pairs of a thousand take no time.
        let step = max(1, rows.count / 1000)
        rows = stride(from: 0, to: rows.count, by: step).map { rows[$0] }
        var slopes: [Double] = []
        for (place, first) in rows.enumerated() {
            for second in rows[(place + 1)...] where bytes[second] != bytes[first] {
                slopes.append((seconds[second] - seconds[first]) / (bytes[second] - bytes[first]))
            }
        }
        let slope = slopes.isEmpty ? 0 : max(0, quantile(sorted: slopes.sorted(), 0.5))
        bytesPerSecond = slope > 0 ? 1 / slope : nil
        latencySeconds = max(0, quantile(sorted: rows.map { seconds[$0] - slope * bytes[$0] }.sorted(), 0.5))
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
        let transfers = table.numbers(.transferTime)
        var rows: [Int32: [Int]] = [:]
        for row in 0..<table.rowCount where jobs.codes[row] >= 0 { rows[jobs.codes[row], default: []].append(row) }
        return rows.values.compactMap { rows -> (Double, Recorded)? in
            var seconds = [Double](repeating: .nan, count: graph.count)
            for row in rows {
                let code = tasks.codes[row]
                guard code >= 0, let task = graph.index(of: TaskID(tasks.levels[code])), seconds[task].isNaN,
                    status.codes[row] >= 0, status.levels[status.codes[row]] == AttemptStatus.completed.rawValue
                else { return nil }
                // While its data come it occupies its room as well.
                seconds[task] = runtimes[row] + (transfers[row] > 0 ? transfers[row] : 0)
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
                name: name, seconds: end - begin, startUp: first - begin, taskSeconds: seconds,
                cpus: most > 0 ? most : 1)
            return (begin, run)
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// The dispatch with which the simulated makespan of a run is the recorded one; 0 if it is longer without any.
    private static func dispatch(of run: Recorded, _ graph: TaskGraph, _ cpus: Double) -> Double {
        let wanted = run.seconds - run.startUp
        var (low, high) = (0.0, run.seconds)
        for _ in 0..<40 {
            let middle = (low + high) / 2
            if makespan(graph, run.taskSeconds, cpus: cpus, dispatch: middle) <= wanted {
                low = middle
            } else {
                high = middle
            }
        }
        return low
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
