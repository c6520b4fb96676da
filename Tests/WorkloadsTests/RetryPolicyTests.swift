import Testing
import Workloads

@Suite("Failure evidence") struct FailureEvidenceTests {
    /// One row: what was seen, and the cause that it means.
    struct Row: Sendable {
        var evidence: FailureEvidence
        var cause: FailureCause?
        init(_ evidence: FailureEvidence, _ cause: FailureCause?) { (self.evidence, self.cause) = (evidence, cause) }
    }

    static let rows: [Row] = [
        Row(.init(exitCode: 0), nil),
        Row(.init(), nil),
        Row(.init(exitCode: 0, missesOutput: true), .programError),
        Row(.init(exitCode: 1), .programError),
        Row(.init(exitCode: 1, missesOutput: true), .programError),
        Row(.init(exitCode: 127), .programError),
        Row(.init(exitCode: 143, signal: 15), .programError),
        // 137: the kernel is asked, and believed.
        Row(.init(exitCode: 137), .outOfMemory),
        Row(.init(signal: 9), .outOfMemory),
        Row(.init(exitCode: 137, signal: 9, memoryKills: 1), .outOfMemory),
        Row(.init(exitCode: 137, signal: 9, memoryKills: 0), .programError),
        Row(.init(exitCode: 1, memoryKills: 1), .programError),
        // Time limits by convention.
        Row(.init(exitCode: 140), .timeLimit),
        Row(.init(exitCode: 152, signal: 24), .timeLimit),
        // Whoever killed it knows best.
        Row(.init(exitCode: 137, killer: .timeLimit, memoryKills: 1), .timeLimit),
        Row(.init(exitCode: 3, killer: .timeLimit), .timeLimit),
        Row(.init(exitCode: 137, killer: .memoryLimit), .outOfMemory),
        Row(.init(exitCode: 0, killer: .person), .cancelled),
        Row(.init(disappeared: true), .lost),
        Row(.init(exitCode: 137, schedulerState: "PREEMPTED", disappeared: true), .reclaimed),
        // Slurm's words, in every form.
        Row(.init(exitCode: 0, schedulerState: "COMPLETED"), nil),
        Row(.init(exitCode: 0, schedulerState: "FAILED"), .programError),
        Row(.init(exitCode: 2, schedulerState: "FAILED"), .programError),
        Row(.init(exitCode: 137, schedulerState: "FAILED"), .outOfMemory),
        Row(.init(exitCode: 125, schedulerState: "OUT_OF_MEMORY"), .outOfMemory),
        Row(.init(exitCode: 0, schedulerState: "TIMEOUT"), .timeLimit),
        Row(.init(schedulerState: "DEADLINE"), .timeLimit),
        Row(.init(schedulerState: "PREEMPTED"), .reclaimed),
        Row(.init(schedulerState: "NODE_FAIL"), .lost),
        Row(.init(schedulerState: "BOOT_FAIL"), .lost),
        Row(.init(schedulerState: "REVOKED"), .lost),
        Row(.init(exitCode: 137, schedulerState: "CANCELLED by 1000"), .cancelled),
        Row(.init(schedulerState: "cancelled+"), .cancelled),
        Row(.init(exitCode: 5, schedulerState: "SOMETHING"), .programError),
    ]

