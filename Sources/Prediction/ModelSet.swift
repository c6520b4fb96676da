internal import Basics
internal import Foundation
internal import Markets
internal import ModelFiles
internal import Workloads

/// The models of one folder: what `almanac train` wrote there, and what a plan needs.
public struct ModelSet: Sendable {
    public var runtime: TaskModel?
    public var memory: TaskModel?
    public var output: TaskModel?
    public var prices: PriceModel?
    /// Forests from elsewhere, where they take the place of our own models.
    public var imported: [TaskTarget: ImportedTaskModel] = [:]

    /// A hash of the files that they were read from; `nil` if they were not.
    public private(set) var digest: String?

    /// Whether any model says how long tasks take.
    public var knowsRuntime: Bool { runtime != nil || imported[.runtime] != nil }

    /// The names of the files in a folder of models.
    public enum FileName {
        public static let runtime = "runtime.safetensors"
        public static let memory = "memory.safetensors"
        public static let output = "output.safetensors"
        public static let prices = "prices.safetensors"

        /// The file of a task model.
        public static func of(_ target: TaskTarget) -> String {
            switch target {
            case .runtime: runtime
            case .peakMemory: memory
            case .outputSize: output
            }
        }
    }

    public init(
        runtime: TaskModel? = nil, memory: TaskModel? = nil, output: TaskModel? = nil, prices: PriceModel? = nil
    ) {
        (self.runtime, self.memory, self.output, self.prices) = (runtime, memory, output, prices)
    }

    /// Reads whichever models the folder holds.
    ///
    /// - Throws: ``PredictionError/noModels(_:)`` if it holds none, `ModelFileError` if one cannot be read.
    public init(folder: String) throws {
        func path(_ name: String) -> String? {
            let path = (folder as NSString).appendingPathComponent(name)
            return FileManager.default.fileExists(atPath: path) ? path : nil
        }
        for target in TaskTarget.allCases {
            guard let path = path(FileName.of(target)) else { continue }
            let file = try ModelFile(contentsOf: path)
            if let model = try ImportedTaskModel(file, path: path, target: target) {
                imported[target] = model
                continue
            }
            let model = try TaskModel(contentsOf: path, target: target)
            switch target {
            case .runtime: runtime = model
            case .peakMemory: memory = model
            case .outputSize: output = model
            }
        }
        prices = try path(FileName.prices).map { try PriceModel(contentsOf: $0) }
        guard runtime != nil || memory != nil || output != nil || prices != nil || !imported.isEmpty else {
            throw PredictionError.noModels(folder)
        }
        var hash = FNV1a()
        for name in TaskTarget.allCases.map({ FileName.of($0) }) + [FileName.prices] {
            for byte in path(name).flatMap({ FileManager.default.contents(atPath: $0) }) ?? Data() {
                hash.add(UInt64(byte))
            }
            hash.add(0x100)
        }
        digest = String(hash.value, radix: 16)
    }
}
