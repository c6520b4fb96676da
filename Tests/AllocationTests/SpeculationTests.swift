import Allocation
import Scheduling
import TestSupport
import Testing
import Workloads

@Suite("Second attempts at tasks that take too long") struct SpeculationTests {
    /// Tasks that are believed to take 10 seconds, on two machines.
    private func world(
        _ tasks: [TaskSpec], count: Int = 2, policies: Policies = .init(), spread: ((Double) -> Double)? = nil
    ) throws -> TestWorld {
        let graph = try TaskGraph(tasks)
        var estimates = Estimates(expectedSeconds: tasks.map { _ in 10 })
        if let spread { estimates.secondsQuantiles = tasks.map { _ in .init(spread) } }
        var allocator = Allocator(offers: [offer(count: count)], policies: policies)
        allocator.add(Job(graph), estimates: estimates)
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.openAll()
        return world
    }

    private func wait(_ world: inout TestWorld, until seconds: Double) throws {
        while world.wakeSeconds <= seconds {
            world.now = max(world.now, world.wakeSeconds)
            world.wakeSeconds = .infinity
            try world.send([.timer])
        }
        world.now = seconds
    }

    private let slow = TaskSpec(id: "a", speculate: true)

    @Test("the copy ends first: the other is stopped, is no failure, and what waits goes on at once")
    func copyWins() throws {
        var world = try world([slow, TaskSpec(id: "b", predecessors: ["a"])])
        try wait(&world, until: 19)
        #expect(world.copies.isEmpty)
        try wait(&world, until: 21)
        #expect(world.copies[0]?.number == 2 && world.copies[0]?.instance != world.running[0]?.instance)
        let instance = world.copies[0]?.instance
        try world.finish(0, copy: true)
        #expect(world.stopping == [AttemptID(0, 1): .cancelled] && world.running[1] != nil)
        #expect(world.allocator.state.tasks.lastInstance[0] == instance, "its results are there")
        // The stopped one ends well before it hears of it: nothing is finished twice.
        try world.finish(0)
        #expect(world.allocator.state.jobs[0].finished == 1)
        try world.finish(1)
        #expect(world.endings == [0: .succeeded])
        #expect(FailureCause.allCases.allSatisfy { world.allocator.state.tasks.failures[0][$0] == 0 })
    }

    @Test("the first attempt ends first: the copy is stopped, and the job ends when it is gone")
    func firstWins() throws {
        var world = try world([slow])
        try wait(&world, until: 30)
        try world.finish(0)
        #expect(world.stopping == [AttemptID(0, 2): .cancelled] && world.endings.isEmpty)
        try world.obey()
        #expect(world.endings == [0: .succeeded] && world.givenUp.isEmpty)
        try world.obey()
        #expect(world.rooms.isEmpty)
    }

    @Test("one of the two fails or is lost: the other goes on, and its failures count as ever")
    func failures() throws {
        var world = try world([slow])
        try wait(&world, until: 30)
        let instance = try #require(world.running[0]?.instance)
        try world.close(instance, .reclaimed)
        #expect(world.running[0]?.number == 2 && world.copies.isEmpty)
        // What goes on may be late in its turn, as what was lost was not to blame.
        try world.openAll()
        try wait(&world, until: 60)
        #expect(world.copies[0]?.number == 3)
        try world.fail(0, .programError)
        #expect(world.running[0]?.number == 3 && world.starts[0] == 3)
        try wait(&world, until: 200)
        #expect(world.copies.isEmpty, "a task with a failure of its own gets no copy")
        try world.fail(0, .programError)
        #expect(world.givenUp == [0: .programError] && world.endings == [0: .failed], "one retry, as the table says")
    }

    @Test("no copy starts while another task waits, where nothing allows it, or without another instance")
    func nothing() throws {
        for (tasks, count, policies) in [
            ([slow] + (0..<9).map { TaskSpec(id: TaskID("b\($0)"), request: .init(cpus: 4)) }, 2, Policies()),
            ([TaskSpec(id: "a")], 2, Policies()), ([slow], 1, Policies()),
            ([slow], 2, Policies(speculation: Speculation(.never))),
            ([TaskSpec(id: "a", speculate: false)], 2, Policies(speculation: Speculation(.allowed))),
            (
                [TaskSpec(id: "a", request: .init(checkpoint: CheckpointSpec(.signal(10), saveSeconds: 1)))], 2,
                Policies(speculation: Speculation(.allowed))
            ),
        ] {
            var world = try world(tasks, count: count, policies: policies)
            try wait(&world, until: 100)
            #expect(world.copies.isEmpty)
        }
        var allowed = try world([TaskSpec(id: "a")], policies: Policies(speculation: Speculation(.allowed)))
        try wait(&allowed, until: 100)
        #expect(allowed.copies.count == 1)
    }

    @Test("a copy must be expected to save something: with a narrow spread it does not, with a long tail it does")
    func gain() throws {
        // Everything between 8 and 12 seconds: what is left is less than a copy takes, until nothing is believed any more.
        var narrow = try world([slow], spread: { 8 + 4 * $0 })
        try wait(&narrow, until: 11.9)
        #expect(narrow.copies.isEmpty)
        try wait(&narrow, until: 30)
        #expect(narrow.copies.count == 1)
        // One in ten takes a hundred times as long.
        var wide = try world([slow], spread: { $0 <= 0.75 ? 10 : $0 <= 0.9 ? 12 : 1000 })
        try wait(&wide, until: 13.5)
        #expect(wide.copies.count == 1)
    }

    @Test("a cancelled job stops both attempts")
    func cancelled() throws {
        var world = try world([slow])
        try wait(&world, until: 30)
        try world.send([.cancelled(0)])
        #expect(world.stopping.count == 2)
        try world.obey()
        #expect(world.endings == [0: .cancelled])
    }

    @Test("the program dies while two attempts run, and when one of them has ended")
    func crash() throws {
        let graph = try TaskGraph([slow])
        var empty = Allocator(offers: [offer(count: 2)])
        empty.add(Job(graph), estimates: Estimates(expectedSeconds: [10]))
        for ends in [false, true] {
            var world = TestWorld(empty, [graph])
            try world.send([.admitted(0)])
            try world.openAll()
            try wait(&world, until: 30)
            if ends {
                // The end is in the log, what follows from it is not.
                let attempt = try #require(world.copies[0])
                world.facts.append(Fact(world.now, .event(.finished(AttemptID(0, attempt.number)))))
                world.succeeded.insert(0)
                world.copies[0] = nil
                var restored = empty
                for fact in world.facts { _ = restored.restore(fact) }
                world.allocator = restored
                try world.send([.restarted])
                #expect(world.stopping == [AttemptID(0, 1): .cancelled])
                try world.obey()
            } else {
                try world.crash(empty)
                try world.finish(0)
                try world.obey()
            }
            #expect(world.endings == [0: .succeeded])
        }
    }
}
