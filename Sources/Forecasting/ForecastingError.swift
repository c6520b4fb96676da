/// Why a series cannot be forecast as asked.
public enum ForecastingError: Error, Hashable, CustomStringConvertible {
    /// No observation is left once missing values are set aside.
    case noObservations
    /// An infinite value.
    case notFinite(position: Int, found: Double)
    /// Fewer observations than the model has parameters and lost steps.
    case tooShort(observations: Int, needed: Int, model: String)
    /// A season of 0 or fewer steps, or an order below 0 or absurdly large.
    case invalidOrder(String)
    /// A regressor of another length than the series, or with missing values.
    case invalidRegressor(name: String, reason: String)
    /// A regressor that is a combination of those before it.
    case collinearRegressor(name: String)
    /// Steps to forecast below 1 or levels outside 0..<1.
    case invalidRequest(String)
    /// The likelihood cannot be computed anywhere near the starting point.
    case noFit(model: String)
    /// A model file of another kind or with damaged contents.
    case invalidModelFile(String)

    /// Says what was found, what was expected and what to do.
    public var description: String {
        switch self {
        case .noObservations:
            "The series has no observations. Give at least one value that is not missing."
        case .notFinite(let position, let found):
            "Observation \(position + 1) is \(found). Write a missing value as an empty field or NA, not as infinity."
        case .tooShort(let observations, let needed, let model):
            "\(model) needs at least \(needed) observations, the series has \(observations). Use a smaller order, "
                + "a shorter season, or the model 'naive'."
        case .invalidOrder(let reason): reason
        case .invalidRegressor(let name, let reason): "Regressor '\(name)': \(reason)"
        case .collinearRegressor(let name):
            "Regressor '\(name)' is a combination of the constant and the regressors before it, after differencing. "
                + "Leave it out."
        case .invalidRequest(let reason): reason
        case .noFit(let model):
            "The likelihood of \(model) cannot be computed for this series. Use a smaller order or the model 'auto'."
        case .invalidModelFile(let reason): reason
        }
    }
}
