"""Print in Markdown how this handler and the official validators fare before the corpus."""

import logging
from datetime import UTC
from datetime import datetime

from tests.forgeries.table import table

logging.disable()
print("\n".join(table(datetime.now(UTC))))
