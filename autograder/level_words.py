"""The levels of isolation, the strongest first, and what a report says of each."""

ISOLATED = "isolated"
PER_PROCESS = "isolated, per-process limits"
CONTAINER = "container"
REDUCED = "reduced"
SEPARATE = "separate user"
NONE = "none"

_HOLDS = (
    "Student code ran without network, with read-only access to Python and its own files, and could not see the "
    "grader. This stops mistakes and ordinary cheating; it is not a virtual machine."
)
WORDS = {
    ISOLATED: _HOLDS,
    PER_PROCESS: f"{_HOLDS} Memory is limited for each process; for all of them together it is only watched.",
    CONTAINER: (
        "CONTAINER. Student code ran in a container of podman or docker, without network, with read-only access to the "
        "image's Python and its own files, and could not see the grader or this machine's processes; the engine limits "
        "memory and processes. On Linux a container shares the machine's kernel; on macOS and Windows it runs in a "
        "virtual machine. Python and the packages are the image's."
    ),
    REDUCED: (
        "REDUCED SANDBOX. Student code could read only Python and its own files, change only its own, reach no "
        "network, no other program's sockets or shared memory, and not look into the grader; its own processes were "
        "ended. It could see other processes and their command lines, and whether there is a file of a name that it "
        "guesses; on Linux before 6.12 it could end processes of its user, and then leave some behind. Memory and disk "
        "are only watched."
    ),
    SEPARATE: (
        "SEPARATE USER. Student code ran as a user of its own without rights: it could not read what belongs to the "
        "grader, reach no network and not look into or end other processes; its own, and its files, were removed. It "
        "could read what everyone on this machine may read, and see other processes and their command lines. Memory "
        "and disk are only watched."
    ),
    NONE: (
        "NO SANDBOX. Student code runs as you, with your files, your network and your credentials. Time limits apply "
        "but can be evaded, and processes may stay behind. Hidden labels are kept in another process, but a program "
        "of the same user can read them on many systems. Scores of this run are for code you would be willing to run "
        "yourself."
    ),
}
