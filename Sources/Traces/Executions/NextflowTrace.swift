import Workloads

extension AttemptRecord {
    /// The parameter that says which execution a row of a Nextflow trace is: `ab/12cd34`, the folder of its work.
    package static let nextflowHash = "nextflow_hash"

    /// What the columns of a Nextflow trace leave open: `name` is `process (tag)`.
    mutating func completeNextflow() {
        if let name = task, taskType == nil || parameters["tag"] == nil {
            let (process, tag) = splitNextflowName(name)
            if taskType == nil { taskType = process }
            if parameters["tag"] == nil, let tag { parameters["tag"] = ParameterValue(tag) }
        } else if task == nil, let process = taskType {
            task = parameters["tag"].map { "\(process) (\($0.text))" } ?? process
        }
        // The largest 32-bit number says that no exit code was seen.
        if exitCode == Int(Int32.max) { exitCode = nil }
        if status == .failed, failureCause == nil, let code = exitCode {
            failureCause = (FailureEvidence(exitCode: code).cause ?? .programError).rawValue
        }
    }
}

/// `NFCORE:ALIGN (sample 1)` is the process `NFCORE:ALIGN` with the tag `sample 1`.
func splitNextflowName(_ name: String) -> (process: String, tag: String?) {
    guard name.hasSuffix(")"), let open = name.firstIndex(of: "("), open > name.startIndex,
        case let blank = name.index(before: open), name[blank] == " "
    else { return (name, nil) }
    return (String(name[..<blank]), String(name[name.index(after: open)...].dropLast()))
}
