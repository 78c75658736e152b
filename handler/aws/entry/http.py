"""The function `http`, see serverless.yml."""

import os

from handler.aws.http import make

handle = make(os.environ)
