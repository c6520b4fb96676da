import Execution
import Scheduling
import Testing
import Workloads

@Suite("How long tasks take, by what a run has shown") struct RunPaceTests {
    private static let type = InstanceType(name: "m", cpus: 1, memoryBytes: 1e9, speed: 2)

    private static func outcome(_ type: String, _ seconds: Double, predicted: Double?) -> AttemptRecord {
        var record = AttemptRecord(workflow: "w", job: "w/1", task: "t", taskType: type, attempt: 1)
        (record.runtimeSeconds, record.predictedSeconds) = (seconds, predicted)
        return record
    }

    @Test("claimed times get the spread of the attempts around them, own type first")
    func claimed() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", type: "x"), TaskSpec(id: "b", type: "y")])
        var pace = RunPace(graph, Estimates(expectedSeconds: [100, 10]))
        #expect(pace.seconds(of: 0, on: Self.type, p: 0.9) == 50)
        for ratio in [1.0, 2, 3] { pace.note(Self.outcome("x", 50 * ratio, predicted: 50), speed: 2) }
        #expect([0, 0.5, 0.75, 1].map { pace.seconds(of: 0, on: Self.type, p: $0) } == [50, 100, 125, 150])
        // Of its own type there is nothing yet: what all showed.
        #expect(pace.seconds(of: 1, on: Self.type, p: 0.5) == 10)
    }

    @Test("predicted times with a spread are moved to where the attempts lie")
    func predicted() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", type: "x")])
        let spread = Estimates.Quantiles { 100 + 100 * $0 }
        var pace = RunPace(graph, Estimates(expectedSeconds: [150], secondsQuantiles: [spread]))
        #expect(pace.seconds(of: 0, on: Self.type, p: 0.5) == 75)
        for _ in 0..<5 { pace.note(Self.outcome("x", 90, predicted: 75), speed: 2) }
        #expect(pace.seconds(of: 0, on: Self.type, p: 0.5) == 75 * 1.2)
    }

    @Test("tasks of which nobody knew anything take as long as those of their type, on speed 1")
    func unknown() throws {
        let graph = try TaskGraph([TaskSpec(id: "a", type: "x"), TaskSpec(id: "b", type: "y")])
        var pace = RunPace(graph, Estimates(expectedSeconds: [.nan, .nan]))
        #expect(pace.seconds(of: 0, on: Self.type, p: 0.5) == nil)
        pace.note(Self.outcome("x", 30, predicted: nil), speed: 1)
        var failed = Self.outcome("x", 1, predicted: nil)
        failed.status = .failed
        pace.note(failed, speed: 1)
        #expect(pace.seconds(of: 0, on: Self.type, p: 0.5) == 15)
        #expect(pace.seconds(of: 1, on: Self.type, p: 0.5) == nil)
    }
}
