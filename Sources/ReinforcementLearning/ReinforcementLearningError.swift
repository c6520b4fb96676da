/// Why a policy cannot be trained, read or asked. Every case says what was found and what to do about it.
public enum ReinforcementLearningError: Error, Hashable, CustomStringConvertible {
    case option(String, found: String, allowed: String)
    /// An observation whose parts do not fit each other or the policy.
    case observationSize(what: String, found: Int, expected: Int)
    case observationIndex(what: String, found: Int, count: Int)
    case notFinite(feature: String, row: Int, found: Float)
    case nothingLegal
    /// Finite features that are so large that the network's answer is not.
    case overflow
    /// An environment that goes back in time, or whose reward is not a number.
    case transition(reward: Double, duration: Double)
    /// A teacher that wants what is not legal.
    case illegalAction(GraphAction)
    /// Weights that are no longer numbers.
    case diverged(iteration: Int)
    /// A policy for other features than the ones at hand.
    case otherFeatures(what: String, found: [String], expected: [String])
    /// A model file that is whole and still not a policy.
    case format(file: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .option(let name, let found, let allowed): "Option '\(name)' is \(found); allowed: \(allowed)."
        case .observationSize(let what, let found, let expected):
            "The observation has \(found) \(what), expected \(expected). The environment and the policy's shape differ."
        case .observationIndex(let what, let found, let count):
            "The observation says \(found) for \(what), expected 0 to \(count - 1). Correct the environment."
        case .notFinite(let feature, let row, let found):
            "Feature '\(feature)', row \(row): found \(found), expected a finite number. Decide by a rule instead, or "
                + "correct what the feature is made of."
        case .nothingLegal:
            "The observation allows no action. Give a candidate or allow to leave it idle."
        case .overflow:
            "The features or weights are so large that the network gives no number. Decide by a rule instead; features "
                + "should be of order one."
        case .transition(let reward, let duration):
            "A step gave reward \(reward) in \(duration) s, expected finite numbers and no negative time. Correct the "
                + "environment."
        case .illegalAction(let action): "The teacher chose \(action), which is not legal. Correct the teacher."
        case .diverged(let iteration):
            "Iteration \(iteration) of training left weights that are not numbers. Lower the learning rate or clip harder."
        case .otherFeatures(let what, let found, let expected):
            "The policy was trained on other \(what): found \(found.joined(separator: ", ")); expected "
                + "\(expected.joined(separator: ", ")). Train it anew."
        case .format(let file, let found, let expected):
            "\(file): found \(found), expected \(expected). Copy the file again, or train anew."
        }
    }
}
