/// What a learnt rule sees of a ready task on an offer: ratios and logarithms, none of which knows how large the problem is.
public enum PairFeatures {
    /// The features, in the order of their columns.
    public enum Name: Int, CaseIterable, Sendable {
        /// One.
        case start
        /// The path from the task to the end of its job, as a part of the longest of all ready tasks of that job.
        case path
        /// The same as a part of the longest of all ready tasks, as a logarithm.
        case pathAmongAll
        /// How little is left of its job: the negative logarithm of that by the geometric mean of all jobs.
        case smallness
        /// By how much its job has less, or more, processors than its share, as a part of the share.
        case underShare, overShare
        /// How much slower it is here than on the fastest offer that it fits, as a logarithm; the same times its path.
        case slowness, slownessOnPath
        /// How much later it ends here than it could on an instance that is busy by now, as a logarithm; the same times its path.
        case later, laterOnPath
        /// How slow it is here, times how many tasks wait for each processor that is free.
        case slownessUnderLoad
        /// How much dearer it is here than on the cheapest offer that it fits, as a logarithm.
        case price
        /// The probability that the instance is taken back before it ends.
        case risk
        /// How little room is left on the instance beside it; how unlike the parts of processors and memory are that are left.
        case tightness, imbalance
        /// The time that its data take to come, as a part of that and the run time.
        case transfer
        /// How long it runs, by the mean of all that are ready, as a logarithm.
        case length
        /// How long it has waited by how long it runs, as a logarithm.
        case waiting
        /// Its priority, from -3 to 3.
        case priority
        /// How little time the deadline of its job leaves beside its path; 0 without a deadline.
        case urgency
        /// How many tasks wait for it, as a logarithm.
        case fanOut
        /// How much its tenant had, by its weight and the mean of all tenants, as a logarithm.
        case usage
        /// How full the pool is.
        case load
        /// Whether HEFT, made anew from the present state, would start it here now; whether it would start nothing of what could.
        case planned, unplanned
    }

    /// Their names, as model files list them.
    public static let names = Name.allCases.map { "\($0)" }
    /// The same as keys of JSON.
    public static let keys = names.map { name in
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
    /// How many there are.
    public static let count = Name.allCases.count
    /// Changes when a feature comes to mean something else.
    public static let schema = 2
}
