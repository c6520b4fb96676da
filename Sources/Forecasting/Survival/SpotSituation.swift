internal import Foundation

/// What is known of a zone at one moment, as far as it tells how long capacity will stay or stay away. Each tick updates it
/// in constant time.
public struct SpotSituation: Sendable, Hashable, Codable {
    /// Whether there is capacity.
    public var isUp: Bool
    /// How long that has been so when the tick began.
    public var ageSeconds = 0.0
    /// The share of the time with capacity in the last day, weighted by an exponential of that length; half where nobody
    /// looked.
    public var recentShare = 0.5
    /// How long the spell with capacity before was.
    public var lastUpSeconds = 3600.0
    /// The share of the other zones with capacity; half without any.
    public var othersUp = 0.5
    /// Unix seconds.
    public var time: Double
    private var isKnown = false

    public init(isUp: Bool = true, ageSeconds: Double = 0, time: Double = 0) {
        (self.isUp, self.ageSeconds, self.time) = (isUp, ageSeconds, time)
    }

    /// The time after which the recent share forgets.
    static let memorySeconds = 86400.0
    /// How many numbers describe a situation.
    static let featureCount = 11

    /// Goes on to the next tick. `nil` where nobody looked: the spell is then taken to begin anew.
    public mutating func observe(_ seen: Bool?, stepSeconds: Double, othersUp: Double = 0.5) {
        time += stepSeconds
        self.othersUp = othersUp
        let kept = exp(-stepSeconds / Self.memorySeconds)
        recentShare = kept * recentShare + (1 - kept) * (seen.map { $0 ? 1 : 0 } ?? 0.5)
        guard let seen else {
            isKnown = false
            return
        }
        if isKnown, seen == isUp {
            ageSeconds += stepSeconds
        } else {
            if isKnown, isUp { lastUpSeconds = ageSeconds + stepSeconds }
            (ageSeconds, isUp, isKnown) = (0, seen, true)
        }
    }

    /// The logarithm of an age, of which hazards are a function.
    static func scale(_ ageSeconds: Double) -> Double { log(ageSeconds / 3600 + 0.15) }

    /// How much what was before a spell still tells at an age: half after an hour.
    static func freshness(_ ageSeconds: Double) -> Double { 1 / (1 + ageSeconds / 3600) }

    /// What is known beside the age: the recent share, the spell before and the other zones, which tell more of young spells
    /// than of old ones, and the hour. Centred roughly.
    var known: [Double] {
        let hour = 2 * Double.pi * time / 86400
        return [
            3 * (recentShare - 0.5), log(lastUpSeconds / 3600 + 0.1) / 1.5, 3 * (othersUp - 0.5), 1.4 * sin(hour),
            1.4 * cos(hour),
        ]
    }

    /// 1, the logarithm of the age and its square, what else is known, and the first three of these while they are fresh.
    func features(ageSeconds age: Double? = nil) -> [Double] {
        let age = age ?? ageSeconds
        let (x, known, fresh) = (Self.scale(age), known, Self.freshness(age))
        return [1, x, x * x / 3] + known + known.prefix(3).map { 2 * fresh * $0 }
    }
}

extension SpotHistory {
    /// The situation at every tick, with what the other zones were at the same ticks.
    ///
    /// - Parameter others: Histories with the same step, if there are any; tick *i* is the same moment in all.
    public func situations(others: [SpotHistory] = []) -> [SpotSituation] {
        let own = key
        let sisters = others.filter { $0.stepSeconds == stepSeconds && $0.key != own }
        var situation = SpotSituation(time: startTime - stepSeconds)
        return isUp.indices.map { tick in
            var (up, seen) = (0, 0)
            for sister in sisters where tick < sister.isUp.count {
                guard let there = sister.isUp[tick] else { continue }
                seen += 1
                if there { up += 1 }
            }
            situation.observe(
                isUp[tick], stepSeconds: stepSeconds, othersUp: seen == 0 ? 0.5 : Double(up) / Double(seen))
            return situation
        }
    }
}
