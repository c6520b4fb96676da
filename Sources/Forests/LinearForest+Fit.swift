internal import LinearAlgebra

extension LinearForest {
    /// Fits a forest with linear leaves.
    ///
    /// - Parameters:
    ///   - data: *n* rows of features.
    ///   - target: *n* finite values up to 1e36, for instance run times in seconds.
    ///   - weights: *n* positive weights; `nil` for equal ones.
    ///   - seed: The only source of randomness. Equal inputs give equal forests on any thread count.
    ///   - progress: Called with the share of the trees that are done, from any thread.
    /// - Throws: ``ForestError`` if the shapes disagree, a value is not finite or an option is out of range.
    /// - Complexity: That of the forest, and O(*n* · *trees* · *depth* · *columns*²) for the lines. Sources: Quinlan,
    ///   *Learning with Continuous Classes* (1992); Shi et al., *Gradient Boosting with Piece-Wise Linear Regression
    ///   Trees* (2019).
    public static func fit(
        _ data: ForestData, target: [Double], weights: [Double]? = nil, options: LinearForestOptions = .random,
        seed: UInt64, threads: Int = defaultThreads, progress: (@Sendable (Double) -> Void)? = nil
    ) throws(ForestError) -> LinearForest {
        try checkTraining(data, target, weights)
        try options.validated(data, target)
        let trunk = LinearTrunk(data, target, weights, options)
        switch options.trees {
        case .random(let forestOptions):
            return try random(data, target, weights, options, forestOptions, trunk, seed, threads, progress)
        case .boosted(let boosting):
            let bins = featureBins(data, target, limit: boosting.binCount, threads: threads)
            let table = BoostingTable(data, bins: bins, threads: threads)
            let grown: LinearRounds =
                weights == nil
                ? trunk.boost(
                    BoostingTrainer<CountCell>(table, boosting, threads: threads), weights, seed, progress)
                : trunk.boost(
                    BoostingTrainer<HessianCell>(table, boosting, threads: threads), weights, seed, progress)
            var (trees, leaves) = (TreeNodes(featureCount: bins.count), LinearLeaves())
            for (tree, lines) in zip(grown.trees, grown.lines) {
                guard tree.nodes.count < trees.treeCapacity else {
                    throw .tooLarge(
                        what: "Nodes of a tree", found: tree.nodes.count, allowed: trees.treeCapacity,
                        remedy: "Lower 'maximumLeaves' or use fewer features.")
                }
                let first = trees.nodes.count
                trees.append(tree.flat(bins, childBits: trees.childBits))
                leaves.append(trees.leaves(of: tree, lines, first: first))
            }
            return LinearForest(
                features: bins.map(\.feature), options: options, seed: seed, trainingRowCount: target.count,
                trainingChecksum: checksum(data, target), outOfBagError: .nan, outOfBagPredictions: [], trees: trees,
                encoder: RowEncoder(bins, data), columns: trunk.columns, leaves: leaves, trunk: trunk.line,
                branches: trunk.branches,
                base: trunk.base, scale: 1, lowest: trunk.lowest)
        }
    }

