internal import Allocation
internal import Execution
internal import Foundation
internal import JobFiles
internal import LocalExecution
internal import Markets
internal import Prediction
internal import Scheduling
internal import Simulation
internal import Store
internal import Traces
internal import Workloads

extension SimulationStudy {
    /// What a question is about, read once for all its what-ifs.
    struct Setting {
        let question: Question
        let known: [KnownJob]

        init(_ question: Question) throws {
            self.question = question
            known = try ([question.job] + question.others.map(\.job)).map { path in
                let known = try KnownJob(path, models: question.models, asksSlurm: true)
                let isTimed =
                    known.models.knowsRuntime || known.job.tasks.tasks.contains { $0.claimedSeconds != nil }
                guard isTimed else {
                    throw ServiceError.input(
                        "\(path): no task has a known time. Give --models, or 'seconds' to the tasks.")
                }
                return known
            }
        }
    }
}

extension SimulationStudy.Setting {
    /// The jobs in a world, and the plan of one that is alone.
    func simulator(_ assumptions: SimulationStudy.Assumptions) throws -> (Simulator, Plan?) {
        let (file, models) = (known[0].job, known[0].models)
        let other = try assumptions.pool.map { try JobFile.readPool($0) }
        let given = other?.pool ?? file.pool
        var offers = given?.entries ?? [Offer(type: .thisMachine())]
        offers.removeAll { assumptions.withoutPurchases.contains($0.purchase) }
        guard !offers.isEmpty else { throw ServiceError.input("nothing of the pool is left to run on") }
        for index in offers.indices where given != nil && assumptions.startUpSeconds > 0 {
            offers[index].openSeconds = assumptions.startUpSeconds
        }
        if given == nil, let known = question.calibration { offers[0].openSeconds = known.startUpSeconds }
        let pool = ResourcePool(entries: offers)
        let host = given == nil ? InstanceType.hostName : nil
        var network = other?.network ?? file.network ?? question.calibration?.network ?? .free
        network.bytesPerSecond = assumptions.bandwidth ?? network.bytesPerSecond
        network.latencySeconds = assumptions.latencySeconds ?? network.latencySeconds
        let costs = try known.map { known in
            var costs = try known.models.costModel(for: known.job.tasks, on: pool, host: host, unknownSeconds: 60)
            costs.network = network
            return costs
        }
        let world = try world(assumptions, offers, costs, models.outlook(of: pool))
        guard known.count > 1 || assumptions.reservation == nil else {
            throw ServiceError.input(
                "a reservation is for a stream of jobs, and here is one. Give several, and when they come with --arrivals."
            )
        }
        guard known.count == 1 else { return (try shared(offers, costs, world, assumptions), nil) }

        var goal = file.goal
        goal.objective = assumptions.objective ?? goal.objective
        goal.deadlineSeconds = assumptions.deadlineSeconds ?? goal.deadlineSeconds
        goal.budget = assumptions.budget ?? goal.budget
        let plan = try Planner(file.tasks, on: pool, costs: costs[0], quota: file.account.quota).planOfRun(goal).plan
        var setup = RunSetup(
            file.tasks, offers: offers, policy: file.policy ?? .standard, keepsGoing: true, goal: goal, ranks: nil,
            estimates: costs[0].estimates, plan: plan, startSeconds: 0, account: file.account)
        setup.speculation = assumptions.speculation
        if assumptions.follows { setup.follows = assumptions.noise }
        if let rule = try assumptions.policy.map({ try PolicyModel(contentsOf: $0).policy }) {
            return (learned(rule, offers, costs[0].estimates, world, goal, assumptions), plan)
        }
        var job = setup.job(file.tasks, name: file.name)
        job.goal = goal
        var simulator = Simulator(
            job, estimates: costs[0].estimates, allocator: setup.allocator, world: world, plan: setup.plan)
        simulator.flow = world.flow
        let (graph, offered, wanted) = (file.tasks, offers, goal)
        simulator.replan = { state, reason in
            guard let rest = try? RemainingJob(graph, 0, reason, wanted, state),
                let plan = models.plan(for: rest, on: pool, host: host)
            else { return nil }
            return rest.assignments(plan, graph, offers: offered, state)
        }
        return (simulator, plan)
    }

