extension PortableTrees {
    /// The formats that can be read.
    public enum Format: String, Sendable {
        case lightGBM = "LightGBM text"
        case xgboost = "XGBoost JSON"
        case xgboostBinary = "XGBoost UBJSON"
        case onnx = "ONNX"
    }

    /// The format of a file, by what is in it.
    ///
    /// - Throws: ``ForestError`` if it is none of them.
    public static func format(of bytes: [UInt8], path: String) throws(ForestError) -> Format {
        let head = String(decoding: bytes.prefix(400), as: UTF8.self)
        let lines = head.split(whereSeparator: \.isNewline)
        if lines.first == "tree" || lines.contains(where: { $0.hasPrefix("num_class=") }) { return .lightGBM }
        // In UBJSON the length of the first key follows.
        if bytes.count > 1, bytes[0] == UInt8(ascii: "{"), "iUIlL".utf8.contains(bytes[1]) { return .xgboostBinary }
        if head.first(where: { !$0.isWhitespace }) == "{" { return .xgboost }
        // ONNX begins with its version: field 1, a small number.
        if bytes.count > 16, bytes[0] == 0x08, bytes[1] < 0x40 { return .onnx }
        throw .format(
            file: path, line: 0, found: bytes.isEmpty ? "an empty file" : "no known beginning",
            expected: "LightGBM text, XGBoost JSON or UBJSON, or ONNX; scikit-learn models become ONNX by skl2onnx")
    }

    /// Reads a model of any known format.
    public init(bytes: [UInt8], path: String) throws {
        switch try Self.format(of: bytes, path: path) {
        case .lightGBM: try self.init(lightGBMText: String(decoding: bytes, as: UTF8.self), path: path)
        case .xgboost: try self.init(xgboostJSON: String(decoding: bytes, as: UTF8.self), path: path)
        case .xgboostBinary: try self.init(xgboostUBJSON: bytes, path: path)
        case .onnx: try self.init(onnx: bytes, path: path)
        }
    }
}
