import Foundation
import LinearAlgebra
import Prediction
import Scheduling
import Testing
import Workloads

/// Runs of three types, on hosts of two types of instances: on the second everything takes twice as long.
private func runs(_ count: Int, seed: UInt64) throws -> TaskSamples {
    var generator = SeededGenerator(seed: seed)
    var (types, values): ([Int], [Double]) = ([], [])
    var (sizes, cpus, passes): ([Double], [Double], [Double]) = ([], [], [])
    var (hosts, instanceTypes): ([String?], [String?]) = ([], [])
    for row in 0..<count {
        let size = 1e6 * pow(10, 3 * generator.nextUniform())
        let isSlow = row % 4 == 3
        types.append(row % 3)
        sizes.append(size)
        cpus.append(Double(1 + generator.nextInt(below: 4)))
        passes.append(Double(1 + generator.nextInt(below: 5)))
        hosts.append("ip-\(row)")
        instanceTypes.append(isSlow ? "slow.large" : "fast.large")
        let seconds = [30, 2 + size / 1e7, passes[row] * passes[row] * size / 1e7][row % 3]
        values.append(seconds * (isSlow ? 2 : 1) * exp(0.05 * generator.nextNormal()))
    }
    return try TaskSamples(
        target: .runtime, typeNames: ["constant", "linear", "other"],
        featureNames: ["input_bytes", "cpus", "param.passes"], types: types, features: [sizes, cpus, passes],
        values: values, machines: hosts, instanceTypes: instanceTypes)
}

private func tasks(_ count: Int, seed: UInt64) -> [TaskSpec] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { index in
        TaskSpec(
            id: TaskID("t\(index)"), type: ["constant", "linear", "other", "new"][index % 4],
            request: .init(cpus: Double(1 + generator.nextInt(below: 4))),
            inputs: index % 7 == 0
                ? [] : [.init(path: "f\(index)", sizeBytes: 1e6 * pow(10, 3 * generator.nextUniform()))],
            parameters: ["passes": "\(1 + generator.nextInt(below: 5))"])
    }
}

private let pool: [InstanceType] = [
    .init(name: "fast.large", cpus: 4, memoryBytes: 8e9, speed: 1.5),
    .init(name: "slow.large", cpus: 4, memoryBytes: 8e9, speed: 1),
    .init(name: "new.large", cpus: 4, memoryBytes: 8e9, speed: 3),
]

@Suite("Estimates") struct EstimatesTests {
    @Test("a batch says what the model says of each task alone", arguments: UInt64(1)...4)
    func batch(seed: UInt64) throws {
        let model = try TaskModel.fit(runs(300, seed: seed), seed: seed)
        let graph = try TaskGraph(tasks(80, seed: seed))
        let estimates = try ModelSet(runtime: model).estimates(of: graph)
        #expect(estimates.count == 80 && estimates.secondsQuantiles.count == 80)
        for (index, task) in graph.tasks.enumerated() {
            let features = TaskFeatures.values(of: task, names: model.featureNames)
            let value = model.predict(type: task.type, features: features).value
            #expect(abs(estimates.expectedSeconds[index] / value - 1) < 1e-9, "\(task.type)")
            for p in [0.05, 0.5, 0.95, 0.99] {
                let quantile = model.quantile(type: task.type, features: features, p)
                #expect(abs(estimates.seconds(of: index, p: p) / quantile - 1) < 1e-9, "\(task.type) \(p)")
            }
        }
    }

    @Test("what is learnt goes before what is claimed, and that before what is typical") func precedence() throws {
        let model = try TaskModel.fit(runs(300, seed: 1), seed: 1)
        let graph = try TaskGraph([
            TaskSpec(id: "learnt", type: "constant", claimedSeconds: 7),
            TaskSpec(id: "claimed", type: "new", claimedSeconds: 7), TaskSpec(id: "typical", type: "new"),
        ])
        let learnt = try ModelSet(runtime: model).estimates(of: graph, unknownSeconds: 5)
        #expect(learnt.expectedSeconds[0] == model.predict(type: "constant", features: [.nan, 1, .nan]).value)
        #expect(learnt.expectedSeconds[1] == 7 && learnt.seconds(of: 1, p: 0.99) == 7)
        #expect(learnt.expectedSeconds[2] == model.predict(type: "new", features: [.nan, 1, .nan]).value)
        #expect(try ModelSet().estimates(of: graph, unknownSeconds: 5).expectedSeconds == [7, 7, 5])
    }

    @Test("speeds of types of instances are learnt, kept in the file, and used on a pool") func speeds() throws {
        let fitted = try TaskModel.fit(runs(400, seed: 3), seed: 3)
        let model = try TaskModel(fitted.modelFile(), path: "memory")
        let graph = try TaskGraph([
            TaskSpec(id: "a", type: "constant"), TaskSpec(id: "b", type: "new", claimedSeconds: 60),
        ])
        let estimates = try ModelSet(runtime: model).estimates(of: graph, on: pool)
        func seconds(_ task: Int, _ type: Int) -> Double { estimates.seconds(of: task, on: pool[type]) }
        // Measured: half as fast, whatever the pool says, and about as long as the runs took.
        #expect(abs(seconds(0, 1) / seconds(0, 0) - 2) < 0.2)
        #expect(abs(seconds(0, 0) / 30 - 1) < 0.15 && abs(seconds(0, 1) / 60 - 1) < 0.15)
        // Never measured: as fast beside the others as the pool says, on their geometric mean.
        let (learnt, stated) = (1 / (seconds(0, 0) * seconds(0, 1)).squareRoot(), 1.5.squareRoot())
        #expect(abs(1 / seconds(0, 2) / (3 * learnt / stated) - 1) < 1e-9)
        // A claim holds on speed 1.
        #expect(seconds(1, 0) == 40 && seconds(1, 1) == 60 && seconds(1, 2) == 20)
        let again = try ModelSet(runtime: fitted).estimates(of: graph, on: pool)
        #expect(again == estimates)
        let planner = Planner(
            graph, on: .init(entries: pool.prefix(2).map { .init(type: $0) }), costs: CostModel(estimates))
        #expect(try planner.plan(Goal(.time)).assignments.first { $0.task == "a" }?.instance == "fast.large#0")
    }

    @Test("a host of somebody's own is known by its name, not by its type") func ownMachine() throws {
        var samples = try runs(300, seed: 5)
        samples = try TaskSamples(
            target: .runtime, typeNames: samples.typeNames, featureNames: samples.featureNames, types: samples.types,
            features: samples.features, values: samples.values,
            machines: samples.instanceTypes.map { $0 == "slow.large" ? "laptop" : "tower" })
        let model = ModelSet(runtime: try TaskModel.fit(samples, seed: 5))
        let graph = try TaskGraph([TaskSpec(id: "a", type: "constant")])
        let here = InstanceType(name: InstanceType.localName, cpus: 4, memoryBytes: 8e9)
        let laptop = try model.estimates(of: graph, on: [here], host: "laptop").seconds(of: 0, on: here)
        let tower = try model.estimates(of: graph, on: [here], host: "tower").seconds(of: 0, on: here)
        #expect(abs(laptop / tower - 2) < 0.2)
        #expect(try model.estimates(of: graph, on: [here]).instanceTypes.isEmpty)
    }
}
