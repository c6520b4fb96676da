import Foundation
import LinearAlgebra
import Simulation
import TestSupport
import Testing

@Suite("Recorded Spark jobs and episodes") struct SparkReadingTests {
    static let jobs = """
        {"1": {"stages": [
          {"tasks": 3, "rough_ms": 250.5, "execs": [5, 10], "fresh": [[400], []], "first": [[], [210]], "rest": [[100, 110], [120]]},
          {"tasks": 1, "rough_ms": 90, "execs": [2], "fresh": [[]], "first": [[90]], "rest": [[]]}], "edges": [[0, 1]]},
         "12": {"stages": [{"tasks": 2, "rough_ms": 10, "execs": [5], "fresh": [[10]], "first": [[]], "rest": [[10]]}], "edges": []}}
        """
    static let episode = """
        {"episode": "e", "executors": 4, "moving_delay_ms": 2000, "warmup_delay_ms": 1000, "mean_interarrival_ms": 0,
         "jobs": [{"t_ms": 50, "query": 12, "size": "2g"}, {"t_ms": 0, "query": 1, "size": "2g"}]}
        """

    func catalogue(_ text: String) throws -> SparkCatalogue {
        let folder = TemporaryFolder()
        _ = try folder.write(text.utf8, "tpch_2g.json")
        return try SparkCatalogue(folder: folder.path)
    }

    func episode(_ text: String, _ catalogue: SparkCatalogue) throws -> SparkEpisode {
        let folder = TemporaryFolder()
        return try SparkEpisode(contentsOf: folder.write(text.utf8, "e.json"), catalogue: catalogue)
    }

    @Test("jobs are named by query and size, episodes are sorted by time")
    func reads() throws {
        let catalogue = try catalogue(Self.jobs)
        #expect(catalogue.jobs.map(\.name) == ["q1-2g", "q12-2g"])
        #expect(catalogue.jobs[0].criticalPath == [340.5, 90] && catalogue.jobs[0].workBelow == [90, 0])
        #expect(catalogue.jobs[0].work == 841.5 && catalogue.jobs[0].parents == [[], [0]])
        let episode = try episode(Self.episode, catalogue)
        #expect(episode.arrivals == [.init(milliseconds: 0, job: 0), .init(milliseconds: 50, job: 1)])
        #expect(episode.executors == 4 && episode.name == "e")
        #expect(catalogue.digest != SparkCatalogue.synthetic(jobs: 2, seed: 1).digest)
        #expect(try self.catalogue(Self.jobs.replacing("250.5", with: "250.6")).digest != catalogue.digest)
    }

    @Test(
        "what is wrong in a file is said with its place",
        arguments: [
            ("\"tasks\": 3", "\"tasks\": 0", "job 'q1-2g', stage 0: 'tasks' is 0"),
            ("250.5", "-1", "'rough_ms' is -1.0"), ("[5, 10]", "[10, 5]", "'execs' has 5 after 10"),
            ("[[400], []]", "[[400]]", "'fresh' has 1 lists"), ("[[0, 1]]", "[[0, 2]]", "the edge [0, 2]"),
            ("[[0, 1]]", "[[0, 1], [1, 0]]", "wait for each other"), ("[120]", "[-120]", "is -120 ms"),
            ("\"edges\": [[0, 1]]", "\"sides\": 1", "'edges' is missing"), ("]}}", "]}", "cannot be read"),
            ("[100, 110]", "[100, 1e30]", "cannot be read"),
        ])
    func complaints(old: String, new: String, message: String) throws {
        let text = Self.jobs.replacing(old, with: new, maxReplacements: 1)
        let error = #expect(throws: SparkError.self) { try catalogue(text) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("tpch_2g.json") == true)
    }

    @Test(
        "what is wrong in an episode is said",
        arguments: [
            ("\"executors\": 4", "\"executors\": 0", "number of executors is 0"),
            ("\"t_ms\": 50", "\"t_ms\": -50", "at -50 ms"),
            ("\"query\": 12", "\"query\": 13", "is 'q13-2g'"), ("2000", "-1", "moving delay is -1"),
            ("\"jobs\"", "\"works\"", "'jobs' is missing"),
        ])
    func episodes(old: String, new: String, message: String) throws {
        let catalogue = try catalogue(Self.jobs)
        let error = #expect(throws: SparkError.self) {
            try episode(Self.episode.replacing(old, with: new, maxReplacements: 1), catalogue)
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.description.contains("e.json") == true)
    }

    @Test("an empty folder, and one that is not there, are errors")
    func noFiles() throws {
        let folder = TemporaryFolder()
        #expect(throws: SparkError.noJobs(folder.path)) { try SparkCatalogue(folder: folder.path) }
        #expect(throws: SparkError.self) { try SparkCatalogue(folder: "\(folder.path)/none") }
    }

    @Test("damaged files are read or refused, and what was read can be simulated", arguments: UInt64(0)..<150)
    func fuzz(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (jobs, episode) = (
            ByteMutations.apply(&generator, to: Array(Self.jobs.utf8)),
            ByteMutations.apply(&generator, to: Array(Self.episode.utf8))
        )
        let folder = TemporaryFolder()
        _ = try folder.write(jobs, "tpch_2g.json")
        _ = try folder.write(Self.jobs.utf8, "tpch_5g.json")
        let path = try folder.write(episode, "e.json")
        do {
            let catalogue = try SparkCatalogue(folder: folder.path)
            let episode = try SparkEpisode(contentsOf: path, catalogue: catalogue)
            let tasks = episode.arrivals.flatMap { catalogue.jobs[$0.job].stages.map(\.tasks) }
            guard tasks.allSatisfy({ $0 < 10_000 }) else { return }
            var simulator = SparkSimulator(episode, seed: seed)
            var policy = SparkBaseline.fair
            #expect(simulator.run(&policy) != nil)
            #expect(simulator.brokenInvariants() == [])
        } catch { #expect(error.description.contains(folder.path)) }
    }

    @Test("generated episodes have the rates that were asked for, and settings out of range are errors")
    func workloads() throws {
        let catalogue = SparkCatalogue.synthetic(jobs: 5, seed: 1)
        for burst in [1.0, 8] {
            let workload = SparkWorkload(
                jobs: 4000, executors: 5, meanInterarrivalMilliseconds: 25_000, meanBurst: burst)
            let arrivals = try workload.episode(of: catalogue, seed: 3).arrivals
            let mean = Double(try #require(arrivals.last).milliseconds) / 4000
            #expect(abs(mean / 25_000 - 1) < 0.12)
            let together = zip(arrivals, arrivals.dropFirst()).count { $0.milliseconds == $1.milliseconds }
            #expect(abs(Double(together) / 4000 - (1 - 1 / burst)) < 0.03)
        }
        #expect(try SparkWorkload.batch.episode(of: catalogue, seed: 1).arrivals.allSatisfy { $0.milliseconds == 0 })
        #expect(throws: SparkError.self) {
            try SparkWorkload(jobs: 0, executors: 5, meanInterarrivalMilliseconds: 0).episode(of: catalogue, seed: 1)
        }
        #expect(throws: SparkError.self) {
            try SparkWorkload(jobs: 1, executors: 5000, meanInterarrivalMilliseconds: 0).episode(of: catalogue, seed: 1)
        }
        #expect(throws: SparkError.self) {
            try SparkWorkload(jobs: 1, executors: 5, meanInterarrivalMilliseconds: .nan).episode(of: catalogue, seed: 1)
        }
    }
}
