import CShepherd
import Execution
import Glibc

/// A process that runs attempts one after the other, measures them, and outlives us.
package struct ShepherdProcess {
    let id: pid_t
    /// Attempts go in, and what is said of them comes out.
    let channel: Int32

    /// Starts one. `nil` where the system allows no further process or file.
    ///
    /// - Parameter diesWithUs: What it runs is killed when we die.
    init?(diesWithUs: Bool = false) throws(ExecutionError) {
        var channel: Int32 = -1
        let id = shepherd_start(&channel, diesWithUs ? 1 : 0)
        if Self.isShortage(-id) { return nil }
        guard id > 0 else { throw .lastError("start", "a process", code: -id) }
        (self.id, self.channel) = (id, channel)
    }

    /// Whether an error passes when something that runs has ended.
    static func isShortage(_ code: Int32) -> Bool { [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(code) }

    /// Appends what has come; true when it is dead.
    func receive(into bytes: inout [UInt8]) -> Bool {
        while true {
            let count = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                let count = shepherd_receive(channel, buffer.baseAddress, buffer.count)
                if count > 0 { bytes += buffer[..<count] }
                return count
            }
            if count <= 0 { return count != -Int(EAGAIN) }
        }
    }

    /// Lets them end with the attempts that they run, and waits for that.
    static func end(_ processes: [ShepherdProcess]) {
        for process in processes { close(process.channel) }
        for process in processes { while waitpid(process.id, nil, 0) < 0, errno == EINTR {} }
    }
}
