internal import Glibc
internal import LinearAlgebra
public import Reading
public import Workloads

/// Makes spot prices and availability whose statistics are those of recorded markets.
///
/// For demonstrations, tests and simulations that need markets nobody recorded. What it makes is no evidence about
/// real prices: `datasets/markets/README.md` compares the two, statistic by statistic.
///
/// **Prices.** A market computes its price every 4.6 to 7.6 hours, moves it by at most 5 %, rounds it to 0.0001 USD and
/// publishes it if it changed; else it repeats it after 24 hours. Cheap instances therefore change rarely. The price is
/// a floor times exp(max(0, *x*)): a market that nobody wants stays at its floor and never changes. *x* is the level of
/// the zone, plus a part that all zones of the type share, plus the zone's own; both parts have momentum (changes
/// follow their predecessors) and drift back slowly. No hour of the day is dearer: recorded prices show none.
///
/// **Availability.** Spells with and without capacity alternate, their lengths log-normal. Zones of one region follow a
/// common course for days and their own for other days. Counts of several instances climb and fall over several ticks.
public struct MarketGenerator: Sendable {
    /// The only source of randomness. A market keeps its course when others are added or taken away.
    public let seed: UInt64
    /// What was fitted to the recorded markets.
    public let options: MarketGeneratorOptions

    /// Makes a generator; the options of recorded markets by default.
    public init(seed: UInt64, options: MarketGeneratorOptions = .init()) {
        (self.seed, self.options) = (seed, options)
    }

    /// Prices of every type in every one of its zones, product ``SpotMarket/linux``.
    ///
    /// - Parameters:
    ///   - types: The on-demand price and the zones of each are used.
    ///   - startTime: Unix seconds.
    /// - Throws: ``TraceError`` if a type has no on-demand price.
    public func prices(
        of types: [InstanceType], from startTime: Double = 1_614_643_200, days: Double = 90
    ) throws(TraceError) -> SpotPriceTable {
        precondition(days > 0 && days < 100_000, "a positive number of days")
        var builder = SpotPriceTable.Builder()
        for type in types {
            guard type.onDemandPrice.perHour > 0.001 else {
                throw .badRequest(
                    found: "the on-demand price \(type.onDemandPrice.perHour) of \(type.name)",
                    expected: "more than 0.001 USD per hour", remedy: "Give the price.")
            }
            let course = TypeCourse(type, days: days, self)
            for zone in type.zones {
                let market = SpotMarket(instanceType: type.name, zone: zone)
                course.zone(zone, self) { second, price in
                    builder.append(market, time: startTime + second, price: price)
                }
            }
        }
        return builder.build().table
    }

    /// Availability of one kind of instance in the zones of a region, one trace each.
    ///
    /// - Parameter names: What each trace is called; they share the region's course.
    public func availability(
        names: [String], region: String, stepSeconds: Double = 600, days: Double = 27, capacity: Int = 1
    ) throws(TraceError) -> [AvailabilityTrace] {
        precondition(stepSeconds > 0 && days > 0 && days * 86400 / stepSeconds < 1e8 && capacity > 0, "out of range")
        let ticks = Int(days * 86400 / stepSeconds)
        var common = self.generator("region \(region)")
        let regional = spells(&common, ticks: ticks, stepSeconds: stepSeconds)
        var traces: [AvailabilityTrace] = []
        for name in names {
            var random = generator("availability \(region) \(name)")
            let own = spells(&random, ticks: ticks, stepSeconds: stepSeconds)
            var counts: [Int] = []
            var (count, followsRegion, untilSwitch) = (0, false, 0)
            for tick in 0..<ticks {
                if untilSwitch == 0 {
                    followsRegion = random.nextUniform() < options.regionalShare
                    untilSwitch = 1 + Int(random.nextExponential() * options.regionalDays * 86400 / stepSeconds)
                }
                untilSwitch -= 1
                let target = (followsRegion ? regional[tick] : own[tick]) ? capacity : 0
                if tick == 0 { count = target }
                if count != target {
                    let step = 1 + random.nextInt(below: capacity)
                    count = target > count ? min(target, count + step) : max(target, count - step)
                }
                counts.append(count)
            }
            traces.append(
                try AvailabilityTrace(name: name, stepSeconds: stepSeconds, counts: counts, capacity: capacity))
        }
        return traces
    }

    /// Whether there is capacity, for every tick.
    private func spells(_ random: inout SeededGenerator, ticks: Int, stepSeconds: Double) -> [Bool] {
        let onHours = options.availableMedianHours * exp(options.availableZoneSpread * random.nextNormal())
        let offHours = options.unavailableMedianHours * exp(options.unavailableZoneSpread * random.nextNormal())
        var isAvailable = random.nextUniform() < 0.6
        var states: [Bool] = []
        states.reserveCapacity(ticks)
        while states.count < ticks {
            let median = isAvailable ? onHours : offHours
            let spread = isAvailable ? options.availableSpread : options.unavailableSpread
            let seconds = median * 3600 * exp(spread * random.nextNormal())
            let length = max(1, Int(min(seconds / stepSeconds, Double(ticks)).rounded()))
            states.append(contentsOf: repeatElement(isAvailable, count: min(length, ticks - states.count)))
            isAvailable.toggle()
        }
        return states
    }

