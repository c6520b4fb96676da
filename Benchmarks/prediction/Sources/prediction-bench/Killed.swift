import Prediction

/// What the requests of one task type cost after a history of which a part was killed, and after the same with its true needs.
struct Killed: Encodable {
    let workflow: String
    let share: String
    var tasks = 0
    /// First tries that failed.
    var failed = 0
    var failedKnowing = 0
    /// GB·h held and not used, failed tries whole; GB is 10⁹ bytes.
    var wasted = 0.0
    var wastedKnowing = 0.0
}

/// A history under a limit that killed what needed more, then the next tasks one by one: requests learn from every task
/// that ended, a task that fails is tried again with what follows. Beside them those of one who knows the needs.
func requestsAfterKills(_ table: Table, risk: Double) throws -> [Killed] {
    let (workflows, shares, types) = (
        try table.texts("workflow"), try table.texts("share"), try table.texts("type")
    )
    let (next, isBound) = (try table.numbers("next"), try table.numbers("killed"))
    let (needs, had, seconds) = (
        try table.numbers("need"), try table.numbers("had"), try table.numbers("seconds")
    )
    var options = MemorySizingOptions()
    options.maximumFailureShare = risk
    let keys = workflows.indices.map { "\(workflows[$0])|\(shares[$0])|\(types[$0])" }
    return grouped(keys, keys.indices).map { _, rows in
        var result = Killed(workflow: workflows[rows[0]], share: shares[rows[0]])
        func run(knowing: Bool) -> (failed: Int, wasted: Double) {
            var sizer = OnlineMemorySizer(options: options)
            var (failed, wasted) = (0, 0.0)
            for row in rows {
                guard next[row] == 1 else {
                    sizer.observe(
                        size: .nan, peakBytes: knowing ? needs[row] : had[row], isBound: !knowing && isBound[row] == 1,
                        seconds: seconds[row])
                    continue
                }
                defer { sizer.observe(size: .nan, peakBytes: needs[row], seconds: seconds[row]) }
                let gigabyteHours = seconds[row] / 3600 / 1e9
                guard let request = sizer.request(size: .nan) else { continue }
                var bytes = request.bytes
                failed += bytes < needs[row] ? 1 : 0
                while bytes < needs[row], let more = request.bytes(afterFailing: bytes) {
                    wasted += bytes * gigabyteHours
                    bytes = more
                }
                wasted += (bytes - needs[row]) * gigabyteHours
            }
            return (failed, wasted)
        }
        (result.failed, result.wasted) = run(knowing: false)
        (result.failedKnowing, result.wastedKnowing) = run(knowing: true)
        result.tasks = rows.count { next[$0] == 1 }
        return result
    }
}
