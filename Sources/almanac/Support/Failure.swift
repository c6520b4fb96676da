import ArgumentParser
import CloudCapacity
import Execution
import Foundation
import ModelFiles
import Reading
import Scheduling
import Service
import SlurmExecution
import Store

/// An error with the exit code that the command line promises for it.
struct Failure: Error, CustomStringConvertible {
    let code: Int32
    let description: String

    /// Exit code 1: the input was fine, the work was not.
    static func work(_ text: String) -> Failure { Failure(code: 1, description: text) }
    /// Exit code 2: bad usage or input.
    static func input(_ text: String) -> Failure { Failure(code: 2, description: text) }
    /// Exit code 3: no plan meets the deadline or the budget.
    static func infeasible(_ text: String) -> Failure { Failure(code: 3, description: text) }
    /// Exit code 130: stopped by Ctrl-C or SIGTERM, state saved.
    static func interrupted(_ text: String) -> Failure { Failure(code: 130, description: text) }

    /// Prints `error` and ends the process: help and version 0, a failure its own code, a failing disk 1, everything else 2.
    static func exit(_ error: any Error) -> Never {
        let parserCode = Almanac.exitCode(for: error)
        if parserCode == .success {
            print(Almanac.fullMessage(for: error))
            Foundation.exit(0)
        }
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        if let failure = error as? Failure {
            Console.complain(failure.description)
            Foundation.exit(failure.code)
        }
        if parserCode == .validationFailure {
            Console.write(Almanac.fullMessage(for: error) + "\n", to: .standardError)
        } else {
            Console.complain("\(error)")
        }
        if case ServiceError.infeasible = error { Foundation.exit(3) }
        if case PlanError.late = error { Foundation.exit(3) }
        if case CloudError.beyondLimit = error { Foundation.exit(3) }
        Foundation.exit(isOfMachine(error) ? 1 : 2)
    }

    /// Whether the input was fine, but the disk or another process got in the way.
    private static func isOfMachine(_ error: any Error) -> Bool {
        switch error {
        case StoreError.full, StoreError.busy, StoreError.failed, StoreError.removed: true
        case TraceError.unwritable, ModelFileError.cannotWrite, ExecutionError.system: true
        case ServiceError.work, SlurmError.noController, SlurmError.noNodes: true
        case let error as CloudError: error.isOfWorld
        default: false
        }
    }
}
