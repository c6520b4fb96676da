import ArgumentParser
import Forecasting
import Foundation
import Plots
import Prediction
import Workloads

/// The records that survival is learnt from.
struct SurvivalOptions: ParsableArguments {
    @Argument(help: "Availability traces (zone_type.json), and lifetimes of instances.")
    var records: [String]

    @Option(name: .long, help: "How many instances are wanted at once. (default: all that the trace asked for)")
    var instances: Int?

    @Flag(name: .long, help: "The traces have 1 for lost.")
    var invert = false

    func load(_ console: Console) throws -> SpotRecords {
        let read = try SpotRecords(records, instances: instances)
        let records = invert ? read.inverted() : read
        for remark in records.remarks { console.remark(remark) }
        return records
    }
}

/// `almanac train survival`: how long spot capacity lasts.
struct TrainSurvivalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "survival",
        abstract: "Learn how long spot capacity stays, and stays away, by zone and age.",
        discussion: "'almanac forecast survival' uses the file; 'almanac evaluate survival' says how good it is.")

    @OptionGroup var input: SurvivalOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: "The model file to write.")
    var output = "survival.safetensors"

    private struct Trained: Encodable {
        let file: String
        let zones: Int
        let losses: Int
        let returns: Int
    }

    func run() throws {
        let records = try input.load(global.console)
        let model = SpotSurvival.fit(records.histories, lifetimes: records.lifetimes)
        try model.write(to: output)
        let found = Trained(
            file: output, zones: model.loss.zones.count, losses: model.loss.endCount,
            returns: model.return.endCount)
        try global.console.result(
            found,
            text: "\(output): \(Units.count(found.zones, "zone")), \(Units.count(found.losses, "loss")), "
                + Units.count(found.returns, "return"))
    }
}

/// `almanac evaluate survival`: how good predictions of it are on later time.
struct EvaluateSurvivalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "survival",
        abstract: "Judge predictions of spot survival on the later half of traces, beside Kaplan-Meier.",
        discussion: """
            The earlier half is learnt from; every later tick is judged before it is seen. Calibration: how often the rest \
            of a life did not exceed its predicted median and 90 % quantile, by zone.
            """)

    @OptionGroup var input: SurvivalOptions
    @OptionGroup var global: GlobalOptions

    @Option(name: .long, help: "Within how many hours a loss counts.")
    var hours = 1.0

    @Option(name: .long, help: "Write the calibration picture to this SVG file.")
    var plot: String?

    func validate() throws {
        guard hours > 0, hours <= 720 else {
            throw ValidationError("--hours is \(hours), expected more than 0, up to 720.")
        }
    }

    func run() throws {
        let records = try input.load(global.console)
        let found = try SpotSurvivalEvaluation(records.histories, horizonSeconds: 3600 * hours)
        if let plot {
            let chart = CalibrationChart(
                "Does capacity last as long as predicted?",
                series: [.init("spot survival", nominal: found.levels, observed: found.observed)],
                outcomeCount: found.calibration.reduce(0) { $0 + $1.spells })
            try Console.write(Data(chart.svg().utf8), toFile: plot)
        }
        var table = TextTable(["model", "Brier", "log-loss", "concordance"])
        for score in found.scores {
            table.add(
                [score.name] + [score.brier, score.logLoss, score.concordance].map { String(format: "%.4f", $0) })
        }
        var zones = TextTable(["zone", "judged", "below the median", "below 90 %"])
        for zone in found.calibration {
            zones.add([
                zone.zone, "\(zone.spells)", Units.formatPercent(zone.below50), Units.formatPercent(zone.below90),
            ])
        }
        try global.console.result(found, text: table.text + "\n\n" + zones.text)
        global.console.remark(
            "\(found.judgedTicks) ticks, \(Units.formatPercent(found.lossShare)) followed by a loss in time")
        if let better = found.losesTo { global.console.remark("loses to the baseline '\(better.name)'") }
    }
}

/// `almanac forecast survival`: how long spot will last in a zone.
struct ForecastSurvivalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "survival",
        abstract: "Forecast how long spot capacity lasts in a zone, and how long it stays away.",
        discussion: """
            By the age of the spell: the rest of its life with its median and 90 % quantile, and the probability of a loss \
            within an hour with the range that is 80 % probable given what was seen of the zone.
            """)

    @Argument(help: "A file of 'almanac train survival'. Without one: what recorded zones have in common.")
    var model: String?

    @Option(name: .long, help: "The type of instance, as in the names of the traces.")
    var type: String

    @Option(name: .long, help: "The zone.")
    var zone: String

    @Option(name: .long, help: "Minutes that the spell has lasted, separated by commas.")
    var ages = "0,10,30,60,180,360,720,1440"

    @OptionGroup var global: GlobalOptions

    private struct Row: Encodable {
        let ageSeconds: Double
        let lossWithinHour: Double
        let lossLower: Double
        let lossUpper: Double
        let medianSeconds: Double?
        let p90Seconds: Double?
        let waitMedianSeconds: Double?
        let waitP90Seconds: Double?
    }

    private func minutes() throws -> [Double] {
        let minutes = ages.split(separator: ",").map { Double($0) ?? -1 }
        guard !minutes.isEmpty, minutes.allSatisfy({ $0 >= 0 && $0 < 1e6 }) else {
            throw ValidationError("--ages is '\(ages)', expected minutes separated by commas, such as 0,60,1440.")
        }
        return minutes
    }

    func validate() throws { _ = try minutes() }

    func run() throws {
        let survival = try model.map { try SpotSurvival(contentsOf: $0) } ?? .prior
        let rows = try minutes().map { minutes in
            let up = SpotSituation(ageSeconds: 60 * minutes)
            let down = SpotSituation(isUp: false, ageSeconds: 60 * minutes)
            let stays = survival.survival(up, seconds: 3600, zone: zone, type: type)
            let spread = survival.spread(up, zone: zone, type: type)
            return Row(
                ageSeconds: 60 * minutes, lossWithinHour: 1 - stays, lossLower: 1 - pow(stays, spread.lowerBound),
                lossUpper: 1 - pow(stays, spread.upperBound),
                medianSeconds: survival.quantile(0.5, up, zone: zone, type: type),
                p90Seconds: survival.quantile(0.9, up, zone: zone, type: type),
                waitMedianSeconds: survival.quantile(0.5, down, zone: zone, type: type),
                waitP90Seconds: survival.quantile(0.9, down, zone: zone, type: type))
        }
        func text(_ seconds: Double?) -> String { seconds.map(Units.formatSeconds) ?? "> 60 d" }
        var table = TextTable(["age", "lost in 1 h", "from", "to", "rest p50", "p90", "wait p50", "p90"])
        for row in rows {
            table.add([
                Units.formatSeconds(row.ageSeconds), Units.formatPercent(row.lossWithinHour),
                Units.formatPercent(row.lossLower), Units.formatPercent(row.lossUpper), text(row.medianSeconds),
                text(row.p90Seconds), text(row.waitMedianSeconds), text(row.waitP90Seconds),
            ])
        }
        try global.console.result(rows, text: table.text)
        if model == nil {
            global.console.remark("without a model: what 19 recorded zones of 2022 to 2025 have in common")
        } else if !survival.knows(zone: zone, type: type) {
            let known = survival.loss.zones.keys.sorted()
            global.console.remark(
                "\(zone)/\(type) was never seen: what all zones have in common. Known: "
                    + known.prefix(8).joined(separator: ", ") + (known.count > 8 ? ", …" : ""))
        }
    }
}