    private static func random(
        _ data: ForestData, _ target: [Double], _ weights: [Double]?, _ options: LinearForestOptions,
        _ forestOptions: ForestOptions, _ trunk: LinearTrunk, _ seed: UInt64, _ threads: Int,
        _ progress: (@Sendable (Double) -> Void)?
    ) throws(ForestError) -> LinearForest {
        var growing = forestOptions
        (growing.keepsLeafRows, growing.outOfBag) = (true, false)
        let forest = try RegressionForest.fit(
            data, target: trunk.residuals, weights: weights, options: growing, seed: seed, threads: threads,
            progress: { share in progress?(share / 2) })
        guard let rows = forest.leaves else {
            throw .notStored(what: "leaf rows", remedy: "Fit it with the option 'keepsLeafRows'.")
        }
        var seeds = SeededGenerator(seed: seed, stream: 0)
        let treeSeeds = (0..<forest.treeCount).map { _ in seeds.next() }
        let ridge = trunk.ridge(weights)
        var (trees, leaves) = (forest.trees, LinearLeaves())
        var outOfBag = OutOfBag(rowCount: forestOptions.outOfBag && forestOptions.bootstrap ? target.count : 0)
        let wave = 32
        for first in stride(from: 0, to: forest.treeCount, by: wave) {
            let count = min(wave, forest.treeCount - first)
            let fitted = Parallel.map(count: count, threads: threads) { index in
                let tree = first + index
                let drawn =
                    forestOptions.bootstrap
                    ? drawnRows(count: target.count, seed: treeSeeds[tree])
                    : [Bool](repeating: true, count: target.count)
                return (LinearTree(forest.trees, tree, rows, drawn, trunk, ridge), drawn)
            }
            for (index, (tree, drawn)) in fitted.enumerated() {
                let start = Int(trees.starts[first + index])
                for (node, value) in tree.values.enumerated() where trees.node(start + node).isLeaf {
                    trees.nodes[start + node] = TreeNode.leaf(value, at: node)
                }
                leaves.append(tree.lines)
                if outOfBag.predictions.count > 0 { outOfBag.add(tree.outOfBag, drawn: drawn) }
            }
            progress?(0.5 + 0.5 * Double(first + count) / Double(forest.treeCount))
        }
        var predictions = outOfBag.predictions
        for row in predictions.indices {
            predictions[row] = max(trunk.lowest, target[row] - trunk.residuals[row] + predictions[row])
        }
        return LinearForest(
            features: forest.features, options: options, seed: seed, trainingRowCount: target.count,
            trainingChecksum: checksum(data, target), outOfBagError: OutOfBag.error(predictions, target),
            outOfBagPredictions: predictions, trees: trees, encoder: forest.encoder, columns: trunk.columns,
            leaves: leaves, trunk: trunk.line, branches: trunk.branches, base: trunk.base,
            scale: 1 / Double(forest.treeCount),
            lowest: trunk.lowest)
    }
}

/// The line of all rows, those of the levels of one feature, and what they leave over.
private struct LinearTrunk: Sendable {
    let columns: LinearColumns
    /// The columns on their scales.
    let values: [[Double]]
    let base: Double
    let line: RidgeLine
    let branches: LinearBranches
    let residuals: [Double]
    let lowest: Double
    let reach: Double
    let minimumGain: Double

    init(_ data: ForestData, _ target: [Double], _ weights: [Double]?, _ options: LinearForestOptions) {
        columns = LinearColumns(data, target, options)
        values = columns.values(data)
        reach = options.reach ?? (options.logarithmicFeatures ? 2 : 128)
        minimumGain = options.minimumGain
        lowest = !options.logarithmicFeatures && target.allSatisfy { $0 >= 0 } ? 0 : -.infinity
        let total = weights?.reduce(0, +) ?? Double(target.count)
        base = target.indices.reduce(0) { $0 + target[$1] * ((weights?[$1] ?? 1) / total) }
        let ridge = RidgeRegression(columns: values, weights: weights, minimumGain: minimumGain, reach: reach)
        line = ridge.line(Array(target.indices), target, mean: base) ?? RidgeLine(terms: [])
        var residuals = target
        for row in residuals.indices {
            residuals[row] -= base
            for term in line.terms { residuals[row] -= term.value(at: values[term.column][row]) }
        }
        let (branches, values) = (LinearBranches(data, ridge, residuals), values)
        if branches.feature >= 0, case .categorical(let codes, _) = data.columns[branches.feature].values {
            for row in residuals.indices where codes[row] >= 0 {
                residuals[row] -= branches.value(ofLevel: Int(codes[row])) { values[$0][row] }
            }
        }
        (self.residuals, self.branches) = (residuals, branches)
    }

    func ridge(_ weights: [Double]?) -> RidgeRegression {
        RidgeRegression(columns: values, weights: weights, minimumGain: minimumGain, reach: reach)
    }

    /// Takes a line off the residuals of some rows.
    func subtract(_ line: RidgeLine, _ rows: some Sequence<Int>, from residuals: inout [Double]) {
        for row in rows { for term in line.terms { residuals[row] -= term.value(at: values[term.column][row]) } }
    }
}

