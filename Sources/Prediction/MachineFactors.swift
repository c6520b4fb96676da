internal import Foundation
internal import LinearAlgebra

/// How much longer the same tasks take on one machine than on the others: by given scores, and learnt from all task types
/// together.
///
/// A new machine shows its speed after a handful of runs of any types, long before each type has runs enough for a curve
/// of its own. A factor is the median of log(actual / expected) over the machine's runs, shrunk by *n* / (*n* + 5), and
/// kept only if it is more than three standard errors and 15 % from none: within that, curves per type know better.
struct MachineFactors: Sendable, Hashable {
    /// Logarithms of the factors of machines that differ.
    var logarithms: [String: Double] = [:]
    /// Given speeds of machines, and the one whose run times are the common scale.
    var scores = MachineScores()
    var reference: String?

    static let minimumRuns = 8
    static let minimumLogarithm = 0.15

    init(logarithms: [String: Double], scores: MachineScores = .init(), reference: String? = nil) {
        (self.logarithms, self.scores, self.reference) = (logarithms, scores, reference)
    }

    init(_ samples: TaskSamples, scores: MachineScores) {
        guard samples.target == .runtime else { return }
        let runs = Dictionary(samples.machines.compactMap { $0.map { ($0, 1) } }, uniquingKeysWith: +)
        if !scores.isEmpty {
            self.scores = scores
            reference =
                runs.filter { scores.speeds[$0.key] != nil }.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        }
        guard runs.count > 1 else { return }
        let samples = normalised(samples)
        var residuals: [String: [Double]] = [:]
        for rows in samples.rowsByType where rows.count >= 3 {
            let models = TypeModels(samples, rows: rows)
            for row in rows {
                guard let machine = samples.machines[row] else { continue }
                let size = samples.features(row)[models.sizeFeature]
                let expected = models.relative?.predict(size: size) ?? models.base(features: samples.features(row))
                residuals[machine, default: []].append(log(samples.values[row] / expected))
            }
        }
        for (machine, values) in residuals where values.count >= Self.minimumRuns {
            let n = Double(values.count)
            let center = median(values)
            // 1.4826 MAD estimates the deviation, 1.2533 is what a median loses against a mean.
            let error = 1.2533 * 1.4826 * median(values.map { abs($0 - center) }) / n.squareRoot()
            if abs(center) > max(3 * error, Self.minimumLogarithm) { logarithms[machine] = center * n / (n + 5) }
        }
    }

    /// What a run time of the common scale is multiplied by on this machine; 1 if nothing is known.
    func factor(_ machine: String?, type: String) -> Double {
        guard let machine else { return 1 }
        let given = reference.flatMap { scores.logarithm(of: type, on: machine, against: $0) } ?? 0
        let sum = given + (logarithms[machine] ?? 0)
        return sum == 0 ? 1 : exp(sum)
    }

    /// The rows as they would have been on the common scale.
    func normalised(_ samples: TaskSamples) -> TaskSamples {
        guard !logarithms.isEmpty || reference != nil else { return samples }
        var result = samples
        for row in samples.values.indices {
            result.values[row] /= factor(samples.machines[row], type: samples.typeNames[samples.types[row]])
        }
        return result
    }
}
