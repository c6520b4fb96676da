import ArgumentParser
import Foundation
import Store

/// The options that every subcommand has.
struct GlobalOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON for machines instead of text for people.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print results only: no progress and no remarks.")
    var quiet = false

    @Option(name: .long, help: "The only source of randomness. Equal seeds and inputs give equal results.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Threads to use, BLAS included; all processors by default. Results do not depend on it.")
    var threads: Int = ProcessInfo.processInfo.activeProcessorCount

    func validate() throws {
        guard 1...1024 ~= threads else {
            throw ValidationError("--threads is \(threads), expected 1 to 1024.")
        }
    }

    /// Where text for people and results go.
    var console: Console { Console(json: json, quiet: quiet) }
}

/// Where traces and outcomes are kept.
struct StoreOptions: ParsableArguments {
    @Option(name: .long, help: "Folder of the trace store.")
    var store = Self.defaultFolder

    static let defaultFolder = ".almanac"

    /// The store for reading. A misspelt folder is an error, not a new and empty store.
    func existing() throws -> TraceStore {
        guard FileManager.default.fileExists(atPath: store) else {
            throw Failure.input(
                "\(store): there is no trace store. Import traces ('almanac import auto FILE'), or name its folder with "
                    + "--store.")
        }
        return try TraceStore(reading: store)
    }
}