    @Test("each kind of evidence means its cause", arguments: rows)
    func table(row: Row) { #expect(row.evidence.cause == row.cause, "\(row.evidence)") }

    @Test("every exit code from 1 to 255 is some failure of the task")
    func exitCodes() {
        for code in 1...255 { #expect(FailureEvidence(exitCode: code).cause?.countsAsFailure == true, "\(code)") }
    }
}

@Suite("Retry policy") struct RetryPolicyTests {
    @Test("the standard table is the one that the documentation promises", arguments: FailureCause.ofAttempts)
    func standard(cause: FailureCause) {
        let rule = RetryPolicy.standard[cause]
        switch cause {
        case .reclaimed:
            #expect(rule.retries == nil && !rule.countsAsFailure && rule.elsewhere && rule.memoryGrowth == 1)
        case .lost: #expect(rule.retries == 10 && !rule.countsAsFailure && rule.elsewhere)
        case .outOfMemory: #expect(rule.retries == 3 && rule.usesQuantiles && rule.memoryGrowth == 2)
        case .timeLimit: #expect(rule.retries == 2 && rule.timeGrowth == 2 && rule.mostTime == 8)
        case .programError: #expect(rule.retries == 1 && rule.memoryGrowth == 1 && rule.timeGrowth == 1)
        case .cancelled, .noCapacity: #expect(!rule.countsAsFailure || rule.retries == 0)
        }
    }

    @Test("values that mean nothing become harmless")
    func bounds() {
        let rule = RetryPolicy.Rule(retries: -3, memoryGrowth: .nan, timeGrowth: 0.5, mostTime: .nan)
        #expect(rule.retries == 0 && rule.memoryGrowth == 1 && rule.timeGrowth == 1 && rule.mostTime == 1)
        #expect(RetryPolicy(rules: [:])[.programError].retries == 0)
    }
}

@Suite("Demand series") struct DemandSeriesTests {
    private func series(_ count: Int, seed: UInt64) -> DemandSeries {
        var state = seed
        func random() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        var point = DemandSeries.Point(seconds: 0, cpuSeconds: 0, memoryBytes: 0)
        return DemandSeries(
            (0..<count).map { _ in
                point.seconds += 0.001 * (1 + (random() * 1000).rounded())
                point.cpuSeconds += 0.001 * (random() * 900).rounded()
                point.memoryBytes = 1024 * (random() * 4e6).rounded()
                point.readBytes += 1024 * (random() * 1e5).rounded()
                point.writtenBytes += 1024 * (random() * 10).rounded()
                return point
            })
    }

    @Test("what is written is read again to the unit", arguments: [0, 1, 2, 100, 1024])
    func roundTrip(count: Int) throws {
        let series = series(count, seed: 7)
        let read = try #require(DemandSeries(encoded: series.encoded))
        #expect(read.points.count == count)
        for (a, b) in zip(series.points, read.points) {
            #expect(abs(a.seconds - b.seconds) < 1e-6 && abs(a.cpuSeconds - b.cpuSeconds) < 1e-6)
            #expect(a.memoryBytes == b.memoryBytes && a.readBytes == b.readBytes && a.writtenBytes == b.writtenBytes)
        }
    }

    @Test("a steady task takes at most eight bytes a point")
    func compact() {
        let steady = DemandSeries(
            (1...1000).map { .init(seconds: 0.2 * Double($0), cpuSeconds: 0.19 * Double($0), memoryBytes: 2e9) })
        #expect(steady.encoded.count <= 8 * 1000)
    }

    @Test("damaged bytes are refused or read as something, without a crash", arguments: UInt64(0)..<200)
    func damage(seed: UInt64) {
        var bytes = series(20, seed: seed).encoded
        let place = Int(seed) * 7 % bytes.count
        bytes[place] = UInt8(truncatingIfNeeded: seed &* 37)
        _ = DemandSeries(encoded: bytes)
        #expect(DemandSeries(encoded: bytes.prefix(place)) == nil)
    }

    @Test("points that cannot be are left out, and times are put in order")
    func order() {
        let odd = DemandSeries([
            .init(seconds: 2, cpuSeconds: 1, memoryBytes: 1), .init(seconds: .nan, cpuSeconds: 0, memoryBytes: 0),
            .init(seconds: 1, cpuSeconds: -1, memoryBytes: 1), .init(seconds: 0.5, cpuSeconds: 0, memoryBytes: 5),
        ])
        #expect(odd.points.map(\.seconds) == [0.5, 2])
    }
}
