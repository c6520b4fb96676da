import Allocation
import Execution
import Scheduling
import Testing
import Workloads

@Suite("Plans that do not hold") struct ReplanTests {
    /// What a run said and did.
    private final class Story {
        var events: [RunEvent] = []
        var plans: [(seconds: Double, finished: Int)] = []
        var endSeconds = 0.0

        var reasons: [ReplanReason] {
            events.compactMap { if case .replanned(let reason, _) = $0 { reason } else { nil } }
        }
    }

    /// All on one instance.
    private static func plan(on offer: OfferIndex, from seconds: Double, until end: Double) -> Assignments {
        Assignments(
            slots: [.init(offer: offer, startSeconds: seconds)], slotOfTask: Array(repeating: 0, count: 10),
            order: Array(0..<10), endSeconds: end)
    }

    /// Ten tasks one after the other, planned for ten seconds each on the first offer; the second is three times as fast or
    /// three times as cheap, and is what another plan takes.
    private func run(
        deadline: Double? = nil, budget: Double? = nil, taskSeconds: Double, other: InstanceType
    ) throws -> Story {
        let graph = try TaskGraph(
            (0..<10).map { TaskSpec(id: TaskID("t\($0)"), predecessors: $0 == 0 ? [] : [TaskID("t\($0 - 1)")]) })
        let first = InstanceType(name: "first", cpus: 1, memoryBytes: 1e9, onDemandPrice: Price(perHour: 36))
        let policies = Policies(
            placement: Rescheduling(), provisioning: AsRented(), replanning: .whenInDanger(patienceSeconds: 60))
        let world = SimulatedWorld(seed: 1)
        world.seconds = { $1 == 0 ? taskSeconds : taskSeconds / other.speed }
        let story = Story()
        var member = RunLoop<SimulatedBackend, SimulatedLog>.Member(
            Job(graph, name: "w", goal: Goal(.balanced, deadlineSeconds: deadline, budget: budget)), run: "1",
            estimates: Estimates(expectedSeconds: Array(repeating: 10, count: 10)))
        member.plan = Self.plan(on: 0, from: 0, until: 100)
        nonisolated(unsafe) let told = story
        member.replan = { state, _ in
            told.plans.append((state.seconds, Int(state.jobs[0].finished)))
            let left = Double(10 - state.jobs[0].finished) * 10 / other.speed
            return Self.plan(on: 1, from: state.seconds, until: state.seconds + left)
        }
        let fuse = Fuse()
        var loop = RunLoop(
            [member],
            Allocator(offers: [Offer(type: first), Offer(type: other)], policies: policies),
            on: SimulatedBackend(world, fuse), log: SimulatedLog(SimulatedDisk(), fuse),
            show: { story.events.append($0) }, report: { _ in })
        #expect(try loop.run().ending == .succeeded)
        story.endSeconds = world.now
        return story
    }

    private let fast = InstanceType(
        name: "fast", cpus: 1, memoryBytes: 1e9, speed: 3, onDemandPrice: Price(perHour: 360))
    private let cheap = InstanceType(name: "cheap", cpus: 1, memoryBytes: 1e9, onDemandPrice: Price(perHour: 12))

    @Test("a deadline in danger leads to another plan, which is said, long before the deadline, and it is kept")
    func deadline() throws {
        let story = try run(deadline: 130, taskSeconds: 15, other: fast)
        #expect(story.reasons == [.deadline])
        let plan = try #require(story.plans.first)
        // Ten seconds for each that is left would be too long from the eighth task on, and are not before the fourth.
        #expect(3...8 ~= plan.finished && plan.seconds < 125)
        #expect(story.events.contains(.replanned(.deadline, endSeconds: Double(10 - plan.finished) * 10 / 3)))
        #expect(story.endSeconds <= 130)
    }

    @Test("a budget in danger leads to another plan, which is said, before it is spent")
    func budget() throws {
        let story = try run(budget: 1.2, taskSeconds: 15, other: cheap)
        #expect(story.reasons.first == .budget)
        let plan = try #require(story.plans.first)
        // A cent a second; half a cent for each task beyond what was planned: the fifth is too dear.
        #expect(plan.finished <= 5 && plan.seconds * 0.01 < 0.9)
        #expect(story.events.contains(.replanned(.budget, endSeconds: Double(10 - plan.finished) * 10)))
    }

    @Test("a task that hangs is noticed although nothing else happens")
    func hanging() throws {
        let story = try run(deadline: 130, taskSeconds: 500, other: fast)
        let plan = try #require(story.plans.first)
        #expect(story.reasons.first == .deadline && plan.finished == 0 && plan.seconds < 125)
    }

    @Test("a plan that holds is kept, even where it just meets the limits")
    func inTime() throws {
        let story = try run(deadline: 100.5, budget: 1, taskSeconds: 10, other: fast)
        #expect(story.reasons.isEmpty && story.plans.isEmpty)
    }
}
