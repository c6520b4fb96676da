// A shepherd is a small process that runs one attempt of one task and outlives whoever started it.
//
// It starts the command in a session of its own, adopts every orphan of it, measures the whole process tree, enforces
// the limits, leaves no process behind, and writes what came of it to a file. It is forked, not executed, and uses only
// calls that are safe after a fork of a program with threads.
#pragma once

#include <stdint.h>

struct shepherd_request {
    const char *command;             // run by /bin/sh -c
    const char *directory;           // working directory
    const char *output_path;         // standard output; locked with flock as long as the shepherd lives
    const char *error_path;          // standard error
    const char *result_path;         // the result appears here, whole or not at all
    const char *temporary_path;      // in the folder of result_path; holds `pid=N` until then
    char *const *environment;        // ends with NULL
    int64_t time_limit_microseconds; // 0 is no limit
    int64_t grace_microseconds;      // between SIGTERM and SIGKILL
    int64_t sample_microseconds;     // between looks at the process tree
    int64_t memory_limit_bytes;      // the tree is killed when it is seen above; 0 is no limit
};

// Starts a shepherd. Returns its process id, or a negated errno. The result is also written to a pipe, whose read end is
// stored in report_fd and reports end of file when the shepherd has ended.
//
// The result is one line of `name=integer` separated by spaces: exit, signal (of the shell), cause (0 none, 1 time limit,
// 2 cancelled, 3 memory limit), start_us, end_us (Unix time), wall_us, cpu_us, peak_bytes, read_bytes, written_bytes
// (-1 if unknown), oom_kills (of the whole machine meanwhile), error (errno of a step before the command ran).
//
// SIGTERM makes a shepherd end its tree gracefully, SIGUSR1 at once.
int shepherd_start(const struct shepherd_request *request, int *report_fd);

// From now on SIGINT, SIGTERM and SIGHUP write their number as one byte to fd.
int shepherd_watch_signals(int fd);

// Restores the handlers that shepherd_watch_signals replaced.
void shepherd_unwatch_signals(void);
