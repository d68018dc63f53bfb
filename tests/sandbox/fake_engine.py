"""Stands in for dockerd: answers /version on its socket, or fails as its arguments make it."""

import json
import os
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler

VERSION = {"Version": "99.1", "ApiVersion": "1.44", "Components": [{"Name": "Engine"}]}


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(VERSION).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main(arguments: list[str]) -> None:
    if "--never" in arguments:
        time.sleep(60)
    if "--broken" in arguments:
        sys.exit("something else is wrong")
    if "--no-layers" in arguments and "--storage-driver=vfs" not in arguments:
        sys.exit("error initializing graphdriver: driver not supported")
    if "--no-filter" in arguments and "--iptables=false" not in arguments:
        sys.exit("Error initializing network controller: iptables failed")
    path = arguments[arguments.index("--host") + 1].removeprefix("unix://")
    print("cwd", os.getcwd(), "environment", sorted(os.environ), flush=True)
    Server(path, Answer).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
