import Forecasting
import Foundation
import TestSupport

/// Series and reference fits: those of `Tests/Fixtures`, and the classical ones of `$ALMANAC_SHARED_DATA`.
enum ReferenceData {
    static let series: [String: [Double]] = Dictionary(
        uniqueKeysWithValues: (rows(Fixtures.path("forecasting/series.csv"))
            + rows(SharedData.path("forecasting/classical.csv"))).map { ($0[0], numbers($0[4])) })

    /// Regressor columns by set, part ("train" or "future") and in file order.
    static let regressors: [String: [(part: String, column: String, values: [Double])]] = {
        var sets: [String: [(part: String, column: String, values: [Double])]] = [:]
        for path in [
            Fixtures.path("forecasting/regressors.csv"), SharedData.path("forecasting/classical_xreg.csv"),
        ] {
            for row in rows(path) { sets[row[0], default: []].append((row[1], row[2], numbers(row[3]))) }
        }
        return sets
    }()

    static let fits =
        fits(Fixtures.path("forecasting")) + (SharedData.isThere ? fits(SharedData.path("forecasting")) : [])

    private static func fits(_ folder: String) -> [Fit] {
        let file: File
        do {
            let data = try Data(contentsOf: URL(filePath: folder + "/reference_fits.json"))
            file = try JSONDecoder().decode(File.self, from: data)
        } catch {
            fatalError("\(folder)/reference_fits.json: \(error)")
        }
        let points = file.exact_at_fixed ?? file.statsmodels_at_fixed ?? []
        let exact = Dictionary(uniqueKeysWithValues: points.map { ($0.index, $0) })
        return file.fits.enumerated().map { index, fit in
            var fit = fit
            fit.index = index
            fit.exactAtFixed = exact[index]?.loglik_differenced_concentrated
            return fit
        }
    }

    /// The rows below the header; none where there is no file.
    private static func rows(_ path: String) -> [[String]] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").dropFirst()
            .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    }

    static func numbers(_ text: String) -> [Double] { text.split(separator: " ").map { Double($0) ?? .nan } }

    struct File: Decodable {
        var fits: [Fit]
        /// Likelihoods of the differenced series at the coefficients of `at_fixed`.
        var statsmodels_at_fixed, exact_at_fixed: [Exact]?
    }
    struct Exact: Decodable {
        var index: Int
        var loglik_differenced_concentrated: Double?
    }
    struct Point: Decodable {
        var coef: [String: Double]
        var loglik: Double
        var sigma2: Double
        var resid_head: [Double?]
        var resid_tail: [Double?]
    }
    struct Ahead: Decodable {
        var mean: [Double]
        var se: [Double]
        var lo95: [Double]
        var hi95: [Double]
    }
    struct Estimate: Decodable {
        var coef: [String: Double]
        var se: [String: Double?]
        var sigma2: Double
        var loglik: Double
        var aic: Double?
        var aicc: Double?
        var bic: Double?
        var loglik_default_reltol: Double?
        var css: Double?
        var skip_first: Int
        var ljung_box_10: Double?
        var at_fixed: Point?
        var forecast: Ahead?
    }
    /// By conditional least squares; without contents where R could not.
    struct Conditional: Decodable {
        var coef: [String: Double]?
        var css: Double?
        var loglik: Double?
        var forecast: Ahead?
    }
    struct Fit: Decodable, CustomStringConvertible, Sendable {
        var index: Int? = nil
        var exactAtFixed: Double? = nil
        var series: String
        var transform: String
        var order: [Int]
        var seasonal: [Int]
        var period: Int
        var xreg: String?
        var drift: Bool
        var include_mean: Bool
        var ML: Estimate
        var CSS: Conditional?

        var description: String { "\(index ?? -1) \(series) \(arimaOrder)\(xreg.map { " + " + $0 } ?? "")" }

        var arimaOrder: ARIMAOrder {
            ARIMAOrder(
                order[0], order[1], order[2], seasonal: (seasonal[0], seasonal[1], seasonal[2]), period: period,
                constant: order[1] + seasonal[1] == 0 ? include_mean : drift)
        }

        /// The series as it was fitted.
        var values: [Double] {
            let raw = ReferenceData.series[series] ?? []
            let kept = Array(raw.dropFirst(ML.skip_first))
            switch transform {
            case "log": return kept.map { log($0) }
            case "log10": return kept.map { log10($0) }
            default: return kept
            }
        }

        func regressors(_ part: String) -> [Regressor] {
            guard let xreg, xreg != "drift" else { return [] }
            return (ReferenceData.regressors[xreg] ?? []).filter { $0.part == part }
                .map {
                    Regressor(name: $0.column, values: Array($0.values.dropFirst(part == "train" ? ML.skip_first : 0)))
                }
        }

        /// The ARMA coefficients of `coef` in our order.
        func coefficients(_ coef: [String: Double]) -> [Double] {
            arimaOrder.coefficientNames.map { coef[$0] ?? .nan }
        }
    }
}
