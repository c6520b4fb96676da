import Foundation
import Learning
import Prediction
import Sizing
import Testing
import Workloads

@Suite("Search for a cloud configuration") struct ConfigurationSearchTests {
    static let configurations: [CloudConfiguration] = {
        var result: [CloudConfiguration] = []
        for (cpus, gigabytes) in [(2.0, 4.0), (4, 16), (8, 16), (8, 64)] {
            for machines in [2, 4, 6, 8, 12, 16, 24] {
                let price: Double = Double(machines) * (0.04 * cpus + 0.004 * gigabytes)
                result.append(
                    CloudConfiguration(
                        name: "\(machines)x\(Int(cpus))", machines: machines, cpusPerMachine: cpus,
                        memoryPerMachineBytes: gigabytes * 1e9, pricePerHour: price))
            }
        }
        return result
    }()

    /// A job that runs four times as long where 150 GB do not fit.
    static func seconds(_ configuration: CloudConfiguration) -> Double {
        let cpus = Double(configuration.machines) * configuration.cpusPerMachine
        let fits = Double(configuration.machines) * configuration.memoryPerMachineBytes >= 150e9
        return 60 + 40_000 / cpus * (fits ? 1 : 4)
    }

    static func run(_ search: ConfigurationSearch, from start: Int, probes count: Int) -> [ConfigurationSearch.Probe] {
        func probe(_ index: Int) -> ConfigurationSearch.Probe {
            .init(configuration: index, seconds: seconds(configurations[index]))
        }
        var probes = [probe(start)]
        while probes.count < count, let next = search.proposal(after: probes) {
            probes.append(probe(next.configuration))
        }
        return probes
    }

    @Test("six trials find a cost near the least, from any start", arguments: [0, 5, 9, 13, 17, 27])
    func cheap(start: Int) throws {
        let search = try ConfigurationSearch(Self.configurations)
        func cost(_ index: Int) -> Double {
            Self.seconds(Self.configurations[index]) * Self.configurations[index].pricePerHour
        }
        let least = try #require(Self.configurations.indices.map(cost).min())
        let best = try #require(search.best(of: Self.run(search, from: start, probes: 6)))
        #expect(cost(best.configuration) <= 1.25 * least)
    }

    @Test("a deadline is kept") func deadline() throws {
        var options = ConfigurationSearch.Options()
        options.deadlineSeconds = 500
        let search = try ConfigurationSearch(Self.configurations, options: options)
        let best = try #require(search.best(of: Self.run(search, from: 0, probes: 6)))
        #expect(best.seconds <= 500)
    }

    @Test("the fastest is sought where time is the goal") func fastest() throws {
        var options = ConfigurationSearch.Options()
        options.objective = .time
        let search = try ConfigurationSearch(Self.configurations, options: options)
        let best = try #require(search.best(of: Self.run(search, from: 0, probes: 6)))
        let least = try #require(Self.configurations.map(Self.seconds).min())
        #expect(best.seconds <= 1.1 * least)
    }

    @Test("a run that did not complete is never the answer, and all are proposed once") func all() throws {
        let search = try ConfigurationSearch(Array(Self.configurations.prefix(5)))
        var probes: [ConfigurationSearch.Probe] = []
        while let next = search.proposal(after: probes) {
            probes.append(.init(configuration: next.configuration, seconds: 7200, completed: false))
        }
        #expect(Set(probes.map(\.configuration)) == Set(0..<5) && probes.count == 5)
        #expect(search.best(of: probes) == nil)
    }

    @Test("after six trials it says stop, when little is to be gained") func stops() throws {
        let search = try ConfigurationSearch(Self.configurations)
        var probes = Self.run(search, from: 0, probes: 5)
        #expect(!search.isSettled(probes, next: search.proposal(after: probes)))
        while probes.count < 20, let next = search.proposal(after: probes), !search.isSettled(probes, next: next) {
            probes.append(
                .init(configuration: next.configuration, seconds: Self.seconds(Self.configurations[next.configuration]))
            )
        }
        #expect((6..<20).contains(probes.count))
        #expect(search.isSettled(probes, next: nil))
    }

    @Test("a header alone is no trial yet, and a name stands once") func tables() throws {
        let folder = FileManager.default.temporaryDirectory
        func file(_ text: String) throws -> String {
            let path = folder.appendingPathComponent("trials-\(UUID().uuidString).csv").path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let header = "name,machines,cpus,memory,price_per_hour\n"
        let (choices, trials) = (try file(header + "a,2,4,16 GB,0.2\nb,4,4,16 GB,0.2\n"), try file("name,seconds\n"))
        let twice = try file(header + "a,2,4,16 GB,0.2\nb,4,4,16 GB,0.2\na,8,4,16 GB,0.2\n")
        defer { for path in [choices, trials, twice] { try? FileManager.default.removeItem(atPath: path) } }
        #expect(try CloudTrials.trials(trials, of: CloudTrials.configurations(choices)).isEmpty)
        #expect(throws: ConfigurationError.repeated(twice, line: 4, name: "a", first: 2)) {
            try CloudTrials.configurations(twice)
        }
    }

    @Test("bad configurations are named") func bad() {
        let free = CloudConfiguration(
            name: "free", machines: 1, cpusPerMachine: 1, memoryPerMachineBytes: 1, pricePerHour: 0)
        #expect(throws: ConfigurationError.tooFew(1)) { try ConfigurationSearch([free]) }
        #expect(throws: ConfigurationError.badConfiguration("free")) { try ConfigurationSearch([free, free]) }
    }
}

@Suite("Machine benchmark") struct MachineBenchmarkTests {
    @Test("speeds are positive and become scores") func measures() throws {
        let measured = try MachineBenchmark.measure(folder: "/tmp")
        let scores = measured.scores(machine: "here")
        #expect(scores.speeds["here"]?.count == 3)
        // Slower than 10 MB/s or faster than 10 TB/s is a fault of the measurement.
        #expect((1e7...1e13).contains(measured.memoryBytesPerSecond))
    }
}
