public import Forecasting
internal import Foundation
internal import Markets
public import Reading
internal import Workloads

/// Files of availability traces and lifetimes, as spot survival learns from them.
public struct SpotRecords: Sendable {
    public private(set) var histories: [SpotHistory] = []
    public private(set) var lifetimes: [(key: String, lifetime: SurvivalTable.Lifetime)] = []
    /// What people should know about what was read.
    public private(set) var remarks: [String] = []

    /// - Parameter instances: How many instances are wanted at once; all that were asked for if `nil`.
    /// - Throws: `TraceError` for files that hold neither, and histories of one zone that overlap in time.
    public init(_ paths: [String], instances: Int? = nil) throws(TraceError) {
        for path in paths {
            switch try MarketImport.read(path).content {
            case .availability(let trace): try add(trace, path, instances)
            case .lifetimes(let records):
                for record in records {
                    lifetimes.append(
                        (
                            "\(record.zone)/\(record.machineType)",
                            SurvivalTable.Lifetime(end: record.lifetimeSeconds, ended: record.wasReclaimed)
                        ))
                }
            case .prices:
                throw .badRequest(
                    found: "prices in '\(path)'", expected: "availability traces or lifetimes",
                    remedy: "Prices do not tell when capacity is lost; 'almanac forecast' reads them.")
            }
        }
        checkPolarity()
    }

    private mutating func add(_ trace: AvailabilityTrace, _ path: String, _ instances: Int?) throws(TraceError) {
        let needed = instances ?? trace.capacity
        guard 1...trace.capacity ~= needed else {
            throw .badRequest(
                found: "--instances \(needed) of '\(trace.name)'", expected: "1 to \(trace.capacity)",
                remedy: "The trace tells how many of \(trace.capacity) there were.")
        }
        // Names are those of the files: zone_type.
        let name = trace.name.split(separator: "/").last.map(String.init) ?? trace.name
        let parts = name.split(separator: "_", maxSplits: 1).map(String.init)
        let history = SpotHistory(
            zone: parts[0], type: parts.count > 1 ? parts[1] : "any", startTime: trace.startTime,
            stepSeconds: trace.stepSeconds, isUp: trace.counts.map { $0 >= needed })
        if trace.startTime > 0 {
            let end = trace.startTime + trace.durationSeconds
            for other in histories where other.key == history.key && other.startTime > 0 {
                let otherEnd = other.startTime + Double(other.isUp.count) * other.stepSeconds
                guard trace.startTime < otherEnd, other.startTime < end else { continue }
                throw .badRequest(
                    found: "two traces of \(history.key) that overlap in time, the second in '\(path)'",
                    expected: "each moment once", remedy: "Leave one of them out.")
            }
        }
        if Set(trace.counts).count == 1 {
            remarks.append("\(history.key): never changes: it tells little")
        }
        histories.append(history)
    }

    /// Where lifetimes are given too, capacity should last about as long as they do: far nearer to the times without
    /// capacity, a trace has 1 for lost.
    private mutating func checkPolarity() {
        let lives = SurvivalTable(lifetimes.map(\.lifetime))
        guard lifetimes.count >= 20, let typical = lives.median else { return }
        for history in histories {
            let up = SurvivalTable(history.upLifetimes).median
            let down = SurvivalTable(history.inverted.upLifetimes).median
            guard let up, let down else { continue }
            if abs(log(down / typical)) + log(3) < abs(log(up / typical)) {
                remarks.append(
                    "\(history.key): capacity would last \(Units.formatSeconds(up)), instances lived "
                        + "\(Units.formatSeconds(typical)), and the times without capacity last "
                        + "\(Units.formatSeconds(down)): the trace looks inverted (1 = lost); --invert turns it")
            }
        }
    }

    /// The records with times with and without capacity exchanged.
    public func inverted() -> SpotRecords {
        var other = self
        other.histories = histories.map(\.inverted)
        other.remarks.removeAll { $0.contains("--invert") }
        return other
    }
}

extension SpotHistory {
    fileprivate var inverted: SpotHistory {
        SpotHistory(
            zone: zone, type: type, startTime: startTime, stepSeconds: stepSeconds, isUp: isUp.map { $0.map { !$0 } })
    }
}

extension SurvivalTable {
    /// The age that half outlive; `nil` if more than half were cut off before.
    fileprivate var median: Double? { survival.firstIndex { $0 <= 0.5 }.map { times[$0] } }
}
