"""The server: one thread for each request, on this machine's own address, without a log of addresses."""

import logging
import socket

from werkzeug.serving import BaseWSGIServer, make_server

from autograder.instructor.review.app import make
from autograder.instructor.review.reviewed import Class


def bound(reviewed: Class, token: str, author: str, host: str, port: int) -> BaseWSGIServer:
    """Take a port; 0 is one that is free.

    Raises:
        OSError: it is taken, or may not be used.
    """
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it would print addresses, and with them the token
    with socket.create_server((host, port)) as taken:  # where that fails, make_server prints and exits
        return make_server(host, port, make(reviewed, token, author), threaded=True, fd=taken.fileno())
