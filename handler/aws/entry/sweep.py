"""The function `sweep`, see serverless.yml."""

import os

from handler.aws.sweep import make

handle = make(os.environ)
