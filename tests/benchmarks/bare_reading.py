"""What the load is compared with: a loop over the vendor library's own paging that stores nothing.

`python -m tests.benchmarks.bare_reading ADDRESS` prints one JSON object.
"""

import os
import sys
import time

import msgspec
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.objects import CreditMemo, Customer, Invoice, Payment

from connectors.sandbox.quickbooks_tokens import CLIENT_ID, CLIENT_SECRET
from tests.benchmarks.figures import peak_memory_mb
from tests.benchmarks.simulator import Address

_PAGE = 1000  # the most that QuickBooks gives


def main(address: str) -> None:
    """Read every record once and print what it took."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the simulator is on loopback, without TLS
    where = msgspec.json.decode(address, type=Address)
    discovery = f"{where.url}/.well-known/openid_configuration"
    with AuthClient(CLIENT_ID, CLIENT_SECRET, "", discovery, access_token=where.access_token) as auth:
        client = QuickBooks(auth_client=auth, company_id=where.realm_id, minorversion=75)
    client.api_url_v3 = f"{where.url}/v3"
    wall, cpu, records, calls = time.monotonic(), time.process_time(), 0, 0
    for entity in (Customer, Invoice, Payment, CreditMemo):
        start = 1
        while True:
            rows = entity.all(start_position=start, max_results=_PAGE, qb=client)
            records, calls, start = records + len(rows), calls + 1, start + len(rows)
            if len(rows) < _PAGE:
                break
    answer = {
        "seconds": time.monotonic() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "records": records,
        "calls": calls,
        "peak_mb": peak_memory_mb(),
    }
    print(msgspec.json.encode(answer).decode())


if __name__ == "__main__":
    main(sys.argv[1])
