#!/usr/bin/env bash
# moto 5.1.22 (an emulator of AWS): a launch of EC2 instances that is repeated with its client token launches again.
#
# Guessed: as on EC2, a second RunInstances with the same ClientToken and the same parameters returns the instances of the
# first, so that a program that repeats an unanswered launch can be tested against the emulator.
# Seen: each call makes an instance of its own, without a word. A test against moto says that a program launches twice
# where on EC2 it would not.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "moto[ec2]==5.1.22" boto3==1.44.8
AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1 "$work/venv/bin/python" -W ignore - <<'PY'
import boto3
from moto import mock_aws

with mock_aws():
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    launches = [
        ec2.run_instances(ImageId=image, InstanceType="m5.large", MinCount=1, MaxCount=1, ClientToken="once")
        for _ in range(2)
    ]
    found = {launch["Instances"][0]["InstanceId"] for launch in launches}
    print(f"two launches with one client token: {len(found)} instances")
    assert len(found) == 2, "moto behaves otherwise now"
PY
