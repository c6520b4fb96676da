public import Workloads

/// What a scheduler must know about the future.
///
/// Learned models make one in `Prediction`; a test or a plan from recorded times makes one by hand. Times are
/// seconds, memory is bytes, prices are US dollars per instance-hour, `p` is a probability: the value that is not
/// exceeded with probability `p`.
public struct CostModel: Sendable {
    /// The expected run time of a task on a type of instance.
    public var expectedSeconds: @Sendable (TaskSpec, InstanceType) -> Double
    /// The `p` quantile of the run time of a task on a type of instance.
    public var quantileSeconds: @Sendable (TaskSpec, InstanceType, _ p: Double) -> Double
    /// The `p` quantile of the peak memory of a task.
    public var peakMemoryBytes: @Sendable (TaskSpec, _ p: Double) -> Double
    /// The memory to reserve for a task that asks for none.
    public var memoryRequestBytes: @Sendable (TaskSpec) -> Double
    /// The price of an instance of a pool entry at a time, in seconds after the start of the plan.
    public var price: @Sendable (ResourcePool.Entry, _ atSeconds: Double) -> Price
    /// The probability that an instance of a pool entry is reclaimed within so many seconds; 0 if on demand.
    public var reclaimProbability: @Sendable (ResourcePool.Entry, _ withinSeconds: Double) -> Double
    /// The time to move so many bytes from one instance to another.
    public var transferSeconds:
        @Sendable (_ bytes: Double, _ from: ResourcePool.Entry, _ to: ResourcePool.Entry) -> Double

    /// Makes a model from its parts. By default times have no spread, the 95 % quantile of memory is reserved, prices are
    /// those listed in the pool, nothing is reclaimed, and transfers take no time.
    public init(
        expectedSeconds: @escaping @Sendable (TaskSpec, InstanceType) -> Double,
        quantileSeconds: (@Sendable (TaskSpec, InstanceType, _ p: Double) -> Double)? = nil,
        peakMemoryBytes: @escaping @Sendable (TaskSpec, _ p: Double) -> Double = { task, _ in
            max(task.request.memoryBytes, task.recordedPeakMemoryBytes ?? 0)
        },
        memoryRequestBytes: (@Sendable (TaskSpec) -> Double)? = nil,
        price: @escaping @Sendable (ResourcePool.Entry, _ atSeconds: Double) -> Price = { entry, _ in
            entry.type.price(entry.purchase) ?? entry.type.onDemandPrice
        },
        reclaimProbability: @escaping @Sendable (ResourcePool.Entry, _ withinSeconds: Double) -> Double = { _, _ in 0 },
        transferSeconds:
            @escaping @Sendable (_ bytes: Double, _ from: ResourcePool.Entry, _ to: ResourcePool.Entry) ->
            Double = { _, _, _ in 0 }
    ) {
        self.expectedSeconds = expectedSeconds
        self.quantileSeconds = quantileSeconds ?? { task, type, _ in expectedSeconds(task, type) }
        self.peakMemoryBytes = peakMemoryBytes
        self.memoryRequestBytes = memoryRequestBytes ?? { peakMemoryBytes($0, 0.95) }
        self.price = price
        self.reclaimProbability = reclaimProbability
        self.transferSeconds = transferSeconds
    }

    /// The times that a trace recorded, on a machine of speed 1, divided by an instance's speed.
    ///
    /// - Parameter unknownSeconds: The time of a task without a recorded one.
    public static func recorded(unknownSeconds: Double = 1) -> CostModel {
        CostModel(expectedSeconds: { task, type in (task.recordedSeconds ?? unknownSeconds) / type.speed })
    }
}
