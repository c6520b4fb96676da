/// Classes of the age of a spell, in ticks: one for each tick at first, then wider ones, the last of them open.
///
/// A spell is an uninterrupted time with, or without, spot capacity. In its first tick its age is 1.
///
///     let bins = SpellBins(stepSeconds: 600)   // 1, 2, 3–4, 5–8, … ticks
///     bins.bin(ofAge: 3)                       // 2
public struct SpellBins: Sendable, Hashable, Codable {
    /// Seconds of a tick.
    public let stepSeconds: Double
    /// The largest age of each class, in ticks, increasing; that of the last one says only where an end would be.
    public let upperAges: [Int]

    /// Classes that double in width until the last one, of a day and more.
    ///
    /// - Parameters:
    ///   - stepSeconds: Seconds of a tick, positive.
    ///   - perOctave: Classes for each doubling of the age, 1 or more.
    public init(stepSeconds: Double, perOctave: Int = 1) {
        precondition(stepSeconds > 0 && perOctave > 0, "A tick lasts a positive time, an octave has a class.")
        self.stepSeconds = stepSeconds
        let ticksOfADay = max(2, 86400 / stepSeconds)
        var ages = [1]
        var octave = 1
        while Double(ages.last ?? 1) < 2 * ticksOfADay {
            for part in 1...perOctave {
                let age = octave + (octave * part + perOctave - 1) / perOctave
                if age > ages[ages.count - 1] { ages.append(age) }
            }
            octave *= 2
        }
        upperAges = ages
    }

    /// How many classes there are.
    public var count: Int { upperAges.count }

    /// The class of an age of at least one tick.
    public func bin(ofAge ticks: Int) -> Int {
        var (low, high) = (0, upperAges.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if upperAges[middle] < ticks { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The least age of a class, in ticks.
    public func lowerAge(of bin: Int) -> Int { bin == 0 ? 1 : upperAges[bin - 1] + 1 }

    /// How many ages a class has; the last one has no end.
    public func width(of bin: Int) -> Int { upperAges[bin] - lowerAge(of: bin) + 1 }

    /// The logarithm of the age at the end of each class, from 0 to just below 1: what smooth hazards are a function of.
    var logAges: [Double] {
        let scale = logOf(upperAges[count - 1]) + logOf(2)
        return upperAges.map { logOf($0) / scale }
    }
}
