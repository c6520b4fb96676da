/// What ``MarketGenerator`` was fitted with. The defaults are fitted to the prices of us-east-1 from 2021-03-02 to
/// 2021-05-31 (940 Linux markets) and to the one-node availability probes of October 2022 and February 2023.
public struct MarketGeneratorOptions: Sendable, Hashable {
    /// The lowest spot price as a share of the on-demand price.
    public var floorShare = 0.35
    /// The share of types of which no zone ever changes its price.
    public var quietTypes = 0.12
    /// The share of types of which some zones never change.
    public var partlyQuietTypes = 0.15
    /// The median standard deviation of a 6-hour change, relative.
    public var changeScale = 0.0019
    /// How that differs among types, zones and times: standard deviations of its logarithm.
    public var typeSpread = 0.8
    public var zoneSpread = 0.5
    public var paceSpread = 0.5
    /// The correlation of a change with the one before.
    public var momentum = 0.48
    /// The share of a deviation that is undone every 6 hours.
    public var reversion = 0.005
    /// How much the zones of a type have in common, relative to what is their own.
    public var commonWeight = 1.0
    /// Mean and spread of the level of a zone above the floor, in logarithms of the price.
    public var levelOffset = 0.045
    public var levelSpread = 0.08
    /// No price changes by more than this at once.
    public var largestChange = 0.05
    /// The share of prices that are computed early, within 4.5 hours.
    public var earlyShare = 0.02
    /// Mean hours between repeats of a price outside of the daily heartbeat.
    public var hoursBetweenExtras = 220.0

    /// Spells with capacity: the median of a typical zone, its spread among zones and among spells.
    public var availableMedianHours = 0.5
    public var availableZoneSpread = 0.35
    public var availableSpread = 1.8
    /// Spells without capacity.
    public var unavailableMedianHours = 0.42
    public var unavailableZoneSpread = 0.35
    public var unavailableSpread = 1.6
    /// The share of time in which a zone follows its region, in stretches of this mean length.
    public var regionalShare = 0.65
    public var regionalDays = 3.0

    /// The fitted values.
    public init() {}
}
