import CloudCapacity
import Foundation
import LinearAlgebra
import TestSupport
import Testing
import Workloads

@Suite("The AWS CLI as a process") struct AWSCommandLineTests {
    private struct Anything: Decodable { var Key: Int }

    private func failure(_ body: () throws(CloudError) -> Void) -> CloudError? {
        do throws(CloudError) { try body() } catch { return error }
        return nil
    }

    @Test("is asked for JSON, in the region and with the profile that were named, without pager or questions")
    func words() throws {
        let fake = try FakeAWS(#"[ -z "$AWS_PAGER" ] && [ "$AWS_CLI_AUTO_PROMPT" = off ] && echo '{"Key": 7}'"#)
        var aws = try fake.commandLine()
        aws.profile = "it's"
        let answer: Anything = try aws.answer(["ec2", "describe-x", "--name", "a b"])
        #expect(answer.Key == 7)
        #expect(fake.calls == ["ec2 describe-x --name a b --region eu-test-1 --profile it's --output json "])
        #expect(
            AWSCommandLine.shell(["ec2", "x", "a b", "*", ""], region: "r", profile: "it's")
                == "aws ec2 x 'a b' '*' '' --region r --profile 'it'\\''s' --output json")
    }

    @Test("throttling and failures on the way are tried again, up to a limit; nothing else is")
    func retries() throws {
        let recovers = try FakeAWS(
            "if [ $n -lt 3 ]; then \(FakeAWS.refusal("RequestLimitExceeded", operation: "DescribeX")); fi; echo '{\"Key\": 1}'"
        )
        #expect(try recovers.commandLine().answer(["ec2", "x"], as: Anything.self).Key == 1)
        #expect(recovers.calls.count == 3)
        for (code, tries) in [("Throttling", 5), ("InternalError", 5), ("AccessDenied", 1), ("AuthFailure", 1)] {
            let fake = try FakeAWS(FakeAWS.refusal(code))
            let error = try #require(failure { () throws(CloudError) in _ = try fake.aws().call(["ec2", "x"]) })
            #expect(fake.calls.count == tries, "\(code)")
            #expect(error.description.contains("AWS says: \(code): Not now."))
        }
        // Nobody knows whether it was done: a launch is not tried again, but one that was throttled is.
        for (code, tries) in [("Throttling", 5), ("InternalError", 1)] {
            let fake = try FakeAWS(FakeAWS.refusal(code))
            _ = failure { () throws(CloudError) in _ = try fake.aws().call(["ec2", "x"], isRepeatable: false) }
            #expect(fake.calls.count == tries, "\(code)")
        }
    }

