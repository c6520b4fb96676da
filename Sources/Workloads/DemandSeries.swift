/// What one attempt used over time: processors, memory, input and output of its whole process tree.
///
/// The points are at increasing times after the start; CPU time and bytes count from the start, memory is the greatest
/// since the point before.
public struct DemandSeries: Hashable, Sendable {
    /// One moment.
    public struct Point: Hashable, Sendable {
        /// Seconds after the start, in whole milliseconds.
        public var seconds: Double
        /// CPU seconds so far, in whole milliseconds.
        public var cpuSeconds: Double
        /// Greatest memory since the point before, in whole KiB.
        public var memoryBytes: Double
        /// Bytes read so far, in whole KiB.
        public var readBytes: Double
        /// Bytes written so far, in whole KiB.
        public var writtenBytes: Double

        /// Makes a point.
        public init(
            seconds: Double, cpuSeconds: Double, memoryBytes: Double, readBytes: Double = 0, writtenBytes: Double = 0
        ) {
            (self.seconds, self.cpuSeconds, self.memoryBytes) = (seconds, cpuSeconds, memoryBytes)
            (self.readBytes, self.writtenBytes) = (readBytes, writtenBytes)
        }
    }

    /// In the order of time.
    public let points: [Point]

    /// Keeps points that are finite and not negative, in the order of time.
    public init(_ points: [Point]) {
        self.points = points.filter { point in
            Self.units.allSatisfy { field, _ in point[keyPath: field].isFinite && 0...9e15 ~= point[keyPath: field] }
        }.sorted { $0.seconds < $1.seconds }
    }

    private static var units: [(WritableKeyPath<Point, Double>, Double)] {
        [
            (\.seconds, 1e-3), (\.cpuSeconds, 1e-3), (\.memoryBytes, 1024), (\.readBytes, 1024),
            (\.writtenBytes, 1024),
        ]
    }

    /// The series as bytes: for each column the differences of whole units, as variable-length zigzag numbers. A steady
    /// task takes 5 to 8 bytes a point.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.format]
        Self.put(UInt64(points.count), &bytes)
        for (field, unit) in Self.units {
            var last = 0
            for point in points {
                let value = Int((point[keyPath: field] / unit).rounded())
                let difference = value - last
                Self.put(UInt64(bitPattern: Int64((difference << 1) ^ (difference >> 63))), &bytes)
                last = value
            }
        }
        return bytes
    }

    /// Reads what ``encoded`` wrote; `nil` for anything else.
    public init?(encoded bytes: some Sequence<UInt8>) {
        var iterator = bytes.makeIterator()
        guard iterator.next() == Self.format, let count = Self.number(&iterator), count <= 1_000_000 else { return nil }
        var points = [Point](repeating: Point(seconds: 0, cpuSeconds: 0, memoryBytes: 0), count: Int(count))
        for (field, unit) in Self.units {
            var last = 0
            for index in points.indices {
                guard let zigzag = Self.number(&iterator) else { return nil }
                let difference = Int(bitPattern: UInt(zigzag >> 1)) ^ -Int(zigzag & 1)
                let (value, overflow) = last.addingReportingOverflow(difference)
                guard !overflow, value >= 0 else { return nil }
                points[index][keyPath: field] = Double(value) * unit
                last = value
            }
        }
        guard iterator.next() == nil else { return nil }
        self.points = points
    }

    private static let format: UInt8 = 1

    private static func put(_ number: UInt64, _ bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func number(_ bytes: inout some IteratorProtocol<UInt8>) -> UInt64? {
        var (result, shift) = (UInt64(0), UInt64(0))
        while let byte = bytes.next() {
            guard shift < 63 || byte <= 1 else { return nil }
            result |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return result }
            shift += 7
        }
        return nil
    }
}

extension DemandSeries: Codable {
    /// Reads a list of the bytes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let series = DemandSeries(encoded: try container.decode([UInt8].self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "this is no demand series")
        }
        self = series
    }

    /// Writes a list of the bytes.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(encoded)
    }
}
