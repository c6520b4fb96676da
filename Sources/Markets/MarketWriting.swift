import Basics
import Reading
import Workloads

extension SpotPriceTable {
    /// The text that `aws ec2 describe-spot-price-history` prints for these prices, newest first. Times are rounded to
    /// seconds, prices to 0.000001 USD.
    public func awsJSON() -> String {
        var rows: [(time: Double, market: Int, price: Double)] = []
        for market in markets.indices {
            for row in self.rows(of: market) { rows.append((times[row], market, prices[row])) }
        }
        rows.sort { ($1.time, $0.market) < ($0.time, $1.market) }
        let records = rows.map { row in
            """
                    {
                        "AvailabilityZone": \(jsonString(markets[row.market].zone)),
                        "InstanceType": \(jsonString(markets[row.market].instanceType)),
                        "ProductDescription": \(jsonString(markets[row.market].product)),
                        "SpotPrice": "\(sixDecimals(row.price))",
                        "Timestamp": "\(iso8601(min(max(row.time.rounded(), -6e10), 2.5e11)))"
                    }
            """
        }
        return "{\n    \"SpotPriceHistory\": [\n\(records.joined(separator: ",\n"))\n    ]\n}\n"
    }
}

extension AvailabilityTrace {
    /// The trace as the SkyPilot spot traces are written, with two more fields of metadata: `capacity`, and `source`
    /// for what it is.
    public func skypilotJSON(source: String) -> String {
        let prices = prices.map { ", \"prices\": [\($0.map { Units.shortest($0) }.joined(separator: ", "))]" } ?? ""
        let metadata =
            "\"gap_seconds\": \(Units.shortest(stepSeconds)), \"capacity\": \(capacity), \"source\": \(jsonString(source))"
        return
            "{\"metadata\": {\(metadata)}, \"data\": [\(counts.map(String.init).joined(separator: ", "))]\(prices)}\n"
    }
}

private func sixDecimals(_ price: Double) -> String {
    let millionths = Int((min(price, 1e9) * 1e6).rounded())
    let fraction = String(millionths % 1_000_000)
    return "\(millionths / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
}

private func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case _ where scalar.value < 32:
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

/// `2021-05-31T01:20:05+00:00` for Unix seconds of the years 0 to 9999.
private func iso8601(_ seconds: Double) -> String {
    let date = CivilDate(secondsSince1970: seconds)
    return "\(date.dateText)T\(date.clock(withSeconds: true))+00:00"
}
