import Reading
import Traces
import Workloads

/// The `param.` columns of one row as a JSON object, so that SQLite's own JSON functions can look into it: numbers as
/// numbers, words as strings.
enum StoredParameters {
    /// `nil` where the row has none.
    static func encode(_ parameters: [ExecutionTable.Parameter], row: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        for parameter in parameters {
            guard let value = parameter[row] else { continue }
            bytes.append(UInt8(ascii: bytes.isEmpty ? "{" : ","))
            append(parameter.name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            switch value {
            case .number(let number): bytes.append(contentsOf: Units.shortest(number).utf8)
            case .text(let text): append(text, to: &bytes)
            }
        }
        if bytes.isEmpty { return nil }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    static func decode(_ text: String, path: String) throws(StoreError) -> [String: ParameterValue] {
        var parameters: [String: ParameterValue] = [:]
        do throws(TraceError) {
            let bytes = Array(text.utf8)
            var json = try JSONReader(ByteSource(bytes: bytes, name: path), windowBytes: bytes.count + 16)
            try json.readObject { (json, name) throws(TraceError) in
                switch try json.peek() {
                case .number: parameters[name] = .number(try json.readDouble())
                default: parameters[name] = .text(try json.readString())
                }
            }
        } catch {
            throw .damaged(path, reason: "the parameters of an execution are not as we write them: \(error)")
        }
        return parameters
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<32:
                let digits = Array("0123456789abcdef".utf8)
                bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
