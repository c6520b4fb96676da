/// Memory requests of one task type that learn from every run that ends.
///
///     var sizer = OnlineMemorySizer()
///     let request = sizer.request(size: 2e9, limitBytes: 64e9)     // nil before the first run
///     sizer.observe(size: 2e9, peakBytes: 3.1e9, seconds: 720)
public struct OnlineMemorySizer: Sendable {
    private var sizes: [Double] = []
    private var peaks: [Double] = []
    private var isBound: [Bool] = []
    private var seconds: [Double] = []
    private let options: MemorySizingOptions
    private var fitted: MemorySizer?

    /// The requests are learnt anew when there are so many times as many runs.
    private static let growth = 1.03

    public init(options: MemorySizingOptions = .init()) { self.options = options }

    public var runs: Int { peaks.count }

    /// Takes note of a run that ended well, or was killed for want of memory. Learning anew takes O(*n* log *n*), after every 3 % more runs.
    ///
    /// - Parameters:
    ///   - size: The size of its inputs; NaN if it is not known.
    ///   - peakBytes: What it held at most; a run without a positive one teaches nothing.
    ///   - isBound: Whether it was killed there and not tried again, so that what it needs is more.
    ///   - seconds: How long it ran; NaN if it is not known.
    public mutating func observe(size: Double, peakBytes: Double, isBound: Bool = false, seconds: Double) {
        guard peakBytes > 0, peakBytes.isFinite else { return }
        sizes.append(size)
        peaks.append(peakBytes)
        self.isBound.append(isBound)
        self.seconds.append(seconds)
        guard Double(runs) >= Double(fitted?.runs ?? 0) * Self.growth else { return }
        fitted = MemorySizer(sizes: sizes, peaks: peaks, isBound: self.isBound, seconds: self.seconds, options: options)
    }

    /// What to request for a task; `nil` before the first run.
    ///
    /// - Parameters:
    ///   - size: The size of its inputs; NaN if it is not known.
    ///   - limitBytes: What the machine has.
    public func request(size: Double, limitBytes: Double = .infinity) -> MemoryRequest? {
        fitted?.request(size: size, limitBytes: limitBytes)
    }
}