    /// One job on all of the pool, as a policy decides.
    private func learned(
        _ policy: SchedulingPolicy, _ offers: [Offer], _ estimates: Estimates, _ world: World, _ goal: Goal,
        _ assumptions: SimulationStudy.Assumptions
    ) -> Simulator {
        let file = known[0].job
        var policies = policy.policies(reclaimsPerHour: world.reclaimsPerHour)
        policies.recovery = Recovery(file.policy ?? .standard, largest: offers.largestCapacity)
        if assumptions.follows {
            policies.following = Following(Following.besides(policies.placement), noise: assumptions.noise)
        }
        var simulator = Simulator(
            Job(
                file.tasks, name: file.name, tenant: file.account.tenant, weight: file.account.weight,
                quota: file.account.quota, goal: goal), estimates: estimates,
            allocator: Allocator(offers: offers, policies: policies), world: world,
            ranks: upwardRanks(file.tasks, seconds: estimates.expectedSeconds))
        simulator.flow = world.flow
        return simulator
    }

    /// All jobs on all of the pool, by the shares of their tenants.
    private func shared(
        _ offers: [Offer], _ costs: [CostModel], _ world: World, _ assumptions: SimulationStudy.Assumptions
    ) throws -> Simulator {
        let jobs = zip(known, costs).enumerated().map { index, item in
            let (file, estimates) = (item.0.job, item.1.estimates)
            let job = Job(
                file.tasks, name: file.name, tenant: file.account.tenant, weight: file.account.weight,
                quota: file.account.quota, goal: file.goal)
            return SimulatedJob(
                job, arrivalSeconds: index == 0 ? 0 : question.others[index - 1].arrivalSeconds, estimates: estimates,
                ranks: upwardRanks(file.tasks, seconds: estimates.expectedSeconds),
                flow: item.1.network.isFree ? nil : DataFlow(file.tasks, over: item.1.network))
        }
        let recovery = Recovery(known[0].job.policy ?? .standard, largest: offers.largestCapacity)
        var policies = Policies(placement: Backfilling(.fairShare), provisioning: FixedPool(), recovery: recovery)
        if let policy = try assumptions.policy.map({ try PolicyModel(contentsOf: $0).policy }) {
            policies.placement = policy.policies(reclaimsPerHour: world.reclaimsPerHour).placement
        }
        if let level = assumptions.reservation {
            policies.provisioning = ReservedPool(demand(jobs), level: level)
        }
        // What is followed must keep to the shares of the tenants as well.
        if assumptions.follows { policies.following = Following([BestFit(.fairShare)], noise: assumptions.noise) }
        var simulator = Simulator(
            jobs[0].job, estimates: jobs[0].estimates, allocator: Allocator(offers: offers, policies: policies),
            world: world, ranks: jobs[0].ranks)
        simulator.flow = jobs[0].flow
        simulator.others = Array(jobs.dropFirst())
        return simulator
    }

    /// What a stream of jobs that come like these wants: each on average what its tasks take while it lasts, on its longest
    /// path.
    private func demand(_ jobs: [SimulatedJob]) -> DemandForecast {
        let arrivals = jobs.map { item in
            let (estimates, tasks) = (item.estimates, item.job.graph.tasks)
            let length = max(item.ranks?.max() ?? 0, 1e-9)
            var wants = Resources.zero
            for task in tasks.indices where estimates.expectedSeconds[task].isFinite {
                let request = estimates.request(of: task, tasks[task].request)
                wants.lanes += request.lanes * (estimates.expectedSeconds[task] / length)
            }
            return (seconds: item.arrivalSeconds, wants: wants, forSeconds: length)
        }
        let steps = 12
        let end = arrivals.reduce(1) { max($0, $1.seconds + $1.forSeconds) }
        return DemandForecast(arrivals: arrivals, stepSeconds: end / Double(steps), steps: steps)
    }

