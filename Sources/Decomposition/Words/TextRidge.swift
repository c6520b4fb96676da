internal import LinearAlgebra

/// Ridge regression of many targets on the words of texts, in its dual form: (*K* + λ *I*) α = *Y*.
///
/// It also knows what it would say of each of its own texts without having learnt from it, exactly and without another fit.
/// Source: Saunders, Gammerman and Vovk, *Ridge Regression Learning Algorithm in Dual Variables* (1998).
struct TextRidge: Sendable {
    static let penalty = 0.3

    let kernel: TextKernel
    /// α: rows by targets.
    let weights: Matrix
    /// The weight of each feature on the first targets: a row for each target, so that few targets of a feature are near.
    let featureWeights: Matrix

    /// - Parameters:
    ///   - weights: Rows by targets.
    ///   - explained: How many of the first targets are asked what words speak for them.
    init(_ kernel: TextKernel, weights: Matrix, explained: Int) {
        (self.kernel, self.weights) = (kernel, weights)
        var byFeature = Matrix(rows: explained, columns: kernel.vocabulary.count)
        let byRow = weights.transposed
        for (index, row) in kernel.rows.enumerated() {
            let from = index * byRow.rows
            for (feature, value) in zip(row.features, row.values) {
                let to = Int(feature) * explained
                for target in 0..<explained { byFeature.values[to + target] += value * byRow.values[from + target] }
            }
        }
        featureWeights = byFeature
    }

    /// The fitted values of all targets for a text that is as similar to the rows as given.
    func scores(_ similarities: [Double]) throws(LinearAlgebraError) -> [Double] {
        try weights.multiplied(by: similarities, transpose: .yes)
    }

    /// How much each occurrence of a feature in a text adds to the targets `columns`: targets by occurrences.
    func contributions(_ text: TextVector, _ columns: [Int], without left: LeftOut? = nil) -> Matrix {
        var result = Matrix(rows: columns.count, columns: text.occurrences.count)
        var last: (feature: Int32, weights: [Double]) = (-1, [])
        for (place, occurrence) in text.occurrences.enumerated() {
            if occurrence.feature != last.feature {
                let start = Int(occurrence.feature) * featureWeights.rows
                var weights = columns.map { featureWeights.values[start + $0] }
                left?.correct(&weights, occurrence.feature, columns, kernel)
                last = (occurrence.feature, weights)
            }
            for (target, weight) in last.weights.enumerated() { result[target, place] = weight * occurrence.value }
        }
        return result
    }

    /// What the regression would be without some of its rows.
    struct LeftOut {
        let rows: [Int]
        /// (*G*⁻¹ of these rows)⁻¹ α of these rows: rows by targets.
        let change: Matrix
        let inverse: Matrix

        /// *G*⁻¹ = `inverse`, where *G* = *K* + λ *I*.
        init(_ rows: [Int], _ weights: Matrix, inverse: Matrix) throws(LinearAlgebraError) {
            var own = Matrix(rows: rows.count, columns: rows.count)
            var ours = Matrix(rows: rows.count, columns: weights.columns)
            for (i, row) in rows.enumerated() {
                for (j, other) in rows.enumerated() { own[i, j] = inverse[row, other] }
                for column in 0..<weights.columns { ours[i, column] = weights[row, column] }
            }
            (self.rows, self.inverse) = (rows, inverse)
            change = try Cholesky(own).solve(ours)
        }

        /// Takes from the weights of a feature what the rows gave to it.
        fileprivate func correct(_ weights: inout [Double], _ feature: Int32, _ columns: [Int], _ kernel: TextKernel) {
            for (place, row) in rows.enumerated() {
                var share = 0.0
                let start = row * inverse.rows
                for posting in kernel[feature] { share += posting.value * inverse.values[start + Int(posting.row)] }
                for (index, column) in columns.enumerated() { weights[index] -= share * change[place, column] }
            }
        }
    }
}
