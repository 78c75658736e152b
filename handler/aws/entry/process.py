"""The function `process`, see serverless.yml."""

import os

from handler.aws.process import make

handle = make(os.environ)
