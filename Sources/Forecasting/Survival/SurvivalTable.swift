/// Kaplan–Meier's survival curve and Nelson–Aalen's cumulative hazard of lifetimes, some of which were cut off.
///
///     let table = SurvivalTable([Lifetime(end: 3), Lifetime(end: 5, ended: false), Lifetime(start: 2, end: 7)])
///     table.survival(at: 4)
///
/// Sources: Kaplan and Meier (1958); Nelson (1972), Aalen (1978).
public struct SurvivalTable: Sendable, Hashable {
    /// A lifetime, or the part of it that was seen.
    public struct Lifetime: Sendable, Hashable {
        /// The age from which it was watched: one that ended before would not have been seen (left truncation).
        public let start: Double
        /// The age at its end, or the last one at which it was watched.
        public let end: Double
        /// False if it went on (right censoring).
        public let ended: Bool

        public init(start: Double = 0, end: Double, ended: Bool = true) {
            (self.start, self.end, self.ended) = (start, end, ended)
        }
    }

    /// The ages at which any ended, ascending.
    public let times: [Double]
    /// How many were watched just before each of ``times``, and how many ended there.
    public let atRisk: [Int]
    public let ended: [Int]
    /// Kaplan–Meier: the probability to live beyond each of ``times``.
    public let survival: [Double]
    /// Greenwood's variance of ``survival``.
    public let survivalVariance: [Double]
    /// Nelson–Aalen: the sum of ended / at risk.
    public let cumulativeHazard: [Double]
    /// Its variance: the sum of ended / at risk².
    public let hazardVariance: [Double]

    /// - Parameter lifetimes: Those that do not end after they start are left out.
    /// - Complexity: O(*n* log *n*).
    public init(_ lifetimes: [Lifetime]) {
        let seen = lifetimes.filter { $0.end > $0.start && $0.end.isFinite && $0.start.isFinite }
        let starts = seen.map(\.start).sorted()
        let ends = seen.map(\.end).sorted()
        let ages = seen.filter(\.ended).map(\.end).sorted()
        var (times, atRisk, ended) = ([Double](), [Int](), [Int]())
        var (started, gone, next) = (0, 0, 0)
        while next < ages.count {
            let time = ages[next]
            var count = 0
            while next < ages.count, ages[next] == time {
                count += 1
                next += 1
            }
            while started < starts.count, starts[started] < time { started += 1 }
            while gone < ends.count, ends[gone] < time { gone += 1 }
            times.append(time)
            atRisk.append(started - gone)
            ended.append(count)
        }
        var (survival, survivalVariance, hazard, hazardVariance) = ([Double](), [Double](), [Double](), [Double]())
        var (alive, greenwood, sum, variance) = (1.0, 0.0, 0.0, 0.0)
        for (risk, count) in zip(atRisk, ended) {
            let (n, d) = (Double(risk), Double(count))
            alive *= 1 - d / n
            greenwood += n > d ? d / (n * (n - d)) : 0
            sum += d / n
            variance += d / (n * n)
            survival.append(alive)
            survivalVariance.append(alive * alive * greenwood)
            hazard.append(sum)
            hazardVariance.append(variance)
        }
        (self.times, self.atRisk, self.ended, self.survival) = (times, atRisk, ended, survival)
        (self.survivalVariance, cumulativeHazard, self.hazardVariance) = (survivalVariance, hazard, hazardVariance)
    }

    /// The probability to live beyond an age. O(log *n*).
    public func survival(at age: Double) -> Double {
        let place = count(upTo: age)
        return place == 0 ? 1 : survival[place - 1]
    }

    /// The same for one that has lived to `age`, `longer` more; 0 where none was ever as old.
    public func survival(at age: Double, longer: Double) -> Double {
        let now = survival(at: age)
        return now > 0 ? survival(at: age + longer) / now : 0
    }

    /// How many of ``times`` are not above an age.
    private func count(upTo age: Double) -> Int {
        var (low, high) = (0, times.count)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] <= age { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
