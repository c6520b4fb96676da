import ArgumentParser
import Decomposition
import Foundation
import Service

/// The library that a text is broken down with.
struct LibraryOptions: ParsableArguments {
    @Option(
        name: .long,
        help: """
            What is known: a folder or file of breakdowns (.jsonl; job files in the folder count, too), or a model that \
            'almanac train decomposition' wrote.
            """)
    var library = "datasets/breakdowns"

    @Option(name: .long, help: "Words of this site: a .jsonl file of tools with their synonyms, inputs and outputs.")
    var glossary: String?

    /// The model: read, or learnt now.
    func decomposer() throws -> Decomposer {
        guard FileManager.default.fileExists(atPath: library) else {
            throw Failure.input(
                "\(library): there is no such library. Name a folder, a file or a model with --library.")
        }
        if library.hasSuffix(".safetensors") {
            let model = try Decomposer(contentsOf: library)
            guard glossary != nil else { return model }
            return try Decomposer.fit(merged(model.library))
        }
        return try Decomposer.fit(merged(.read(withJobs: library)))
    }

    private func merged(_ library: BreakdownLibrary) throws -> BreakdownLibrary {
        guard let glossary else { return library }
        var library = library
        let site = try BreakdownLibrary.read(glossary)
        // What the site says comes first.
        library.glossary = site.glossary + library.glossary
        library.breakdowns += site.breakdowns
        return library
    }
}
