import Execution
import Foundation
import Glibc
import LocalExecution
import Workloads

/// The arrays of jobs of a run, as files in its folder: what each element is to do, and whether it is submitted.
///
/// `batch-N.sh` is there before the array is submitted, and `batch-N.job` with its number after. Without the first one the
/// elements do nothing, so that an array of which nobody knows whether it was submitted can be withdrawn.
struct SlurmBatches {
    struct Batch {
        /// Of which no other batch of the run has or had it: a submission of an earlier process may still be on its way.
        let id: String
        /// The names of its attempts.
        var names: [String]
        /// The number that Slurm gave it; `nil` if nobody knows of any.
        var job: String?
    }

    /// One element of an array.
    struct Element {
        var name: String
        var task: TaskSpec
        var attempt: Int
        var timeLimitSeconds: Double?
        var memoryLimitBytes: Double?
    }

    private(set) var known: [String: Batch] = [:]
    private let folder: WorkerFolder
    private let program: String?
    private let directory: String
    private let life: Int
    private var count = 0
    /// Attempts of each batch that are not over.
    private var left: [String: Int] = [:]

    /// - Parameter life: The number of this process among those that worked on the run.
    init(_ folder: WorkerFolder, life: Int, program: String?, directory: String) {
        (self.folder, self.life, self.program, self.directory) = (folder, life, program, directory)
    }

    /// Where each attempt is.
    var places: [String: (batch: String, element: Int)] {
        var places: [String: (batch: String, element: Int)] = [:]
        for id in known.keys.sorted() {
            for (element, name) in (known[id]?.names ?? []).enumerated() { places[name] = (id, element) }
        }
        return places
    }

    var script: String { folder.path + "/attempt.sh" }

    func log(_ id: String) -> String { path(id, "log") }

    /// Reads what an earlier process left, and writes the script that all elements run.
    mutating func begin() throws {
        for file in folder.names(in: folder.path) {
            guard file.hasPrefix("batch-") else { continue }
            let parts = file.dropFirst("batch-".count).split(separator: ".")
            guard parts.count == 2, parts[1] != "log" else { continue }
            let id = String(parts[0])
            guard let text = contents(ofFile: path(id, "sh")) else {
                // Half forgotten.
                for kind in ["job", "void"] { unlink(path(id, kind)) }
                continue
            }
            let names = text.split(separator: "\n").filter { $0.hasPrefix("#@ ") }.map { String($0.dropFirst(3)) }
            let job = contents(ofFile: path(id, "job")).map { $0.filter(\.isNumber) }
            known[id] = Batch(id: id, names: names, job: job)
            left[id] = names.count
        }
        try folder.write(
            Data(Self.script(folder, program: program, directory: directory).utf8), to: "attempt.sh", mode: 0o755)
    }

