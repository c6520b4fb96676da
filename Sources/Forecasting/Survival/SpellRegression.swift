internal import Foundation
internal import LinearAlgebra

/// The rate at which spells end: a log-linear function of the age and the situation, times a factor for each class of age,
/// times one for each zone.
///
/// The first is fitted by Poisson regression on short pieces of time, which is discrete-time regression of the hazard with a
/// complementary log-log link and does not depend on the length of a tick. Age classes and zones have factors
/// (κ + ends) / (κ + expected ends): those with much data speak for themselves, so a wall at 24 hours or a bathtub is
/// followed, and a new zone has factor 1. One more observation costs the same whatever has been seen.
public struct SpellRegression: Sendable, Hashable, Codable {
    /// What was seen of a zone or a class of age.
    public struct Tally: Sendable, Hashable, Codable {
        public var ended = 0.0
        /// By the rest of the model.
        public var expected = 0.0

        func factor(_ weight: Double) -> Double { (weight + ended) / (weight + expected) }
    }

    /// Of ``SpotSituation``'s features; the rate is per hour.
    public private(set) var coefficients: [Double]
    /// By class of age.
    public private(set) var ages: [Tally]
    /// By ``SpotHistory/key``.
    public private(set) var zones: [String: Tally] = [:]
    /// Ages beyond which nothing was seen, in seconds: older spells count as this old.
    public private(set) var largestAge: Double

    static let zoneWeight = 10.0
    /// Little near a day, where clouds have walls that no smooth curve follows; much elsewhere.
    static let ageWeights = ageHours.map { 20...30 ~= $0 ? 3.0 : 30 }

    /// The lower ends of the classes of age, in hours: finer near a day, at which clouds end what they lent.
    static let ageHours = [
        0, 1.0 / 6, 1.0 / 3, 0.5, 1, 2, 4, 8, 12, 16, 20, 22, 23, 23.5, 23.9, 24.05, 24.2, 24.5, 25, 26, 30, 48, 72,
    ]

    /// A piece of a spell.
    struct Piece {
        var situation: SpotSituation
        var seconds: Double
        var ended: Bool
        var key: String
    }

