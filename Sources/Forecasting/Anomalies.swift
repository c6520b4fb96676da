/// Observations outside their one-step forecast interval, whose width adapts so that false alarms stay rare.
public struct Anomalies: Sendable, Hashable, Codable {
    /// One observation that was not expected.
    public struct Finding: Sendable, Hashable, Codable {
        /// Place in the series, from 0.
        public let position: Int
        public let value: Double
        public let lower: Double
        public let upper: Double
    }

    public let findings: [Finding]
    /// Observations that were judged.
    public let judged: Int
    /// Share of them that raised an alarm; near the rate asked for where nothing unusual happens.
    public var alarmRate: Double { judged > 0 ? Double(findings.count) / Double(judged) : 0 }

    /// Learns from the first half of a series and judges the rest, one step at a time.
    ///
    /// Intervals are those of ``AdaptiveForecaster``. An alarming observation does not enter the model's state.
    ///
    /// - Parameter falseAlarmRate: Share of ordinary observations outside their interval.
    public static func find(
        in series: [Double], season: Int = 1, falseAlarmRate: Double = 0.01, method: ForecastMethod = .arima
    ) throws(ForecastingError) -> Anomalies {
        guard falseAlarmRate > 0, falseAlarmRate < 1 else {
            throw .invalidRequest("The false-alarm rate is \(falseAlarmRate), expected between 0 and 1, such as 0.01.")
        }
        let half = series.count / 2
        let fitted = try Forecaster.fit(Array(series.prefix(half)), season: season, options: .init(method: method))
        var adaptive = try AdaptiveForecaster(fitted, level: 1 - falseAlarmRate)
        var findings: [Finding] = []
        var judged = 0
        for position in half..<series.count {
            let (value, next) = (series[position], adaptive.next)
            let isInside = try adaptive.append(value, keepingMisses: false)
            if isInside == false {
                findings.append(Finding(position: position, value: value, lower: next.lower, upper: next.upper))
            }
            if isInside != nil { judged += 1 }
        }
        return Anomalies(findings: findings, judged: judged)
    }
}
