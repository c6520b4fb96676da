import Prediction

/// What requests wasted in one process of one workflow.
struct Wasted: Encodable {
    let workflow: String
    let seed: Int
    var tasks = 0
    var failed = 0
    /// GB·h; GB is 10⁹ bytes.
    var wasted = 0.0
}

/// The protocol of Sizey: the requests of a process learn from its history, and from every run that ended.
func requestsWhileRunsArrive(_ table: Table) throws -> [Wasted] {
    let (seeds, workflows, processes) = (
        try table.texts("seed"), try table.texts("workflow"), try table.texts("process")
    )
    let online = try table.numbers("online")
    let (sizes, peaks, seconds) = (
        try table.numbers("size"), try table.numbers("peak"), try table.numbers("seconds")
    )
    let keys = seeds.indices.map { "\(seeds[$0])|\(workflows[$0])|\(processes[$0])" }
    return grouped(keys, keys.indices).map { _, rows in
        var sizer = OnlineMemorySizer()
        var result = Wasted(workflow: workflows[rows[0]], seed: Int(seeds[rows[0]]) ?? 0)
        for row in rows {
            defer { sizer.observe(size: sizes[row], peakBytes: peaks[row], seconds: seconds[row]) }
            guard online[row] == 1 else { continue }
            result.tasks += 1
            let gigabyteHours = seconds[row] / 3600 / 1e9
            guard let request = sizer.request(size: sizes[row], limitBytes: node) else { continue }
            var bytes = request.bytes
            while bytes < peaks[row], let next = request.bytes(afterFailing: bytes) {
                result.failed += 1
                result.wasted += bytes * gigabyteHours
                bytes = next
            }
            result.wasted += (bytes - peaks[row]) * gigabyteHours
        }
        return result
    }
}

/// The memory of the node in the published code.
private let node = 128e9
