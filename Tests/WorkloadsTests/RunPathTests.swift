import Testing
import Workloads

@Suite("What took the time of a run") struct RunPathTests {
    static func attempt(
        _ task: String, _ type: String, _ start: Double, _ end: Double, number: Int = 1, on instance: String = "m#0",
        status: AttemptStatus = .completed
    ) -> AttemptRecord {
        var record = AttemptRecord(
            workflow: "w", job: "w/1", task: task, taskType: type, attempt: number, status: status)
        (record.startTimeSeconds, record.endTimeSeconds) = (1000 + start, 1000 + end)
        (record.instance, record.instanceType, record.cpus) = (instance, "m", 1)
        return record
    }

    static func life(_ instance: String, _ requested: Double, _ opened: Double) -> InstanceLife {
        InstanceLife(
            workflow: "w", job: "w/1", number: 0, instance: InstanceID(instance),
            offer: Offer(type: InstanceType(name: "m", cpus: 1, memoryBytes: 1e9)),
            requestedTimeSeconds: 1000 + requested, openedTimeSeconds: 1000 + opened, closedTimeSeconds: 1100,
            end: .closed)
    }

    static func graph() throws -> TaskGraph {
        try TaskGraph([
            TaskSpec(id: "a", type: "make"), TaskSpec(id: "b", type: "make"),
            TaskSpec(id: "c", type: "join", predecessors: ["a", "b"]),
        ])
    }

    @Test("through the instance, the room, another attempt and the result")
    func steps() throws {
        let attempts = [
            Self.attempt("a", "make", 10, 20), Self.attempt("b", "make", 20, 24, status: .failed),
            Self.attempt("b", "make", 25, 45, number: 2), Self.attempt("c", "join", 45.5, 50, on: "m#1"),
        ]
        let lives = [Self.life("m#0", 0, 10), Self.life("m#1", 0, 5)]
        let path = RunPath(attempts, lives, try Self.graph(), capacity: ["m": Resources(cpus: 1)])
        #expect(path.steps.map(\.task) == [nil, "a", "b", "b", "c"])
        #expect(path.steps.map(\.reason) == [.nothing, .instance, .room, .retry, .result])
        #expect(path.steps.map(\.attempt) == [0, 1, 1, 2, 1])
        #expect(path.steps.map(\.delaySeconds) == [0, 0, 0, 1, 0.5])
        #expect(path.elapsedSeconds == 50 && path.waitedSeconds == 1.5)
        // a, both attempts at b and what follows move up: 5 + 2 + 10 s.
        let make = try #require(path.gains.first)
        #expect(make.type == "make" && make.gainSeconds == 17 && make.workSeconds == 34 && make.pathSeconds == 34)
        #expect(path.gains.last?.type == "join" && path.gains.last?.gainSeconds == 2.25)
    }

    @Test("with another processor the other task is what counts; a type off the path gains nothing")
    func offPath() throws {
        let attempts = [
            Self.attempt("a", "short", 0, 5), Self.attempt("b", "long", 0, 30), Self.attempt("c", "join", 30, 31),
        ]
        let path = RunPath(attempts, [], try Self.graph())
        #expect(path.steps.map(\.task) == ["b", "c"])
        #expect(path.gains.map(\.type) == ["long", "join", "short"])
        #expect(path.gains.map(\.gainSeconds) == [15, 0.5, 0])
    }

    @Test("a run of which nothing has times has no path")
    func empty() throws {
        let path = RunPath([AttemptRecord()], [], try Self.graph())
        #expect(path.steps.isEmpty && path.elapsedSeconds == 0 && path.gains.isEmpty)
    }
}
