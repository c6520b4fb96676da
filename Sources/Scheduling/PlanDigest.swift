internal import Basics
public import Workloads

extension TaskGraph {
    /// A hash of what a plan for the job must know of it: names, order, files, requests, priorities and limits of its tasks, not
    /// how long they take or how large their files are.
    ///
    /// - Complexity: O(tasks + edges + files).
    public var planDigest: String {
        var hash = PlanHash()
        for index in tasks.indices {
            let task = tasks[index]
            hash.add(task.id.rawValue)
            for predecessor in predecessors(of: index) { hash.add(tasks[predecessor].id.rawValue) }
            for file in task.inputs + task.outputs { hash.add(file.path) }
            hash.add(task.request)
            hash.add(Double(task.priority), task.notBeforeSeconds ?? 0, task.deadlineSeconds ?? -1)
        }
        return hash.text
    }
}

extension CostModel {
    /// A hash of all that a plan follows from but its goal: the job, the pool, and what is believed of both.
    ///
    /// - Complexity: O(tasks + edges + files).
    public func digest(of graph: TaskGraph, on pool: ResourcePool) -> String {
        var hash = PlanHash()
        for task in graph.tasks {
            hash.add(task.id.rawValue)
            for predecessor in task.predecessors { hash.add(predecessor.rawValue) }
            for file in task.inputs + task.outputs { hash.add(file.path, file.sizeBytes ?? -1) }
            hash.add(task.request)
            hash.add(Double(task.priority))
            if task.notBeforeSeconds != nil || task.deadlineSeconds != nil {
                hash.add(task.notBeforeSeconds ?? 0, task.deadlineSeconds ?? -1)
            }
        }
        for offer in pool.entries {
            hash.add(offer.instanceID(0).rawValue, offer.type.speed, offer.price.perHour, Double(offer.maximumCount))
            hash.add(offer.capacity.lanes)
            hash.add(offer.openSeconds, offer.billing.granularitySeconds, offer.billing.minimumSeconds)
        }
        hash.add(estimates)
        for (prices, reclaims) in zip(outlook?.pricesPerHour ?? [], outlook?.reclaimsPerHour ?? []) {
            hash.add(prices)
            hash.add(reclaims)
        }
        hash.add(network.bytesPerSecond ?? -1, network.latencySeconds)
        if let link = network.betweenZones {
            hash.add(link.bytesPerSecond ?? -1, link.latencySeconds, link.pricePerGigabyte)
        }
        return hash.text
    }
}

private struct PlanHash {
    private var hash = FNV1a()

    var text: String {
        let digits = String(hash.value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    mutating func add(_ values: Double...) { add(values) }

    mutating func add(_ values: [Double]) {
        for value in values {
            // What differs in the first bits only would change none of the last.
            hash.add(value.bitPattern)
            hash.add(value.bitPattern >> 32)
        }
        hash.add(UInt64(values.count))
    }

    mutating func add(_ lanes: SIMD4<Double>) { add(lanes.x, lanes.y, lanes.z, lanes.w) }

    mutating func add(_ text: String, _ values: Double...) {
        // Eight bytes at a time; the last with what no text has.
        var (word, count) = (UInt64(0), 0)
        for byte in text.utf8 {
            word = word << 8 | UInt64(byte)
            count += 1
            guard count == 8 else { continue }
            hash.add(word)
            hash.add(word >> 32)
            (word, count) = (0, 0)
        }
        hash.add(word << 8 | 0xff)
        hash.add(word >> 32)
        add(values)
    }

    mutating func add(_ request: Requirements) {
        add(request.resources.lanes)
        add(request.gpuModel ?? "")
        add(request.purchase?.rawValue ?? "")
        for zone in request.zones.sorted() { add(zone) }
    }

    mutating func add(_ estimates: Estimates) {
        add(estimates.expectedSeconds)
        for values in [estimates.secondsQuantiles, estimates.memoryQuantiles] {
            for quantiles in values { add((0..<8).map { quantiles.values[$0] }) }
        }
        add(estimates.memoryRequestBytes)
        add(estimates.kind.map(Double.init))
        for speeds in estimates.speeds { add(speeds) }
        for name in estimates.instanceTypes { add(name) }
    }
}
