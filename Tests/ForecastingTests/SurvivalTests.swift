import Forecasting
import Foundation
import LinearAlgebra
import Testing

@Suite("Survival curves") struct SurvivalTableTests {
    static let ends = [3.0, 5, 7, 8, 11, 13, 17, 19, 23, 29, 31, 37]
    static let ended = [true, false, true, true, false, true, true, false, true, true, false, true]
    static let starts = [0.0, 0, 2, 0, 6, 0, 0, 10, 0, 12, 0, 20]
    static let lifetimes = ends.indices.map {
        SurvivalTable.Lifetime(start: starts[$0], end: ends[$0], ended: ended[$0])
    }

    @Test("Kaplan–Meier and Nelson–Aalen are those of lifelines 0.30.3 and scikit-survival 0.28") func references() {
        let table = SurvivalTable(Self.lifetimes)
        #expect(table.times == [3, 7, 8, 13, 17, 23, 29, 37])
        #expect(table.atRisk == [8, 7, 6, 6, 5, 4, 3, 1])
        let survival = [0.875, 0.75, 0.625, 0.5208333333333334, 0.4166666666666667, 0.3125, 0.20833333333333334, 0]
        let hazard = [
            0.125, 0.26785714285714285, 0.43452380952380953, 0.6011904761904762, 0.8011904761904762,
            1.0511904761904762, 1.3845238095238095, 2.3845238095238095,
        ]
        // Σ d / (n (n − d)), which Greenwood multiplies by the square of the survival.
        let greenwood = [
            0.017857142857142856, 0.041666666666666664, 0.075, 0.10833333333333334, 0.15833333333333333,
            0.24166666666666664, 0.4083333333333333,
        ]
        for (a, b) in zip(table.survival, survival) { #expect(abs(a - b) < 1e-12) }
        for (a, b) in zip(table.cumulativeHazard, hazard) { #expect(abs(a - b) < 1e-12) }
        for (i, b) in greenwood.enumerated() {
            #expect(abs(table.survivalVariance[i] - survival[i] * survival[i] * b) < 1e-12)
        }
        // Aalen's: Σ d / n².
        #expect(abs(table.hazardVariance[1] - (1.0 / 64 + 1.0 / 49)) < 1e-12)
        #expect(table.survival(at: 2) == 1 && table.survival(at: 7.5) == table.survival[1])
        #expect(abs(table.survival(at: 7, longer: 6) - 0.5208333333333334 / 0.75) < 1e-12)
    }

    @Test("scores are those of scikit-survival 0.28") func scores() {
        let lifetimes = zip(Self.ends, Self.ended).map { SurvivalTable.Lifetime(end: $0, ended: $1) }
        let times = [4.0, 6, 10, 15, 20, 25, 30]
        let predicted = times.map { time in (0..<12).map { exp(-time / Double(10 + 2 * $0)) } }
        let expected = [
            0.06929917, 0.08142685, 0.14481064, 0.16960294, 0.17661907, 0.17171873, 0.14487942,
        ]
        for (place, time) in times.enumerated() {
            let score = SurvivalScores.brier(predicted[place], lifetimes, at: time, training: lifetimes)
            #expect(abs(score - expected[place]) < 1e-8)
        }
        let integrated = SurvivalScores.integratedBrier(predicted, lifetimes, times: times, training: lifetimes)
        #expect(abs(integrated - 0.15065883954954482) < 1e-12)
        let risks = (0..<12).map { -Double($0) * ($0 % 2 == 0 ? 1 : -1) }
        #expect(abs(SurvivalScores.concordance(risks: risks, lifetimes) - 0.45454545454545453) < 1e-12)
    }

    @Test("calibrated predictions have calibrated quantiles, also where lives are cut off") func calibration() {
        var random = SeededGenerator(seed: 4)
        let reached = (0..<20_000).map { _ in
            let (life, limit) = (random.nextExponential(), 2 * random.nextExponential())
            return (probability: 1 - exp(-min(life, limit)), ended: life <= limit)
        }
        for (level, found) in zip([0.2, 0.5, 0.8], SurvivalScores.calibration(reached, at: [0.2, 0.5, 0.8])) {
            #expect(abs(found - level) < 0.02)
        }
    }

    @Test("no lifetimes, and such as end before they start, are no trouble") func empty() {
        #expect(SurvivalTable([]).survival(at: 5) == 1)
        #expect(SurvivalTable([.init(start: 3, end: 2), .init(end: .nan)]).times.isEmpty)
    }
}

@Suite("Spot survival") struct SpotSurvivalTests {
    /// A zone whose spells end at `rate(age in hours)` per hour, with returns within some hours.
    static func zone(_ name: String, seed: UInt64, days: Double = 40, rate: (Double) -> Double) -> SpotHistory {
        var random = SeededGenerator(seed: seed)
        var (isUp, age, up) = ([Bool?](), 0.0, true)
        for _ in 0..<Int(days * 144) {
            isUp.append(up)
            let hazard = up ? rate(age) : 0.7
            age += 1.0 / 6
            if random.nextUniform() < 1 - exp(-hazard / 6) { (up, age) = (!up, 0) }
        }
        return SpotHistory(zone: name, type: "t", stepSeconds: 600, isUp: isUp)
    }

    @Test("a constant rate is found, and its quantiles are those of the exponential") func constant() throws {
        let zones = (0..<4).map { Self.zone("z\($0)", seed: UInt64($0)) { _ in 0.25 } }
        let model = SpotSurvival.fit(zones)
        for hours in [0.5, 2.0, 5] {
            let situation = SpotSituation(ageSeconds: 3600 * hours)
            let found = model.survival(situation, seconds: 3600, zone: "other", type: "t")
            #expect(abs(found - exp(-0.25)) < 0.06)
            let median = try #require(model.quantile(0.5, situation, zone: "other", type: "t"))
            #expect(abs(median / 3600 - log(2) / 0.25) < 1.2)
        }
    }

    @Test("quantiles and survival say the same") func consistent() throws {
        let model = SpotSurvival.fit([Self.zone("a", seed: 1) { 1 / (1 + $0) }])
        for age in [0.0, 700, 20_000] {
            let situation = SpotSituation(ageSeconds: age)
            for p in [0.1, 0.5, 0.9] {
                let time = try #require(model.quantile(p, situation, zone: "a", type: "t"))
                let reached = model.survival(situation, seconds: time, zone: "a", type: "t")
                #expect(abs(reached - (1 - p)) < 0.02)
            }
        }
    }

    @Test("young spells are at risk, old ones are not, as the zone shows") func falling() {
        let model = SpotSurvival.fit((0..<4).map { Self.zone("z\($0)", seed: UInt64($0)) { 1 / (0.5 + $0) } })
        let rates = [0.2, 1, 5].map {
            1 - model.survival(SpotSituation(ageSeconds: 3600 * $0), seconds: 600, zone: "z0", type: "t")
        }
        #expect(rates[0] > 1.4 * rates[1] && rates[1] > 1.5 * rates[2])
    }

    @Test("a wall at 24 hours is followed") func wall() {
        // A third is lost early, the rest lives until a day.
        var lifetimes: [(key: String, lifetime: SurvivalTable.Lifetime)] = []
        for i in 0..<600 {
            let early = 3600 * (0.2 + Double(i) / 60)
            let late = 86400 + Double(i % 7) * 60
            lifetimes.append((key: "a/t", lifetime: SurvivalTable.Lifetime(end: i % 3 == 0 ? early : late)))
        }
        let model = SpotSurvival.fit([], lifetimes: lifetimes)
        func survival(_ hours: Double) -> Double {
            model.survival(SpotSituation(), seconds: 3600 * hours, zone: "a", type: "t")
        }
        let table = SurvivalTable(lifetimes.map(\.lifetime))
        for hours in [2.0, 8, 16, 23] {
            #expect(abs(survival(hours) - table.survival(at: 3600 * hours)) < 0.2, "\(hours): \(survival(hours))")
        }
        #expect(survival(25) < 0.25)
    }

    @Test("a zone's factor is drawn to 1, and what is seen while it runs moves it") func online() {
        let calm = Self.zone("calm", seed: 1) { _ in 0.1 }
        let wild = Self.zone("wild", seed: 2) { _ in 1 }
        var model = SpotSurvival.fit([calm, wild])
        let situation = SpotSituation(ageSeconds: 1800)
        func lost(_ zone: String) -> Double {
            1 - model.survival(situation, seconds: 3600, zone: zone, type: "t")
        }
        #expect(lost("calm") < lost("new") && lost("new") < lost("wild"))
        let before = lost("new")
        #expect(!model.knows(zone: "new", type: "t"))
        for _ in 0..<30 { model.observe(situation, stepSeconds: 600, ended: true, zone: "new", type: "t") }
        #expect(lost("new") > before)
        #expect(
            model.spread(situation, zone: "new", type: "t").upperBound
                < SpotSurvival.prior.spread(situation, zone: "new", type: "t").upperBound)
    }

    @Test("gaps hide ends: what was not seen counts neither way") func gaps() {
        let history = SpotHistory(
            zone: "a", type: "t", stepSeconds: 600, isUp: [true, true, nil, true, true, false, false, nil, false, true])
        #expect(
            history.upLifetimes == [
                .init(end: 1200, ended: false), .init(end: 1200, ended: true), .init(end: 600, ended: false),
            ])
        let situations = history.situations()
        #expect(situations.map(\.ageSeconds) == [0, 600, 600, 0, 600, 0, 600, 600, 0, 0])
        let model = SpotSurvival.fit([history])
        #expect(model.loss.endCount == 1 && model.return.endCount == 1)
    }

