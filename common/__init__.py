"""What the challenges share."""

import sys

# jsonschema, which nbformat imports, would build 39 grammars of international web addresses: 2 seconds in each process
# that reads a notebook. No schema of the course has such an address.
sys.modules.setdefault("rfc3987_syntax", None)
