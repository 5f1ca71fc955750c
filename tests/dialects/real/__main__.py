"""Records anew what tests of other packages read: `python -m tests.dialects.real`."""

import asyncio

from tests.dialects.real import record

_SUBNET = "127.91.7"

if __name__ == "__main__":
    asyncio.run(record.write(subnet=_SUBNET))
