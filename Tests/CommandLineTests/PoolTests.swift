import Foundation
import TestSupport
import Testing

@Suite(
    "almanac pool", .enabled(if: Terminal.isBuilt, "build the release binary first, or name one in ALMANAC_BINARY"))
struct PoolTests {
    let terminal: Terminal

    /// An AWS CLI that keeps one instance in files: it is open between `run-instances` and `terminate-instances`.
    private static let fake = #"""
        #!/bin/sh
        cd "$(dirname "$0")"
        all=$(echo "$*" | tr '\n' ' ')
        echo "$all" >> log
        state=$(cat state 2>/dev/null || echo terminated)
        instance() {
            printf '{"InstanceId": "i-1", "InstanceType": "m5.large", "State": {"Name": "%s"}, "LaunchTime": "%s", ' "$1" "$(date -u +%FT%TZ)"
            printf '"Placement": {"AvailabilityZone": "eu-test-1a"}, "InstanceLifecycle": "spot", "PrivateIpAddress": "10.0.0.7", '
            printf '"StateReason": {"Code": "%s"}, ' "$2"
            printf '"Tags": [{"Key": "almanac:ledger", "Value": "%s"}, {"Key": "almanac:pool", "Value": "almanac"}, ' "$(cat ledger)"
            printf '{"Key": "almanac:request", "Value": "%s"}]}' "$(cat request)"
        }
        case "$*" in
        *run-instances*)
            [ -f slow ] && sleep 1
            echo "$all" | sed 's/.*"almanac:ledger","Value":"\([^"]*\)".*/\1/' > ledger
            echo "$all" | sed 's/.*--client-token \([^ ]*\).*/\1/' > request
            [ -f refuse ] && { echo "An error occurred ($(cat refuse)) when calling the RunInstances operation: No." >&2; exit 254; }
            echo running > state; printf '{"Instances": ['; instance pending; printf ']}';;
        *describe-instances*)
            printf '{"Reservations": [{"Instances": ['; [ -f request ] && instance "$state" "$(cat reason 2>/dev/null)"; printf ']}]}';;
        *terminate-instances*)
            [ -f broken ] && { echo "An error occurred (UnauthorizedOperation) when calling the TerminateInstances operation: No." >&2; exit 254; }
            echo terminated > state
            printf '{"TerminatingInstances": [{"InstanceId": "i-1", "CurrentState": {"Name": "shutting-down"}}]}';;
        *) exit 9;;
        esac
        """#

    init() throws {
        terminal = try Terminal()
        try FileManager.default.createDirectory(atPath: terminal.path("bin"), withIntermediateDirectories: true)
        try terminal.write(Self.fake, to: "bin/aws")
        chmod(terminal.path("bin/aws"), 0o755)
        try terminal.write(
            """
            pool:
              - {type: m5.large, cpus: 2, memory: 8 GiB, price: 0.1, spot_price: {eu-test-1a: 0.03}, zones: [eu-test-1a], count: 2}
            """, to: "pool.yaml")
    }

    private var calls: [String] { terminal.lines("bin/log") }
    private var state: String? { terminal.lines("bin/state").first }

    /// Runs with the fake program first on the PATH.
    private func pool(_ words: String) throws -> Terminal.Answer {
        try terminal.shell("export PATH=\"$PWD/bin:$PATH\" AWS_REGION=eu-test-1; almanac pool \(words)")
    }

    private let open = "open pool.yaml --image ami-1 --purchase spot"

    @Test("without --yes the command is printed and AWS is not asked; --yes needs a limit")
    func dryRun() throws {
        let dry = try pool("\(open) --count 2 --for 90m")
        #expect(dry.exitCode == 0, "\(dry.errors)")
        #expect(dry.output.contains("aws ec2 run-instances --region eu-test-1 --instance-type m5.large --count 2"))
        #expect(
            dry.output.contains("at most $0.1000 an hour each, $0.3000 in all")
                && dry.output.contains("Nothing was launched"))
        let json = try pool("\(open) --json").json as? [String: Any]
        #expect(json?["launched"] as? Bool == false && json?["worst_cost_nanodollars"] as? Int == 100_000_000)
        let unlimited = try pool("\(open) --yes")
        #expect(unlimited.exitCode == 2 && unlimited.errors.contains("--spend-limit"))
        let beyond = try pool("\(open) --yes --spend-limit 0.05")
        #expect(beyond.exitCode == 3 && beyond.errors.contains("enough for 30m 0s of 1 instance"))
        #expect(calls.isEmpty)
        // It works without the program, too.
        #expect(try terminal.shell("PATH=/nowhere; export AWS_REGION=x; almanac pool \(open)").exitCode == 0)
    }

    @Test("a command is run with what was opened, which is closed when it ends; its exit code is ours")
    func command() throws {
        let answer = try pool(
            "\(open) --yes --spend-limit 0.2 -- sh -c 'echo $ALMANAC_POOL_ADDRESSES $ALMANAC_POOL_INSTANCES > seen; exit 7'"
        )
        #expect(answer.exitCode == 7, "\(answer.errors)")
        #expect(terminal.lines("seen") == ["10.0.0.7 i-1"] && state == "terminated")
        // A minute of 0.10 dollars an hour is spent: the limit counts on.
        let next = try pool("\(open) --yes --spend-limit 0.1")
        #expect(next.exitCode == 3 && next.errors.contains("$0.001667 of the spend limit of $0.1000"), "\(next.errors)")
        let list = try pool("list")
        #expect(list.output.contains("nothing is open") && list.output.contains("at most $0.001667"))
    }

    @Test("Ctrl-C, SIGTERM and a closed terminal close what is open", arguments: [SIGINT, SIGTERM, SIGHUP])
    func signals(number: Int32) throws {
        let running = try terminal.startShell(
            "export PATH=\"$PWD/bin:$PATH\" AWS_REGION=eu-test-1; exec '\(Terminal.binary)' pool \(open) --yes --spend-limit 0.2"
        )
        #expect(eventually { terminal.lines(".almanac/cloud/ledger.jsonl").count == 3 })
        running.signal(number)
        #expect(try running.wait().exitCode == 130)
        #expect(state == "terminated" && calls.count { $0.contains("terminate-instances") } == 1)
    }

    @Test("Ctrl-C in the middle of a launch waits for it, and closes what came of it")
    func signalWhileLaunching() throws {
        try terminal.write("", to: "bin/slow")
        let running = try terminal.startShell(
            "export PATH=\"$PWD/bin:$PATH\" AWS_REGION=eu-test-1; exec '\(Terminal.binary)' pool \(open) --yes --spend-limit 0.2"
        )
        #expect(eventually { calls.count == 1 })
        running.signal(SIGINT)
        #expect(try running.wait().exitCode == 130)
        #expect(
            state == "terminated"
                && calls.map { $0.split(separator: " ")[1] } == ["run-instances", "terminate-instances"])
    }

    @Test("after kill -9 the list finds it by its tags, also without the ledger, and close closes it")
    func killed() throws {
        let running = try terminal.startShell(
            "export PATH=\"$PWD/bin:$PATH\" AWS_REGION=eu-test-1; exec '\(Terminal.binary)' pool \(open) --yes --spend-limit 0.2"
        )
        #expect(eventually { terminal.lines(".almanac/cloud/ledger.jsonl").count == 3 })
        running.signal(SIGKILL)
        #expect(try running.wait().exitCode == 137)
        #expect(state == "running")
        let list = try pool("list")
        #expect(list.output.contains("i-1") && list.output.contains("recorded") && list.output.contains("$0.1000"))
        // What it may cost stays set aside.
        #expect(try pool("\(open) --yes --spend-limit 0.15").exitCode == 3)
        let lost = try pool("list --store elsewhere")
        #expect(lost.output.contains("other-ledger"), "\(lost.output)")
        #expect(
            try pool("close --all --yes --store elsewhere").output.contains("nothing is open") && state == "running")
        let dry = try pool("close --all")
        #expect(
            dry.output.contains("aws ec2 terminate-instances --region eu-test-1 --instance-ids i-1")
                && state == "running")
        #expect(try pool("close i-1 --yes --store elsewhere").exitCode == 0)
        #expect(state == "terminated")
        #expect(try pool("list").output.contains("nothing is open"))
        let unknown = try pool("close i-99 --yes")
        #expect(unknown.exitCode == 2 && unknown.errors.contains("almanac did not launch this"))
    }

    @Test("killed between the launch and the ledger's line, it is found and counted all the same")
    func killedInLaunch() throws {
        try terminal.write("", to: "bin/slow")
        let running = try terminal.startShell(
            "export PATH=\"$PWD/bin:$PATH\" AWS_REGION=eu-test-1; exec '\(Terminal.binary)' pool \(open) --yes --spend-limit 0.2"
        )
        #expect(eventually { calls.count == 1 })
        running.signal(SIGKILL)
        _ = try running.wait()
        #expect(terminal.lines(".almanac/cloud/ledger.jsonl").count == 2 && eventually { state == "running" })
        #expect(try pool("list").output.contains("recorded"))
        #expect(try pool("close --all --yes").exitCode == 0 && state == "terminated")
    }

    @Test("what is taken away is noticed; when nothing is left it ends with 1")
    func reclaimed() throws {
        let running = try terminal.startShell(
            "export PATH=\"$PWD/bin:$PATH\" AWS_REGION=eu-test-1; exec '\(Terminal.binary)' pool \(open) --yes --spend-limit 0.2 --look-every 1s"
        )
        #expect(eventually { terminal.lines(".almanac/cloud/ledger.jsonl").count == 3 })
        try terminal.write("Server.SpotInstanceTermination", to: "bin/reason")
        try terminal.write("terminated", to: "bin/state")
        let answer = try running.wait()
        #expect(answer.exitCode == 1 && answer.errors.contains("i-1 is gone: Server.SpotInstanceTermination"))
        #expect(terminal.lines(".almanac/cloud/ledger.jsonl").last?.contains(#""end":"reclaimed""#) == true)
    }

    @Test("no capacity leads to the next entry; a refusal ends it and sets nothing aside")
    func refusals() throws {
        try terminal.write("InsufficientInstanceCapacity", to: "bin/refuse")
        let none = try pool("open pool.yaml --image ami-1 --yes --spend-limit 0.2")
        #expect(none.exitCode == 1 && calls.count == 2 && none.errors.contains("try another zone or type"))
        try terminal.write("UnauthorizedOperation", to: "bin/refuse")
        let denied = try pool("open pool.yaml --image ami-1 --yes --spend-limit 0.2")
        #expect(denied.exitCode == 2 && calls.count == 3 && denied.errors.contains("Ask for a policy"))
        #expect(try pool("list").output.contains("at most $0.00"))
    }

    @Test("what cannot be closed is told, and stays in the list")
    func broken() throws {
        try terminal.write("", to: "bin/broken")
        let answer = try pool("\(open) --yes --spend-limit 0.2 -- true")
        #expect(
            answer.exitCode == 1 && answer.errors.contains("i-1 may still be open and cost money"), "\(answer.errors)")
        #expect(try pool("list").output.contains("i-1"))
    }

    @Test("without the AWS CLI the error says how to get it; without a region, how to name one")
    func missing() throws {
        let absent = try terminal.shell("PATH=/nowhere; almanac pool list")
        #expect(absent.exitCode == 2 && absent.errors.contains("Install it"))
        try terminal.write("#!/bin/sh\n[ $1 = configure ] && exit 1; exit 9\n", to: "bin/aws")
        let nowhere = try terminal.shell("PATH=\"$PWD/bin:$PATH\"; almanac pool list")
        #expect(nowhere.exitCode == 2 && nowhere.errors.contains("Name a region: --region"), "\(nowhere.errors)")
    }

    @Test("bad input is refused before anything is asked")
    func badInput() throws {
        for (words, expected) in [
            ("open pool.yaml", "Name an image"),
            ("\(open) --type c9.huge", "has no entry c9.huge spot. It has m5.large/eu-test-1a"),
            ("\(open) --for 5s", "expected 1 minute"), ("\(open) --name 'a b'", "--name is 'a b'"),
            ("\(open) --max-price x", "x"),
            ("open nowhere.yaml --image ami-1", "nowhere.yaml"), ("close", "Say what to close"),
            ("close i-1 --all", "Say what to close"),
            ("\(open) --detach -- true", "exclude each other"), ("discover gcp", "gcp"), ("watch --every 0", "--every"),
        ] {
            let answer = try pool(words)
            #expect(answer.exitCode == 2 && answer.errors.contains(expected), "\(words): \(answer.errors)")
        }
        try terminal.write("pool: [{type: m5.large, cpus: 2, memory: 8 GiB, spot_price: 0.03}]\n", to: "pool.yaml")
        let priceless = try pool(open)
        #expect(priceless.exitCode == 2 && priceless.errors.contains("no spend limit can be kept"))
        #expect(try pool("\(open) --max-price 0.05").exitCode == 0 && calls.isEmpty)
    }

    @Test("watch ends at the notice of an interruption, and says at once that there is none")
    func watch() throws {
        let folder = terminal.folder
        let server = try MetadataServer { request in
            let names = ["spot/instance-action": "action", "events/recommendations/rebalance": "rebalance"]
            let pages = names.compactMapValues { name in
                try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
            }
            return MetadataServer.ec2(pages)(request)
        }
        func watch(_ words: String) throws -> Terminal.Answer {
            try terminal.shell(
                "export AWS_EC2_METADATA_SERVICE_ENDPOINT=\(server.address); almanac pool watch \(words)")
        }
        let none = try watch("--once")
        #expect(none.exitCode == 1 && none.output == "no notice\n", "\(none.errors)")
        try terminal.write(#"{"noticeTime": "2026-11-29T21:10:00Z"}"#, to: "rebalance")
        let recommended = try watch("--rebalance --json").json as? [String: Any]
        #expect((recommended?["notices"] as? [[String: Any]])?.first?["kind"] as? String == "rebalance")
        try terminal.write(#"{"action": "terminate", "time": "2026-11-29T21:22:00Z"}"#, to: "action")
        let notice = try watch("--every 50ms")
        #expect(
            notice.exitCode == 0 && notice.output.contains("this instance will terminate at 2026-11-29 21:22"),
            "\(notice.output)")
        let absent = try terminal.shell(
            "export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1; almanac pool watch")
        #expect(absent.exitCode == 1 && absent.errors.contains("does not answer"))
    }
}
