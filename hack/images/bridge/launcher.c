/*
 * /mcpw/bin/mcpw: starts the bridge inside whatever image it was copied into.
 *
 * Static, so that the image's LD_PRELOAD, LD_LIBRARY_PATH and the like cannot touch it: the
 * dynamic loader would obey them before the first line of Python. They go on as MCPW_LD_..., and
 * the bridge gives them back to the server that it starts.
 */
#include "kernel.h"

static const char python[] = "/mcpw/bin/python3";
static const char moved[] = "MCPW_";
static const char failed[] = "mcpw: /mcpw/bin/python3 cannot be started; "
                             "the bridge's volume has to be mounted at /mcpw, as a whole\n";

/* -I and -S: nothing of the image's own Python is looked at, neither variables nor packages.
 * -X utf8: arguments and file names are UTF-8, whatever locale the image names. */
static const char *const options[] = {python, "-I", "-S", "-X", "utf8", "-m", "mcpworkload.bridge"};

enum { OPTIONS = sizeof options / sizeof *options, MOVED = sizeof moved - 1, FAILURE = 127 };

static int is_loaders(const char *entry) {
    return entry[0] == 'L' && entry[1] == 'D' && entry[2] == '_';
}

void start(long *stack) {
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    char **environment = arguments + count + 1;

    for (char **entry = environment; *entry; entry++) {
        if (!is_loaders(*entry))
            continue;
        long size = length(*entry) + 1;
        char *renamed = __builtin_alloca(MOVED + size);
        for (long i = 0; i < MOVED; i++)
            renamed[i] = moved[i];
        for (long i = 0; i < size; i++)
            renamed[MOVED + i] = (*entry)[i];
        *entry = renamed;
    }
    const char **command = __builtin_alloca((OPTIONS + count + 1) * sizeof *command);
    for (long i = 0; i < OPTIONS; i++)
        command[i] = options[i];
    /* All but the first, which is our own name; the null at the end is copied along. */
    for (long i = 1; i <= count; i++)
        command[OPTIONS + i - 1] = arguments[i];
    call(EXECVE, (long)python, (long)command, (long)environment);
    call(WRITE, 2, (long)failed, sizeof failed - 1);
    leave(FAILURE);
}
