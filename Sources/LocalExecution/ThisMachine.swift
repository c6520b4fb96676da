import Execution
import Foundation
import Glibc
public import Workloads

extension InstanceType {
    /// This machine: the processors that this process may use, and its memory; free of charge unless given.
    public static func thisMachine(price: Price = .free) -> InstanceType {
        InstanceType(
            name: localName, cpus: Double(max(1, ProcessInfo.processInfo.activeProcessorCount)),
            memoryBytes: totalMemory, gpus: Double(gpuCount),
            onDemandPrice: price)
    }

    /// The host name of this machine.
    public static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// GPUs whose devices are there.
private var gpuCount: Int {
    let devices = (try? FileManager.default.contentsOfDirectory(atPath: "/dev")) ?? []
    return devices.count { $0.hasPrefix("nvidia") && Int($0.dropFirst("nvidia".count)) != nil }
}

/// The machine's memory, or the limit of the control group if that is smaller.
private var totalMemory: Double {
    let pages = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].compactMap { path in
        contents(ofFile: path).flatMap { Double($0.filter(\.isNumber)) }
    }
    return limits.filter { $0 > 0 }.reduce(pages, min)
}
