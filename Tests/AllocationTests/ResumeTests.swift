import Allocation
import Testing
import Workloads

@Suite("Jobs that are resumed") struct ResumeTests {
    private func world(_ tasks: [TaskSpec], _ policy: RetryPolicy = .standard, largest: Double = 100) throws
        -> TestWorld
    {
        let graph = try TaskGraph(tasks)
        var allocator = Allocator(
            offers: [offer(cpus: 2, memory: 100)],
            policies: Policies(recovery: Recovery(policy, largest: Resources(cpus: 2, memoryBytes: largest))))
        allocator.add(Job(graph))
        var world = TestWorld(allocator, [graph])
        try world.send([.admitted(0)])
        try world.openAll()
        return world
    }

    /// Somebody goes on with a job that has ended.
    private func resume(_ world: inout TestWorld) throws {
        try world.obey()
        world.endings = [:]
        (world.givenUp, world.skipped) = ([:], [])
        try world.send([.resumed(0), .restarted])
        try world.openAll()
    }

    @Test("what had failed for good is tried again with what earlier failures led to, and its retries count anew")
    func failed() throws {
        let policy = RetryPolicy(rules: [.outOfMemory: .init(retries: 1, memoryGrowth: 2), .programError: .init()])
        var world = try world(
            [TaskSpec(id: "a", request: .init(memoryBytes: 10)), TaskSpec(id: "b", predecessors: ["a"])], policy)
        try world.fail(0, .outOfMemory)
        try world.fail(0, .outOfMemory)
        #expect(world.endings == [0: .failed] && world.skipped == [1])
        try resume(&world)
        #expect(world.running[0]?.number == 3 && world.running[0]?.grant.resources.memoryBytes == 40)
        try world.fail(0, .outOfMemory)
        #expect(world.running[0]?.number == 4, "one retry, as at first")
        try world.finish(0)
        try world.finish(1)
        #expect(world.endings == [0: .succeeded])
    }

    @Test("a task that had all the memory that there is is tried with it once more")
    func largest() throws {
        var world = try world([TaskSpec(id: "a", request: .init(memoryBytes: 100))])
        try world.fail(0, .outOfMemory)
        #expect(world.endings == [0: .failed])
        try resume(&world)
        #expect(world.running[0]?.number == 2)
        try world.finish(0)
        #expect(world.endings == [0: .succeeded])
    }

    @Test("a cancelled job goes on with what is left; one that succeeded stays as it is")
    func cancelled() throws {
        var world = try world([TaskSpec(id: "a"), TaskSpec(id: "b"), TaskSpec(id: "c", predecessors: ["a"])])
        try world.finish(0)
        try world.send([.cancelled(0)])
        try world.obey()
        #expect(world.endings == [0: .cancelled])
        try resume(&world)
        #expect(Set(world.running.keys) == [1, 2] && world.running[1]?.number == 2)
        try world.finish(1)
        try world.finish(2)
        #expect(world.endings == [0: .succeeded])
        let before = world.actions.count
        try world.send([.resumed(0)])
        #expect(world.actions.count == before)
    }

    @Test("an instance gets another room while something runs on it, but never less than that takes")
    func resized() throws {
        var world = try world((0..<4).map { TaskSpec(id: TaskID("t\($0)")) })
        #expect(world.running.count == 2)
        world.rooms[0] = Resources(cpus: 3, memoryBytes: 100)
        try world.send([.opened(0, Resources(cpus: 3, memoryBytes: 100))])
        #expect(world.running.count == 3)
        try world.send([.opened(0, Resources(cpus: 1, memoryBytes: 100))])
        #expect(world.allocator.state.instances.capacity[0].cpus == 3)
        for task in 0..<2 { try world.finish(TaskIndex(task)) }
        world.rooms[0] = Resources(cpus: 2, memoryBytes: 100)
        try world.send([.opened(0, Resources(cpus: 2, memoryBytes: 100))])
        #expect(world.allocator.state.instances.capacity[0].cpus == 2)
    }
}
