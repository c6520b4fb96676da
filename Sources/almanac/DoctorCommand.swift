import ArgumentParser
import Execution
import Foundation
import Learning
import LinearAlgebra
import LocalExecution
import Prediction
import Store
import Workloads

/// `almanac doctor`: is everything here that the other commands need?
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check this machine, the libraries and the store, or measure the machine.",
        discussion: """
            With --benchmark it measures processor, memory and disk. Tables of several machines, one below the other, tell \
            'almanac train --machine-scores' how long tasks take on machines that never ran them: \
            almanac doctor --benchmark --machine n1 --scores n1.csv
            """)

    @Flag(name: .long, help: "Measure processor, memory and disk instead, in about three seconds.")
    var benchmark = false

    @Option(name: .long, help: "With --benchmark, the name of this machine in the table of scores.")
    var machine = ProcessInfo.processInfo.hostName

    @Option(name: .long, help: "With --benchmark, write the table of scores to this CSV file.")
    var scores: String?

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard !machine.isEmpty, !machine.contains(where: { $0 == "," || $0.isNewline }) else {
            throw ValidationError("--machine is '\(machine)', expected a name without commas.")
        }
    }

    private struct Check: Encodable {
        let name: String
        let ok: Bool
        let found: String
    }

    func run() throws {
        if benchmark { return try measure() }
        let console = global.console
        var checks: [Check] = []
        let machine = InstanceType.thisMachine()
        checks.append(
            Check(
                name: "machine", ok: machine.cpus >= 1 && machine.memoryBytes > 0,
                found: "\(Int(machine.cpus)) processors, \(Units.formatBytes(machine.memoryBytes))"))
        checks.append(blas())
        checks.append(store())
        checks.append(
            Check(
                name: "shell", ok: FileManager.default.isExecutableFile(atPath: "/bin/sh"),
                found: "/bin/sh, which runs the commands of a job"))
        var table = TextTable(["check", "", "found"])
        for check in checks { table.add([check.name, check.ok ? "ok" : "FAILS", check.found]) }
        try console.result(checks, text: table.text)
        if !checks.allSatisfy(\.ok) { throw Failure.work("Some checks fail; see above.") }
    }

    private func measure() throws {
        let console = global.console
        let measured = try MachineBenchmark.measure(folder: FileManager.default.currentDirectoryPath)
        if let scores { try Console.write(Data(measured.scores(machine: machine).csv.utf8), toFile: scores) }
        var table = TextTable(["machine", "work", "speed"])
        table.add([
            machine, "cpu", String(format: "%.0f million steps a second", measured.cpuMillionStepsPerSecond),
        ])
        table.add([machine, "memory", Units.formatBytes(measured.memoryBytesPerSecond) + " a second"])
        table.add([machine, "disk", Units.formatBytes(measured.diskBytesPerSecond) + " a second"])
        try console.result(measured, text: table.text)
    }

    /// Solves a system whose solution is known, to see that BLAS and LAPACK compute.
    private func blas() -> Check {
        let n = 200
        var matrix = Matrix.identity(n)
        for i in 0..<n { for j in 0..<n { matrix[i, j] += 1 / Double(1 + i + j) } }
        let ones = [Double](repeating: 1, count: n)
        guard let product = try? matrix.multiplied(by: ones), let solved = try? Cholesky(matrix).solve(product) else {
            return Check(name: "OpenBLAS and LAPACK", ok: false, found: "a 200 × 200 system could not be solved")
        }
        let error = solved.reduce(0) { max($0, abs($1 - 1)) }
        return Check(
            name: "OpenBLAS and LAPACK", ok: error < 1e-10,
            found: "a 200 × 200 system solved to \(String(format: "%.0e", error))")
    }

    private func store() -> Check {
        guard FileManager.default.fileExists(atPath: storage.store) else {
            return Check(name: "store", ok: true, found: "\(storage.store): none yet; 'almanac import' makes it")
        }
        do {
            let store = try TraceStore(reading: storage.store)
            if let fault = try store.fault() {
                return Check(name: "store", ok: false, found: "\(store.path): damaged: \(fault)")
            }
            let summary = try store.summary()
            return Check(
                name: "store", ok: true,
                found: "\(storage.store): \(summary.executions) executions, \(summary.spotPrices) spot prices of "
                    + "\(summary.spotMarkets) markets")
        } catch {
            return Check(name: "store", ok: false, found: "\(error)")
        }
    }
}
