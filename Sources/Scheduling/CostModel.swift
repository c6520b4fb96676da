public import Workloads

/// What a scheduler must know about the future, as data: what the tasks of one job need, and what a pool offers.
///
/// Learned models make one in `Prediction`; a test, or a plan from what a job claims, makes one by hand. It is saved with
/// a plan: equal models give equal plans.
public struct CostModel: Hashable, Sendable, Codable {
    /// What is believed of the tasks, by position in their graph.
    public var estimates: Estimates
    /// What is believed of the entries of the pool, in their order; `nil` takes what the pool lists.
    public var outlook: MarketOutlook?
    /// What it takes to move data.
    public var network: Network

    /// Makes a model; prices are those listed in the pool and transfers take no time unless it says otherwise.
    public init(_ estimates: Estimates, outlook: MarketOutlook? = nil, network: Network = .free) {
        (self.estimates, self.outlook, self.network) = (estimates, outlook, network)
    }

    /// The times and the memory that a job claims itself.
    ///
    /// - Parameter unknownSeconds: The time of a task that claims none.
    public static func claimed(by graph: TaskGraph, unknownSeconds: Double = 1) -> CostModel {
        CostModel(Estimates(claimedBy: graph, unknownSeconds: unknownSeconds))
    }
}
