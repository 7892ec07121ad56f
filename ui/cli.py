"""The `soundgrep` command as the shell starts it: the process is made ready before anything heavy is imported."""

# Nothing is imported here: an interruption before `main` catches it would be answered with a traceback.


def main() -> None:
    """Run the command line of this process and end the process with its exit code."""
    try:
        from .interrupts import run_interruptibly

        code = run_interruptibly(_run)
    except KeyboardInterrupt:  # in the first import of all
        import os

        os._exit(130)
    import sys

    sys.exit(code)


def _run() -> int:
    import os
    import sys

    _use_utf8()
    # A query's matrix products are small: threads would wait for each other longer than they compute.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Closed by the caller (`>&-`): what is written goes nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    from ..model.encoders.loading import home
    from .program import run

    with home():
        return run()


def _use_utf8() -> None:
    """Start again with UTF-8 for paths, where the locale has another charset.

    Libraries that are not written in Python take every path as UTF-8, whatever the locale: they would read and write
    other files than Python. The terminal still gets its own charset.
    """
    import codecs
    import os
    import sys

    if codecs.lookup(sys.getfilesystemencoding()).name == "utf-8":
        return
    os.environ["PYTHONUTF8"] = "1"  # for the processes that this one starts
    if sys.stderr is not None:
        os.environ.setdefault("PYTHONIOENCODING", sys.stderr.encoding)
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves
