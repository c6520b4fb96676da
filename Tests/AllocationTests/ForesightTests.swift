import Allocation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Foresight") struct ForesightTests {
    /// A run without luck: tasks take what the table says, instances come when they should.
    private struct Course {
        var allocator: Allocator
        var seconds: [Double]
        var now = 0.0
        var facts: [Fact] = []
        private var agenda: [(seconds: Double, event: Event)] = []

        init(_ graph: TaskGraph, seconds: [Double], offers: [Offer]) {
            (allocator, self.seconds) = (Allocator(offers: offers), seconds)
            allocator.add(Job(graph))
            happen([.admitted(0)])
        }

        /// Goes to the next moment at which something happens; false if the job has ended.
        mutating func step() -> Bool {
            guard allocator.state.jobs[0].ending == nil, let next = agenda.map(\.seconds).min() else { return false }
            now = next
            let events = agenda.filter { $0.seconds == next }.map(\.event)
            agenda.removeAll { $0.seconds == next }
            happen(events)
            return true
        }

        private mutating func happen(_ events: [Event]) {
            facts += events.map { Fact(now, .event($0)) }
            for action in allocator.handle(events, at: now) {
                facts.append(Fact(now, .action(action)))
                switch action {
                case .open(let instance, let offer, _, _):
                    let opened = allocator.state.offers[Int(offer)]
                    agenda.append((now + opened.openSeconds, .opened(instance, opened.capacity)))
                case .start(let attempt, let instance, _, _):
                    let offer = allocator.state.instances.offer[Int(instance)]
                    let speed = allocator.state.offers[Int(offer)].type.speed
                    agenda.append((now + seconds[Int(attempt.task)] / speed, .finished(attempt)))
                case .close(let instance): agenda.append((now, .closed(instance, nil)))
                case .wake(let time): agenda.append((time, .timer))
                default: break
                }
            }
        }

        func foresee(isRestored: Bool = false, _ other: Allocator? = nil) -> Foresight? {
            Foresight(other ?? allocator, at: now, isRestored: isRestored, playouts: 2) { task, type, _ in
                seconds[Int(task)] / type.speed
            }
        }
    }

    @Test("what is foreseen is what comes, from every moment on", arguments: UInt64(0)..<40)
    func comesTrue(seed: UInt64) throws {
        var generator = TestGenerator(seed: seed)
        let graph = try randomGraph(25, seed: seed)
        let seconds = (0..<25).map { _ in Double.random(in: 1...20, using: &generator) }
        let offers = [
            offer("a", count: 2, openSeconds: 5), offer("b", cpus: 8, memory: 2e10, speed: 2, openSeconds: 12),
        ]
        var course = Course(graph, seconds: seconds, offers: offers)
        var starts: [(now: Double, starts: [Double?])] = []
        var ends: [Double] = []
        repeat {
            let foresight = try #require(course.foresee())
            #expect(foresight.ends.count == 2 && foresight.end(0.05) == foresight.end(0.95))
            ends.append(foresight.end(0.5))
            starts.append((course.now, (0..<25).map { foresight.start(of: TaskIndex($0), 0.5) }))
            var restored = Allocator(offers: offers)
            restored.add(Job(graph))
            for fact in course.facts { _ = restored.restore(fact) }
            // A restored allocator has forgotten for what it kept room, and may decide otherwise.
            let again = try #require(course.foresee(isRestored: true, restored))
            #expect(again.end(0.5) >= course.now && again.end(0.5) <= course.now + seconds.reduce(0, +) + 12)
        } while course.step()
        #expect(course.allocator.state.jobs[0].ending == .succeeded)
        #expect(ends.allSatisfy { abs($0 - course.now) < 1e-6 })
        for (now, foreseen) in starts {
            for task in 0..<25 {
                let start = course.allocator.state.tasks.startSeconds[task]
                guard let said = foreseen[task] else { continue }
                // What had started by then is not foreseen any more.
                #expect(said >= now && (start.isInfinite || abs(said - start) < 1e-6 || start <= now))
            }
        }
    }

    @Test("the run ends by a foreseen time as often as it says, from the start and from the middle")
    func calibrated() throws {
        var (byMedian, by95) = (0, 0)
        let runs = 120
        for run in 0..<UInt64(runs) {
            var generator = TestGenerator(seed: run)
            let graph = try randomGraph(12, seed: run % 10)
            // Run times from 2 to 20 s, short ones more often.
            func time(_ p: Double) -> Double { 2 + 18 * p * p }
            let seconds = (0..<12).map { _ in time(Double.random(in: 0..<1, using: &generator)) }
            var course = Course(graph, seconds: seconds, offers: [offer("a", count: 2, openSeconds: 5)])
            for _ in 0..<(run % 2 == 0 ? 0 : 6) { _ = course.step() }
            let found = Foresight(course.allocator, at: course.now, playouts: 60, seed: run) { _, _, p in time(p) }
            let (median, late) = (try #require(found).end(0.5), try #require(found).end(0.95))
            while course.step() {}
            if course.now <= median { byMedian += 1 }
            if course.now <= late { by95 += 1 }
        }
        // Three standard deviations around 60 and 114.
        #expect(44...76 ~= byMedian, "\(byMedian)")
        #expect(107...120 ~= by95, "\(by95)")
    }

    @Test("what has run longer than most is likely to run on for a while, and never has ended")
    func elapsed() throws {
        let graph = try TaskGraph([TaskSpec(id: "a"), TaskSpec(id: "b", predecessors: ["a"])])
        var course = Course(graph, seconds: [100, 100], offers: [offer()])
        let hasOpened = course.step()
        #expect(hasOpened)
        let uniform = Foresight(course.allocator, at: 15, playouts: 400, seed: 3) { _, _, p in 20 * p }
        let found = try #require(uniform)
        let starts = [0.01, 0.5, 0.99].map { found.start(of: 1, $0) ?? .nan }
        // Of a time from 0 to 20 s that is longer than 15 s, up to 5 s are left, half of them half the time.
        #expect(starts[0] > 15 && starts[2] < 20)
        #expect(abs(starts[1] - 17.5) < 0.5)
        #expect(found.ends.allSatisfy { $0 > 15 && $0 < 40 })
        // Nobody thought that it could take so long.
        let late = try #require(Foresight(course.allocator, at: 60, playouts: 2) { _, _, p in 20 * p })
        #expect(late.start(of: 1, 0.5) == 66)
    }

    @Test("where a time is not known, or the job is cancelled, nothing is foreseen")
    func unknown() throws {
        let graph = try TaskGraph([TaskSpec(id: "a"), TaskSpec(id: "b", predecessors: ["a"])])
        var course = Course(graph, seconds: [10, 10], offers: [offer()])
        let hasOpened = course.step()
        #expect(hasOpened)
        #expect(Foresight(course.allocator, at: 1, playouts: 3) { task, _, _ in task == 1 ? nil : 10 } == nil)
        var cancelled = course.allocator
        _ = cancelled.handle([.cancelled(0)], at: 1)
        #expect(course.foresee(isRestored: false, cancelled) == nil)
        #expect(course.foresee() != nil)
    }
}

