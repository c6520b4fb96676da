import Forests
import Workloads

/// Levels of a table that a model has never seen, in features that it asks for.
struct UnseenLevels {
    /// Of features of which every row that has a level has an unseen one.
    let problem: String?
    let remarks: [String]

    init(_ forest: FittedForest, _ data: ForestData) {
        var (problem, remarks) = (String?.none, [String]())
        for (index, (feature, isAsked)) in zip(forest.features, forest.isAsked).enumerated() where isAsked {
            guard let known = feature.levels, case .categorical(let codes, let levels) = data.columns[index].values
            else { continue }
            let new = Set(levels).subtracting(known)
            let (given, rows) = (
                codes.count { $0 >= 0 }, codes.count { $0 >= 0 && new.contains(levels[Int($0)]) }
            )
            guard rows > 0 else { continue }
            let isKnown = feature.levelKind != .codes
            let found =
                "\(feature.name) that \(isKnown ? "was never seen" : "no tree names"), such as '\(new.min() ?? "")'"
            remarks.append("\(Units.count(rows, "row")) \(rows == 1 ? "has" : "have") a \(found)")
            let words = new.filter { Int($0) == nil }
            if !isKnown, problem == nil, let word = words.min() {
                problem =
                    "'\(word)' is no code of \(feature.name), which the model asks for by code: it has no names of its "
                    + "levels. Import it anew with --levels \(feature.name)=A,B,C"
            }
            if rows == given, problem == nil, isKnown {
                let some = known.prefix(5).joined(separator: ", ") + (known.count > 5 ? ", …" : "")
                problem = "all \(rows) rows have a \(found). The model knows \(some). Correct the column"
            }
        }
        (self.problem, self.remarks) = (problem, remarks)
    }
}
