internal import Allocation
internal import Execution
internal import Foundation
internal import JobFiles
internal import LocalExecution
internal import Prediction
internal import Scheduling
internal import Simulation
internal import SlurmExecution
internal import Workloads

extension JobRun {
    /// What a run may rent, and the plan that it is given.
    struct Place {
        /// This machine as a whole, or instances that are carved out of it.
        var offers: [Offer]
        var isWholeMachine: Bool
        /// Whether an earlier process began it.
        var hasBegun: Bool
        var plan: Plan?
        /// The Slurm cluster that has the instances.
        var cluster: SlurmPool?
    }

    /// What the run in a folder may rent: what it began with, the job's pool, what its plan wants, or this machine.
    static func place(_ job: JobFile, _ models: ModelSet, _ request: RunRequest, folder: String) throws -> Place {
        let machine = request.machine
        func isMachine(_ offers: [Offer]) -> Bool {
            offers.count == 1 && offers[0].type.name == machine.name && offers[0].maximumCount == 1
        }
        let began = request.resume ? try RunSetup.latest(inRunFolder: folder)?.offers : nil
        if request.usesPool, let began, isMachine(began) {
            throw ServiceError.input("\(folder): this run began on this machine as a whole. Go on without --pool.")
        }
        var place = Place(offers: [Offer(type: machine)], isWholeMachine: true, hasBegun: began != nil)
        let wasOnSlurm = FileManager.default.fileExists(atPath: WorkerFolder(inRunFolder: folder).path)
        if began != nil, wasOnSlurm != (request.slurm != nil) {
            throw ServiceError.input(
                "\(folder): this run began \(wasOnSlurm ? "on Slurm. Go on with" : "on this machine. Go on without") --engine slurm."
            )
        }
        if let slurm = request.slurm {
            let found = try SlurmPool.discover(partitions: slurm.partitions)
            (place.cluster, place.offers) = (found, found.offers(most: request.mostNodes))
            if machine.onDemandPrice != .free {
                for index in place.offers.indices { place.offers[index].price = machine.onDemandPrice }
            }
        }
        if let began {
            // A run goes on with the instances that it began with, at their price unless another is given.
            if !isMachine(began) {
                place.offers = began
            } else if machine.onDemandPrice == .free {
                place.offers[0].type.onDemandPrice = began[0].type.onDemandPrice
                place.offers[0].price = began[0].price
            }
        } else if request.usesPool {
            guard let found = job.pool else {
                throw ServiceError.input("\(request.job): --pool is given, but the job has no pool.")
            }
            place.offers = found.entries
        }
        if let path = request.plan {
            let found = try read(path, for: job, models, request)
            if !request.usesPool, request.slurm == nil, began == nil { place.offers = rented(found) }
            do { try found.validate(job.tasks, on: ResourcePool(entries: found.instances.map(\.entry))) } catch {
                throw ServiceError.input("\(path): \(error)")
            }
            for wanted in rented(found) {
                let offered = place.offers.filter { $0.isSame(as: wanted) }.reduce(0) { $0 + $1.maximumCount }
                guard wanted.maximumCount <= offered else {
                    let name = wanted.instanceID(0).rawValue.dropLast(2)
                    throw ServiceError.input(
                        "\(path): the plan rents \(wanted.maximumCount) × \(name), and the run may rent \(offered). Plan anew with "
                            + "'almanac plan', or leave out --pool.")
                }
            }
            place.plan = found
        }
        place.isWholeMachine = isMachine(place.offers)
        if !place.isWholeMachine, began == nil, request.startUpSeconds > 0 {
            for index in place.offers.indices { place.offers[index].openSeconds = request.startUpSeconds }
        }
        return place
    }

    /// What a plan rents: each offer with as many instances as it has of it.
    private static func rented(_ plan: Plan) -> [Offer] {
        var found: [Offer] = []
        for instance in plan.instances {
            if let known = found.firstIndex(where: { $0.isSame(as: instance.entry) }) {
                found[known].maximumCount += 1
            } else {
                found.append(instance.entry)
                found[found.count - 1].maximumCount = 1
            }
        }
        return found
    }

