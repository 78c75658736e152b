"""The function `page`, see serverless.yml."""

import os

from handler.aws.page import make

handle = make(os.environ)
