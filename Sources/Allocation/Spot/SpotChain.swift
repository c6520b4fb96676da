import Glibc

/// What is believed of a spot market, as a chain that takes a step each tick: spot is there or not, for so long.
///
/// Ages of spells, in ticks, fall into classes. Hazards are probabilities that a spell ends after a tick. Someone who has not
/// seen the spell begin counts from the own arrival and has hazards of that time.
public struct SpotChain: Sendable, Hashable, Codable {
    /// The largest age of each class in ticks, increasing from 1; the last class is open.
    public let upperAges: [Int]
    /// That spot is lost, by class of age.
    public let loss: [Double]
    /// That spot returns.
    public let `return`: [Double]
    /// That spot is lost, by class of the time since arrival.
    public let lossSinceArrival: [Double]
    /// That spot returns.
    public let returnSinceArrival: [Double]

    /// The largest hazard.
    static let most = 0.95

    /// Makes a chain.
    ///
    /// - Precondition: As many hazards, within 0...1, as classes, of which the first holds the age of 1 alone.
    public init(
        upperAges: [Int], loss: [Double], return: [Double], lossSinceArrival: [Double]? = nil,
        returnSinceArrival: [Double]? = nil
    ) {
        (self.upperAges, self.loss, self.return) = (upperAges, loss, `return`)
        self.lossSinceArrival = lossSinceArrival ?? loss
        self.returnSinceArrival = returnSinceArrival ?? `return`
        precondition(
            upperAges.first == 1 && zip(upperAges, upperAges.dropFirst()).allSatisfy { $0 < $1 },
            "Classes of age go up from 1.")
        for hazards in [loss, `return`, self.lossSinceArrival, self.returnSinceArrival] {
            precondition(hazards.count == upperAges.count, "A hazard for each class of age.")
            precondition(hazards.allSatisfy { 0...1 ~= $0 }, "Hazards of a tick are probabilities.")
        }
    }

    /// How many classes of age there are.
    public var classCount: Int { upperAges.count }

    /// The class of an age of at least 1.
    func ageClass(_ age: Int) -> Int {
        var (low, high) = (0, upperAges.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if upperAges[middle] < age { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// States in which spot is there come first, by class; then those in which it is not; then both as they look since
    /// arrival.
    func state(isUp: Bool, age: Int, ageIsKnown: Bool) -> Int {
        ((ageIsKnown ? 0 : 2) + (isUp ? 0 : 1)) * classCount + ageClass(age)
    }

    /// The hazard of a state.
    func hazard(_ state: Int) -> Double {
        let (kind, index) = state.quotientAndRemainder(dividingBy: classCount)
        switch kind {
        case 0: return loss[index]
        case 1: return self.return[index]
        case 2: return lossSinceArrival[index]
        default: return returnSinceArrival[index]
        }
    }

    /// The probability that a spell that does not end moves on to the next class of age: as often as it must in the mean.
    func advance(_ index: Int) -> Double {
        guard index + 1 < classCount else { return 0 }
        return index == 0 ? 1 : 1 / Double(upperAges[index] - upperAges[index - 1])
    }

    /// The chain of a market in which spot is lost, and returns, so many times as often.
    public func scaled(loss lossFactor: Double, return returnFactor: Double) -> SpotChain {
        func scaled(_ hazards: [Double], _ factor: Double) -> [Double] { hazards.map { min($0 * factor, Self.most) } }
        return SpotChain(
            upperAges: upperAges, loss: scaled(loss, lossFactor), return: scaled(self.return, returnFactor),
            lossSinceArrival: scaled(lossSinceArrival, lossFactor),
            returnSinceArrival: scaled(returnSinceArrival, returnFactor))
    }
}
