"""For the container's engine: exit 0 when the API is ready. A bare socket, for it runs often."""

import os
import socket
import sys

with socket.create_connection(("127.0.0.1", int(os.environ.get("PORT", "8000"))), 2) as connection:
    connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    sys.exit(b" 200 " not in connection.recv(64))
