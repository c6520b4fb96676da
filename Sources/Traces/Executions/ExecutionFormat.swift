import Reading
import Workloads

/// The formats of recorded executions that can be read.
public enum ExecutionFormat: String, Sendable, Hashable, Codable, CaseIterable {
    /// Our own: a header of the names in ``AttemptColumn``.
    case csv
    /// A Nextflow trace, in human units or (`trace.raw`) machine units; tab-separated or CSV.
    case nextflow
    /// `sacct --parsable2`, `sacct --json` or the file of `jobcomp/filetxt`: job steps are joined with their job.
    case slurm
    /// A file that the `benchmark` directive of Snakemake wrote, extended or not; its path names the task type.
    case snakemake = "snakemake-benchmark"
    /// What GNU `time -v` printed, once or many times in a file, among other output too.
    case gnuTime = "gnu-time"
    /// The execution reports of the Lotaru authors.
    case lotaru
    /// Galaxy jobs with their cgroup measures, one row a job.
    case galaxy
    /// One row a task of the k-segments traces.
    case ksegments
    /// Any other table, through mappings.
    case table

    /// The columns by which the format is recognised: one of every group.
    var signature: [[String]] {
        switch self {
        case .csv: [["task", "task_type"], AttemptColumn.allCases.filter { !$0.isText }.map(\.name)]
        case .nextflow:
            [
                ["name", "process"], ["hash", "native_id", "task_id"],
                ["realtime", "duration", "peak_rss", "%cpu", "status"],
            ]
        case .slurm: [["JobID", "JobIDRaw"], ["State", "Elapsed", "ElapsedRaw", "MaxRSS"]]
        case .snakemake: [["s"], ["h:m:s"], ["max_rss"]]
        case .lotaru: [["Task"], ["Realtime"], ["WorkflowInputSize", "TaskInputSize"]]
        case .galaxy: [["tool_id"], ["galaxy_slots"], ["job_id"]]
        case .ksegments: [["process"], ["span_s"], ["peak_memory_mb"]]
        case .table, .gnuTime: [["\u{0}"]]
        }
    }

    /// How the columns of a foreign table become ours.
    var mappings: [FieldMapping] { Self.builtIn[self] ?? [] }

    /// What makes its recorder write all that we read; `nil` where there is nothing to choose.
    public var recipe: String? {
        switch self {
        case .slurm: SlurmAccounting.command
        case .nextflow:
            "trace.fields = 'task_id,hash,native_id,name,process,tag,status,exit,attempt,submit,start,complete,realtime,"
                + "%cpu,peak_rss,cpus,memory,time,rchar,wchar'"
        case .gnuTime: "/usr/bin/time -v -o LOG COMMAND"
        default: nil
        }
    }

    /// The arguments of `sacct` for what we read, the time apart.
    public static var sacctArguments: [String] { SlurmAccounting.arguments }

    /// Whether `GB` in a value means 1024³ bytes.
    var hasBinaryUnits: Bool { self == .nextflow || self == .slurm }

    /// Whether a header has what this format is recognised by.
    func fits(_ header: [String]) -> Bool { signature.allSatisfy { $0.contains(where: header.contains) } }

    /// The format whose header this is.
    ///
    /// - Throws: ``TraceError/unknownFormat(path:found:nearest:remedy:)`` if there is none.
    static func recognise(header: [String], file: String) throws(TraceError) -> ExecutionFormat {
        let names = Set(header)
        let order: [ExecutionFormat] = [.lotaru, .galaxy, .ksegments, .snakemake, .slurm, .csv, .nextflow]
        func groupsFound(_ format: ExecutionFormat) -> Int {
            format.signature.count { group in group.contains(where: names.contains) }
        }
        if let format = order.first(where: { $0.fits(header) }) { return format }
        if header.count > 3, Int(header[0]) != nil, header.contains(where: { isNextflowHash($0.utf8) }) {
            throw .unknownFormat(
                path: file, found: "rows of a Nextflow trace without the header", nearest: "'nextflow'",
                remedy: "Put the first line of the trace before them: task_id, hash, and so on.")
        }
        if let error = SlurmAccounting.unreadable(header, file: file) { throw error }
        // A header in other units is still ours.
        let units = header.compactMap { ColumnHeader.field(named: $0) }
        if names.contains("task") || names.contains("task_type"), units.count >= 2 { return .csv }
        // A misspelt column of ours is named.
        if names.contains("task") || names.contains("task_type") { _ = try ColumnHeader(header, file: file) }
        func similarity(_ format: ExecutionFormat) -> Double {
            Double(groupsFound(format)) / Double(format.signature.count)
        }
        if header.first == "SPOTPRICEHISTORY" {
            throw .unknownFormat(
                path: file, found: "spot prices of AWS without the names of the columns", nearest: "'aws-spot-prices'",
                remedy: "Save them with: aws ec2 describe-spot-price-history --output json.")
        }
        let nearest = ([.csv] + order).max { similarity($0) < similarity($1) } ?? .csv
        let missing = nearest.signature.first { group in !group.contains(where: names.contains) } ?? []
        let listed = header.prefix(8).map { $0.prefix(30) }.joined(separator: ", ") + (header.count > 8 ? ", …" : "")
        throw .unknownFormat(
            path: file, found: "a header with the columns " + listed,
            nearest: "'\(nearest)', which has a column " + missing.prefix(3).joined(separator: " or "),
            remedy: "Name the format, or say what the columns are, for instance "
                + "--map task_type=Tool --map runtime_seconds=Time[ms].")
    }

