internal import Foundation
internal import LinearAlgebra

extension SparkCatalogue {
    /// Jobs like those of analytical queries, made by chance: for training and tests without recorded ones.
    ///
    /// A job has 2 to 18 stages in the shape of a tree of joins with a few more edges, and a size between a few and a few thousand
    /// seconds of work, with a heavy tail. Stages that read have many tasks, those that join 5 to 200, the last one few. The tasks
    /// of a stage differ by a lognormal factor. A first task on a fresh executor takes about twice as long as a later one, a first
    /// task of a stage somewhat longer, and with many executors all take longer: as recorded in Spark's jobs.
    ///
    /// Equal seeds give equal catalogues.
    public static func synthetic(jobs count: Int, seed: UInt64) -> SparkCatalogue {
        precondition(count > 0, "a catalogue has at least one job")
        let jobs = (0..<count).compactMap { index -> SparkJob? in
            var generator = SeededGenerator(seed: seed, stream: UInt64(index))
            return try? SparkJob.synthetic(name: "synthetic-\(index)", &generator)
        }
        guard jobs.count == count, let catalogue = try? SparkCatalogue(jobs) else {
            preconditionFailure("synthetic jobs are valid")
        }
        return catalogue
    }
}

extension SparkJob {
    fileprivate static func synthetic(
        name: String, _ generator: inout SeededGenerator
    ) throws(SparkError) -> SparkJob {
        let stageCount = 2 + min(16, Int(6 * exp(0.5 * generator.nextNormal())))
        // Each stage but the last feeds a later one: near ones most often, so that there are chains and bushes.
        var edges: [[Int]] = []
        for stage in 0..<(stageCount - 1) {
            let ahead = 1 + min(stageCount - 2 - stage, Int(1.5 * generator.nextExponential()))
            edges.append([stage, stage + ahead])
            if generator.nextUniform() < 0.15 { edges.append([stage, stageCount - 1]) }
        }
        let fed = Set(edges.map { $0[1] })
        let size = exp(generator.nextNormal())
        let stages = (0..<stageCount).map { index -> Stage in
            let reads = !fed.contains(index)
            let tasks =
                index == stageCount - 1
                ? 1 + generator.nextInt(below: 10)
                : reads
                    ? min(600, max(1, Int(90 * size * exp(0.8 * generator.nextNormal()))))
                    : 5 + min(195, Int(90 * exp(generator.nextNormal())))
            let mean = min(60_000, max(20, (reads ? 520 : 170 * size.squareRoot()) * exp(0.8 * generator.nextNormal())))
            return synthetic(tasks: tasks, mean: mean, &generator)
        }
        return try SparkJob(name: name, stages: stages, edges: edges)
    }

    private static func synthetic(tasks: Int, mean: Double, _ generator: inout SeededGenerator) -> Stage {
        let fresh = 1.6 + 0.8 * generator.nextUniform()
        let first = 1 + 0.5 * generator.nextUniform()
        let slowdown = 0.3 * generator.nextExponential()
        let spread = 0.1 + 0.3 * generator.nextUniform()
        let levels = [5, 10, 20, 40, 50, 60, 80, 100].map { executors -> Level in
            let parallel = 1 + slowdown * pow(Double(executors) / 50, 1.5)
            func draws(_ count: Int, _ factor: Double) -> [Int32] {
                (0..<count).map { _ in
                    Int32(max(1, min(1e8, mean * parallel * factor * exp(spread * generator.nextNormal()))))
                }
            }
            let firstWave = min(tasks, executors, 20)
            return Level(
                executors: executors, fresh: draws(firstWave, fresh), first: draws(firstWave, first),
                rest: draws(min(30, max(0, tasks - firstWave)), 1))
        }
        let all = levels.flatMap { $0.fresh + $0.first + $0.rest }
        let rough = all.reduce(0) { $0 + Double($1) } / Double(all.count)
        return Stage(tasks: tasks, roughMilliseconds: rough, levels: levels)
    }
}
