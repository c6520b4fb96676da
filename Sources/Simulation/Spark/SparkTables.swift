internal import Basics

/// The jobs of a catalogue, laid out for the simulator: stages of all jobs one after another, durations in one piece.
///
/// Nothing is written after `init`.
final class SparkTables: @unchecked Sendable {
    /// The numbers of executors that durations were recorded for.
    private static let points: [Int] = [5, 10, 20, 40, 50, 60, 80, 100]
    @inline(__always) private static var pointCount: Int { 8 }

    /// Durations of one kind: where they begin in ``durations``, and how many there are.
    struct List {
        var start: Int32
        var count: Int32
    }
    /// The kinds of durations, in the order in which a level has its lists.
    @inline(__always) private static var fresh: Int { 0 }
    @inline(__always) private static var first: Int { 1 }
    @inline(__always) private static var rest: Int { 2 }

    /// For a number of executors, the last point that is not above it, how far above that it is, and how far the next one is;
    /// 0 if none is needed.
    struct Choice {
        var left: Int32
        var excess: Int32
        var span: Int32
    }

    let jobCount: Int
    let stageCount: Int
    /// For each job the place of its first stage; one more at the end.
    let firstStage: UnsafeMutablePointer<Int32>
    let tasks: UnsafeMutablePointer<Int32>
    let rough: UnsafeMutablePointer<Double>
    let criticalPath: UnsafeMutablePointer<Double>
    let workBelow: UnsafeMutablePointer<Double>
    /// Where the parents of a stage begin in ``parents``; one more at the end. They are places within the job.
    let firstParent: UnsafeMutablePointer<Int32>
    let parents: UnsafeMutablePointer<Int32>
    let parentCount: UnsafeMutablePointer<Int32>
    /// Where the children of a stage begin in ``children``; one more at the end. They are places within the job.
    let firstChild: UnsafeMutablePointer<Int32>
    let children: UnsafeMutablePointer<Int32>
    /// For each stage and point of ``points``, where its three lists begin in ``lists``.
    let level: UnsafeMutablePointer<Int32>
    let lists: UnsafeMutablePointer<List>
    let durations: UnsafeMutablePointer<Int32>
    /// For each job, tasks times rough durations.
    let work: UnsafeMutablePointer<Double>
    /// By number of executors, up to the largest point.
    let choices: UnsafeMutablePointer<Choice>
    let digest: UInt64

    init(_ jobs: [SparkJob]) {
        func place<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
            let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
            pointer.initialize(from: elements, count: elements.count)
            return pointer
        }
        let stages = jobs.flatMap(\.stages)
        (jobCount, stageCount) = (jobs.count, stages.count)
        var (firsts, childFirsts, allChildren): ([Int32], [Int32], [Int32]) = ([0], [0], [])
        for job in jobs {
            firsts.append(firsts[firsts.count - 1] + Int32(job.stages.count))
            for children in job.children {
                allChildren += children.map(Int32.init)
                childFirsts.append(Int32(allChildren.count))
            }
        }
        var (parentFirsts, allParents): ([Int32], [Int32]) = ([0], [])
        for parents in jobs.flatMap(\.parents) {
            allParents += parents.map(Int32.init)
            parentFirsts.append(Int32(allParents.count))
        }
        (firstParent, parents) = (place(parentFirsts), place(allParents))
        var (allLists, allDurations, levels): ([List], [Int32], [Int32]) = ([], [], [])
        for stage in stages {
            let start = allLists.count
            var filled: [Int32] = []
            for level in stage.levels {
                // A first wave that was not recorded is that of the next smaller number of executors.
                if !level.first.isEmpty { filled = level.first }
                for durations in [level.fresh, filled, level.rest] {
                    allLists.append(List(start: Int32(allDurations.count), count: Int32(durations.count)))
                    allDurations += durations
                }
            }
            for point in Self.points {
                let found = stage.levels.firstIndex { $0.executors == point } ?? stage.levels.count - 1
                levels.append(Int32(start + 3 * found))
            }
        }
        (firstStage, firstChild, children) = (place(firsts), place(childFirsts), place(allChildren))
        tasks = place(stages.map { Int32($0.tasks) })
        rough = place(stages.map(\.roughMilliseconds))
        criticalPath = place(jobs.flatMap(\.criticalPath))
        workBelow = place(jobs.flatMap(\.workBelow))
        parentCount = place(jobs.flatMap { $0.parents.map { Int32($0.count) } })
        (level, lists, durations) = (place(levels), place(allLists), place(allDurations))
        work = place(jobs.map(\.work))
        choices = place(
            (0...100).map { executors in
                guard let left = Self.points.lastIndex(where: { $0 <= executors }), executors < 100 else {
                    return Choice(left: executors < 5 ? 0 : 7, excess: 0, span: 0)
                }
                let excess = executors - Self.points[left]
                return Choice(
                    left: Int32(left), excess: Int32(excess),
                    span: excess == 0 ? 0 : Int32(Self.points[left + 1] - Self.points[left]))
            })
        var hash = FNV1a()
        for job in jobs { for byte in job.name.utf8 { hash.add(UInt64(byte)) } }
        for numbers in [firsts, childFirsts, allChildren, stages.map { Int32($0.tasks) }, allDurations] {
            for number in numbers { hash.add(UInt64(UInt32(bitPattern: number))) }
        }
        for stage in stages { hash.add(stage.roughMilliseconds.bitPattern) }
        digest = hash.value
    }

    /// Which point of ``points`` durations are drawn from when a job has so many executors.
    ///
    /// Between two points the *left* one is taken with a probability that grows towards the right one: so do the original
    /// environments, which the published results come from.
    @inline(__always) func point(executors: Int, _ uniform: Double) -> Int {
        let choice = choices[min(executors, 100)]
        guard choice.span > 0 else { return Int(choice.left) }
        return Int(choice.left) + (1 + Int32(uniform * Double(choice.span)) <= choice.excess ? 0 : 1)
    }

    /// The duration of a task in milliseconds, drawn from what was recorded.
    @inline(__always) func duration(
        _ stage: Int, point: Int, isFresh: Bool, continues: Bool, uniform: Double, warmUp: Int
    ) -> Int {
        let kinds = lists + Int(level[Self.pointCount * stage + point])
        var (list, added) = (kinds[Self.first], 0)
        if isFresh {
            if kinds[Self.fresh].count > 0 { list = kinds[Self.fresh] } else { added = warmUp }
        } else if continues, kinds[Self.rest].count > 0 {
            list = kinds[Self.rest]
        } else if list.count == 0 {
            list = kinds[Self.fresh]
        }
        guard list.count > 0 else { return Int(rough[stage]) + added }
        return Int(durations[Int(list.start) + Int(uniform * Double(list.count))]) + added
    }

    deinit {
        firstStage.deallocate()
        tasks.deallocate()
        rough.deallocate()
        criticalPath.deallocate()
        workBelow.deallocate()
        firstParent.deallocate()
        parents.deallocate()
        parentCount.deallocate()
        firstChild.deallocate()
        children.deallocate()
        level.deallocate()
        lists.deallocate()
        durations.deallocate()
        work.deallocate()
        choices.deallocate()
    }
}
