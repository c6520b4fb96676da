import Execution

/// When to submit again after Slurm did not take a job: later and later, at most half a minute.
struct HoldBack {
    /// In Unix seconds; in the past while it takes jobs.
    private(set) var untilSeconds = -Double.infinity
    private var patience = 1.0

    /// It took a job.
    mutating func end() { self = HoldBack() }

    /// It takes nothing now: what is to be said of that, once until it does again.
    mutating func note(_ said: String) -> [Report] {
        let isNew = patience == 1
        patience = min(30, patience * 2)
        untilSeconds = unixSeconds() + patience
        return isNew ? [.remark("Slurm takes no jobs now (\(said)); asked again until it does")] : []
    }
}
