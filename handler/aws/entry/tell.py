"""The function `tell`, see serverless.yml."""

import os

from handler.aws.tell import make

handle = make(os.environ)
