"""The floor: both files read and inflated, and nothing else, each in a thread of its own (inflating
works outside Python's lock). Prints the seconds without the start of Python.

    python inflate.py zlib|zlib-ng PRED REF
"""

import json
import sys
import threading
import time
import zlib

from zlib_ng import zlib_ng

LIBRARIES = {"zlib": zlib, "zlib-ng": zlib_ng}
# What stays in the second cache.
PIECE = 1 << 18


def inflate(library, path):
    with open(path, "rb") as file:
        # 15 + 32: zlib or gzip by content.
        stream = library.decompressobj(15 + 32)
        packed = file.read()
    while packed and not stream.eof:
        stream.decompress(packed, PIECE)
        packed = stream.unconsumed_tail


def main(name, *paths):
    start = time.perf_counter()
    threads = [threading.Thread(target=inflate, args=(LIBRARIES[name], path)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"seconds": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