    @Test("one that hangs is ended, with all that it started")
    func hangs() throws {
        let fake = try FakeAWS("echo $$ > pid; sleep 1000 & sleep 1000")
        var aws = try fake.commandLine()
        (aws.timeLimitSeconds, aws.tries) = (0.3, 1)
        let error = try #require(failure { () throws(CloudError) in _ = try aws.call(["ec2", "x"]) })
        #expect(error.description.contains("aws ec2 x --region eu-test-1 --output json\ndid not answer within 300 ms"))
        let group = try #require(
            Int32(try String(contentsOfFile: fake.path("pid"), encoding: .utf8).filter(\.isNumber)))
        var left = true
        for _ in 0..<200 where left {
            left = kill(-group, 0) == 0
            usleep(10_000)
        }
        #expect(!left)
    }

    @Test(
        "what it complains of leads to a remedy",
        arguments: [
            (
                "Unable to locate credentials. You can configure credentials by running \"aws configure\".",
                "Say who you are"
            ),
            ("You must specify a region. You can also configure your region", "Name a region"),
            ("Could not connect to the endpoint URL: \"http://127.0.0.1:1/\"", "Check the network"),
            ("The config profile (nobody) could not be found", "--profile"),
            ("aws: [ERROR]: An error occurred (ExpiredToken) when calling the X operation: old", "have expired"),
            ("An error occurred (RequestExpired) when calling the X operation: Request has expired.", "clock"),
            ("Error when retrieving token from sso: Token has expired and refresh failed", "aws sso login"),
            ("An error occurred (UnauthorizedOperation) when calling the X operation: no", "Ask for a policy"),
            ("An error occurred (VcpuLimitExceeded) when calling the X operation: no", "quota"),
            (
                "An error occurred (500) when calling the X operation (reached max retries: 4): <!doctype",
                "AWS says: 500: <!doctype"
            ),
            ("usage: aws [options]\nhelp\naws: error: argument operation: Invalid choice", "very old"),
            ("Traceback (most recent call last):\n  boom", "(exit code 254)"), ("", "nothing (exit code 254)"),
        ])
    func complaints(said: String, remedy: String) throws {
        let fake = try FakeAWS("cat said >&2; exit 254")
        try Data(said.utf8).write(to: URL(fileURLWithPath: fake.path("said")))
        let error = try #require(failure { () throws(CloudError) in _ = try fake.aws().call(["ec2", "x"]) })
        #expect(error.description.contains(remedy), "\(error)")
        #expect(error.description.hasPrefix("aws ec2 x "))
    }

    @Test("without an AWS CLI the error says where it was looked for, and how to get one")
    func missing() throws {
        let fake = try FakeAWS("true")
        try FileManager.default.removeItem(atPath: fake.path("aws"))
        let error = failure { () throws(CloudError) in _ = try AWSCommandLine(path: "/nowhere:\(fake.folder.path)") }
        #expect(error?.description.contains("found no 'aws' in /nowhere:\(fake.folder.path). Install it") == true)
        #expect(error?.isOfWorld == false)
        // A folder of that name is no program; a script whose interpreter is missing is one that does not start.
        try FileManager.default.createDirectory(atPath: fake.path("aws"), withIntermediateDirectories: true)
        #expect(failure { () throws(CloudError) in _ = try AWSCommandLine(path: fake.folder.path) } != nil)
        try FileManager.default.removeItem(atPath: fake.path("aws"))
        try Data("#!/no/such/program\n".utf8).write(to: URL(fileURLWithPath: fake.path("aws")))
        chmod(fake.path("aws"), 0o755)
        let unstartable = failure { () throws(CloudError) in _ = try fake.aws().call(["ec2", "x"]) }
        #expect(unstartable?.description.contains("aws ec2 x") == true)
    }

    @Test(
        "an answer that is no such JSON is an error that quotes it",
        arguments: [
            "", "{", "[]", "null", "<html>", "{\"Key\": \"x\"}", "{\"Other\": 1}", "{\"Key\": 1} trailing",
            "{\"Key\": 1e999}",
        ])
    func garbage(text: String) throws {
        let fake = try FakeAWS("cat said")
        try Data(text.utf8).write(to: URL(fileURLWithPath: fake.path("said")))
        let error = failure { () throws(CloudError) in _ = try fake.aws().answer(["ec2", "x"], as: Anything.self) }
        #expect(
            error?.description.contains("answered \(text.isEmpty ? "nothing" : "'\(text)'")") == true, "\(error as Any)"
        )
    }

    @Test("all pages of a list come one after the other; one that comes again ends it")
    func pages() throws {
        let fake = try FakeAWS(
            """
            case "$*" in
            *"--starting-token two"*) echo '{"Key": 3}';;
            *"--starting-token one"*) echo '{"Key": 2, "NextToken": "two"}';;
            *) echo '{"Key": 1, "NextToken": "one"}';;
            esac
            """)
        var keys: [Int] = []
        try fake.aws().pages(["ec2", "x"], pageItems: 10) { (data, command) throws(CloudError) in
            let page: Anything = try AWSCommandLine.decode(data, command: command)
            keys.append(page.Key)
        }
        #expect(keys == [1, 2, 3] && fake.calls[1].contains("--max-items 10 --starting-token one"))
        let endless = try FakeAWS(#"echo '{"Key": 1, "NextToken": "one"}'"#)
        let error = failure { () throws(CloudError) in
            try endless.aws().pages(["ec2", "x"], pageItems: 10) { (_, _) throws(CloudError) in }
        }
        #expect(endless.calls.count == 2 && error?.description.contains("the page that it gave before") == true)
    }
}

extension FakeAWS {
    /// The command line, where only ``CloudError`` may be thrown.
    func aws() throws(CloudError) -> AWSCommandLine {
        var aws = try AWSCommandLine(region: "eu-test-1", path: folder.path)
        aws.pause = { _ in }
        return aws
    }
}
