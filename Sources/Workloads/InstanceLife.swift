/// The life of one instance that a run asked for: when it came, how it went, and what it cost.
///
/// Of it the next plan learns how long instances of an offer live, how long they take to come, and how often there are none.
public struct InstanceLife: Hashable, Sendable, Codable {
    /// How a life ends.
    public enum End: String, Hashable, Sendable, Codable, CaseIterable {
        /// It was given back, maybe before it came.
        case closed
        /// It was taken back.
        case reclaimed
        /// It disappeared.
        case lost
        /// It never came.
        case refused
    }

    /// The workflow or job file.
    public var workflow: String
    /// The run of that workflow.
    public var job: String
    /// Its number among all that the run asked for, from 0.
    public var number: Int
    /// Its name, for instance `m5.large/spot/us-east-1a#3`.
    public var instance: InstanceID
    /// Its type.
    public var instanceType: String
    /// How it was bought.
    public var purchase: PurchaseOption
    /// Where it was; `nil` if zones did not matter.
    public var zone: String?
    /// When it was asked for, in Unix seconds.
    public var requestedTimeSeconds: Double
    /// When it took tasks first, in Unix seconds; `nil` if it never did.
    public var openedTimeSeconds: Double?
    /// When it was gone or refused, in Unix seconds.
    public var closedTimeSeconds: Double
    /// How it ended.
    public var end: End
    /// Its price in US dollars per hour.
    public var pricePerHour: Double
    /// What its whole life cost, as it is billed, in US dollars.
    public var cost: Double

    enum CodingKeys: String, CodingKey {
        case workflow, job, number, instance, purchase, zone, end, cost
        case instanceType = "instance_type"
        case requestedTimeSeconds = "requested_time_seconds"
        case openedTimeSeconds = "opened_time_seconds"
        case closedTimeSeconds = "closed_time_seconds"
        case pricePerHour = "price_per_hour"
    }

    /// Makes a life as it is stored.
    package init(
        workflow: String, job: String, number: Int, instance: InstanceID, instanceType: String,
        purchase: PurchaseOption, zone: String?, requestedTimeSeconds: Double, openedTimeSeconds: Double?,
        closedTimeSeconds: Double, end: End, pricePerHour: Double, cost: Double
    ) {
        (self.workflow, self.job, self.number, self.instance) = (workflow, job, number, instance)
        (self.instanceType, self.purchase, self.zone) = (instanceType, purchase, zone)
        (self.requestedTimeSeconds, self.openedTimeSeconds) = (requestedTimeSeconds, openedTimeSeconds)
        (self.closedTimeSeconds, self.end) = (closedTimeSeconds, end)
        (self.pricePerHour, self.cost) = (pricePerHour, cost)
    }

    /// Makes a life of an offer.
    ///
    /// - Parameter openedTimeSeconds: `nil` if it never took tasks; such a life costs nothing.
    public init(
        workflow: String, job: String, number: Int, instance: InstanceID, offer: Offer, requestedTimeSeconds: Double,
        openedTimeSeconds: Double?, closedTimeSeconds: Double, end: End
    ) {
        (self.workflow, self.job, self.number, self.instance) = (workflow, job, number, instance)
        (instanceType, purchase, zone) = (offer.type.name, offer.purchase, offer.zone)
        (self.requestedTimeSeconds, self.openedTimeSeconds) = (requestedTimeSeconds, openedTimeSeconds)
        (self.closedTimeSeconds, self.end) = (closedTimeSeconds, end)
        pricePerHour = offer.price.perHour
        let seconds = openedTimeSeconds.map { max(0, closedTimeSeconds - $0) }
        cost = seconds.map { offer.price.cost(ofSeconds: offer.billing.billedSeconds($0)) } ?? 0
    }
}
