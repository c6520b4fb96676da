internal import Glibc
internal import LinearAlgebra
public import Scheduling
internal import Workloads

/// What really happens in a simulated run, which nobody who plans may see: how long attempts take, what fails, what is taken
/// back.
///
/// Every draw is a function of the seed and of what it is for (a task and its attempt, an instance), never of the order of
/// events: runs of one seed under different policies meet the same luck, so their differences are those of the policies.
public struct World: Sendable {
    /// What is believed of the tasks: run times are drawn from its quantiles.
    public var estimates: Estimates
    /// The standard deviation of the logarithm of run times that have no quantiles.
    public var noise: Double
    /// By which factors each task may differ from its median run time, all equally likely, in the place of quantiles and noise;
    /// empty for these.
    public var residuals: [[Double]] = []
    /// The probability that an instance of each offer is taken back within an hour, at a constant rate.
    public var reclaimsPerHour: [Double]
    /// The probability that an instance is taken back while an attempt runs on it, however long that takes.
    public var reclaimsPerAttempt = 0.0
    /// Seconds between the notice of a reclaim and the reclaim; 0 is without notice.
    public var warningSeconds: Double
    /// The probability that an instance of a spot offer is refused.
    public var refusals: Double
    /// The probability that an attempt ends with an error of its own, at a moment of its run.
    public var failures: Double
    /// What data move between instances; `nil` if they take no time.
    public var flow: DataFlow?
    /// Whether the transfers that leave or reach one instance share its bandwidth.
    public var sharesLinks = false
    /// What happened to each offer's market, if that is known: prices and how many could be had.
    public var markets: [RecordedMarket?] = []
    /// Seconds for which an attempt occupies its room besides its run time.
    public var dispatchSeconds = 0.0
    /// The standard deviation of the logarithm of the time that an instance takes to come.
    public var openNoise = 0.0

    /// Makes a world without noise, failures, refusals and reclaims, unless they are given.
    public init(
        _ estimates: Estimates, noise: Double = 0, reclaimsPerHour: [Double] = [], warningSeconds: Double = 120,
        refusals: Double = 0, failures: Double = 0
    ) {
        (self.estimates, self.noise, self.reclaimsPerHour) = (estimates, noise, reclaimsPerHour)
        (self.warningSeconds, self.refusals, self.failures) = (warningSeconds, refusals, failures)
    }

    /// Whether run times are what is expected of them.
    public var isCertain: Bool { noise == 0 && residuals.isEmpty && estimates.secondsQuantiles.isEmpty }

    /// Seconds that an attempt at a task takes on speed 1 if nothing keeps it from its end.
    func seconds(_ task: Int, _ attempt: Int32, seed: UInt64) -> Double {
        if task < residuals.count, !residuals[task].isEmpty {
            var luck = Self.generator(seed, .runTime, UInt64(task), UInt64(attempt))
            let place = Int(luck.nextUniform() * Double(residuals[task].count))
            return estimates.seconds(of: task, p: 0.5) * residuals[task][min(place, residuals[task].count - 1)]
        }
        if task < estimates.secondsQuantiles.count,
            estimates.secondsQuantiles[task].values[0] < estimates.secondsQuantiles[task].values[7]
        {
            var luck = Self.generator(seed, .runTime, UInt64(task), UInt64(attempt))
            return estimates.secondsQuantiles[task](luck.nextUniform())
        }
        guard noise > 0 else { return estimates.expectedSeconds[task] }
        var luck = Self.generator(seed, .runTime, UInt64(task), UInt64(attempt))
        return estimates.expectedSeconds[task] * exp(noise * luck.nextNormal() - noise * noise / 2)
    }

    /// Seconds from asking for instance number `number` of an offer until it takes tasks, of which the mean is expected.
    func openSeconds(_ expected: Double, _ number: Int, of offer: Int, seed: UInt64) -> Double {
        guard openNoise > 0, expected > 0 else { return expected }
        var luck = Self.generator(seed, .opening, UInt64(offer), UInt64(number))
        return expected * exp(openNoise * luck.nextNormal() - openNoise * openNoise / 2)
    }

    /// The share of its run after which an attempt fails; `nil` if it does not.
    func failure(_ task: Int, _ attempt: Int32, seed: UInt64) -> Double? {
        guard failures > 0 else { return nil }
        var luck = Self.generator(seed, .failure, UInt64(task), UInt64(attempt))
        return luck.nextUniform() < failures ? luck.nextUniform() : nil
    }

    /// The share of its run after which the instance of an attempt is taken back; `nil` if that does not depend on attempts.
    func reclaim(_ task: Int, _ attempt: Int32, seed: UInt64) -> Double? {
        var luck = Self.generator(seed, .reclaim, UInt64(task), UInt64(attempt))
        return luck.nextUniform() < reclaimsPerAttempt ? luck.nextUniform() : nil
    }

    /// Seconds from the opening of instance number `number` of an offer to its reclaim; infinite if it stays.
    func life(_ number: Int, of offer: Int, seed: UInt64) -> Double {
        guard offer < reclaimsPerHour.count, case let reclaim = reclaimsPerHour[offer], reclaim > 0 else {
            return .infinity
        }
        var luck = Self.generator(seed, .life, UInt64(offer), UInt64(number))
        guard reclaim < 1 else { return 0 }
        return luck.nextExponential() * 3600 / -log1p(-reclaim)
    }

    /// Whether the request for instance number `number` of an offer is refused.
    func isRefused(_ number: Int, _ offer: Offer, _ place: Int, seed: UInt64) -> Bool {
        guard refusals > 0, offer.purchase == .spot else { return false }
        var luck = Self.generator(seed, .refusal, UInt64(place), UInt64(number))
        return luck.nextUniform() < refusals
    }

    /// The part of recorded markets after which a run begins.
    func marketShare(seed: UInt64) -> Double {
        var luck = Self.generator(seed, .market, 0, 0)
        return luck.nextUniform()
    }

    /// Seconds on speed 1 until an attempt at a task is not lost with its machine, those before it with what they had done.
    func totalSeconds(_ task: Int, seed: UInt64) -> Double {
        var (total, attempt) = (0.0, Int32(1))
        while let share = reclaim(task, attempt, seed: seed), attempt < 1000 {
            total += share * seconds(task, attempt, seed: seed)
            attempt += 1
        }
        return total + seconds(task, attempt, seed: seed)
    }

    private enum Purpose: UInt64 { case runTime, failure, life, refusal, opening, reclaim, market }

    private static func generator(_ seed: UInt64, _ purpose: Purpose, _ a: UInt64, _ b: UInt64) -> SeededGenerator {
        SeededGenerator(seed: seed, stream: purpose.rawValue << 60 | (a & 0xFFFF_FFFF) << 24 | b & 0xFF_FFFF)
    }
}