    static func ageClass(_ seconds: Double) -> Int {
        var (low, high) = (0, ageHours.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if ageHours[middle] * 3600 <= seconds { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// The rate of a model without data: `coefficients` of ours.
    init(coefficients: [Double], largestAge: Double) {
        (self.coefficients, self.largestAge) = (coefficients, largestAge)
        ages = Self.ageHours.map { _ in Tally() }
    }

    /// Fits `pieces`, drawn towards `prior` as if little had been seen.
    init(_ pieces: [Piece], prior: [Double]) {
        self.init(coefficients: prior, largestAge: 600)
        guard !pieces.isEmpty else { return }
        largestAge = max(600, pieces.reduce(0) { max($0, $1.situation.ageSeconds + $1.seconds) })
        let rows = pieces.map { $0.situation.features() }
        let classes = pieces.map { Self.ageClass($0.situation.ageSeconds) }
        var numbers: [String: Int] = [:]
        let places = pieces.map { piece in
            if let known = numbers[piece.key] { return known }
            numbers[piece.key] = numbers.count
            return numbers.count - 1
        }
        var zoneFactor = [Double](repeating: 1, count: numbers.count)
        var ageFactors = [Double](repeating: 1, count: ages.count)
        var zoneTally = [Tally](repeating: Tally(), count: numbers.count)
        for _ in 0..<4 {
            solve(pieces, rows, offsets: pieces.indices.map { zoneFactor[places[$0]] * ageFactors[classes[$0]] }, prior)
            let base = pieces.indices.map { pieces[$0].seconds / 3600 * linearRate(rows[$0]) }
            // Ages are what they are beyond zones, and zones beyond ages.
            ages = ages.map { _ in Tally() }
            for row in pieces.indices {
                ages[classes[row]].expected += base[row] * zoneFactor[places[row]]
                if pieces[row].ended { ages[classes[row]].ended += 1 }
            }
            ageFactors = ages.indices.map(ageFactor(_:))
            zoneTally = zoneTally.map { _ in Tally() }
            for row in pieces.indices {
                zoneTally[places[row]].expected += base[row] * ageFactors[classes[row]]
                if pieces[row].ended { zoneTally[places[row]].ended += 1 }
            }
            zoneFactor = zoneTally.map { $0.factor(Self.zoneWeight) }
        }
        for (key, place) in numbers { zones[key] = zoneTally[place] }
    }

    /// Ridge penalties around the prior: on the whole level hardly any, on what may mislead more.
    private static let ridge = [0.01, 0.1, 0.1, 5, 5, 5, 5, 5, 5, 5, 5]

    /// Newton's method for the Poisson regression with `offsets` as factors of the rate.
    private mutating func solve(_ pieces: [Piece], _ rows: [[Double]], offsets: [Double], _ prior: [Double]) {
        let width = coefficients.count
        for _ in 0..<25 {
            var gradient = [Double](repeating: 0, count: width)
            var curvature = [Double](repeating: 0, count: width * width)
            for (piece, (row, offset)) in zip(pieces, zip(rows, offsets)) {
                let expected = piece.seconds / 3600 * offset * linearRate(row)
                let error = (piece.ended ? 1 : 0) - expected
                for i in 0..<width {
                    gradient[i] += row[i] * error
                    let own = row[i] * expected
                    for j in 0...i { curvature[i * width + j] += own * row[j] }
                }
            }
            var matrix = Matrix(rows: width, columns: width)
            for i in 0..<width {
                gradient[i] -= Self.ridge[i] * (coefficients[i] - prior[i])
                for j in 0...i {
                    matrix[i, j] = curvature[i * width + j] + (i == j ? Self.ridge[i] : 0)
                    matrix[j, i] = matrix[i, j]
                }
            }
            guard let step = try? Cholesky(matrix).solve(gradient) else { return }
            for i in 0..<width { coefficients[i] += min(max(step[i], -1), 1) }
            if step.allSatisfy({ abs($0) < 1e-6 }) { return }
        }
    }

    private func linearRate(_ row: [Double]) -> Double {
        var sum = 0.0
        for i in coefficients.indices { sum += coefficients[i] * row[i] }
        return exp(min(max(sum, -15), 6))
    }

    private func ageFactor(_ number: Int) -> Double { ages[number].factor(Self.ageWeights[number]) }

    /// The factor of a zone: its own, else 1.
    func zoneFactor(_ key: String) -> Double { zones[key]?.factor(Self.zoneWeight) ?? 1 }

    /// The rate per hour at which the spell ends once it is `ageSeconds` old, all else as it is now.
    func rate(_ situation: SpotSituation, ageSeconds: Double, key: String) -> Double {
        let age = min(ageSeconds, largestAge)
        return linearRate(situation.features(ageSeconds: age)) * ageFactor(Self.ageClass(age))
            * zoneFactor(key)
    }

    /// The sum of rate × time over the next `seconds`.
    func cumulativeHazard(_ situation: SpotSituation, seconds: Double, key: String) -> Double {
        var sum = 0.0
        walk(situation, seconds: seconds, key: key) { rate, piece in
            sum += rate * piece / 3600
            return nil
        }
        return sum
    }

    /// After how long the sum of rate × time reaches `hazard`; `nil` if not within `limit` seconds.
    func time(_ situation: SpotSituation, until hazard: Double, limit: Double, key: String) -> Double? {
        var (sum, passed) = (0.0, 0.0)
        return walk(situation, seconds: limit, key: key) { rate, piece in
            let next = sum + rate * piece / 3600
            if next >= hazard { return passed + (rate > 0 ? (hazard - sum) / rate * 3600 : piece) }
            (sum, passed) = (next, passed + piece)
            return nil
        }
    }

    /// Goes through the next `seconds` in pieces short enough for the age not to matter within them, until `visit` has a
    /// result.
    @discardableResult
    private func walk(
        _ situation: SpotSituation, seconds: Double, key: String, _ visit: (_ rate: Double, _ piece: Double) -> Double?
    ) -> Double? {
        // All but the age stays: only its parts of the sum change.
        let known = situation.known
        var (rest, fresh) = (coefficients[0], 0.0)
        for i in known.indices { rest += coefficients[3 + i] * known[i] }
        for i in 0..<3 { fresh += 2 * coefficients[8 + i] * known[i] }
        let zone = zoneFactor(key)
        var (age, left) = (situation.ageSeconds, seconds)
        while left > 0 {
            let number = Self.ageClass(min(age, largestAge))
            let end = number + 1 < Self.ageHours.count ? Self.ageHours[number + 1] * 3600 : .infinity
            // At least a second, or rounding would keep it before the end of a class for ever.
            let piece = min(left, max(1, min(max(60, age / 6), age < end ? end - age : .infinity)))
            let middle = min(age + piece / 2, largestAge)
            let x = SpotSituation.scale(middle)
            let sum =
                rest + coefficients[1] * x + coefficients[2] * x * x / 3 + fresh * SpotSituation.freshness(middle)
            let rate = zone * exp(min(max(sum, -15), 6)) * ageFactor(number)
            if let result = visit(min(rate, 1000), piece) { return result }
            age += piece
            left -= piece
        }
        return nil
    }

    /// Adds what was seen of a zone in one piece of time: constant time, and only its factor moves.
    ///
    /// - Parameter memory: By how much what was seen before counts less from now on; 1 for not at all.
    mutating func observe(_ situation: SpotSituation, seconds: Double, ended: Bool, key: String, memory: Double = 1) {
        let age = min(situation.ageSeconds, largestAge)
        let expected =
            linearRate(situation.features(ageSeconds: age)) * ageFactor(Self.ageClass(age)) * seconds
            / 3600
        var tally = zones[key] ?? Tally()
        tally.ended = memory * tally.ended + (ended ? 1 : 0)
        tally.expected = memory * tally.expected + expected
        zones[key] = tally
    }

    /// How many ends were seen.
    public var endCount: Int { Int(ages.reduce(0) { $0 + $1.ended }) }
}