    private static let builtIn: [ExecutionFormat: [FieldMapping]] = [
        .nextflow: [
            "task=name", "task_type=process", "param.tag=tag", "param.nextflow_hash=hash|native_id", "attempt=attempt",
            "machine=hostname",
            "param.cpu_model=cpu_model", "submit_time_seconds=submit[ms]", "start_time_seconds=start[ms]",
            "end_time_seconds=complete[ms]", "runtime_seconds=realtime[ms]", "cpus=cpus", "cpu_seconds=%cpu[percent]",
            "peak_memory_bytes=peak_rss", "param.rss_bytes=rss[B]", "requested_memory_bytes=memory",
            "requested_seconds=time[ms]", "read_bytes=rchar", "written_bytes=wchar", "status=status", "exit_code=exit",
        ],
        .slurm: [
            "job=JobID|JobIDRaw", "task=JobID|JobIDRaw", "task_type=JobName", "machine=NodeList",
            "param.partition=Partition", "param.user=User|UID", "param.account=Account",
            "submit_time_seconds=Submit", "start_time_seconds=Start", "end_time_seconds=End",
            "runtime_seconds=ElapsedRaw|Elapsed", "cpus=AllocCPUS|NCPUS|ReqCPUS", "cpu_seconds=TotalCPU",
            "peak_memory_bytes=MaxRSS", "requested_seconds=TimelimitRaw[min]|Timelimit", "read_bytes=MaxDiskRead",
            "written_bytes=MaxDiskWrite",
        ],
        .snakemake: [
            "task_type=rule_name", "runtime_seconds=s", "cpus=threads", "cpu_seconds=cpu_time|mean_load[percent]",
            "peak_memory_bytes=max_rss[MiB]", "read_bytes=io_in[MiB]", "written_bytes=io_out[MiB]",
            "param.wildcards=wildcards", "param.resources=resources", "param.input_size_mb=input_size_mb",
        ],
        .gnuTime: [
            "task_type=program", "param.command=command", "runtime_seconds=elapsed", "cpu_seconds=cpu",
            "peak_memory_bytes=rss[KiB]", "exit_code=exit", "status=outcome",
        ],
        .lotaru: [
            "workflow=Workflow", "machine=Machine", "task_type=Task", "runtime_seconds=Realtime[ms]", "cpus=cpus",
            "cpu_seconds=%cpu[percent]", "peak_memory_bytes=peak_rss", "requested_memory_bytes=memory",
            "input_bytes=TaskInputSize", "read_bytes=rchar", "written_bytes=wchar", "param.label=Label",
            "param.sequences=NumberSequences", "param.uncompressed_input_bytes=TaskInputSizeUncompressed",
            "param.workflow_input_bytes=WorkflowInputSize", "param.rss_bytes=rss",
        ],
        .galaxy: [
            "workflow=experiment", "job=history_id", "task=job_id", "task_type=tool_id",
            "runtime_seconds=runtime_seconds",
            "submit_time_seconds=create_time", "start_time_seconds=start_epoch", "end_time_seconds=end_epoch",
            "cpus=galaxy_slots", "cpu_seconds=cpuacct.usage[ns]|cpu.stat.usage_usec[us]",
            "peak_memory_bytes=memory.max_usage_in_bytes|memory.peak", "requested_memory_bytes=galaxy_memory_mb[MB]",
            "input_bytes=input_data_size", "status=state", "exit_code=exit_code", "param.cloud=cloud",
            "param.job_conf=job_conf",
        ],
        .ksegments: [
            "workflow=workflow", "task_type=process", "task=task_name", "runtime_seconds=span_s",
            "start_time_seconds=first_sample_utc", "end_time_seconds=last_sample_utc", "cpus=max_cpus",
            "cpu_seconds=mean_cpu_pct[percent]", "peak_memory_bytes=peak_memory_mb[MB]",
            "requested_memory_bytes=max_mem_bytes", "input_bytes=files_input_total_size_bytes",
            "output_bytes=files_output_total_size_bytes", "param.input_files=files_input_num",
        ],
    ].mapValues { $0.map { FieldMapping(builtIn: $0) } }
}
