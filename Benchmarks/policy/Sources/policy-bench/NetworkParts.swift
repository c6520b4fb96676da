/// The parts that are about learned networks.
/// - Returns: Whether there is a part of this name.
func networkParts(_ arguments: [String]) throws -> Bool { false }
