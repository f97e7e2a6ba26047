"""Become a program that gets a signal when its parent goes. Run by path, never imported.

    python -I -S tied.py PARENT SIGNAL PROGRAM ARGUMENT...

PDEATHSIG is set by the process itself, after the fork and before the exec (which keeps it), and only then is the parent
looked at: whoever was orphaned in between ends here. It follows the *thread* that forked, so the parent must start its
children from its main thread.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sys.argv[2]), 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 - an argument list is the point: no shell
