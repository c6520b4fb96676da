import Allocation
import TestSupport
import Testing
import Workloads

@Suite("Facts as lines") struct FactTests {
    static let facts: [Fact] = [
        Fact(1.5, .event(.opened(3, Resources(cpus: 0.1, memoryBytes: 8e9, gpus: 1, storageBytes: 1e12)))),
        Fact(0, .event(.failed(AttemptID(7, 2), .outOfMemory))), Fact(1e-9, .event(.closed(0, nil))),
        Fact(1.7e9, .event(.closed(0, .reclaimed))), Fact(2, .event(.priced(1, Price(perHour: 0.0312)))),
        Fact(2, .action(.start(AttemptID(0, 1), on: 0, Grant(Resources(cpus: 1)), share: 0.25))),
        Fact(2, .action(.retry(0, Grant(Resources(cpus: 1), timeLimitSeconds: 60), avoiding: -1))),
        Fact(2, .action(.warn(AttemptID(0, 1), .memory, .throttle))), Fact(2, .action(.wake(at: .infinity))),
        Fact(2, .action(.follow(3))),
        Fact(
            3,
            .event(
                .planned(
                    0,
                    Assignments(
                        slots: [.init(offer: 0, startSeconds: 0.1, instance: 4)], slotOfTask: [0, -1], order: [1, 0],
                        endSeconds: 9)))),
    ]

    @Test("a fact reads back from its line", arguments: facts)
    func roundTrip(fact: Fact) { #expect(Fact("\(fact)") == fact) }

    @Test("a line that is cut off or has a word too many is no fact", arguments: facts)
    func cut(fact: Fact) {
        let words = "\(fact)".split(separator: " ")
        for count in 0..<words.count { #expect(Fact(words.prefix(count).joined(separator: " ")) == nil) }
        #expect(Fact("\(fact) 1") == nil)
    }

    @Test("no damaged line traps, and none is read as what its words do not say", arguments: UInt64(0)..<200)
    func fuzz(seed: UInt64) {
        var generator = TestGenerator(seed: seed)
        for fact in Self.facts {
            var words = "\(fact)".split(separator: " ").map(String.init)
            let place = Int.random(in: 0..<words.count, using: &generator)
            words[place] =
                ["", "-1", "nan", "1e400", "99999999999", "x", "2147483647", "-0"].randomElement(using: &generator)
                ?? ""
            if let read = Fact(words.joined(separator: " ")) { #expect(Fact("\(read)") == read) }
        }
    }

    @Test("facts that do not belong to a run are left out of it", arguments: UInt64(0)..<300)
    func foreign(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        var allocator = Allocator(offers: [offer(count: 2)], policies: Policies(placement: Rescheduling()))
        allocator.add(Job(try randomGraph(5, seed: seed)))
        func number() -> String {
            ["-1", "0", "0", "1", "2", "99", "-7", "2147483647"].randomElement(using: &generator) ?? "0"
        }
        for _ in 0..<60 {
            let form =
                [
                    "event opened # 4 9e9 0 0", "event finished # 1", "event failed # # lost",
                    "event closed # reclaimed",
                    "event notice # 5", "event admitted 0", "action start # 1 # 1 1 0 0 inf 0", "action open # # # #",
                    "action retry # 1 1 0 0 inf #", "action give-up # lost", "action skip #", "action end # failed",
                    "event planned 0 9 1 # 0 # 5 # # # # # # # # # #", "event refused #", "action stop # # lost",
                    "action close #", "action follow #", "event checkpointed # # 0.5",
                ].randomElement(using: &generator) ?? ""
            let words = form.split(separator: " ").map { $0 == "#" ? number() : String($0) }
            guard let fact = Fact("1 " + words.joined(separator: " ")) else { continue }
            _ = allocator.restore(fact)
            allocator.state.checkInvariants()
        }
        _ = allocator.handle([.restarted], at: 2)
        allocator.state.checkInvariants()
    }
}
