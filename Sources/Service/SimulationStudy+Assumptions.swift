public import Allocation
internal import Foundation
internal import Scheduling
public import Workloads

extension SimulationStudy {
    /// What is assumed of the world, the pool and the goal.
    public struct Assumptions: Hashable, Sendable {
        /// The standard deviation of the logarithm of run times without quantiles.
        public var noise = 0.0
        /// Whether run times differ from what is expected as recorded ones did.
        public var noiseIsRecorded = false
        /// The probability that a spot instance is taken back within an hour; `nil` is what the models say.
        public var reclaimsPerHour: Double?
        /// The probability that a spot instance is refused, and that an attempt fails by itself.
        public var refusals = 0.0
        public var failures = 0.0
        /// Seconds from asking for an instance until it takes tasks; the standard deviation of its logarithm.
        public var startUpSeconds = 0.0
        public var startUpNoise = 0.0
        /// Seconds between the notice of a reclaim and the reclaim; 0 is without notice.
        public var noticeSeconds = 120.0
        /// Seconds for which an attempt occupies its room besides its run time.
        public var dispatchSeconds = 0.0
        /// Bytes a second between two instances, and seconds until one hears of the other; `nil` is what the job says.
        public var bandwidth: Double?
        public var latencySeconds: Double?
        /// Whether transfers from or to one instance share its bandwidth.
        public var sharesLinks = false
        /// A file with another pool than the job's.
        public var pool: String?
        /// A file of recorded prices or availability, `store` for those in the store, or `generated`: what happens to spot
        /// instances.
        public var market: String?
        /// Which tasks that run too long get a second attempt.
        public var speculation = Speculation.Scope.asked
        /// A file of a policy that decides in the place of a plan; on all of the pool.
        public var policy: String?
        /// Whether the placement is followed that wins in simulation from where the run is.
        public var follows = false
        /// Of the pool that several jobs share, what suffices for the forecast demand with this probability is kept ready, and
        /// more is opened when tasks wait; `nil` opens all while a job goes on.
        public var reservation: Double?
        /// Ways of buying that are not used.
        public var withoutPurchases: Set<PurchaseOption> = []
        /// What the plan should be good at, if not what the job says.
        public var objective: Goal.Objective?
        public var deadlineSeconds: Double?
        public var budget: Double?

        /// The plainest world.
        public init() {}
    }

    /// One assumption that is changed, for instance `spot=off` or `noise=0.5`.
    public struct WhatIf: Hashable, Sendable {
        /// As it was written.
        public let text: String
        /// The names that are understood.
        public static let keys = [
            "spot=off", "on-demand=off", "noise=S|recorded", "reclaims=P", "notice=TIME|off", "refusals=P",
            "failures=P",
            "start-up=TIME", "start-up-noise=S", "dispatch=TIME", "bandwidth=BYTES", "latency=TIME",
            "links=shared|free", "speculate=asked|allowed|never", "policy=FILE",
            "follow=on|off", "reservation=P|off",
            "pool=FILE", "market=FILE|store|generated", "objective=cost|time|balanced", "deadline=TIME",
            "budget=DOLLARS",
        ]
        /// `nil` if it is none of ``keys``; several are separated by commas.
        public init?(_ text: String) {
            self.text = text
            var nothing = Assumptions()
            guard apply(to: &nothing) else { return nil }
        }

        func applied(to assumptions: Assumptions) -> Assumptions {
            var changed = assumptions
            _ = apply(to: &changed)
            return changed
        }

        private func apply(to assumptions: inout Assumptions) -> Bool {
            let parts = text.split(separator: ",")
            return !parts.isEmpty
                && parts.allSatisfy { part in
                    let sides = part.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                    return sides.count == 2 && Self.apply(sides[0], sides[1], to: &assumptions)
                }
        }

        private static func apply(_ key: String, _ value: String, to assumptions: inout Assumptions) -> Bool {
            func set<Value>(_ path: WritableKeyPath<Assumptions, Value>, _ found: Value?) -> Bool {
                guard let found else { return false }
                assumptions[keyPath: path] = found
                return true
            }
            func number(upTo most: Double) -> Double? { Double(value).flatMap { 0...most ~= $0 ? $0 : nil } }
            // Where nothing is a value, too, it must not stand for what is none.
            func optional(_ path: WritableKeyPath<Assumptions, Double?>, _ found: Double?) -> Bool {
                guard let found else { return false }
                assumptions[keyPath: path] = found
                return true
            }
            switch key {
            case "spot", "on-demand":
                guard value == "off", let purchase = PurchaseOption(rawValue: key) else { return false }
                return set(\.withoutPurchases, assumptions.withoutPurchases.union([purchase]))
            case "noise":
                assumptions.noiseIsRecorded = value == "recorded"
                return value == "recorded" || set(\.noise, number(upTo: 3))
            case "reclaims": return optional(\.reclaimsPerHour, number(upTo: 0.999))
            case "refusals": return set(\.refusals, number(upTo: 0.999))
            case "failures": return set(\.failures, number(upTo: 0.999))
            case "notice": return set(\.noticeSeconds, value == "off" ? 0 : Units.parseSeconds(value))
            case "start-up": return set(\.startUpSeconds, Units.parseSeconds(value))
            case "start-up-noise": return set(\.startUpNoise, number(upTo: 3))
            case "dispatch": return set(\.dispatchSeconds, Units.parseSeconds(value))
            case "bandwidth":
                guard let bytes = Units.parseBytes(value), bytes > 0 else { return false }
                return set(\.bandwidth, bytes)
            case "latency": return optional(\.latencySeconds, Units.parseSeconds(value))
            case "links":
                guard ["shared", "free"].contains(value) else { return false }
                return set(\.sharesLinks, value == "shared")
            case "speculate": return set(\.speculation, Speculation.Scope(rawValue: value))
            case "follow":
                guard ["on", "off"].contains(value) else { return false }
                return set(\.follows, value == "on")
            case "reservation":
                return value == "off" ? set(\.reservation, .some(nil)) : set(\.reservation, number(upTo: 0.9999))
            case "policy": return set(\.policy, value.isEmpty ? nil : value)
            case "pool": return set(\.pool, value.isEmpty ? nil : value)
            case "market": return set(\.market, value.isEmpty ? nil : value)
            case "objective":
                guard let objective = Goal.Objective(rawValue: value) else { return false }
                assumptions.objective = objective
                return true
            case "deadline": return optional(\.deadlineSeconds, Units.parseSeconds(value))
            case "budget": return optional(\.budget, number(upTo: 1e15))
            default: return false
            }
        }
    }
}
