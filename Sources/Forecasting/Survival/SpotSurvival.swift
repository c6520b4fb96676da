internal import Foundation
public import ModelFiles

/// How long spot capacity stays, and how long it stays away.
///
///     var model = SpotSurvival.fit(histories)
///     model.lossProbability(situation, within: 3600, zone: "us-west-2a", type: "v100")
///     model.quantile(0.5, situation, zone: "us-west-2a", type: "v100")
///
/// The age of the spell tells most (see ``SpellRegression``); then how much capacity there was in the last day, how long the
/// spell before was, whether other zones have capacity, the hour, and the zone itself, drawn towards all zones. Without any
/// history it is ``prior``, which is wide.
public struct SpotSurvival: Sendable, Hashable, Codable {
    /// Of spells with capacity.
    public private(set) var loss: SpellRegression
    /// Of spells without.
    public private(set) var `return`: SpellRegression

    public init(loss: SpellRegression, return: SpellRegression) { (self.loss, self.return) = (loss, `return`) }

    /// What recorded zones have in common (19 zones of AWS and GCP, 2022 to 2025): for zones of which nothing is known.
    public static let prior = SpotSurvival(
        loss: SpellRegression(
            coefficients: [-0.33, -0.51, -0.16, -0.2, -0.15, -0.15, 0, 0, 0, 0, 0], largestAge: 20 * 86400),
        return: SpellRegression(
            coefficients: [-0.36, -0.55, -0.08, 0.27, 0, 0.24, 0, 0, 0, 0, 0], largestAge: 20 * 86400))

    /// Learns from histories of zones, and from lifetimes of instances.
    ///
    /// The beginning of the first spell of a history was not seen: its age counts from there. What follows a gap, likewise.
    /// - Complexity: O(ticks) time to read them, and 100 passes over pieces of ten minutes or more.
    public static func fit(
        _ histories: [SpotHistory], lifetimes: [(key: String, lifetime: SurvivalTable.Lifetime)] = []
    ) -> SpotSurvival {
        var (up, down) = ([SpellRegression.Piece](), [SpellRegression.Piece]())
        for history in histories {
            history.pieces(history.situations(others: histories), &up, &down)
        }
        for (key, lifetime) in lifetimes {
            var age = lifetime.start
            while age < lifetime.end {
                // Cut where classes of age end.
                let number = SpellRegression.ageClass(age)
                let end =
                    number + 1 < SpellRegression.ageHours.count
                    ? SpellRegression.ageHours[number + 1] * 3600 : .infinity
                let next = min(lifetime.end, end, age + max(600, age / 4))
                up.append(
                    SpellRegression.Piece(
                        situation: SpotSituation(ageSeconds: age), seconds: next - age,
                        ended: next == lifetime.end && lifetime.ended, key: key))
                age = next
            }
        }
        return SpotSurvival(
            loss: SpellRegression(up, prior: prior.loss.coefficients),
            return: SpellRegression(down, prior: prior.return.coefficients))
    }

    private func regression(_ situation: SpotSituation) -> SpellRegression { situation.isUp ? loss : self.return }

    /// The probability that the spell does not end within `seconds` from the beginning of the tick of `situation`.
    ///
    /// - Complexity: O(log of the age and the time).
    public func survival(_ situation: SpotSituation, seconds: Double, zone: String, type: String) -> Double {
        exp(-regression(situation).cumulativeHazard(situation, seconds: seconds, key: "\(zone)/\(type)"))
    }

    /// How long the spell will last from now on with probability 1 − `p`: its `p`-quantile, in seconds; `nil` if more than
    /// 60 days.
    public func quantile(_ p: Double, _ situation: SpotSituation, zone: String, type: String) -> Double? {
        regression(situation).time(
            situation, until: -log1p(-min(max(p, 0), 1 - 1e-12)), limit: 60 * 86400, key: "\(zone)/\(type)")
    }

    /// By what factor the rate of a zone may be off, 80 % of the times: what it has shown itself narrows it.
    public func spread(_ situation: SpotSituation, zone: String, type: String) -> ClosedRange<Double> {
        let seen = regression(situation).zones["\(zone)/\(type)"]?.ended ?? 0
        let width = exp(1.2816 / (seen + 3).squareRoot())
        return 1 / width...width
    }

    /// Whether it has seen a zone.
    public func knows(zone: String, type: String) -> Bool { loss.zones["\(zone)/\(type)"] != nil }

    /// Adds one tick: the situation in it, and whether capacity was there (or away) no more in the next. O(1).
    ///
    /// - Parameter memorySeconds: After how long an observation counts for a third only.
    public mutating func observe(
        _ situation: SpotSituation, stepSeconds: Double, ended: Bool, zone: String, type: String,
        memorySeconds: Double = .infinity
    ) {
        let memory = exp(-stepSeconds / memorySeconds)
        let key = "\(zone)/\(type)"
        if situation.isUp {
            loss.observe(situation, seconds: stepSeconds, ended: ended, key: key, memory: memory)
        } else {
            self.return.observe(situation, seconds: stepSeconds, ended: ended, key: key, memory: memory)
        }
    }

    /// The kind that a model file of it carries.
    public static let modelKind = "spot-survival"
    static let schemaVersion = 1

    public func modelFile() throws -> ModelFile {
        var file = ModelFile(kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        try file.setJSON("survival", self)
        return file
    }

    public func write(to path: String) throws { try modelFile().write(to: path) }

    /// - Throws: `ModelFileError` for a damaged, foreign or newer file, ``ForecastingError`` for one that holds no model.
    public init(contentsOf path: String) throws {
        let file = try ModelFile(contentsOf: path, kind: Self.modelKind, schemaVersion: Self.schemaVersion)
        self = try file.json("survival", as: SpotSurvival.self)
        guard loss.isSound, self.return.isSound else {
            throw ForecastingError.invalidModelFile(
                "\(path): the rates of a spot survival model are damaged. Train it anew.")
        }
    }
}

extension SpellRegression {
    fileprivate var isSound: Bool {
        coefficients.count == SpotSituation.featureCount && coefficients.allSatisfy(\.isFinite)
            && ages.count == Self.ageHours.count && largestAge > 0 && largestAge.isFinite
            && (ages + Array(zones.values)).allSatisfy {
                $0.ended >= 0 && $0.expected >= 0 && $0.ended.isFinite && $0.expected.isFinite
            }
    }
}

extension SpotHistory {
    /// The spells cut into pieces of some minutes, longer ones for older spells.
    func pieces(
        _ situations: [SpotSituation], _ up: inout [SpellRegression.Piece], _ down: inout [SpellRegression.Piece]
    ) {
        var tick = 0
        while tick + 1 < isUp.count {
            guard let state = isUp[tick] else {
                tick += 1
                continue
            }
            let age = situations[tick].ageSeconds
            let longest = max(1, Int(min(max(600, age / 8), 7200) / stepSeconds))
            var (count, ended) = (0, false)
            while count < longest, tick + count + 1 < isUp.count, isUp[tick + count] == state {
                guard let next = isUp[tick + count + 1] else { break }
                count += 1
                if next != state {
                    ended = true
                    break
                }
            }
            if count > 0 {
                var situation = situations[tick]
                // The middle stands for all of it.
                situation.ageSeconds += Double(count - 1) / 2 * stepSeconds
                let piece = SpellRegression.Piece(
                    situation: situation, seconds: Double(count) * stepSeconds, ended: ended, key: key)
                if state { up.append(piece) } else { down.append(piece) }
            }
            tick += max(1, count)
        }
    }
}