@Suite("What keeps a task from starting") struct ObstacleTests {
    private static func state(_ tasks: [TaskSpec], _ offers: [Offer], _ events: [Event] = []) throws -> RunState {
        var allocator = Allocator(offers: offers)
        let graph = try TaskGraph(tasks)
        allocator.add(Job(graph), ranks: (0..<graph.count).map { Double(-$0) })
        let actions = allocator.handle([.admitted(0)], at: 0)
        for case .open(let instance, let offer, _, _) in actions {
            _ = allocator.handle([.opened(instance, offers[Int(offer)].capacity)], at: 1)
        }
        if !events.isEmpty { _ = allocator.handle(events, at: 2) }
        return allocator.state
    }

    @Test("results that are missing, room that is short, by the lane that is shortest")
    func reasons() throws {
        let state = try Self.state(
            [
                TaskSpec(id: "a", request: .init(cpus: 3, memoryBytes: 1e9)),
                TaskSpec(id: "b", request: .init(cpus: 2, memoryBytes: 1e9)),
                TaskSpec(id: "c", request: .init(cpus: 1, memoryBytes: 8.5e9)),
                TaskSpec(id: "d", predecessors: ["a", "b"]),
            ], [offer(cpus: 4, memory: 9e9)])
        #expect(state.obstacle(of: 0, predecessors: []) == nil)
        #expect(state.obstacle(of: 1, predecessors: []) == .room(.cpus, on: 0, missing: 1))
        #expect(state.obstacle(of: 2, predecessors: []) == .room(.memory, on: 0, missing: 0.5e9))
        #expect(state.obstacle(of: 3, predecessors: [0, 1]) == .results([0, 1]))
    }

    @Test("an instance that is on its way, or of a kind that is not rented")
    func instances() throws {
        var allocator = Allocator(offers: [offer("m", openSeconds: 60)])
        allocator.add(Job(try TaskGraph([TaskSpec(id: "a")])))
        _ = allocator.handle([.admitted(0)], at: 0)
        #expect(allocator.state.obstacle(of: 0, predecessors: []) == .opening(0))
        let zoned = Offer(type: InstanceType(name: "z", cpus: 1, memoryBytes: 1e9, zones: ["x"]), zone: "x")
        let elsewhere = Offer(type: InstanceType(name: "y", cpus: 1, memoryBytes: 1e9, zones: ["y"]), zone: "y")
        var other = Allocator(offers: [elsewhere, zoned])
        other.add(Job(try TaskGraph([TaskSpec(id: "a", request: .init(zones: ["x"]))])))
        var state = other.state
        _ = state.apply(.admitted(0), at: 0)
        #expect(state.obstacle(of: 0, predecessors: []) == .notRented(1))
    }
}
