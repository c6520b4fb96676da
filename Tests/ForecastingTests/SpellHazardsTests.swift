import Forecasting
import Glibc
import LinearAlgebra
import Testing

@Suite("Hazards of spot capacity by the age of the spell") struct SpellHazardsTests {
    static let bins = SpellBins(stepSeconds: 600)
    /// Lengths of spells in turn, the first one with capacity.
    static let lengths = [7, 1, 3, 12, 1, 2, 40, 5, 1, 9, 300, 2, 6, 1, 1, 30, 11, 4]
    static let trace = lengths.enumerated().flatMap { Array(repeating: $0.offset % 2 == 0, count: $0.element) }

    static func counts() -> SpellCounts {
        var counts = SpellCounts(bins)
        counts.add(trace)
        return counts
    }

    @Test("classes of age double until a day") func classes() {
        #expect(Self.bins.upperAges == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
        #expect((1...9).map(Self.bins.bin(ofAge:)) == [0, 1, 2, 2, 3, 3, 3, 3, 4])
        #expect(Self.bins.bin(ofAge: 1_000_000) == 9)
        let finer = SpellBins(stepSeconds: 600, perOctave: 2)
        #expect(finer.upperAges.prefix(9) == [1, 2, 3, 4, 6, 8, 12, 16, 24])
        #expect((0..<finer.count - 1).allSatisfy { finer.lowerAge(of: $0 + 1) == finer.upperAges[$0] + 1 })
    }

    @Test("the beginning of the first spell and the end of the last are not known") func censoring() {
        let counts = Self.counts()
        #expect(counts.up.atRisk == [8, 5, 9, 14, 19, 32, 40, 64, 128, 44])
        #expect(counts.up.ended == [3, 0, 1, 1, 1, 0, 1, 0, 0, 1])
        #expect(counts.downSinceArrival.atRisk == [65, 56, 93, 139, 159, 105, 0, 0, 0, 0])
        #expect(counts.downSinceArrival.ended == [8, 6, 8, 13, 13, 14, 0, 0, 0, 0])
    }

    /// By the functions `counts` and `shrink` of an independent program in Python, on the same trace.
    @Test("hazards are those of an independent program") func reference() {
        let hazards = SpellHazards.fit(Self.counts())
        let expected = [
            (
                hazards.loss,
                [
                    0.324749444, 0.129572532, 0.0999739016, 0.0604020495, 0.0378436539, 0.0172522673, 0.0148741176,
                    0.00700767103, 0.00429252967, 0.00431770624,
                ]
            ),
            (
                hazards.return,
                [
                    0.212353519, 0.200749603, 0.0969936145, 0.10071091, 0.110176407, 0.0754105067, 0.0640611849,
                    0.0536873061, 0.0452280576, 0.0383004556,
                ]
            ),
            (
                hazards.lossSinceArrival,
                [
                    0.0268287959, 0.0172135342, 0.0141173008, 0.0112292272, 0.00710161157, 0.00661343775,
                    0.00495762248, 0.00495393346, 0.00923952386, 0.0407369405,
                ]
            ),
            (
                hazards.returnSinceArrival,
                [
                    0.118407877, 0.104684966, 0.0886449937, 0.0940402528, 0.0846044252, 0.1277027, 0.118316533,
                    0.13590319, 0.161671098, 0.199183632,
                ]
            ),
        ]
        for (ours, theirs) in expected {
            for (a, b) in zip(ours, theirs) { #expect(abs(a - b) < 1e-7 * b) }
        }
    }

    @Test("what is observed tick by tick is what is added spell by spell") func observing() {
        var observed = SpellCounts(Self.bins)
        for (index, length) in Self.lengths.enumerated() where index > 0 {
            let isLast = index == Self.lengths.count - 1
            for age in 1...length where !(isLast && age == length) {
                observed.observe(age: age, isUp: index % 2 == 0, ended: age == length)
            }
        }
        let counts = Self.counts()
        #expect(observed.up == counts.up && observed.down == counts.down)
    }

    @Test("survival is the product of what each tick leaves", arguments: [1, 5, 40, 700])
    func survival(age: Int) {
        let hazards = SpellHazards.fit(Self.counts())
        var product = 1.0
        for ticks in 0..<900 {
            #expect(abs(hazards.survival(isUp: true, age: age, ticks: ticks) - product) < 1e-12)
            product *= 1 - hazards.hazard(isUp: true, age: age + ticks)
        }
    }

    @Test("a hazard that falls with age is learnt from its spells") func recovered() {
        var generator = SeededGenerator(seed: 4)
        var counts = SpellCounts(Self.bins)
        for _ in 0..<20_000 {
            var age = 1
            while generator.nextUniform() >= 0.4 / Double(age).squareRoot() { age += 1 }
            counts.add(spellOf: age, isUp: true)
        }
        let hazards = SpellHazards.fit(counts)
        for age in [1, 2, 8, 32] {
            let bin = Self.bins.bin(ofAge: age)
            let range = (Self.bins.lowerAge(of: bin), Self.bins.upperAges[bin])
            let bounds = (0.4 / Double(range.1).squareRoot(), 0.4 / Double(range.0).squareRoot())
            #expect(hazards.loss[bin] > bounds.0 * 0.9 && hazards.loss[bin] < bounds.1 * 1.1)
        }
    }

    @Test("without any history hazards are finite, and a zone's own multiplier scales them") func nothing() {
        let hazards = SpellHazards.fit(SpellCounts(Self.bins))
        #expect(hazards.loss.allSatisfy { $0 > 0 && $0 <= SpellHazards.most } && hazards.observations == 0)
        let scaled = SpellHazards.fit(Self.counts()).scaled(loss: 2, return: 100)
        #expect(scaled.loss[2] == 2 * SpellHazards.fit(Self.counts()).loss[2])
        #expect(scaled.return.allSatisfy { $0 == SpellHazards.most })
    }
}
