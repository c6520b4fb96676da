import ModelFiles

extension ModelFile {
    /// Keeps what a forest was trained with: the seed, the number of rows and their checksum.
    mutating func setTraining(seed: UInt64, rows: Int, checksum: UInt64) {
        metadata["seed"] = String(seed)
        metadata["training_rows"] = String(rows)
        metadata["training_checksum"] = String(checksum, radix: 16)
    }

    /// What ``setTraining(seed:rows:checksum:)`` kept.
    func training(path: String) throws -> (seed: UInt64, rows: Int, checksum: UInt64) {
        (
            try number("seed", path: path), Int(clamping: try number("training_rows", path: path)),
            try number("training_checksum", radix: 16, path: path)
        )
    }

    /// A whole number in the metadata.
    func number(_ key: String, radix: Int = 10, path: String) throws -> UInt64 {
        let text = try text(key)
        guard let value = UInt64(text, radix: radix) else {
            throw ForestError.format(file: path, line: 0, found: "\(key) '\(text)'", expected: "a number")
        }
        return value
    }
}
