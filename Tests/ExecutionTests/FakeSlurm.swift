import Foundation
import Glibc

/// Slurm's commands as scripts in a folder, which run real processes on this machine: four nodes, and no queue.
///
/// What happens to it is a file in the folder: `down` (the controller does not answer), `deaf` (submissions are carried out
/// and their answers lost), `lossy` (they are lost with the answer), `refuses` (they are refused).
struct FakeSlurm {
    let folder: String

    init(in parent: String) throws {
        folder = parent + "/slurm"
        for name in ["bin", "jobs"] {
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        for (name, text) in [
            "sinfo": Self.sinfo, "sbatch": Self.sbatch, "squeue": Self.squeue, "scancel": Self.scancel,
        ] {
            try write(Self.head + text, to: name)
        }
        try write("#!/bin/sh\necho 'Slurm accounting storage is disabled' >&2\nexit 1\n", to: "sacct")
    }

    private func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/bin/\(name)"))
        chmod("\(folder)/bin/\(name)", 0o755)
    }

    /// Lets something be so, or not.
    func set(_ name: String, _ isSo: Bool) {
        if isSo {
            _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
        } else {
            unlink("\(folder)/\(name)")
        }
    }

    var environment: [String: String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["PATH": "\(folder)/bin:\(path)", "FAKE_SLURM": folder]
    }

    /// How many elements of arrays were ever submitted.
    var submitted: Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/jobs")) ?? []).count {
            $0.hasSuffix(".state")
        }
    }

    private static let head = """
        #!/bin/bash
        cd "$FAKE_SLURM" || exit 1
        if [ -e down ]; then
            echo "${0##*/}: error: Unable to contact slurm controller (connect failure)" >&2
            exit 1
        fi

        """

    private static let sinfo = """
        echo 'debug*|up|infinite|1|OFF|4|4096|(null)|idle|n[1-2]'
        echo 'debug*|up|infinite|1|OFF|8|8192|gpu:2|mixed|n3'
        echo 'debug*|up|infinite|1|OFF|8|8192|gpu:2|drained|n4'

        """

    /// Elements begin at once. What one writes about itself is its state: `NAME STATE PID`.
    private static let sbatch = """
        if [ -e refuses ]; then
            echo 'sbatch: error: Batch job submission failed: Requested node configuration is not available' >&2
            exit 1
        fi
        last= output=/dev/null
        while :; do
            case $1 in
            --job-name=*) name=${1#*=} ;;
            --array=0-*) last=${1#*=0-} ;;
            --chdir=*) directory=${1#*=} ;;
            --output=*) output=${1#*=} ;;
            --*) ;;
            *) break ;;
            esac
            shift
        done
        if [ -e lossy ]; then
            echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2
            exit 1
        fi
        exec 9>lock
        flock 9
        id=$(($(cat next 2>/dev/null || echo 0) + 1))
        echo $id >next
        flock -u 9
        exec 9>&-
        # Without an array there is one job, whose number has no second part.
        for element in $([ -n "$last" ] && seq 0 "$last" || echo alone); do
            state=$PWD/jobs/${id}_$element.state
            [ -n "$last" ] || state=$PWD/jobs/$id.state
            echo "$name RUNNING 0" >"$state"
            (
                cd "$directory" || exit 1
                export SLURM_ARRAY_TASK_ID=$element SLURM_JOB_ID=$id SLURMD_NODENAME=n1
                setsid sh -c 'echo "$1 RUNNING $$" >"$2.new" && mv "$2.new" "$2"; shift 2; exec "$@"' sh "$name" "$state" "$@"
                code=$?
                grep -q RUNNING "$state" || exit
                [ $code = 0 ] && word=COMPLETED || word=FAILED
                echo "$name $word 0" >"$state.new" && mv "$state.new" "$state"
            ) >>"$output" 2>&1 </dev/null &
        done
        if [ -e deaf ]; then
            echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2
            exit 1
        fi
        echo $id

        """

    private static let squeue = """
        ids=
        for word; do
            [ "$before" = -j ] && ids=,$word,
            [ "$word" = all ] && all=1
            before=$word
        done
        for file in jobs/*.state; do
            [ -e "$file" ] || continue
            id=${file#jobs/}
            id=${id%.state}
            [ -z "$ids" ] || [[ $ids = *,$id,* ]] || continue
            read -r name state pid <"$file"
            [ $state = RUNNING ] || [ -n "$all" ] || continue
            echo "$name|$id|$state|n1|None"
        done

        """

    private static let scancel = """
        for id; do
            case $id in
            --name=*) ids=$(grep -l "^${id#*=} " jobs/*.state | sed 's,jobs/,,; s,\\.state,,') ;;
            --*) ;;
            *) ids="$ids $id" ;;
            esac
        done
        for id in $ids; do
            file=jobs/$id.state
            [ -e "$file" ] || continue
            read -r name state pid <"$file"
            [ "$state" = RUNNING ] || continue
            while [ "$pid" = 0 ]; do sleep 0.01; read -r name state pid <"$file"; done
            echo "$name CANCELLED 0" >"$file.new" && mv "$file.new" "$file"
            kill -TERM -- "-$pid"
        done

        """
}
