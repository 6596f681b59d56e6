"""The health command of the API's container: exit code 0 when ``/readyz`` is 200.

It uses a plain socket, because importing an HTTP client would double its CPU time.
"""

import os
import socket
import sys

with socket.create_connection(("127.0.0.1", int(os.environ.get("PORT", "8000"))), 2) as connection:
    connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    sys.exit(b" 200 " not in connection.recv(64))
