/// What an error code of AWS, or a complaint of its CLI, means for us.
package struct AWSRefusal: Hashable, Sendable {
    package var code: String
    package var message: String

    package init(code: String, message: String = "") { (self.code, self.message) = (code, message) }

    /// Reads what the AWS CLI wrote to standard error: `An error occurred (CODE) when calling the NAME operation: TEXT`,
    /// or a complaint of its own.
    package init(standardError: String) {
        let lines = standardError.split(whereSeparator: \.isNewline).map { line in
            String(line.drop { $0.isWhitespace })
        }.filter { !$0.isEmpty }
        let text = lines.joined(separator: " ")
        if let match = text.firstMatch(
            of: /An error occurred \(([^)]{1,100})\) when calling the \w+ operation(?: \([^)]*\))?: ?(.*)/)
        {
            self.init(code: String(match.1), message: Self.short(match.2))
            return
        }
        let known: [(String, String)] = [
            ("Unable to locate credentials", "NoCredentials"), ("Error loading SSO Token", "ExpiredToken"),
            ("SSO session", "ExpiredToken"), ("Error when retrieving token from sso", "ExpiredToken"),
            ("You must specify a region", "NoRegion"), ("Could not connect to the endpoint URL", "NoConnection"),
            ("Connect timeout on endpoint", "NoConnection"), ("Read timeout on endpoint", "NoConnection"),
            ("Connection was closed", "NoConnection"), ("could not be found", "NoProfile"),
            ("Invalid choice", "OldCommandLine"), ("Unknown options", "OldCommandLine"),
            ("Partial credentials", "NoCredentials"), ("SSL validation failed", "NoConnection"),
        ]
        let code = known.first { text.contains($0.0) }?.1 ?? ""
        // The usage of the CLI comes before what matters.
        let words = code == "OldCommandLine" ? lines.first { $0.contains("error:") } ?? text : text
        self.init(code: code, message: text.isEmpty ? "nothing" : Self.short(words))
    }

    private static func short(_ text: some StringProtocol) -> String {
        text.count > 400 ? text.prefix(400) + "…" : String(text)
    }

    /// Whether AWS refused to even look at it for now.
    package var isThrottling: Bool {
        let codes: Set = [
            "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
            "RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequestsException", "SlowDown",
            "EC2ThrottledException",
        ]
        return codes.contains(code)
    }

    /// Whether the same may work in a moment.
    package var isPassing: Bool {
        let codes: Set = [
            "PriorRequestNotComplete", "ServiceUnavailable", "Unavailable", "InternalError", "InternalFailure",
            "InternalServerError", "RequestTimeout", "NoConnection", "502", "503", "504",
        ]
        return isThrottling || codes.contains(code)
    }

    /// Whether nobody knows if it was done all the same.
    package var isUnclear: Bool { isPassing && !isThrottling || code.hasPrefix("5") || code.isEmpty }

    /// Whether it is for want of machines: another zone or type may have some.
    package var isForWantOfCapacity: Bool {
        ["InsufficientInstanceCapacity", "InsufficientHostCapacity", "SpotMaxPriceTooLow", "Unsupported"].contains(code)
    }

    /// Whether it is the user who has to change something.
    var isOfUser: Bool {
        !isPassing && !isForWantOfCapacity && !code.isEmpty && !code.hasSuffix("LimitExceeded")
            && !code.hasSuffix("CountExceeded") && !code.hasPrefix("5")
    }

    /// What to do.
    var remedy: String {
        switch code {
        case "NoCredentials": "Say who you are: 'aws configure', 'aws sso login', or AWS_PROFILE."
        case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
            "Your credentials have expired: 'aws sso login', or get new ones. If they are new, check the clock of this machine."
        case "AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException",
            "InvalidToken":
            "AWS does not accept these credentials: check 'aws sts get-caller-identity' and AWS_PROFILE."
        case "UnauthorizedOperation", "AccessDenied", "AccessDeniedException":
            "Ask for a policy that allows this operation for the user that 'aws sts get-caller-identity' shows."
        case "NoRegion": "Name a region: --region, AWS_REGION, or 'aws configure set region'."
        case "NoProfile": "Check --profile and AWS_PROFILE; 'aws configure list-profiles' shows what there is."
        case "NoConnection", "InvalidEndpoint": "Check the network, the name of the region, and AWS_ENDPOINT_URL."
        case "OldCommandLine": "The AWS CLI does not know this: is it very old? See 'aws --version'."
        case "InsufficientInstanceCapacity", "InsufficientHostCapacity":
            "There is none of this type in this zone now: try another zone or type, or later."
        case "SpotMaxPriceTooLow": "Raise --max-price, or leave it out: the on-demand price is the default."
        case "Unsupported": "This zone does not have this type: 'almanac pool discover aws' shows which do."
        case "MaxSpotInstanceCountExceeded", "InstanceLimitExceeded", "VcpuLimitExceeded",
            "SpotInstanceCountLimitExceeded":
            "This is the quota of your account: ask for fewer, or have it raised (Service Quotas in the AWS console)."
        case "InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable":
            "Name an image of this region with --image."
        case _ where code.hasPrefix("InvalidLaunchTemplate"):
            "Name a launch template of this region with --launch-template."
        case _ where isPassing: "Try again in a few minutes."
        default: "Check the options that the command above names."
        }
    }
}
