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
    const char *series_path;         // what it used over time is written here, see below
    int64_t series_microseconds;     // between points of that series; 0 keeps none
    int64_t alert_memory_bytes;      // a tree seen above is reported once; 0 is never
    int64_t alert_microseconds;      // a run time above is reported once; 0 is never
};

// Starts a shepherd. Returns its process id, or a negated errno. The result is also written to a pipe, whose read end is
// stored in report_fd and reports end of file when the shepherd has ended.
//
// The result is one line of `name=integer` separated by spaces: exit, signal (of the shell), cause (0 none, 1 time limit,
// 2 cancelled, 3 memory limit), start_us, end_us (Unix time), wall_us, cpu_us, peak_bytes, read_bytes, written_bytes
// (-1 if unknown), oom_kills (of the whole machine meanwhile), error (errno of a step before the command ran).
//
// Before it, each alert is one line to the pipe: alert (1 memory, 2 time), at_us since the start, value.
//
// The series is a file of 64-bit integers in the byte order of this machine, five to a point: microseconds since the
// start, CPU time so far, greatest memory of the tree since the point before, bytes read and written so far. Of more
// than 1,024 points every second is dropped and the pace halved, again and again.
//
// SIGTERM makes a shepherd end its tree gracefully, SIGUSR1 at once; SIGUSR2 makes the tree give way to others (nice).
int shepherd_start(const struct shepherd_request *request, int *report_fd);

// From now on SIGINT, SIGTERM and SIGHUP write their number as one byte to fd.
int shepherd_watch_signals(int fd);

// Restores the handlers that shepherd_watch_signals replaced.
void shepherd_unwatch_signals(void);
