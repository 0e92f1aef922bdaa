"""A throwaway S3 server for the tests: moto's, with one bucket in eu-west-1 and one user who may do
everything with S3. It checks signatures and, as Amazon does, the region they were made for. Prints
one line of JSON {"port", "key", "secret"}; ends when its standard input does."""
import json
import logging
import os
import re
import sys
import threading

REGION = "eu-west-1"
# What is done below without rights; every request after it needs them.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

# The answer of Amazon S3 to a signature for another region.
OTHER_REGION = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the \
region '%s' is wrong; expecting '%s'</Message><Region>%s</Region></Error>"""


class Regional:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        signed = re.search(r"Credential=[^/]+/\d+/([^/]+)/s3/", environ.get("HTTP_AUTHORIZATION", ""))
        if signed and signed[1] != REGION:
            body = (OTHER_REGION % (signed[1], REGION, REGION)).encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response("400 Bad Request", headers)
            return [body]
        return self.app(environ, start_response)


# A part that is given up while it is sent is an error in moto's log and none of ours.
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


app = Regional(DomainDispatcherApplication(create_backend_app))
server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()


def client(service):
    return boto3.client(
        service,
        endpoint_url="http://127.0.0.1:%d" % server.port,
        region_name=REGION,
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )


iam = client("iam")
iam.create_user(UserName="landfall")
everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
iam.put_user_policy(UserName="landfall", PolicyName="s3", PolicyDocument=policy)
key = iam.create_access_key(UserName="landfall")["AccessKey"]
client("s3").create_bucket(
    Bucket="warehouse", CreateBucketConfiguration={"LocationConstraint": REGION}
)
print(
    json.dumps({"port": server.port, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}),
    flush=True,
)
sys.stdin.read()
