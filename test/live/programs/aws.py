"""What the documentation uses of the aws command: its commands and flags are the names in AWS's own API models."""
import json
import sys

import botocore.session
from botocore import xform_name

service, command, *words = sys.argv[1:]
client = botocore.session.get_session().create_client(service)
model = client.meta.service_model
operation = {xform_name(name, "-"): name for name in model.operation_names}[command]
members = {f"--{xform_name(name, '-')}": name for name in model.operation_model(operation).input_shape.members}
read = lambda word: open(word[len("file://"):]).read() if word.startswith("file://") else word
arguments = {members[flag]: read(word) for flag, word in zip(words[::2], words[1::2], strict=True)}
print(json.dumps(getattr(client, xform_name(operation))(**arguments), default=str))
