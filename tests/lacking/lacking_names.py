"""Names that only POSIX has."""

MODULES = ("fcntl", "resource", "pwd", "grp", "termios")
ABSENT: dict[str, tuple[str, ...]] = {
    "os": (
        *("fork", "forkpty", "setsid", "killpg", "getpgid", "setpgid", "nice", "mkfifo", "mknod", "chroot"),
        *("sched_getaffinity", "sched_setaffinity", "getloadavg", "statvfs", "fchown"),
        *("O_DIRECTORY", "O_NOFOLLOW", "posix_fallocate", "posix_fadvise", "memfd_create", "eventfd"),
    ),
    "signal": (
        *("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGALRM", "SIGQUIT", "SIGPIPE", "SIGTSTP", "SIGWINCH"),
        *("alarm", "setitimer", "pthread_kill", "pthread_sigmask", "sigwait", "siginterrupt"),
    ),
    "time": ("tzset",),
}
# Taken from our package alone: this machine's standard library needs them.
OURS_ABSENT = {"os": ("sysconf", "getppid", "getuid", "geteuid", "getgid"), "signal": ("SIGKILL",)}