    /// A stream of random numbers of its own for each name.
    fileprivate func generator(_ name: String) -> SeededGenerator {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return SeededGenerator(seed: seed, stream: hash)
    }
}

/// What all zones of one instance type share.
private struct TypeCourse {
    let type: InstanceType
    let days: Double
    let floor: Double
    let logScale: Double
    let neverChangingShare: Double
    let common: [Double]

    /// Hours between the points of a course; prices in between are interpolated.
    static let hoursPerPoint = 6.0

    init(_ type: InstanceType, days: Double, _ generator: MarketGenerator) {
        (self.type, self.days) = (type, days)
        let options = generator.options
        var random = generator.generator("type \(type.name)")
        floor = max(0.0001, (type.onDemandPrice.perHour * options.floorShare * 1e4).rounded() / 1e4)
        logScale = log(options.changeScale) + options.typeSpread * random.nextNormal()
        let kind = random.nextUniform()
        let some = 0.2 + 0.7 * random.nextUniform()
        neverChangingShare =
            kind < options.quietTypes ? 1 : kind < options.quietTypes + options.partlyQuietTypes ? some : 0
        common = Self.course(&random, scale: exp(logScale), hours: days * 24, options)
    }

    /// A random walk with momentum and changing pace that drifts back to 0.
    static func course(
        _ random: inout SeededGenerator, scale: Double, hours: Double, _ options: MarketGeneratorOptions
    ) -> [Double] {
        var (position, velocity) = (0.0, 0.0)
        var pace = options.paceSpread * random.nextNormal()
        let paceMemory = 0.98
        return (0..<Int(hours / hoursPerPoint) + 3).map { _ in
            pace =
                paceMemory * pace + options.paceSpread * (1 - paceMemory * paceMemory).squareRoot()
                * random.nextNormal()
            let shock = scale * exp(pace) * (1 - options.momentum * options.momentum).squareRoot()
            velocity = options.momentum * velocity + shock * random.nextNormal()
            position += velocity - options.reversion * position
            return position
        }
    }

    /// Publishes the prices of one zone: seconds from the start, and US dollars.
    func zone(_ name: String, _ generator: MarketGenerator, publish: (Double, Double) -> Void) {
        let options = generator.options
        var random = generator.generator("market \(type.name) \(name)")
        let scale = exp(logScale + options.zoneSpread * random.nextNormal())
        let isQuiet = random.nextUniform() < neverChangingShare
        let own = Self.course(&random, scale: scale, hours: days * 24, options)
        let tail = exp(0.7 * random.nextNormal())
        let level = options.levelOffset + options.levelSpread * random.nextNormal() * tail
        var nextComputed = 6 * random.nextUniform()
        var nextExtra = random.nextExponential() * options.hoursBetweenExtras
        var heartbeat = Double.infinity
        var price: Double?
        while true {
            let hour = min(nextComputed, heartbeat, price == nil ? .infinity : nextExtra)
            guard hour < days * 24 else { return }
            if hour == nextComputed {
                let isEarly = random.nextUniform() < options.earlyShare
                nextComputed += isEarly ? 4.5 * random.nextUniform() : 4.55 + 3.05 * random.nextUniform()
                let computed = isQuiet ? floor : self.price(hour, level: level, own: own, after: price, options)
                if computed == price { continue }
                price = computed
            } else if hour == nextExtra {
                nextExtra += random.nextExponential() * options.hoursBetweenExtras
            }
            guard let price else { continue }
            publish((hour * 3600).rounded(), price)
            heartbeat = hour + 24.003 + 0.014 * random.nextUniform()
        }
    }

    private func price(
        _ hour: Double, level: Double, own: [Double], after last: Double?, _ options: MarketGeneratorOptions
    ) -> Double {
        let place = hour / Self.hoursPerPoint
        let point = min(Int(place), own.count - 2)
        let fraction = place - Double(point)
        func value(_ course: [Double]) -> Double { course[point] * (1 - fraction) + course[point + 1] * fraction }
        // In units of 0.0001 USD, the smallest step of a price.
        var units = (floor * exp(max(0, level + options.commonWeight * value(common) + value(own))) * 1e4).rounded()
        if let last {
            let before = (last * 1e4).rounded()
            let most = max(1, (before * options.largestChange).rounded(.down))
            units = min(max(units, before - most), before + most)
        }
        return max(floor, units / 1e4)
    }
}
