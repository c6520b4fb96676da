/// The state of a simulation in one block of memory, which is used again where it is large enough.
struct SparkMemory {
    struct Stage {
        /// Tasks that have not started.
        var remaining: Int32
        /// Tasks that have not started, less the executors that are promised or on their way. May be negative.
        var demand: Int32
        var moving: Int32 = 0
        var promised: Int32 = 0
        var running: Int32 = 0
        var finished: Int32 = 0
        /// Parents with demand, and parents with tasks that have not ended.
        var unsaturatedParents: Int32
        var unfinishedParents: Int32
        var job: Int32
        /// Its place in the tables.
        var kind: Int32
        var isDone = false
        /// Whether it was chosen in this round.
        var isSelected = false
        var rough: Double
        /// The milliseconds that its finished tasks took.
        var observed = 0.0
    }

    struct Job {
        var unfinishedStages: Int32
        /// Stages with tasks that have not started.
        var unstartedStages: Int32
        /// Executors that belong to it, are promised from outside or on their way.
        var supply: Int32 = 0
        /// Executors that belong to it and are there.
        var local: Int32 = 0
        var kind: Int32
        var arrival: Int
        var completion = -1
        /// Rough milliseconds of tasks that have not started, and of those that run.
        var work: Double
        var runningWork = 0.0
        /// The longest rough path through stages that are not done.
        var criticalPath: Double
    }

    struct Pool {
        var size: Int32 = 0
        /// Executors of it that are promised elsewhere: a list of ``Promise``s.
        var promised: Int32 = 0
        var first: Int32 = -1
        var last: Int32 = -1
        var job: Int32
    }

    struct Promise {
        var pool: Int32
        var count: Int32
        var next: Int32
    }

    struct Executor {
        /// The pool that it is in, −1 on its way.
        var pool: Int32 = 0
        var job: Int32 = -1
        /// The stage of the task that it runs or ran last, −1 after an idle moment.
        var lastStage: Int32 = -1
        /// The stage that it is on its way to.
        var target: Int32 = -1
        var isBusy = false
        var started = 0
    }

    private(set) var block: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var stages: UnsafeMutablePointer<Stage>
    private(set) var jobs: UnsafeMutablePointer<Job>
    private(set) var pools: UnsafeMutablePointer<Pool>
    private(set) var executors: UnsafeMutablePointer<Executor>
    private(set) var promises: UnsafeMutablePointer<Promise>
    /// A tournament of events, the next one at 1: the key of executor *e* is at `leaves + e`.
    private(set) var keys: UnsafeMutablePointer<UInt64>
    /// Jobs that have arrived and are not done, by arrival.
    private(set) var active: UnsafeMutablePointer<Int32>
    private(set) var candidates: UnsafeMutablePointer<Int32>
    private(set) var selected: UnsafeMutablePointer<Int32>
    let leaves: Int

    init(_ episode: SparkEpisode, reusing old: SparkMemory?) {
        let (jobCount, stageCount) = (episode.arrivals.count, Int(episode.firstStage[episode.arrivals.count]))
        var width = 2
        while width < episode.executors { width *= 2 }
        leaves = width
        let poolCount = 1 + jobCount + stageCount
        func size<Element>(_ type: Element.Type, _ count: Int) -> Int {
            (count * MemoryLayout<Element>.stride + 63) / 64 * 64
        }
        let sizes = [
            size(Stage.self, stageCount), size(Job.self, jobCount), size(Pool.self, poolCount),
            size(Executor.self, episode.executors), size(Promise.self, episode.executors + 1),
            size(UInt64.self, 2 * width), size(Int32.self, jobCount), size(Int32.self, stageCount),
            size(Int32.self, stageCount),
        ]
        let needed = sizes.reduce(0, +)
        if let old, old.capacity >= needed {
            (block, capacity) = (old.block, old.capacity)
        } else {
            old?.block.deallocate()
            (block, capacity) = (.allocate(byteCount: needed, alignment: 64), needed)
        }
        var offsets = [0]
        for size in sizes { offsets.append(offsets[offsets.count - 1] + size) }
        stages = (block + offsets[0]).bindMemory(to: Stage.self, capacity: stageCount)
        jobs = (block + offsets[1]).bindMemory(to: Job.self, capacity: jobCount)
        pools = (block + offsets[2]).bindMemory(to: Pool.self, capacity: poolCount)
        executors = (block + offsets[3]).bindMemory(to: Executor.self, capacity: episode.executors)
        promises = (block + offsets[4]).bindMemory(to: Promise.self, capacity: episode.executors + 1)
        keys = (block + offsets[5]).bindMemory(to: UInt64.self, capacity: 2 * width)
        active = (block + offsets[6]).bindMemory(to: Int32.self, capacity: jobCount)
        candidates = (block + offsets[7]).bindMemory(to: Int32.self, capacity: stageCount)
        selected = (block + offsets[8]).bindMemory(to: Int32.self, capacity: stageCount)
        fill(episode)
    }

    /// The state before the first arrival.
    func fill(_ episode: SparkEpisode) {
        let (tables, jobCount) = (episode.catalogue.tables, episode.arrivals.count)
        (pools + 0).initialize(to: Pool(size: Int32(episode.executors), job: -1))
        for job in 0..<jobCount {
            let kind = episode.arrivals[job].job
            let (first, start) = (Int(episode.firstStage[job]), Int(tables.firstStage[kind]))
            let count = Int(tables.firstStage[kind + 1]) - start
            var longest = 0.0
            for stage in 0..<count {
                let place = start + stage
                longest = max(longest, tables.criticalPath[place])
                (stages + (first + stage)).initialize(
                    to: Stage(
                        remaining: tables.tasks[place], demand: tables.tasks[place],
                        unsaturatedParents: tables.parentCount[place], unfinishedParents: tables.parentCount[place],
                        job: Int32(job), kind: Int32(place), rough: tables.rough[place]))
                (pools + (1 + jobCount + first + stage)).initialize(to: Pool(job: Int32(job)))
            }
            (jobs + job).initialize(
                to: Job(
                    unfinishedStages: Int32(count), unstartedStages: Int32(count), kind: Int32(kind),
                    arrival: episode.arrivals[job].milliseconds, work: tables.work[kind], criticalPath: longest))
            (pools + (1 + job)).initialize(to: Pool(job: Int32(job)))
        }
        executors.initialize(repeating: Executor(), count: episode.executors)
        keys.initialize(repeating: .max, count: 2 * leaves)
        for node in 0...episode.executors {
            (promises + node).initialize(to: Promise(pool: 0, count: 0, next: Int32(node) + 1))
        }
    }
}