/// The constants and lines of one tree of a random forest.
private struct LinearTree: Sendable {
    /// The constant of every node.
    var values: [Float]
    var lines = LinearLeaves()
    /// The value of every row that was not drawn, in row order.
    var outOfBag: [Float] = []

    init(
        _ trees: TreeNodes, _ tree: Int, _ leafRows: LeafRows, _ drawn: [Bool], _ trunk: LinearTrunk,
        _ ridge: RidgeRegression
    ) {
        let first = Int(trees.starts[tree])
        let count = Int(trees.starts[tree + 1]) - first
        func rows(ofLeaf node: Int) -> [Int] {
            let at = first + node + tree
            return (leafRows.starts[at]..<leafRows.starts[at + 1]).map {
                Int(leafRows.rowOfRank[Int(leafRows.rows[Int($0)])])
            }
        }
        // The drawn rows in the order of the leaves; children come after their parents.
        var (sizes, starts, drawnOfLeaf) = (
            [Int](repeating: 0, count: count), [Int](repeating: 0, count: count), [[Int]](repeating: [], count: count)
        )
        for node in stride(from: count - 1, through: 0, by: -1) {
            let parts = trees.node(first + node)
            if parts.isLeaf {
                drawnOfLeaf[node] = rows(ofLeaf: node).filter { drawn[$0] }
                sizes[node] = drawnOfLeaf[node].count
            } else {
                sizes[node] = sizes[parts.child] + sizes[parts.child + 1]
            }
        }
        var parents = [Int](repeating: -1, count: count)
        var order = [Int](repeating: 0, count: sizes[0])
        for node in 0..<count {
            let parts = trees.node(first + node)
            if parts.isLeaf {
                order.replaceSubrange(starts[node]..<starts[node] + sizes[node], with: drawnOfLeaf[node])
            } else {
                starts[parts.child] = starts[node]
                starts[parts.child + 1] = starts[node] + sizes[parts.child]
                (parents[parts.child], parents[parts.child + 1]) = (node, node)
            }
        }
        var residuals = trunk.residuals
        values = [Float](repeating: 0, count: count)
        var constants = [Double](repeating: 0, count: count)
        lines.lineOfNode = [Int32](repeating: -1, count: count)
        for node in 0..<count {
            let rows = Array(order[starts[node]..<starts[node] + sizes[node]])
            let above: Int32 = parents[node] < 0 ? -1 : lines.lineOfNode[parents[node]]
            let outer = parents[node] < 0 ? 0 : constants[parents[node]]
            var (mean, total) = (0.0, 0.0)
            for row in rows {
                let weight = ridge.weights?[row] ?? 1
                total += weight
                mean += weight * residuals[row]
            }
            mean = total > 0 ? mean / total : 0
            for row in rows { residuals[row] -= mean }
            constants[node] = outer + mean
            values[node] = Float(constants[node])
            lines.lineOfNode[node] = above
            if let line = ridge.line(rows, residuals, mean: 0) {
                trunk.subtract(line, rows, from: &residuals)
                lines.lineOfNode[node] = lines.append(line, above: above)
            }
        }
        guard drawn.contains(false) else { return }
        var all = [Float](repeating: 0, count: drawn.count)
        for node in 0..<count where trees.node(first + node).isLeaf {
            for row in rows(ofLeaf: node) where !drawn[row] {
                var value = Double(values[node])
                lines.forEachTerm(ofNode: node) { value += $0.value(at: trunk.values[$0.column][row]) }
                all[row] = Float(value)
            }
        }
        outOfBag = drawn.indices.filter { !drawn[$0] }.map { all[$0] }
    }
}

/// The trees of one boosted fit, and the lines of their leaves by the trees' own numbers of nodes.
private struct LinearRounds {
    var trees: [BoostedTree] = []
    var lines: [[Int: RidgeLine]] = []
}

