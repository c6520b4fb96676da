import ArgumentParser
import Foundation
import Yams

/// `almanac datasets`: public real data, and generated markets.
struct DatasetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datasets", abstract: "List public data sets that can be imported.", subcommands: [List.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List public real data sets: what they hold, where they are, and how to import them.")

        @Option(name: .long, help: "The catalogue.")
        var catalog = "datasets/catalog.yaml"

        @OptionGroup var global: GlobalOptions

        func run() throws {
            guard let data = FileManager.default.contents(atPath: catalog) else {
                throw Failure.input(
                    "\(catalog): there is no such file. The catalogue comes with the sources of almanac: run this in their "
                        + "folder, or name the file with --catalog.")
            }
            let entries = try YAMLDecoder().decode(DatasetCatalog.self, from: String(decoding: data, as: UTF8.self))
            try global.console.result(entries, text: entries.text)
        }
    }
}

/// `datasets/catalog.yaml`.
private struct DatasetCatalog: Codable {
    let datasets: [Entry]

    struct Entry: Codable {
        let id: String
        let kind: String
        let title: String
        let location: String
        let licence: String
        let size: String?
        let columns: String?
        let importCommand: String
        let cite: String?
        let note: String?

        enum CodingKeys: String, CodingKey {
            case id, kind, title, licence, size, columns, cite, note
            case location = "where"
            case importCommand = "import"
        }
    }

    var text: String {
        datasets.map { entry in
            var lines = ["\(entry.id): \(entry.title)", "  kind     \(entry.kind)", "  where    \(entry.location)"]
            lines.append("  licence  \(entry.licence)")
            if let size = entry.size { lines.append("  size     \(size)") }
            if let note = entry.note { lines.append("  note     \(note)") }
            lines.append("  import   \(entry.importCommand)")
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }
}
