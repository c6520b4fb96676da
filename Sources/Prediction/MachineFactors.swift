internal import Foundation
internal import LinearAlgebra

/// How much longer the same tasks take on one machine than on the others: by given scores, and learnt from all task types
/// together; of the type of instance first, and then of the host beside others of its type.
///
/// A new machine shows its speed after a handful of runs of any types, long before each type has runs enough for a curve
/// of its own. Hosts of a cloud never come back, but their types do. A factor is the median of log(actual / expected) over
/// the runs, shrunk by *n* / (*n* + 5), and kept only if it is more than three standard errors and 15 % from none: within
/// that, curves per type know better.
struct MachineFactors: Sendable, Hashable {
    /// Logarithms of the factors of hosts that differ, and of all types of instances with runs enough; 0 for one that does
    /// not differ.
    var logarithms: [String: Double] = [:]
    var instanceTypes: [String: Double] = [:]
    /// Given speeds of machines, and the one whose run times are the common scale.
    var scores = MachineScores()
    var reference: String?

    static let minimumRuns = 8
    static let minimumLogarithm = 0.15

    init(
        logarithms: [String: Double], instanceTypes: [String: Double] = [:], scores: MachineScores = .init(),
        reference: String? = nil
    ) {
        (self.logarithms, self.instanceTypes) = (logarithms, instanceTypes)
        (self.scores, self.reference) = (scores, reference)
    }

    init(_ samples: TaskSamples, scores: MachineScores) {
        guard samples.target == .runtime else { return }
        let runs = Dictionary(samples.machines.compactMap { $0.map { ($0, 1) } }, uniquingKeysWith: +)
        if !scores.isEmpty {
            self.scores = scores
            reference =
                runs.filter { scores.speeds[$0.key] != nil }.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
        }
        guard runs.count > 1 || samples.instanceTypes.contains(where: { $0 != nil }) else { return }
        let samples = normalised(samples)
        var residuals = [Double](repeating: .nan, count: samples.count)
        for rows in samples.rowsByType where rows.count >= 3 {
            let models = TypeModels(samples, rows: rows)
            for row in rows {
                let size = samples.features(row)[models.sizeFeature]
                let expected = models.relative?.predict(size: size) ?? models.base(features: samples.features(row))
                residuals[row] = log(samples.values[row] / expected)
            }
        }
        instanceTypes = Self.shared(residuals, by: samples.instanceTypes)
        for row in residuals.indices {
            residuals[row] -= samples.instanceTypes[row].flatMap { instanceTypes[$0] } ?? 0
        }
        let hosts = Self.shared(residuals, by: samples.machines)
        logarithms = hosts.count > 1 ? hosts.filter { $0.value != 0 } : [:]
    }

    /// What the residuals under one name have in common, of names with rows enough; 0 if that is within chance.
    private static func shared(_ residuals: [Double], by names: [String?]) -> [String: Double] {
        var groups: [String: [Double]] = [:]
        for (residual, name) in zip(residuals, names) where !residual.isNaN {
            if let name { groups[name, default: []].append(residual) }
        }
        return groups.compactMapValues { values in
            guard values.count >= minimumRuns else { return nil }
            let n = Double(values.count)
            let center = median(values)
            // 1.4826 MAD estimates the deviation, 1.2533 is what a median loses against a mean.
            let error = 1.2533 * 1.4826 * median(values.map { abs($0 - center) }) / n.squareRoot()
            return abs(center) > max(3 * error, minimumLogarithm) ? center * n / (n + 5) : 0
        }
    }

    /// What a run time of the common scale is multiplied by on a host, on a type of instance, or on both; `nil` if nothing
    /// is known of either.
    func knownFactor(_ host: String?, on instanceType: String?, type: String) -> Double? {
        let given = reference.flatMap { reference in
            (host ?? instanceType).flatMap { scores.logarithm(of: type, on: $0, against: reference) }
        }
        let parts = [given, host.flatMap { logarithms[$0] }, instanceType.flatMap { instanceTypes[$0] }]
        let known = parts.compactMap(\.self)
        return known.isEmpty ? nil : exp(known.reduce(0, +))
    }

    /// What a run time of the common scale is multiplied by on this machine; 1 if nothing is known.
    func factor(_ machine: String?, on instanceType: String? = nil, type: String) -> Double {
        knownFactor(machine, on: instanceType, type: type) ?? 1
    }

    /// The rows as they would have been on the common scale.
    func normalised(_ samples: TaskSamples) -> TaskSamples {
        guard !logarithms.isEmpty || !instanceTypes.isEmpty || reference != nil else { return samples }
        var result = samples
        for row in samples.values.indices {
            let type = samples.typeNames[samples.types[row]]
            result.values[row] /= factor(samples.machines[row], on: samples.instanceTypes[row], type: type)
        }
        return result
    }
}
