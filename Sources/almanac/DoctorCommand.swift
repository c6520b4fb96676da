import ArgumentParser
import Execution
import Foundation
import LinearAlgebra
import Traces
import Workloads

/// `almanac doctor`: is everything here that the other commands need?
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check this machine, the libraries and the store.")

    @OptionGroup var storage: StoreOptions
    @OptionGroup var global: GlobalOptions

    private struct Check: Encodable {
        let name: String
        let ok: Bool
        let found: String
    }

    func run() throws {
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
