internal import Foundation
public import Markets
public import ModelFiles
public import Prediction
public import Traces

/// Trains the models of a folder from a store, and says how good each is on runs that it has not seen.
public struct Training: Sendable {
    public var options: TaskModelOptions
    public var seed: UInt64
    /// What the model files are written to.
    public var folder: String
    /// The program version that the files name.
    public var version: String

    public init(folder: String, options: TaskModelOptions = .init(), seed: UInt64 = 1, version: String) {
        (self.folder, self.options, self.seed, self.version) = (folder, options, seed, version)
    }

    /// One model file that was written.
    public struct Trained: Sendable, Encodable {
        public let file: String
        /// `runtime_seconds`, `peak_memory_bytes`, `output_bytes` or `price_per_hour`.
        public let target: String
        public let rows: Int
        /// Task types, or markets.
        public let groups: Int
        /// On the last 30 % of each task type; `nil` where no type has ten runs.
        public let heldOut: TaskEvaluation?
        /// Of prices: the error on the last week at 1, 6 and 24 hours, divided by that of the naive forecast.
        public let errorAgainstNaive: [Double]?
        public let seconds: Double

        enum CodingKeys: String, CodingKey {
            case file, target, rows, groups, seconds
            case heldOut = "held_out"
            case errorAgainstNaive = "error_against_naive"
        }
    }

    /// Fits one target on all rows of a trace and writes the model file.
    ///
    /// - Throws: `PredictionError.noRows` if no run recorded the target.
    public func train(_ target: TaskTarget, on table: ExecutionTable) throws -> Trained {
        let start = ContinuousClock.now
        let samples = try TaskSamples(table, target: target)
        let heldOut = try? TaskEvaluation(
            samples, workflow: "all", options: options, seed: seed, minimumRows: 10)
        let path = try write(
            try TaskModel.fit(samples, options: options, seed: seed), samples: samples, heldOut: heldOut)
        return Trained(
            file: path, target: target.rawValue, rows: samples.count, groups: samples.typeNames.count,
            heldOut: heldOut, errorAgainstNaive: nil, seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    /// Learns the prices of all markets and writes the model file.
    ///
    /// - Throws: `PredictionError.noPrices` for an empty table.
    public func trainPrices(on table: SpotPriceTable) throws -> (trained: Trained, model: PriceModel) {
        let start = ContinuousClock.now
        let model = try PriceModel.fit(table, threads: options.threads)
        var file = try model.modelFile()
        file.metadata["almanac_version"] = version
        let path = try path(ModelSet.FileName.prices)
        try file.write(to: path)
        let trained = Trained(
            file: path, target: "price_per_hour", rows: table.count, groups: model.markets.count, heldOut: nil,
            errorAgainstNaive: model.errorRatios, seconds: (ContinuousClock.now - start) / .seconds(1))
        return (trained, model)
    }

    /// Writes a fitted model with all that its file should say.
    func write(_ model: TaskModel, samples: TaskSamples, heldOut: TaskEvaluation?) throws -> String {
        var file = try model.modelFile()
        file.metadata["almanac_version"] = version
        file.metadata["training_checksum"] = String(samples.checksum, radix: 16)
        if let heldOut {
            file.metadata["held_out_rows"] = String(heldOut.testRows)
            file.metadata["held_out_mdape"] = String(heldOut.chosen.mdape)
            file.metadata["held_out_wape"] = String(heldOut.chosen.wape)
            file.metadata["held_out_mdape_median"] = heldOut.candidates[.median].map { String($0.mdape) }
            file.metadata["held_out_coverage_90"] = String(heldOut.coverage90)
        }
        let path = try path(ModelSet.FileName.of(model.target))
        try file.write(to: path)
        return path
    }

    /// Whether the folder can be written to, or made: asked before hours of training end in an error.
    ///
    /// - Throws: `ModelFileError.cannotWrite` that names what is in the way.
    public func checkFolder() throws(ModelFileError) {
        var existing = (folder as NSString).standardizingPath
        while !FileManager.default.fileExists(atPath: existing) { existing = parentFolder(of: existing) }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: existing, isDirectory: &isFolder), isFolder.boolValue else {
            throw .cannotWrite(folder, reason: "'\(existing)' is no folder")
        }
        guard FileManager.default.isWritableFile(atPath: existing) else {
            throw .cannotWrite(folder, reason: "'\(existing)' may not be written to")
        }
    }

    private func path(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return (folder as NSString).appendingPathComponent(name)
    }
}

/// The folder that a path lies in; `.` for a plain name. Not `deletingLastPathComponent` of `NSString`: on Linux that traps
/// on a path of one character.
package func parentFolder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
