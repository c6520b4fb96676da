internal import Allocation
internal import Execution
internal import Foundation
internal import JobFiles
internal import Prediction
internal import Scheduling
internal import Workloads

extension JobRun {
    /// Where and in which order tasks start, as far as anything is known of their times.
    static func plan(
        _ job: JobFile, _ models: ModelSet, _ request: RunRequest, _ options: inout ExecutorOptions,
        remark: (String) -> Void
    ) throws {
        let machine = request.machine
        @Sendable func costs(of graph: TaskGraph, _ pool: ResourcePool) throws -> CostModel {
            try models.costModel(for: graph, on: pool, host: InstanceType.hostName, unknownSeconds: 60)
        }
        func isMachine(_ name: String, _ count: Int, of all: Int) -> Bool {
            all == 1 && name == machine.name && count == 1
        }
        let began = request.resume ? RunSetup.latest(inRunFolder: options.runFolder)?.offers : nil
        // A run goes on with the instances that it began with.
        let rented = began.flatMap { isMachine($0[0].type.name, $0[0].maximumCount, of: $0.count) ? nil : $0 }
        if request.usesPool, began != nil, rented == nil {
            throw ServiceError.input(
                "\(options.runFolder): this run began on this machine as a whole. Go on without --pool.")
        }
        var entries = [Offer(type: machine)]
        if let rented {
            entries = rented
        } else if request.usesPool {
            guard let found = job.pool else {
                throw ServiceError.input("\(request.job): --pool is given, but the job has no pool.")
            }
            entries = found.entries
        }
        if let path = request.plan {
            let found = try read(path)
            if !request.usesPool, began == nil {
                entries = []
                for instance in found.instances {
                    let place = entries.firstIndex { $0.isSame(instance.entry) }
                    if let place { entries[place].maximumCount += 1 } else { entries.append(instance.entry.single) }
                }
            }
            do { try found.validate(job.tasks, on: ResourcePool(entries: found.instances.map(\.entry))) } catch {
                throw ServiceError.input("\(path): \(error)")
            }
            options.plan = found
        } else if job.tasks.tasks.contains(where: { $0.claimedSeconds != nil }) || models.knowsRuntime {
            do {
                let usable = ResourcePool(entries: entries)
                options.plan = try Planner(job.tasks, on: usable, costs: costs(of: job.tasks, usable)).plan(job.goal)
            } catch PlanError.infeasible(let goal, let fastest, let cheapest, let withinBudget, let withinDeadline) {
                // What has begun goes on as well as it can.
                guard request.acceptsMissedLimits || began != nil else {
                    let error = PlanError.infeasible(
                        goal, fastest: fastest, cheapest: cheapest, withinBudget: withinBudget,
                        withinDeadline: withinDeadline)
                    throw ServiceError.infeasible(
                        "\(error) Give other limits, or run it all the same with --best-effort.")
                }
                let plan = withinDeadline ?? withinBudget ?? fastest
                remark(
                    "no plan keeps the limits: this one takes \(Units.formatSeconds(plan.makespanSeconds)) and costs "
                        + Units.formatPrice(plan.cost))
                options.plan = plan
            } catch let error as PlanError {
                throw ServiceError.input(error.description)
            }
        } else if job.goal.deadlineSeconds != nil || job.goal.budget != nil {
            remark("deadline and budget are not watched: no task has a known time. Give --models.")
        }
        if let rented {
            options.pool = rented
        } else if !isMachine(entries[0].type.name, entries[0].maximumCount, of: entries.count) {
            options.pool = entries.map { offer in
                var offer = offer
                offer.openSeconds = request.startUpSeconds
                return offer
            }
        }
        options.reclaims = request.reclaims
        options.goal = job.goal
        guard let made = options.plan else { return }
        remark(
            "planned: \(Units.formatSeconds(made.makespanSeconds)) on \(Units.count(made.instances.count, "instance"))")
        let usable = ResourcePool(entries: entries)
        options.replan = { rest in
            guard let costs = try? costs(of: rest.graph, usable) else { return nil }
            do {
                return try Planner(rest.graph, on: usable, costs: costs).plan(rest.goal)
            } catch PlanError.infeasible(_, let fastest, let cheapest, let withinBudget, let withinDeadline) {
                // Of what cannot be kept together, what is in danger now.
                return rest.reason == .budget ? withinBudget ?? cheapest : withinDeadline ?? fastest
            } catch {
                return nil
            }
        }
    }

    private static func read(_ path: String) throws -> Plan {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ServiceError.input(
                "\(path): there is no such file. Write one with 'almanac plan JOB --output \(path)'.")
        }
        do { return try decoder.decode(Plan.self, from: data) } catch {
            throw ServiceError.input("\(path): this is no plan. Write one with 'almanac plan JOB --output \(path)'.")
        }
    }
}

extension Offer {
    fileprivate func isSame(_ other: Self) -> Bool {
        type == other.type && purchase == other.purchase && zone == other.zone
    }

    fileprivate var single: Self {
        var entry = self
        entry.maximumCount = 1
        return entry
    }
}
