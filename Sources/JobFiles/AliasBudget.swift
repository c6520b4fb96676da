import CYaml

/// How large a YAML document is once every alias is replaced by what it stands for: a few lines can stand for more than
/// any memory holds.
///
/// Known before a node is made, and in time that grows with the text alone. Errors of the text itself are left to the
/// reader.
func expandedNodes(ofYAML text: String) -> Int {
    var text = text
    return text.withUTF8 { bytes in
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { return 0 }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
        var open: [(anchor: String?, before: Int)] = []
        var sizes: [String: Int] = [:]
        var count = 0
        func add(_ more: Int) { count = count.addingReportingOverflow(more).overflow ? .max : count + more }
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else { return count }
            defer { yaml_event_delete(&event) }
            switch event.type {
            case YAML_STREAM_END_EVENT: return count
            case YAML_ALIAS_EVENT: add(sizes[name(event.data.alias.anchor) ?? ""] ?? 1)
            case YAML_SCALAR_EVENT:
                add(1)
                if let anchor = name(event.data.scalar.anchor) { sizes[anchor] = 1 }
            case YAML_SEQUENCE_START_EVENT: open.append((name(event.data.sequence_start.anchor), count))
            case YAML_MAPPING_START_EVENT: open.append((name(event.data.mapping_start.anchor), count))
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
                add(1)
                if let start = open.popLast(), let anchor = start.anchor { sizes[anchor] = count - start.before }
            default: break
            }
        }
    }
}

private func name(_ anchor: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    anchor.map { String(cString: $0) }
}
