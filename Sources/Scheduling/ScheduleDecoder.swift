import Workloads

/// Turns an order of tasks and an entry of the pool for each into a schedule, on arrays that are used again and again.
///
/// A task goes where it starts first among the instances of its entry, without moving into a gap; of these to the one that
/// is rented least longer for it. In an order in which starts rise nothing is lost by leaving gaps alone. With a quota it waits
/// there until the account has less in use.
///
///     var decoder = ScheduleDecoder(problem)
///     decoder.decode(order: order, entries: entries)
///     print(decoder.schedule.makespan, decoder.schedule.cost)
public struct ScheduleDecoder: Sendable {
    private let problem: PlanningProblem
    private var tails: [InstanceTails]
    private var account: AccountTimeline?
    private var seconds: [Double] = []
    /// What was decoded last.
    public private(set) var schedule: Schedule

    /// Makes room for the schedules of a problem.
    public init(_ problem: PlanningProblem) {
        self.problem = problem
        tails = problem.entries.indices.map { InstanceTails(problem, entry: $0) }
        account = AccountTimeline(problem)
        schedule = Schedule(taskCount: problem.graph.count)
    }

    /// Makes the schedule.
    ///
    /// - Parameters:
    ///   - order: All tasks, each after its predecessors.
    ///   - entries: The entry of the pool for every task, on which it fits.
    /// - Complexity: O(*E*), and for each task the instances of its entry that could start it as early as the best, in
    ///   blocks of 16.
    public mutating func decode(order: [Int32], entries: [Int32]) {
        for entry in tails.indices { tails[entry].removeAll() }
        account?.removeAll()
        schedule.entryOfInstance.removeAll(keepingCapacity: true)
        // All at once, because each of them is somewhere else in memory.
        let width = problem.entries.count
        seconds.removeAll(keepingCapacity: true)
        for task in order { seconds.append(problem.seconds[Int(task) * width + Int(entries[Int(task)])]) }
        for (task, seconds) in zip(order, seconds) {
            let entry = entries[Int(task)]
            Self.place(Int(task), entry, seconds, problem, &tails[Int(entry)], &account, &schedule)
        }
        schedule.measure(problem)
    }

    /// Places one task on an instance of its entry.
    private static func place(
        _ task: Int, _ entry: Int32, _ seconds: Double, _ problem: PlanningProblem, _ tails: inout InstanceTails,
        _ account: inout AccountTimeline?, _ schedule: inout Schedule
    ) {
        let arrival = schedule.arrival(problem, task, to: entry)
        let (kind, request) = (Int(problem.kindOfRequest[task]), problem.requests[task])
        let open = problem.opens[Int(entry)]
        var best = tails.first(kind, request, ready: max(open, arrival.seconds), seconds: seconds)
        // Where the data that comes last was made it need not travel; anywhere else it comes as late.
        if arrival.host >= 0, !problem.transfersAreFree, schedule.entryOfInstance[Int(arrival.host)] == entry {
            let number = Int(schedule.number[arrival.source])
            let there = max(open, schedule.arrival(problem, task, on: arrival.host))
            let start = max(there, tails.time(request, on: number))
            if start < best.start { best = InstanceTails.Place(number: number, start: start, addedSeconds: 0) }
        }
        if let account {
            best.start = account.earliestStart(task, on: Int(entry), ready: best.start) ?? best.start
        }
        if best.number == tails.count {
            tails.open(Int32(schedule.entryOfInstance.count), at: best.start)
            schedule.entryOfInstance.append(entry)
        }
        let end = best.start + seconds
        account?.reserve(task, on: Int(entry), start: best.start, end: end)
        let instance = tails.book(best.number, request, start: best.start, end: end)
        schedule.set(task, start: best.start, end: end, instance: instance, number: best.number)
    }
}
