internal import Foundation

/// How good predictions of spot survival are on the later half of histories, by models of the earlier half that see each
/// tick after it is judged, beside simple models.
public struct SpotSurvivalEvaluation: Sendable, Encodable {
    public struct Score: Sendable, Codable, Hashable {
        public let name: String
        /// The mean squared error of the probability that capacity is lost within ``horizonSeconds``.
        public let brier: Double
        public let logLoss: Double
        /// Of pairs of ticks, one before a loss and one not, the share in which the first had the larger probability.
        public let concordance: Double
    }

    /// How often the rest of a life did not exceed its predicted quantiles.
    public struct Calibration: Sendable, Codable, Hashable {
        public let zone: String
        public let spells: Int
        /// The share at or below the median, and at or below the 90 % quantile.
        public let below50: Double
        public let below90: Double
    }

    public let horizonSeconds: Double
    public let judgedTicks: Int
    /// The share of judged ticks after which capacity was lost in time.
    public let lossShare: Double
    /// The model first, then Kaplan–Meier by age, and a constant rate.
    public let scores: [Score]
    public let calibration: [Calibration]
    /// For the nominal levels the observed shares, all zones together.
    public let levels: [Double]
    public let observed: [Double]

    /// The best simple model, if it has the smaller Brier score.
    public var losesTo: Score? {
        guard let own = scores.first else { return nil }
        return scores.dropFirst().filter { $0.brier < own.brier }.min { $0.brier < $1.brier }
    }

    /// - Parameter memorySeconds: After how long an observation of a zone counts for a third only.
    /// - Throws: ``ForecastingError`` if nothing can be judged.
    public init(
        _ histories: [SpotHistory], horizonSeconds: Double = 3600, memorySeconds: Double = .infinity
    ) throws(ForecastingError) {
        let halves = histories.map { $0.ticks(0..<$0.isUp.count / 2) }
        var model = SpotSurvival.fit(halves)
        let past = halves.flatMap(\.upLifetimes)
        let table = SurvivalTable(past)
        let (lost, watched) = past.reduce((0.0, 0.0)) { ($0.0 + ($1.ended ? 1 : 0), $0.1 + $1.end - $1.start) }
        let constant = 1 - exp(-horizonSeconds * lost / max(watched, 1))
        var (own, curve, flat, outcomes) = ([Double](), [Double](), [Double](), [Bool]())
        var reached: [String: [(probability: Double, ended: Bool)]] = [:]
        for history in histories {
            let situations = history.situations(others: histories)
            let ahead = max(1, Int((horizonSeconds / history.stepSeconds).rounded()))
            let ends = history.ends
            for tick in history.isUp.count / 2..<max(history.isUp.count / 2, history.isUp.count - 1) {
                guard let now = history.isUp[tick] else { continue }
                let situation = situations[tick]
                if now, let end = ends[tick] {
                    // Judged where it is known: it was lost in time, or seen to stay that long.
                    let isLost = end.isLoss && end.tick - tick <= ahead
                    if isLost || end.tick - tick > ahead || (end.tick - tick == ahead && !end.isLoss) {
                        own.append(
                            1
                                - model.survival(
                                    situation, seconds: Double(ahead) * history.stepSeconds, zone: history.zone,
                                    type: history.type))
                        curve.append(1 - table.survival(at: situation.ageSeconds, longer: horizonSeconds))
                        flat.append(constant)
                        outcomes.append(isLost)
                    }
                    // The rest of each life at its start and once an hour: what the model said of it.
                    if situation.ageSeconds.truncatingRemainder(dividingBy: 3600) < history.stepSeconds {
                        let rest = Double(end.tick - tick) * history.stepSeconds
                        reached[history.key, default: []].append(
                            (
                                1 - model.survival(situation, seconds: rest, zone: history.zone, type: history.type),
                                end.isLoss
                            ))
                    }
                }
                if let next = history.isUp[tick + 1] {
                    model.observe(
                        situation, stepSeconds: history.stepSeconds, ended: next != now, zone: history.zone,
                        type: history.type, memorySeconds: memorySeconds)
                }
            }
        }
        guard !outcomes.isEmpty else { throw .tooShort(observations: 0, needed: 1, model: "judging spot survival") }
        self.horizonSeconds = horizonSeconds
        judgedTicks = outcomes.count
        lossShare = Double(outcomes.count(where: \.self)) / Double(outcomes.count)
        scores = [("spot survival", own), ("Kaplan-Meier", curve), ("constant rate", flat)].map {
            Self.score($0.0, $0.1, outcomes)
        }
        // Zones that were hardly ever lost do not tell quantiles.
        calibration = reached.sorted { $0.key < $1.key }.filter { $0.value.count(where: \.ended) >= 5 }.map {
            key, reached in
            let shares = SurvivalScores.calibration(reached, at: [0.5, 0.9])
            return Calibration(zone: key, spells: reached.count, below50: shares[0], below90: shares[1])
        }
        levels = stride(from: 0.05, through: 0.951, by: 0.05).map { $0 }
        observed = SurvivalScores.calibration(reached.sorted { $0.key < $1.key }.flatMap(\.value), at: levels)
    }

    private static func score(_ name: String, _ probabilities: [Double], _ outcomes: [Bool]) -> Score {
        var (squares, loss) = (0.0, 0.0)
        for (p, isLost) in zip(probabilities, outcomes) {
            let error = p - (isLost ? 1 : 0)
            squares += error * error
            loss -= log(min(max(isLost ? p : 1 - p, 1e-12), 1))
        }
        // The area under the curve from ranks, equal ones at their middle.
        let order = probabilities.indices.sorted { probabilities[$0] < probabilities[$1] }
        var (ranks, start) = (0.0, 0)
        while start < order.count {
            var end = start
            while end < order.count, probabilities[order[end]] == probabilities[order[start]] { end += 1 }
            let middle = Double(start + end + 1) / 2
            for place in start..<end where outcomes[order[place]] { ranks += middle }
            start = end
        }
        let (lost, all) = (Double(outcomes.count(where: \.self)), Double(outcomes.count))
        let pairs = lost * (all - lost)
        return Score(
            name: name, brier: squares / all, logLoss: loss / all,
            concordance: pairs > 0 ? (ranks - lost * (lost + 1) / 2) / pairs : .nan)
    }
}

extension SpotHistory {
    /// The spells with capacity as lifetimes in seconds; ages count from where they were first seen.
    public var upLifetimes: [SurvivalTable.Lifetime] {
        var lifetimes: [SurvivalTable.Lifetime] = []
        var start: Int?
        for tick in isUp.indices {
            if isUp[tick] == true {
                if start == nil { start = tick }
                continue
            }
            if let from = start {
                lifetimes.append(.init(end: Double(tick - from) * stepSeconds, ended: isUp[tick] == false))
            }
            start = nil
        }
        if let from = start { lifetimes.append(.init(end: Double(isUp.count - from) * stepSeconds, ended: false)) }
        return lifetimes
    }

    /// For every tick with capacity the next tick that has none, or that nobody looked at.
    fileprivate var ends: [(tick: Int, isLoss: Bool)?] {
        var ends = [(tick: Int, isLoss: Bool)?](repeating: nil, count: isUp.count)
        var next = (tick: isUp.count, isLoss: false)
        for tick in isUp.indices.reversed() {
            if isUp[tick] == true { ends[tick] = next } else { next = (tick, isUp[tick] == false) }
        }
        return ends
    }
}
