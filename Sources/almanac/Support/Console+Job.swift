import Foundation
import JobFiles
import Plots
import Prediction
import Service
import Workloads

extension Console {
    /// Says for how many tasks a time is assumed.
    func remarkUnknownTimes(_ known: KnownJob, _ assumed: TimeSpan) {
        let tasks = known.job.tasks.tasks
        let unknown = tasks.count { $0.claimedSeconds == nil && !known.models.knowsRuntime }
        guard unknown > 0 else { return }
        remark(
            "\(unknown) of \(Units.count(tasks.count, "task")) \(unknown == 1 ? "has" : "have") no known time: "
                + "\(Units.formatSeconds(assumed.seconds)) is assumed. Give --models.")
    }
}

extension Chart {
    /// Writes the picture as an SVG file.
    func write(to path: String) throws { try Console.write(Data(svg().utf8), toFile: path) }
}