    /// Writes down what an array is to do.
    mutating func add(_ elements: [Element]) throws -> String {
        count += 1
        let id = "\(life)-\(count)"
        var text = "# What each element of this array of jobs does.\n"
        for element in elements { text += "#@ \(element.name)\n" }
        text += "case $1 in\n"
        for (place, element) in elements.enumerated() {
            var variables = element.task.environment
            variables["ALMANAC_TASK"] = element.task.id.rawValue
            variables["ALMANAC_ATTEMPT"] = String(element.attempt)
            text += "\(place))\nname=\(quoted(element.name))\n"
            text += "limit=\(element.timeLimitSeconds.map { Units.format($0, digits: 3) } ?? "")\n"
            text += "memory=\(element.memoryLimitBytes.map { Units.format($0, digits: 0) } ?? "")\n"
            for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
                text += "\(name)=\(quoted(value))\nexport \(name)\n"
            }
            text += "command=\(quoted(element.task.command ?? ""))\n;;\n"
        }
        try folder.write(Data((text + "esac\n").utf8), to: "batch-\(id).sh")
        known[id] = Batch(id: id, names: elements.map(\.name))
        left[id] = elements.count
        return id
    }

    /// Elements that have not begun do not begin any more.
    mutating func withdraw(_ id: String) { rename(path(id, "sh"), path(id, "void")) }

    /// It was submitted, and has this number; elements of it may begin (again).
    mutating func confirm(_ id: String, job: String) throws {
        rename(path(id, "void"), path(id, "sh"))
        let number = String(job.prefix { $0.isNumber })
        try folder.write(Data("\(number)\n".utf8), to: "batch-\(id).job")
        known[id]?.job = number
    }

    /// It was not submitted, or nothing of it is left.
    mutating func forget(_ id: String) {
        for kind in ["sh", "void", "job"] { unlink(path(id, kind)) }
        if sizeOfFile(log(id)) == 0 { unlink(log(id)) }
        (known[id], left[id]) = (nil, nil)
    }

    /// So many attempts of each batch are not over; of the others nothing is left.
    mutating func keep(_ counts: [String: Int]) {
        for id in known.keys where counts[id] == nil { forget(id) }
        left = counts
    }

    /// One attempt of it is over.
    mutating func noteEnd(_ id: String) {
        left[id, default: 0] -= 1
        if left[id, default: 0] <= 0 { forget(id) }
    }

    func end() {
        for file in folder.names(in: folder.path) where file.hasSuffix(".log") {
            if sizeOfFile("\(folder.path)/\(file)") == 0 { unlink("\(folder.path)/\(file)") }
        }
    }

    private func path(_ id: String, _ kind: String) -> String { "\(folder.path)/batch-\(id).\(kind)" }

    /// Runs element `SLURM_ARRAY_TASK_ID` of the batch that is its argument.
    private static func script(_ folder: WorkerFolder, program: String?, directory: String) -> String {
        """
        #!/bin/sh
        # Runs one attempt at a task. Whatever becomes of it, its end is a file that is there whole or not at all.
        folder=\(quoted(folder.path)) attempts=\(quoted(folder.attempts)) program=\(quoted(program ?? ""))
        # It was withdrawn.
        [ -f "$folder/batch-$1.sh" ] || exit 0
        set -- "$1" "$SLURM_ARRAY_TASK_ID"
        batch=$1
        shift
        . "$folder/batch-$batch.sh"
        [ -n "$name" ] || exit 0
        if [ -n "$program" ] && [ -x "$program" ]; then
            exec "$program" worker "$folder" --attempt "$name" ${limit:+--limit "$limit"} ${memory:+--memory-limit "$memory"} -- "$command"
        fi
        # Without that program: a shell sees the exit code and the time, the scheduler the memory.
        cause=0
        cd \(quoted(directory)) || exit 1
        start=$(date +%s%6N)
        trap 'cause=2; kill -TERM $child 2>/dev/null' TERM
        ${limit:+timeout -k 5 "$limit"} /bin/sh -c "$command" >"$attempts/$name.out" 2>"$attempts/$name.err" </dev/null &
        child=$!
        while :; do
            wait $child
            code=$?
            kill -0 $child 2>/dev/null || break
        done
        stop=$(date +%s%6N)
        [ -n "$limit" ] && [ $code = 124 ] && cause=1
        signal=0
        [ $code -gt 128 ] && signal=$((code - 128))
        times >"$folder/ended/.$name.new"
        cpu=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); s += t[1] * 60 + t[2] } } END { printf "%.0f", s * 1e6 }' "$folder/ended/.$name.new")
        cat >"$folder/ended/.$name.new" <<END
        exit=$code signal=$signal cause=$cause start_us=$start end_us=$stop wall_us=$((stop - start)) cpu_us=$cpu peak_bytes=-1 read_bytes=-1 written_bytes=-1 oom_kills=-1 left_behind=0 error=0
        ${SLURMD_NODENAME:-$(hostname)}
        shell
        END
        mv "$folder/ended/.$name.new" "$folder/ended/$name"
        exit $code

        """
    }
}

/// A text as a shell reads it.
func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