    private func world(
        _ assumptions: SimulationStudy.Assumptions, _ offers: [Offer], _ costs: [CostModel], _ outlook: MarketOutlook
    ) throws -> World {
        let hazard = offers.enumerated().map { place, offer in
            offer.purchase == .spot ? assumptions.reclaimsPerHour ?? outlook.reclaimsPerHour[place] : 0
        }
        var world = World(
            known.count == 1 ? costs[0].estimates : Estimates(joining: costs.map(\.estimates)),
            noise: assumptions.noise, reclaimsPerHour: hazard, warningSeconds: assumptions.noticeSeconds,
            refusals: assumptions.refusals, failures: assumptions.failures)
        if assumptions.noiseIsRecorded { world.residuals = try residuals() }
        let network = costs[0].network
        if !network.isFree {
            let flows = known.map { DataFlow($0.job.tasks, over: network) }
            world.flow = flows.count == 1 ? flows[0] : DataFlow(joining: flows, over: network)
        }
        world.sharesLinks = assumptions.sharesLinks
        (world.dispatchSeconds, world.openNoise) = (assumptions.dispatchSeconds, assumptions.startUpNoise)
        if let path = assumptions.market { world.markets = try markets(path, offers, assumptions) }
        return world
    }

    private func store() throws -> TraceStore {
        let folder = question.store ?? ".almanac"
        guard FileManager.default.fileExists(atPath: folder) else {
            throw ServiceError.input(
                "\(folder): there is no trace store. Import what was recorded ('almanac import auto FILE'), or name its folder "
                    + "with --store.")
        }
        return try TraceStore(reading: folder)
    }

    /// How much longer than expected each task may take, by what was recorded of its type; of all types together where of its
    /// own there is too little.
    private func residuals() throws -> [[Double]] {
        let found = RecordedResiduals(try store().executions())
        guard !found.all.isEmpty else {
            throw ServiceError.input(
                "noise=recorded: the store holds no task that ran several times. Run the job a few times ('almanac run'), or "
                    + "import runs.")
        }
        return known.flatMap { $0.job.tasks.tasks.map { found.ratios(ofType: $0.type) } }
    }

    /// What happened to the spot offers of a pool: recorded prices of their types and zones, recorded availability (one trace
    /// after the other), or both generated.
    private func markets(
        _ path: String, _ offers: [Offer], _ assumptions: SimulationStudy.Assumptions
    ) throws -> [RecordedMarket?] {
        let spot = offers.indices.filter { offers[$0].purchase == .spot }
        guard !spot.isEmpty else {
            // Without spot instances a what-if does not meet the market.
            if assumptions.withoutPurchases.contains(.spot) { return [] }
            throw ServiceError.input("--market: nothing of the pool is bought on the spot market")
        }
        var markets = [RecordedMarket?](repeating: nil, count: offers.count)
        if path == "generated" {
            let names = spot.map { offers[$0].instanceID(0).rawValue }
            let capacity = spot.map { offers[$0].maximumCount }.max() ?? 1
            let traces = try MarketGenerator(seed: question.seed).availability(
                names: names, region: "generated", capacity: max(1, capacity))
            for (offer, trace) in zip(spot, traces) { markets[offer] = RecordedMarket(trace) }
            return markets
        }
        let isStored = path == "store"
        if isStored, let traces = try? store().availabilityTraces(), !traces.isEmpty,
            try store().spotPrices().count == 0
        {
            for offer in spot {
                let own = traces.first { trace in offers[offer].zone.map { trace.name.contains($0) } ?? false }
                markets[offer] = RecordedMarket(own ?? traces[0])
            }
            return markets
        }
        switch isStored ? .prices(try store().spotPrices()) : try MarketImport.read(path).content {
        case .prices(let table):
            for offer in spot {
                let type = offers[offer].type.name
                let known = table.markets.indices.filter { table.markets[$0].instanceType == type }
                let place = known.first { table.markets[$0].zone == offers[offer].zone } ?? known.first
                markets[offer] = place.map { RecordedMarket(table.history(of: $0)) }
            }
            guard markets.contains(where: { $0 != nil }) else {
                let types = Set(spot.map { offers[$0].type.name }).sorted().joined(separator: ", ")
                let remedy = isStored ? "Import some ('almanac import auto FILE')" : "Give a file that has"
                throw ServiceError.input(
                    "\(isStored ? "the store" : path): it has no price of \(types). \(remedy), or name the types of the pool as "
                        + "there.")
            }
        case .availability(let trace): for offer in spot { markets[offer] = RecordedMarket(trace) }
        case .lifetimes:
            throw ServiceError.input(
                "\(path): it holds lives of instances, expected prices or availability. Give --reclaims instead.")
        }
        return markets
    }
}
