"""Makes moto judge policies by their Resource, for Secrets Manager, as AWS does, and do without Docker.

moto 5.2 asks every policy about the resource "*", so a policy that names one secret would allow nothing.
It runs functions of Lambda in containers; here the tests run them.
Python loads this file by itself when its folder is on PYTHONPATH.
"""

import re

from moto.awslambda.models import LambdaBackend
from moto.iam.access_control import IAMPolicyStatement
from moto.secretsmanager.responses import SecretsManagerResponse


def secret_arn(response):
    wanted = response._get_param("SecretId") or response._get_param("Name") or "*"
    for secret in response.backend.secrets.values():
        if wanted in (secret.arn, secret.name):
            return secret.arn
    if wanted.startswith("arn:"):
        return wanted
    return f"arn:aws:secretsmanager:{response.region}:{response.current_account}:secret:{wanted}-unmade"


def matches(pattern, text):
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(each, re.escape(each)) for each in pattern), text)


SecretsManagerResponse._determine_resource = secret_arn
IAMPolicyStatement._match = staticmethod(matches)
LambdaBackend.invoke = lambda *_, **__: None
