internal import LinearAlgebra

/// How fresh episodes look.
public struct SparkWorkload: Sendable, Hashable, Codable {
    public var jobs: Int
    public var executors: Int
    /// The mean time between two arrivals; 0 is all at once.
    public var meanInterarrivalMilliseconds: Double
    /// Jobs arrive in groups of this mean size (geometric), with as many jobs an hour as without; 1 is a Poisson stream.
    public var meanBurst: Double

    public init(jobs: Int, executors: Int, meanInterarrivalMilliseconds: Double, meanBurst: Double = 1) {
        (self.jobs, self.executors) = (jobs, executors)
        (self.meanInterarrivalMilliseconds, self.meanBurst) = (meanInterarrivalMilliseconds, meanBurst)
    }

    /// 20 jobs at once on 50 executors.
    public static let batch = SparkWorkload(jobs: 20, executors: 50, meanInterarrivalMilliseconds: 0)
    /// 200 jobs, one in 25 s, on 50 executors.
    public static let stream = SparkWorkload(jobs: 200, executors: 50, meanInterarrivalMilliseconds: 25_000)
    /// 50 jobs, one in 25 s, on 10 executors: more than they can do.
    public static let overload = SparkWorkload(jobs: 50, executors: 10, meanInterarrivalMilliseconds: 25_000)

    /// An episode whose jobs are drawn with equal probability. Equal seeds give equal episodes.
    /// - Throws: ``SparkError`` if a setting is out of range.
    public func episode(of catalogue: SparkCatalogue, seed: UInt64) throws(SparkError) -> SparkEpisode {
        let name = "generated with seed \(seed)"
        guard 1...1_000_000 ~= jobs, 0...1e9 ~= meanInterarrivalMilliseconds, 1...1e6 ~= meanBurst else {
            throw .invalidEpisode(
                name,
                reason:
                    "\(jobs) jobs, \(meanInterarrivalMilliseconds) ms between arrivals and bursts of \(meanBurst) are out "
                    + "of range, expected 1…1000000 jobs, 0…1e9 ms and 1…1e6")
        }
        var generator = SeededGenerator(seed: seed, stream: 0x5EA4)
        var (time, arrivals) = (0.0, [SparkEpisode.Arrival]())
        for _ in 0..<jobs {
            arrivals.append(.init(milliseconds: Int(time), job: generator.nextInt(below: catalogue.jobs.count)))
            let goesOn = meanBurst > 1 && generator.nextUniform() < 1 - 1 / meanBurst
            if !goesOn { time += meanInterarrivalMilliseconds * meanBurst * generator.nextExponential() }
        }
        return try SparkEpisode(name: name, catalogue: catalogue, executors: executors, arrivals: arrivals)
    }
}
