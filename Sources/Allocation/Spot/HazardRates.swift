import Glibc

/// How likely a machine is to be lost at each age: a rate for each of some intervals of age, the last of which has no end.
public struct HazardRates: Sendable, Hashable, Codable {
    /// Where intervals end, in seconds of age, increasing; one fewer than rates.
    public let ends: [Double]
    /// Losses a second in each interval.
    public let rates: [Double]
    /// The cumulative hazard and the integral of survival at the beginning of each interval.
    private let hazards: [Double]
    private let lives: [Double]

    /// Makes rates.
    ///
    /// - Precondition: One rate more than ends, positive; ends increase from above 0.
    public init(ends: [Double], rates: [Double]) {
        precondition(
            rates.count == ends.count + 1 && rates.allSatisfy { $0 > 0 && $0 < .infinity }, "Rates are positive.")
        precondition(zip([0] + ends, ends).allSatisfy { $0 < $1 }, "Intervals of age go up from 0.")
        (self.ends, self.rates) = (ends, rates)
        var (hazards, lives) = ([0.0], [0.0])
        for (index, end) in ends.enumerated() {
            let seconds = end - (index == 0 ? 0 : ends[index - 1])
            lives.append(lives[index] + exp(-hazards[index]) * -expm1(-rates[index] * seconds) / rates[index])
            hazards.append(hazards[index] + rates[index] * seconds)
        }
        (self.hazards, self.lives) = (hazards, lives)
    }

    /// The rate at an age.
    public func rate(at age: Double) -> Double { rates[interval(age)] }

    /// The probability of living so long.
    public func survival(to age: Double) -> Double {
        let index = interval(age)
        return exp(-hazards[index] - rates[index] * (age - (index == 0 ? 0 : ends[index - 1])))
    }

    /// The mean of what is lived up to an age: the integral of survival.
    public func meanLife(upTo age: Double) -> Double {
        let index = interval(age)
        let seconds = age - (index == 0 ? 0 : ends[index - 1])
        return lives[index] + exp(-hazards[index]) * -expm1(-rates[index] * seconds) / rates[index]
    }

    /// The mean life.
    public var meanLife: Double {
        lives[lives.count - 1] + exp(-hazards[hazards.count - 1]) / rates[rates.count - 1]
    }

    private func interval(_ age: Double) -> Int {
        var (low, high) = (0, ends.count)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] <= age { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