    @Test("files read back with equal bits, damaged ones are refused") func files() throws {
        let model = SpotSurvival.fit([Self.zone("a", seed: 3) { _ in 0.4 }])
        let path = FileManager.default.temporaryDirectory.path + "/survival-\(UUID().uuidString).safetensors"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.write(to: path)
        #expect(try SpotSurvival(contentsOf: path) == model)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for place in stride(from: 8, to: bytes.count, by: 37) {
            let old = bytes[place]
            bytes[place] = old ^ 0x15
            try bytes.write(to: URL(fileURLWithPath: path))
            // Whatever it is, it is an error or a model that answers.
            if let read = try? SpotSurvival(contentsOf: path) {
                let p = read.survival(SpotSituation(ageSeconds: 60), seconds: 3600, zone: "a", type: "t")
                #expect(p >= 0 && p <= 1)
            }
            bytes[place] = old
        }
    }

    @Test("without history the prior is wide, and loss falls with age") func prior() {
        func lost(_ hours: Double) -> Double {
            1
                - SpotSurvival.prior.survival(
                    SpotSituation(ageSeconds: 3600 * hours), seconds: 3600, zone: "z", type: "t")
        }
        #expect(lost(0.1) > 0.35 && lost(0.1) < 0.75)
        #expect(lost(24) < 0.15)
        let spread = SpotSurvival.prior.spread(SpotSituation(), zone: "z", type: "t")
        #expect(spread.upperBound > 1.9 && spread.lowerBound < 0.55)
    }

    @Test("the evaluation beats a constant rate where age matters, and judges what is known only") func evaluation()
        throws
    {
        let zones = (0..<4).map { Self.zone("z\($0)", seed: UInt64($0)) { 1 / (0.3 + $0) } }
        let found = try SpotSurvivalEvaluation(zones)
        #expect(found.scores[0].brier < 0.97 * found.scores[2].brier)
        #expect(found.scores[0].concordance > 0.6)
        #expect(found.calibration.count == 4)
        #expect(found.observed.count == found.levels.count)
        #expect(throws: ForecastingError.self) { try SpotSurvivalEvaluation([]) }
    }
}
