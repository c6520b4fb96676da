package import Allocation
import Foundation
import Scheduling
import Workloads

/// Feeds the events of a run to the allocator once more and compares what it decides with what was decided.
///
/// After each restart the allocator is restored from the log, as the program of the run did.
public struct Replay: Sendable, Codable, Hashable {
    /// The first place where decisions differ.
    public struct Difference: Sendable, Codable, Hashable {
        /// When, in seconds of the run's clock.
        public var seconds: Double
        /// What had happened, as lines of the log.
        public var events: [String]
        /// The first decision that differs as it stands in the log; `nil` if the log has none there.
        public var logged: String?
        /// What is decided now; `nil` if nothing is.
        public var decided: String?
    }

    /// Events that happened.
    public var events = 0
    /// Decisions that were compared.
    public var decisions = 0
    /// How often another process took the run up.
    public var restarts = 0
    /// The first difference, or `nil` if there is none.
    public var difference: Difference?

    /// Replays the run in a folder.
    ///
    /// - Throws: ``ExecutionError`` if the folder holds no run, or one without the setup that it began with.
    public init(runFolder: String) throws {
        let path = RunJournal.path(in: runFolder)
        guard exists(path) else { throw ExecutionError.nothingToResume(folder: runFolder) }
        var journal = try RunJournal(reading: path)
        let (entries, lives) = (journal.entries(), journal.lives)
        guard let first = lives.first else { throw ExecutionError.noSetup(folder: runFolder) }
        var allocator = try Self.allocator(first.setup, runFolder)
        var (place, life) = (0, 0)
        while place < entries.count {
            let start = place
            var happened: [Event] = []
            while place < entries.count, case .event(let event) = entries[place].fact.what,
                entries[place].fact.seconds == entries[start].fact.seconds
            {
                happened.append(event)
                place += 1
            }
            var logged: [Action] = []
            while place < entries.count, case .action(let action) = entries[place].fact.what {
                logged.append(action)
                place += 1
            }
            while life + 1 < lives.count, lives[life + 1].firstEntry <= start {
                life += 1
                restarts += 1
                allocator = try Self.allocator(lives[life].setup, runFolder)
                for entry in entries[..<start] { _ = allocator.restore(entry.fact) }
            }
            let decided = allocator.handle(happened, at: entries[start].fact.seconds)
            events += happened.count
            decisions += logged.count
            // What was decided when the program died may be missing in part or whole.
            let isLast = place == entries.count || life + 1 < lives.count && lives[life + 1].firstEntry <= place
            if decided == logged || isLast && decided.starts(with: logged) { continue }
            let differing = zip(decided, logged).prefix { $0 == $1 }.count
            let seconds = entries[start].fact.seconds
            func line(_ actions: [Action]) -> String? {
                actions.indices.contains(differing) ? "\(Fact(seconds, .action(actions[differing])))" : nil
            }
            difference = Difference(
                seconds: seconds, events: happened.map { "\(Fact(seconds, .event($0)))" }, logged: line(logged),
                decided: line(decided))
            return
        }
    }

    /// An allocator that decides by a setup in a folder, with its job and nothing that happened.
    package static func allocator(_ name: String?, _ folder: String) throws(ExecutionError) -> Allocator {
        guard let name, !name.contains("/"), let setup = RunSetup(file: "\(folder)/\(name)"),
            let graph = try? TaskGraph(setup.tasks), setup.ranks.map({ $0.count == graph.count }) ?? true,
            setup.estimates.map({ $0.count == graph.count }) ?? true
        else { throw .noSetup(folder: folder) }
        var allocator = setup.allocator
        allocator.add(setup.job(graph, name: ""), ranks: setup.ranks, estimates: setup.estimates)
        return allocator
    }
}
