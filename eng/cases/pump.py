"""The include server of distcc-pump, made to run.

Some functions of the C extension in Debian's package always fail ("PY_SSIZE_T_CLEAN macro must be defined for '#' formats", Python 3.10
and later), so that nothing would be preprocessed remotely. This puts Python's own functions and liblzo2 in their place and starts the
server. Arguments: those of include_server.py.
"""

import ctypes
import os.path
import runpy
import sys

HOME = "/usr/lib/python3/dist-packages/include_server"
sys.path.insert(0, HOME)

import distcc_pump_c_extensions  # noqa: E402

lzo = ctypes.CDLL("liblzo2.so.2")


def compress(text):
    """Bytes of LZO1X. Files are read as Latin-1, so that this gives their bytes again."""
    data = text.encode("latin-1")
    room = ctypes.create_string_buffer(len(data) + len(data) // 16 + 64 + 3)
    length = ctypes.c_size_t(0)
    work = ctypes.create_string_buffer(16384 * ctypes.sizeof(ctypes.c_void_p))
    if lzo.lzo1x_1_compress(data, ctypes.c_size_t(len(data)), room, ctypes.byref(length), work) != 0:
        raise OSError("liblzo2 does not compress")
    return room.raw[: length.value]


distcc_pump_c_extensions.OsPathExists = os.path.exists
distcc_pump_c_extensions.OsPathIsFile = os.path.isfile
distcc_pump_c_extensions.Realpath = os.path.realpath
distcc_pump_c_extensions.CompressLzo1xAlloc = compress
sys.argv[0] = HOME + "/include_server.py"
runpy.run_path(sys.argv[0], run_name="__main__")
