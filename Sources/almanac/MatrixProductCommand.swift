import ArgumentParser
import Foundation
import LinearAlgebra

/// `almanac matrix-product`: one step of the jobs that `scripts/record-executions` runs; real work for BLAS.
struct MatrixProductCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "matrix-product", abstract: "Multiply two matrices given as text.", shouldDisplay: false)

    @Argument(help: "Two text files with a row of numbers per line.")
    var files: [String]

    func validate() throws {
        guard files.count == 2 else { throw ValidationError("Found \(files.count) files, expected two.") }
    }

    func run() throws {
        let product = try Self.read(files[0]).multiplied(by: Self.read(files[1]))
        var text = ""
        for row in 0..<product.rows {
            for column in 0..<product.columns { text += "\(Int(product[row, column] * 1e6)) " }
            text += "\n"
        }
        Console.write(text, to: .standardOutput)
    }

    private static func read(_ path: String) throws -> Matrix {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure.input("\(path): cannot be read.")
        }
        let rows = String(decoding: data, as: UTF8.self).split(separator: "\n").map { line in
            line.split(separator: " ").map { Double($0) ?? .nan }
        }
        guard let matrix = try? Matrix(columns: rows).transposed, matrix.allFinite else {
            throw Failure.input("\(path): found something else, expected equally many numbers in every line.")
        }
        return matrix
    }
}