extension LinearTrunk {
    /// Adds trees to the line of all rows, each fitted to what the ones before it left over.
    func boost<Cell: HistogramCell>(
        _ trainer: BoostingTrainer<Cell>, _ weights: [Double]?, _ seed: UInt64,
        _ progress: (@Sendable (Double) -> Void)?
    ) -> LinearRounds {
        let (options, ridge) = (trainer.options, ridge(weights))
        var (residuals, result) = (residuals, LinearRounds())
        var seeds = SeededGenerator(seed: seed, stream: 0)
        var random = QuickRandom(seeds.next())
        for round in 0..<options.rounds {
            let (largest, heaviest) = (
                residuals.indices.reduce(0) { max($0, abs(residuals[$1]) * (weights?[$1] ?? 1)) },
                weights?.reduce(0, max) ?? 1
            )
            let (grid, isUnit) = (trainer.grid, Cell.self == CountCell.self)
            trainer.grid.gradientScale = grid.scale(largest: largest, bits: isUnit ? 62 - grid.countBits : 61)
            trainer.grid.hessianScale = isUnit ? 1 : grid.scale(largest: heaviest, bits: 61 - grid.countBits)
            for row in residuals.indices {
                let weight = weights?[row] ?? 1
                trainer.cells[row] = Cell(gradient: -residuals[row] * weight, hessian: weight, trainer.grid)
            }
            var sample: [UInt32]?
            if options.rowShare < 1 {
                let drawn = residuals.indices.filter { _ in random.uniform() < options.rowShare }.map { UInt32($0) }
                sample = drawn.isEmpty ? [UInt32(random.below(residuals.count))] : drawn
            }
            if options.featureShare < 1 {
                var features = Array(0..<trainer.table.featureCount)
                let share = Int((Double(features.count) * options.featureShare).rounded())
                let count = min(features.count, max(2, share))
                for i in 0..<count { features.swapAt(i, i + random.below(features.count - i)) }
                trainer.activeFeatures = features.prefix(count).sorted()
            }
            var tree = trainer.grow(sample: sample)
            let leaves = tree.nodes.indices.filter { tree.nodes[$0].feature < 0 }
            let (grown, before) = (tree, residuals)
            let fitted = Parallel.map(count: leaves.count, threads: trainer.threads) { index -> RidgeLine? in
                let rows = trainer.rows(grown.nodes[leaves[index]]).map { Int($0) }
                var (sum, total) = (0.0, 0.0)
                for row in rows {
                    sum += (weights?[row] ?? 1) * before[row]
                    total += weights?[row] ?? 1
                }
                var line = ridge.line(rows, before, mean: sum / total)
                for term in line?.terms.indices ?? 0..<0 { line?.terms[term].slope *= options.learningRate }
                return line
            }
            var lines: [Int: RidgeLine] = [:]
            for (leaf, line) in zip(leaves, fitted) {
                tree.nodes[leaf].value = Double(Float(tree.nodes[leaf].value * options.learningRate))
                lines[leaf] = line
            }
            for row in residuals.indices {
                let leaf = tree.leaf(ofRow: row, trainer.table)
                residuals[row] -= tree.nodes[leaf].value
                if let line = lines[leaf] { subtract(line, CollectionOfOne(row), from: &residuals) }
            }
            result.trees.append(tree)
            result.lines.append(lines)
            progress?(Double(round + 1) / Double(options.rounds))
        }
        return result
    }
}

extension TreeNodes {
    /// The lines of the tree whose nodes start at `first`, from those by the numbers that `tree` gives its nodes.
    fileprivate func leaves(of tree: BoostedTree, _ lines: [Int: RidgeLine], first: Int) -> LinearLeaves {
        var leaves = LinearLeaves()
        leaves.lineOfNode = [Int32](repeating: -1, count: tree.nodes.count)
        var open = [(from: 0, to: 0)]
        while let (from, to) = open.popLast() {
            if tree.nodes[from].feature < 0 {
                if let line = lines[from] { leaves.lineOfNode[to] = leaves.append(line, above: -1) }
            } else {
                let child = node(first + to).child
                open.append((tree.nodes[from].right, child + 1))
                open.append((tree.nodes[from].left, child))
            }
        }
        return leaves
    }
}
