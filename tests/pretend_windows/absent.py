"""What POSIX has and Windows lacks."""

COURSE = ("autograder", "data", "trainer", "hw1", "hw2")  # packages that must do without
MODULES = ("pwd", "grp", "fcntl", "resource", "termios", "tty", "pty", "syslog", "posix", "crypt", "spwd", "readline")
_OS = """
    fork forkpty getuid geteuid getgid getegid getgroups getpgid getpgrp getsid setuid setgid setsid setpgid setreuid
    killpg wait wait3 wait4 chown fchown lchown chroot fchmod mkfifo mknod nice sysconf confstr getpriority statvfs
    set_blocking get_blocking pipe2 memfd_create sched_getaffinity sched_setaffinity openpty ttyname uname pread pwrite
    posix_spawn posix_spawnp register_at_fork getloadavg getresuid setresuid initgroups WIFEXITED WEXITSTATUS WNOHANG
    O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_DIRECTORY O_PATH O_SYNC O_NOCTTY
"""
_SIGNALS = """
    SIGKILL SIGSTOP SIGCONT SIGALRM SIGHUP SIGQUIT SIGCHLD SIGPIPE SIGUSR1 SIGUSR2 alarm setitimer pthread_kill
"""
OS, SIGNALS = set(_OS.split()), set(_SIGNALS.split())
