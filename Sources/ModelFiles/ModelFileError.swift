/// What is wrong with a model file.
public enum ModelFileError: Error, Hashable, CustomStringConvertible {
    case cannotRead(String, reason: String)
    case cannotWrite(String, reason: String)
    case truncated(String, bytes: Int, expected: Int)
    case damagedHeader(String, reason: String)
    case checksumDiffers(String)
    case notAlmanac(String)
    case wrongKind(String, found: String, expected: String)
    case newer(String, found: Int, supported: Int)
    case missingTensor(String)
    case wrongType(String, found: String, expected: String)
    case shape(String, shape: [Int], elements: Int)
    case missingMetadata(String)
    case invalidMetadata(String, reason: String)

    public var description: String {
        switch self {
        case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)."
        case .cannotWrite(let path, let reason):
            "\(path): cannot be written: \(reason). The previous file, if any, is unchanged."
        case .truncated(let path, let bytes, let expected):
            "\(path): found \(bytes) bytes, expected \(expected). The file is cut off: copy it again."
        case .damagedHeader(let path, let reason):
            "\(path): not a readable model file: \(reason). Copy it again, or train anew with 'almanac train'."
        case .checksumDiffers(let path):
            "\(path): the checksum differs, so some byte was changed. Copy it again, or train anew with 'almanac train'."
        case .notAlmanac(let path):
            "\(path): a safetensors file, but not a model that almanac wrote. Expected one from 'almanac train'."
        case .wrongKind(let path, let found, let expected):
            "\(path): found a model of kind '\(found)', expected '\(expected)'. Name the other file."
        case .newer(let path, let found, let supported):
            "\(path): schema version \(found), this program reads up to \(supported). Update almanac."
        case .missingTensor(let name): "The model file has no tensor '\(name)'. Train the model anew."
        case .wrongType(let name, let found, let expected):
            "Tensor '\(name)' holds \(found), expected \(expected). Train the model anew."
        case .shape(let name, let shape, let elements):
            "Tensor '\(name)': shape \(shape) does not hold \(elements) elements."
        case .missingMetadata(let key): "The model file does not say '\(key)'. Train the model anew."
        case .invalidMetadata(let key, let reason): "The model file's '\(key)' is unreadable: \(reason)."
        }
    }
}