    /// Where and in which order tasks start, as far as anything is known of their times.
    static func plan(
        _ job: JobFile, _ models: ModelSet, _ believed: Estimates, _ place: Place, _ request: RunRequest,
        _ options: inout ExecutorOptions, remark: (String) -> Void
    ) throws {
        let usable = ResourcePool(entries: place.offers)
        if place.isWholeMachine, job.pool != nil, !place.hasBegun {
            remark("the job's pool is not used: the run is on this machine; --pool tries it out here")
        }
        if place.cluster == nil, job.usesSlurm {
            remark("the job's pool is not used: the run is on this machine; --engine slurm runs it there")
        }
        if place.cluster != nil, job.pool != nil {
            remark("the job's pool is not used: the run is on what Slurm has")
        }
        if let plan = place.plan {
            options.plan = plan
        } else if let rule = try rule(request, remark: remark) {
            options.rule = rule
        } else if job.tasks.tasks.contains(where: { $0.claimedSeconds != nil }) || models.knowsRuntime {
            var costs = CostModel(believed, outlook: models.outlook(of: usable))
            if request.usesPool { costs.network = job.network ?? .free }
            let found = try Planner(job.tasks, on: usable, costs: costs, quota: job.account.quota)
                .planOfRun(job.goal)
            options.plan = found.plan
            if let missed = found.missed {
                // What has begun goes on as well as it can.
                guard request.acceptsMissedLimits || place.hasBegun else {
                    throw ServiceError.infeasible(
                        "\(missed) Give other limits, or run it all the same with --best-effort.")
                }
                remark(
                    "no plan keeps the limits: this one takes "
                        + "\(Units.formatSeconds(found.plan.makespanSeconds)) and costs "
                        + Units.formatPrice(found.plan.cost))
            }
        } else if job.goal.deadlineSeconds != nil || job.goal.budget != nil {
            remark("deadline and budget are not watched: no task has a known time. Give --models.")
        }
        if !place.isWholeMachine { options.pool = place.offers }
        for reclaim in request.reclaims {
            let known = place.offers.contains { offer in
                let prefix = offer.instanceID(0).rawValue.dropLast()
                let name = reclaim.instance.rawValue
                return name.hasPrefix(prefix) && Int(name.dropFirst(prefix.count)) != nil
            }
            guard known else {
                let names = place.offers.map { $0.instanceID(0).rawValue }.joined(separator: ", ")
                throw ServiceError.input("--reclaim \(reclaim.instance): the run has no such instance, but \(names), …")
            }
        }
        options.reclaims = request.reclaims
        options.goal = job.goal
        guard let made = options.plan else { return }
        remark(
            "planned: \(Units.formatSeconds(made.makespanSeconds)) on \(Units.count(made.instances.count, "instance"))"
        )
        options.replan = { models.plan(for: $0, on: usable, host: InstanceType.hostName) }
    }

    /// The rule of the policy that was asked for, if that is worth following.
    private static func rule(_ request: RunRequest, remark: (String) -> Void) throws -> PairRule? {
        guard let path = request.policyModel else { return nil }
        let model = try PolicyModel(contentsOf: path)
        if case .learned(let rule) = model.policy { return rule }
        remark("\(path) was not better than '\(model.policy.name)' when it was trained: the run goes by a plan")
        return nil
    }

    /// Reads a plan that was made for this job, with these models.
    private static func read(
        _ path: String, for job: JobFile, _ models: ModelSet, _ request: RunRequest
    ) throws -> Plan {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ServiceError.input(
                "\(path): there is no such file. Write one with 'almanac plan JOB --output \(path)'.")
        }
        guard let plan = try? decoder.decode(Plan.self, from: data) else {
            throw ServiceError.input("\(path): this is no plan. Write one with 'almanac plan JOB --output \(path)'.")
        }
        // Plans of earlier releases do not say what they were made for.
        guard let saved = try? decoder.decode(SavedPlan.self, from: data), let digest = saved.jobDigest else {
            return plan
        }
        let options = request.models.map { " --models \($0)" } ?? ""
        let remedy = "Plan anew with 'almanac plan \(request.job)\(options) --output \(path)'"
        guard digest == job.tasks.planDigest else {
            throw ServiceError.input(
                "\(path): this plan was made for another job, or \(request.job) has changed since. \(remedy).")
        }
        guard saved.modelsDigest == models.digest else {
            let found =
                saved.modelsDigest == nil
                ? "without models" : models.digest == nil ? "with models, and the run has none" : "with other models"
            throw ServiceError.input(
                "\(path): this plan was made \(found). \(remedy), or give the run the models of the plan.")
        }
        return plan
    }
}
